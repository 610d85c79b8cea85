# SPDX-License-Identifier: Apache-2.0
"""Sources of type file: a log through kills and rotations, a container's log, and standard input."""
import gzip
import itertools
import json
import os
import random
import shutil
import sqlite3
import time

import captured
from daemon import audit_ids, ndjson, wait_for
from killing import attack_lines


class AuditLog:
    """The log backend's file, and what a rotation makes of it."""

    def __init__(self, path):
        self.path = path
        self.rotations = 0
        self.file = open(path, "ab", buffering=0)

    def write(self, data):
        self.file.write(data)

    def rename(self):
        """As the API server does it, and logrotate with create."""
        self.rotations += 1
        stem, extension = os.path.splitext(self.path)
        os.rename(self.path, f"{stem}-2026-11-24T10-{self.rotations:02}-00.000{extension}")
        self.file.close()
        self.file = open(self.path, "ab", buffering=0)

    def copy_and_truncate(self):
        """As logrotate does it with copytruncate."""
        self.rotations += 1
        shutil.copyfile(self.path, f"{self.path}.{1000 - self.rotations}")
        self.file.truncate(0)


def follow(make_harrier, tmp_path, **source):
    log = AuditLog(str(tmp_path / "audit.log"))
    return log, make_harrier(sources=[{"name": "node", "type": "file", "file": log.path, **source}])


def wait_settled(harrier, alerts):
    wait_for(lambda: harrier.metric("harrier_store_alerts") >= alerts, f"{alerts} alerts in the store", patience=180)
    wait_for(lambda: harrier.metric("harrier_file_lag_bytes") == 0, "nothing left to read")


def write_under_kills(harrier, log, lines, count, kills, rotate):
    """Writes count lines; kills and restarts the daemon, and rotates the log, at random places between them. Gives the auditIDs."""
    moment = random.Random(105307)
    killings = set(moment.sample(range(count), kills))
    rotations = set(moment.sample(range(count), kills))
    written = []
    for number in range(count):
        audit_id, line = next(lines)
        cut = moment.randrange(1, len(line)) if number % 50 == 0 else 0
        log.write(line[:cut])
        if number in killings:
            harrier.kill()
            harrier.start()
        log.write(line[cut:])
        written.append(audit_id)
        if number in rotations:
            rotate(log, number)
        if number % 100 == 99:
            time.sleep(0.01)  # else all is written before the daemon is in the middle of something
    return written


def assert_each_once(harrier, written):
    stored = audit_ids(harrier.stored())
    assert len(stored) == len(set(stored))
    assert set(stored) == set(written)


def follow_under_kills(make_harrier, tmp_path, lines, kills):
    log, harrier = follow(make_harrier, tmp_path)
    harrier.start()
    source = attack_lines(1)
    first, line = next(source)
    log.write(line)  # a first start begins with the file that is there: what is rotated before it was ever looked at is not of it
    wait_settled(harrier, 1)
    written = [first] + write_under_kills(harrier, log, source, lines - 1, kills,
                                          lambda log, number: log.rename() if number % 3 else log.copy_and_truncate())
    wait_settled(harrier, len(written))
    assert_each_once(harrier, written)
    assert harrier.metric("harrier_file_losses_total") == 0
    harrier.stop()
    assert not ndjson(harrier.ctl("dead", "list", check=False).stdout)


def test_lines_through_kills_and_rotations_are_each_there_once(make_harrier, tmp_path):
    follow_under_kills(make_harrier, tmp_path, lines=1500, kills=6)


def test_rotations_while_the_daemon_is_down_leave_nothing_out(make_harrier, tmp_path):
    log, harrier = follow(make_harrier, tmp_path)
    lines = attack_lines(2)
    written = []

    def write(count):
        for _ in range(count):
            audit_id, line = next(lines)
            log.write(line)
            written.append(audit_id)

    write(20)
    harrier.start()
    wait_settled(harrier, len(written))
    for rotation in (log.rename, log.copy_and_truncate, log.rename):
        write(10)
        harrier.kill()
        write(10)
        rotation()
        write(10)
        rotation()
        write(10)
        harrier.start()
        wait_settled(harrier, len(written))
    assert_each_once(harrier, written)
    assert harrier.metric("harrier_file_losses_total") == 0
    harrier.stop()


def test_a_containers_log_is_read_through_its_parts(make_harrier, tmp_path):
    log, harrier = follow(make_harrier, tmp_path)
    harrier.start()
    written = []
    for (audit_id, line), _ in zip(attack_lines(3), range(50)):
        parts = [line[at:at + 1000] for at in range(0, len(line), 1000)]
        for part in parts[:-1]:
            log.write(b"2026-11-24T04:46:20.000000000Z stdout P " + part + b"\n")
            log.write(b"2026-11-24T04:46:20.000000000Z stderr F I1124 04:46:20.000000       1 httplog.go:132] a line of another stream\n")
        log.write(b"2026-11-24T04:46:20.000000000+00:00 stdout F " + parts[-1])
        written.append(audit_id)
    with open(os.path.join(captured.DATA, "source", "cri-stdout.log"), "rb") as file:
        log.write(file.read())
    wait_settled(harrier, len(written) + 1)
    stored = audit_ids(harrier.stored())
    assert sorted(stored) == sorted(written + ["sys-0001"])
    harrier.stop()


def test_status_and_metrics_tell_where_the_reading_is(make_harrier, tmp_path):
    log, harrier = follow(make_harrier, tmp_path)
    harrier.start()
    _, line = next(attack_lines(4))
    log.write(line + line[:100])
    wait_for(lambda: harrier.metric("harrier_file_lines_total") == 1 and harrier.metric("harrier_file_lag_bytes") == 100, "one line and a piece")
    (file,) = json.loads(harrier.ctl("status").stdout)["files"]
    assert file["source"] == "node"
    assert file["path"] == log.path
    assert file["readable"] is True
    assert (file["position"], file["lag_bytes"], file["lines"]) == (len(line), 100, 1)
    assert file["inode"] == os.stat(log.path).st_ino
    assert harrier.metric("harrier_file_position_bytes", source="node") == len(line)
    harrier.stop()


def test_a_file_that_is_not_there_yet_is_followed_when_it_comes(make_harrier, tmp_path):
    path = tmp_path / "later" / "audit.log"
    harrier = make_harrier(sources=[{"name": "node", "type": "file", "file": str(path)}])
    harrier.start()
    assert harrier.metric("harrier_file_readable") == 0
    path.parent.mkdir()
    audit_id, line = next(attack_lines(5))
    path.write_bytes(line)
    wait_settled(harrier, 1)
    assert audit_ids(harrier.stored()) == [audit_id]
    assert harrier.metric("harrier_file_readable") == 1
    harrier.stop()
    assert harrier.log().count("cannot read") == 1  # said once, though it was looked for again and again


def test_standard_input_is_a_source_and_its_end_is_not_the_daemons(make_harrier):
    harrier = make_harrier(sources=[{"name": "pipe", "type": "file", "file": "-"}])
    reading, writing = os.pipe()
    harrier.start(stdin=reading)
    os.close(reading)
    written = []
    with os.fdopen(writing, "wb") as pipe:
        for (audit_id, line), _ in zip(attack_lines(6), range(1000)):
            pipe.write(line)
            written.append(audit_id)
    wait_for(lambda: harrier.metric("harrier_file_readable") == 0, "the end of standard input")
    wait_settled(harrier, len(written))
    assert_each_once(harrier, written)
    assert harrier.probe("/readyz") == 200
    harrier.stop()


def chain(log, packed=()):
    """As logrotate does it: .2 becomes .3, .1 becomes .2, the log .1; those of the numbers `packed` are packed by the end."""
    for number in range(9, 0, -1):
        for ending in ("", ".gz"):
            if os.path.exists(f"{log.path}.{number}{ending}"):
                os.rename(f"{log.path}.{number}{ending}", f"{log.path}.{number + 1}{ending}")
    os.rename(log.path, f"{log.path}.1")
    log.file.close()
    log.file = open(log.path, "ab", buffering=0)
    for number in packed:
        if os.path.exists(f"{log.path}.{number}"):
            with open(f"{log.path}.{number}", "rb") as plain, gzip.open(f"{log.path}.{number}.gz", "wb") as out:
                shutil.copyfileobj(plain, out)
            os.unlink(f"{log.path}.{number}")


def writer_of(log, lines):
    written = []

    def write(count):
        for _ in range(count):
            audit_id, line = next(lines)
            log.write(line)
            written.append(audit_id)
    return written, write


def test_generations_that_were_packed_while_the_daemon_was_down_are_read(make_harrier, tmp_path):
    log, harrier = follow(make_harrier, tmp_path)
    written, write = writer_of(log, attack_lines(7))
    write(5)
    harrier.start()
    wait_settled(harrier, len(written))
    harrier.kill()
    write(5)
    for _ in range(4):
        chain(log, packed=(1, 2))
        write(5)
    harrier.start()
    wait_settled(harrier, len(written))
    assert_each_once(harrier, written)
    assert harrier.metric("harrier_file_losses_total") == 0
    harrier.stop()


def test_a_generation_that_was_removed_while_the_daemon_was_down_is_counted_and_the_log_says_so(make_harrier, tmp_path):
    log, harrier = follow(make_harrier, tmp_path)
    written, write = writer_of(log, attack_lines(8))
    write(5)
    harrier.start()
    wait_settled(harrier, len(written))
    harrier.kill()
    chain(log)
    before = len(written)
    write(5)
    lost = written[before:]
    for _ in range(2):
        chain(log, packed=(2,))
        write(5)
    os.unlink(f"{log.path}.2.gz")
    harrier.start()
    wait_settled(harrier, len(written) - len(lost))
    assert_each_once(harrier, [audit_id for audit_id in written if audit_id not in lost])
    assert harrier.metric("harrier_file_losses_total") == 1
    assert "1 rotated file" in harrier.log()
    wait_for(lambda: [one["rule"]["name"] for one in harrier.notices()] == ["harrier_file_loss"], "an alert of it")
    (notice,) = harrier.notices()
    assert (notice["severity"], notice["outcomes"]["losses"], notice["outcomes"]["source"]) == ("HIGH", 1, "node")
    harrier.stop()


def test_a_link_that_was_moved_twice_while_the_daemon_was_down_leaves_no_file_out(make_harrier, tmp_path):
    link = tmp_path / "audit.log"
    link.symlink_to("audit-20261124.log")
    log, harrier = follow(make_harrier, tmp_path)
    written, write = writer_of(log, attack_lines(9))
    write(5)
    harrier.start()
    wait_settled(harrier, len(written))
    harrier.kill()
    write(5)
    for day in (25, 26):
        link.unlink()
        link.symlink_to(f"audit-202611{day}.log")
        log.file.close()
        log.file = open(log.path, "ab", buffering=0)
        write(5)
    harrier.start()
    wait_settled(harrier, len(written))
    assert_each_once(harrier, written)
    assert harrier.metric("harrier_file_losses_total") == 0
    harrier.stop()


def test_a_follower_that_lags_behind_rotations_keeps_what_they_remove(make_harrier, tmp_path):
    log, harrier = follow(make_harrier, tmp_path, events_per_second=1)
    written, write = writer_of(log, attack_lines(10))
    harrier.start()
    for number in range(4):
        write(3)
        # the daemon has it open before it is rotated
        wait_for(lambda: str(os.stat(log.path).st_ino) in open_inodes(harrier), "the newest file is open")
        chain(log)
        os.unlink(f"{log.path}.1")
    write(1)
    wait_settled(harrier, len(written))
    assert_each_once(harrier, written)
    assert harrier.metric("harrier_file_losses_total") == 0
    harrier.stop()


def open_inodes(harrier):
    folder = f"/proc/{harrier.process.pid}/fd"
    found = set()
    for name in os.listdir(folder):
        try:
            found.add(str(os.stat(f"{folder}/{name}").st_ino))
        except FileNotFoundError:
            pass
    return found


def test_a_file_that_is_rotated_right_after_the_first_start_is_found_again(make_harrier, tmp_path):
    log, harrier = follow(make_harrier, tmp_path)
    written, write = writer_of(log, attack_lines(11))
    write(300)
    harrier.start()
    harrier.kill()
    chain(log)
    write(5)
    harrier.start()
    wait_settled(harrier, len(written))
    assert_each_once(harrier, written)
    assert harrier.metric("harrier_file_losses_total") == 0
    harrier.stop()


def test_a_log_that_came_and_was_rotated_after_the_first_start_is_found(make_harrier, tmp_path):
    harrier = make_harrier(sources=[{"name": "node", "type": "file", "file": str(tmp_path / "audit.log")}])
    harrier.start()
    harrier.kill()
    log = AuditLog(str(tmp_path / "audit.log"))
    written, write = writer_of(log, attack_lines(12))
    for _ in range(2):
        write(5)
        chain(log, packed=(2,))
    write(5)
    harrier.start()
    wait_settled(harrier, len(written))
    assert_each_once(harrier, written)
    harrier.stop()


# --- a pattern ---

CRI = b"2026-11-24T04:46:20.000000000Z stdout F "


def pods(make_harrier, tmp_path):
    folder = tmp_path / "containers"
    folder.mkdir()
    return folder, make_harrier(sources=[{"name": "pods", "type": "file", "file": str(folder / "kube-apiserver-*.log")}])


def append(path, *events):
    with open(path, "ab") as file:
        file.write(b"".join(CRI + event + b"\n" for event in events))


def wait_ids(harrier, ids):
    wait_for(lambda: sorted(audit_ids(harrier.stored())) == sorted(ids), f"{len(ids)} alerts")


def positions_of(harrier, prefix):
    with sqlite3.connect(os.path.join(harrier.folder, "store", "store.db")) as store:
        return [name for name, in store.execute("SELECT name FROM position") if name.startswith(prefix)]


def test_a_pattern_follows_files_that_come_and_go_and_goes_on_after_a_restart(make_harrier, tmp_path):
    folder, harrier = pods(make_harrier, tmp_path)
    lines = attack_lines(11)
    sent = [next(lines) for _ in range(12)]
    ids = [audit_id for audit_id, _ in sent]
    events = [line.strip() for _, line in sent]
    append(folder / "kube-apiserver-a_kube-system_one.log", *events[0:2])
    append(folder / "etcd-a_kube-system_one.log", events[11])
    harrier.start()
    wait_ids(harrier, ids[0:2])
    append(folder / "kube-apiserver-b_kube-system_two.log", *events[2:4])  # is new
    wait_ids(harrier, ids[0:4])
    append(folder / "kube-apiserver-a_kube-system_one.log", events[4])  # goes on
    append(folder / "kube-apiserver-b_kube-system_two.log", events[5])
    wait_ids(harrier, ids[0:6])
    os.rename(folder / "kube-apiserver-b_kube-system_two.log", folder / "kube-apiserver-b_kube-system_two.log.20261124-044620")  # is rotated
    append(folder / "kube-apiserver-b_kube-system_two.log", events[6])
    wait_ids(harrier, ids[0:7])
    harrier.stop()
    append(folder / "kube-apiserver-a_kube-system_one.log", events[7])
    append(folder / "kube-apiserver-c_kube-system_three.log", events[8])
    harrier.start()
    wait_ids(harrier, ids[0:9])
    assert harrier.metric("harrier_events_received_total", source="pods") == 2, "what was read before the restart is not read again"
    assert harrier.metric("harrier_file_readable", source="pods") == 1
    wait_for(lambda: len(positions_of(harrier, "pods/")) == 3, "the position of each file")
    harrier.stop()
    os.remove(folder / "kube-apiserver-a_kube-system_one.log")
    harrier.start()
    append(folder / "kube-apiserver-c_kube-system_three.log", events[9])
    wait_ids(harrier, ids[0:10])
    assert len(positions_of(harrier, "pods/")) == 2
    harrier.stop()


def test_a_file_that_is_removed_is_read_to_its_end_and_let_go(make_harrier, tmp_path):
    folder, harrier = pods(make_harrier, tmp_path)
    (audit_id, line), (later_id, later) = itertools.islice(attack_lines(12), 2)
    harrier.start()
    path = folder / "kube-apiserver-a.log"
    append(path, line.strip())
    wait_ids(harrier, [audit_id])
    with open(path, "ab") as file:
        os.remove(path)
        file.write(CRI + later.strip() + b"\n")
    wait_ids(harrier, [audit_id, later_id])
    wait_for(lambda: "is gone, and all of it was read" in harrier.log() or harrier.metric("harrier_file_readable", source="pods") == 0, "that it is let go")
    assert harrier.metric("harrier_file_losses_total", source="pods") == 0
    harrier.stop()


def test_files_beyond_the_bound_of_a_pattern_are_told_and_counted(make_harrier, tmp_path):
    folder, harrier = pods(make_harrier, tmp_path)
    for number in range(260):
        (folder / f"kube-apiserver-{number:03}.log").touch()
    harrier.start()
    wait_for(lambda: harrier.metric("harrier_file_unfollowed", source="pods") == 4, "the four that are too many")
    assert "more than 256 files match" in harrier.log()
    os.remove(folder / "kube-apiserver-000.log")
    wait_for(lambda: harrier.metric("harrier_file_unfollowed", source="pods") == 3, "room for another")
    harrier.stop()
