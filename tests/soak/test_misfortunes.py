# SPDX-License-Identifier: Apache-2.0
"""Everything goes wrong at once: kills, clocks that jump, a disk that is full, a store that is full, three destinations that misbehave. At the end each
alert that was acknowledged is accounted for, for each destination: there, waiting, or given up with a reason.

HARRIER_SOAK_SECONDS is how long the misfortunes last (600). Needs libfaketime, and root for the small disk (a tmpfs).
"""
import collections
import contextlib
import glob
import http.client
import json
import math
import os
import random
import socket
import sqlite3
import subprocess
import threading
import time
import zlib

import pytest

from daemon import Harrier, free_port, wait_for
from killing import attack_lines, batches
from receiver import Answer, Receiver
from test_relp import Session, opened, syslog

SECONDS = float(os.environ.get("HARRIER_SOAK_SECONDS", "600"))
DISK_BYTES = 64 << 20
PAUSE = 0.1  # seconds after a batch of four, of each sender: what the small store can turn over
FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"
OFFSETS = ("+0", "+0", "+0", "+2h", "-2h", "+370d", "-3y", "+40y")
SETTLED_AFTER = 600  # seconds, at the most, for what waits to go out once all is well again

# Of the store's delivery states, as store.h numbers them; held and set aside are waiting too.
STATES = {0: "waiting", 1: "waiting", 2: "delivered", 3: "dead", 4: "waiting"}


# --- What can go wrong ---


class Disk:
    """A file system of a few MiB, that can be filled up to its last byte."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder)
        if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "none", folder], check=False).returncode != 0:
            pytest.skip("no small disk can be mounted here")
        self.ballast = os.path.join(folder, "ballast")

    def fill(self):
        with contextlib.suppress(OSError), open(self.ballast, "ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))

    def empty(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.ballast)

    def unmount(self):
        subprocess.run(["umount", "-l", self.folder], check=False)


class Clock:
    """The wall clock of the daemon: libfaketime reads its offset anew with each look at the time."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "clock")
        self.offset = None
        self.jumps = -1
        self.jump("+0")

    def jump(self, offset):
        self.jumps += offset != self.offset
        self.offset = offset
        with open(self.path + ".new", "w", encoding="ascii") as file:
            file.write(offset + "\n")
        os.replace(self.path + ".new", self.path)

    def environment(self):
        libraries = glob.glob(FAKETIME)
        if not libraries:
            pytest.skip("libfaketime is not there")
        return {**os.environ, "LD_PRELOAD": libraries[0], "FAKETIME_TIMESTAMP_FILE": self.path, "FAKETIME_NO_CACHE": "1", "DONT_FAKE_MONOTONIC": "1",
                "ASAN_OPTIONS": "verify_asan_link_order=0:" + os.environ.get("ASAN_OPTIONS", "")}


class Moody(Receiver):
    """One alert in 31 is never to its taste. The rest of the time it answers as its mood is."""
    MOODS = ((Answer(),) * 6
             + (Answer(500), Answer(503), Answer(429, {"Retry-After": "1"}), Answer(400), Answer(401), Answer(404), Answer(302), Answer(close=True)))

    def __init__(self, seed, poison_status):
        self.random = random.Random(seed)
        self.poison_status = poison_status
        self.mood = Answer()
        super().__init__(judge=self.answer_to)

    def change_mood(self):
        self.mood = self.random.choice(self.MOODS)

    def answer_to(self, body):
        return Answer(self.poison_status) if is_poison(body) else self.mood


class Stalling(Receiver):
    """Takes its time, and now and then does not answer at all."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.well = False
        super().__init__(judge=self.answer_to)

    def answer_to(self, _):
        chance = 1.0 if self.well else self.random.random()
        return Answer(hang=20) if chance < 0.002 else Answer(close=True) if chance < 0.05 else Answer(hang=0.02) if chance < 0.2 else Answer()


def is_poison(body):
    ids = [event["audit_id"] for event in json.loads(body).get("events", [])]
    return bool(ids) and zlib.crc32(ids[0].encode()) % 31 == 0


# --- Who sends ---


class Sender(threading.Thread):
    """Sends until stopped; acknowledged holds the auditIDs that it may forget."""

    def __init__(self, name):
        super().__init__(daemon=True, name=name)
        self.acknowledged = set()
        self.refused = 0
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.is_set():
            try:
                self.send()
            except (OSError, http.client.HTTPException, AssertionError, ValueError):
                self.refused += 1
            self.stopping.wait(PAUSE)

    def stop(self):
        self.stopping.set()
        self.join()


class WebhookSender(Sender):
    """As an API server: the same bytes again until there is a 2xx."""

    def __init__(self, harrier, name, seed):
        super().__init__(name)
        self.harrier = harrier
        self.batches = batches(seed)
        self.batch = None

    def send(self):
        ids, body = self.batch = self.batch or next(self.batches)
        if 200 <= self.harrier.post(body)[0] < 300:
            self.acknowledged.update(ids)
            self.batch = None
        else:
            self.refused += 1


class RelpSender(Sender):
    def __init__(self, port, seed):
        super().__init__("relp")
        self.port = port
        self.lines = attack_lines(seed)
        self.session = None
        self.line = None

    def send(self):
        self.line = self.line or next(self.lines)
        try:
            if not self.session:
                self.session = Session(self.port)
                opened(self.session)
            self.session.send(b"syslog", syslog(self.line[1].rstrip(b"\n")))
            answer = self.session.response()
            assert answer and answer[2].startswith(b"200")
        except (OSError, AssertionError, ValueError, TypeError):
            if self.session:
                self.session.close()
            self.session = None
            raise
        self.acknowledged.add(self.line[0])
        self.line = None


class SyslogSender(Sender):
    """Plain syslog acknowledges nothing: what it sends is load, and owes nothing."""

    def __init__(self, port, seed):
        super().__init__("syslog")
        self.port = port
        self.lines = attack_lines(seed)
        self.socket = None

    def send(self):
        try:
            self.socket = self.socket or socket.create_connection(("127.0.0.1", self.port), timeout=10)
            self.socket.sendall(syslog(next(self.lines)[1]))
        except OSError:
            self.socket = None
            raise


class FileSender(Sender):
    """An audit log that is rotated: what is written there is owed."""

    def __init__(self, path, seed):
        super().__init__("file")
        self.path = path
        self.lines = attack_lines(seed)
        self.random = random.Random(seed)
        self.rotations = 0
        self.file = open(path, "ab", buffering=0)

    def send(self):
        audit_id, line = next(self.lines)
        self.file.write(line)
        self.acknowledged.add(audit_id)
        if self.random.random() < 0.01:
            self.rotations += 1
            os.rename(self.path, f"{self.path}.{10000 - self.rotations}")
            self.file.close()
            self.file = open(self.path, "ab", buffering=0)


# --- The run ---


class Run:
    def __init__(self, folder, seed):
        self.random = random.Random(seed)
        self.disk = Disk(os.path.join(folder, "disk"))
        self.clock = Clock(folder)
        self.waf = Moody(seed + 1, 403)
        self.strict = Moody(seed + 2, 422)
        self.slow = Stalling(seed + 3)
        self.receivers = {"waf": self.waf, "strict": self.strict, "slow": self.slow}
        self.outages = {}  # receiver -> when it ends
        self.counts = collections.Counter()
        syslog_port, relp_port = free_port(), free_port()
        log = os.path.join(folder, "audit.log")
        home = os.path.join(folder, "harrier")
        os.makedirs(home)
        options = {"in_flight": 4, "timeout": "5s", "hold_interval": "1s"}
        self.harrier = Harrier(home, destinations=[one.destination(name, **options) for name, one in self.receivers.items()],
                               store={"directory": os.path.join(self.disk.folder, "store"), "size": "16MiB", "dead_letters": "1MiB"})
        self.harrier.settings["sources"] += [
            {"name": "plain", "type": "syslog", "listen": f"127.0.0.1:{syslog_port}"},
            {"name": "relay", "type": "relp", "listen": f"127.0.0.1:{relp_port}"},
            {"name": "node", "type": "file", "file": log}]
        self.harrier.write_config()
        self.senders = [WebhookSender(self.harrier, "webhook", seed + 10), WebhookSender(self.harrier, "another webhook", seed + 11), RelpSender(relp_port, seed + 12),
                        SyslogSender(syslog_port, seed + 13), FileSender(log, seed + 14)]

    def start_daemon(self):
        """It may fail while the disk is full; then it is started again, as systemd would."""
        while True:
            with contextlib.suppress(AssertionError):
                self.harrier.start(env=self.clock.environment())
                return
            assert self.disk.ballast and os.path.exists(self.disk.ballast), f"harrierd does not start on a well disk:\n{self.harrier.log()[-3000:]}"
            self.harrier.discard()
            self.disk.empty()

    def kill(self):
        self.counts["kills"] += 1
        self.harrier.kill()
        self.start_daemon()

    def terminate(self):
        self.counts["orderly stops"] += 1
        self.harrier.stop()
        self.start_daemon()

    def jump(self):
        self.clock.jump(self.random.choice(OFFSETS))

    def fill_disk(self):
        self.counts["full disks"] += 1
        self.disk.fill()
        time.sleep(self.random.uniform(0.5, 5))
        if self.random.random() < 0.3:
            self.counts["kills on a full disk"] += 1
            self.harrier.kill()
            self.start_daemon()
        self.disk.empty()

    def lose_destination(self):
        """Long enough, now and then, for the store to fill. Everything else goes on meanwhile."""
        well = [receiver for receiver in self.receivers.values() if receiver not in self.outages]
        if not well:
            return
        self.counts["outages"] += 1
        receiver = self.random.choice(well)
        receiver.stop()
        self.outages[receiver] = time.monotonic() + self.random.choice((1, 5, 100))

    def end_outages(self, now=math.inf):
        for receiver in [receiver for receiver, end in self.outages.items() if end <= now]:
            del self.outages[receiver]
            receiver.start()

    def change_moods(self):
        self.waf.change_mood()
        self.strict.change_mood()

    def misfortune(self):
        self.random.choice((self.kill, self.kill, self.terminate, self.jump, self.jump, self.fill_disk, self.lose_destination, self.change_moods,
                            self.change_moods, self.change_moods))()

    def make_well(self):
        self.end_outages()
        self.disk.empty()
        self.clock.jump("+0")
        self.waf.mood = self.strict.mood = Answer()
        self.slow.well = True

    def misfortunes(self, seconds):
        end = time.monotonic() + seconds
        for sender in self.senders:
            sender.start()
        while time.monotonic() < end:
            self.misfortune()
            time.sleep(self.random.uniform(0.1, 2))
            self.end_outages(time.monotonic())
        for sender in self.senders:
            sender.stop()
        self.make_well()
        self.kill()

    def close(self):
        for sender in self.senders:
            sender.stopping.set()
        self.harrier.discard()
        for receiver in self.receivers.values():
            receiver.stop()
        self.disk.unmount()


# --- The account ---


def delivered_by(receiver):
    """How often each auditID came."""
    return collections.Counter(event["audit_id"] for alert in receiver.alerts() for event in alert["events"])


def owed_by(harrier):
    """Of what the store has: auditID -> destination -> (state, reason)."""
    account = collections.defaultdict(dict)
    store = os.path.join(harrier.folder, harrier.settings["store"]["directory"], "store.db")
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as database:
        names = dict(database.execute("SELECT id, name FROM destination"))
        ids = {number: [event["audit_id"] for event in json.loads(text)["events"]] for number, text in database.execute("SELECT alert, json FROM document")}
        for table in ("ended", "queue"):
            for alert, destination, state, error in database.execute(f"SELECT alert, destination, state, error FROM {table}"):
                for audit_id in ids.get(alert, ()):
                    account[audit_id][names[destination]] = STATES[state], error
    return account


def settled(run):
    """Nothing waits but what a destination will not have."""
    account = owed_by(run.harrier)
    return not any(state == "waiting" and not (name != "slow" and poisonous(audit_id))
                   for audit_id, owed in account.items() for name, (state, _) in owed.items())


def poisonous(audit_id):
    return zlib.crc32(audit_id.encode()) % 31 == 0


def accounts(run):
    """For each destination, how many of the acknowledged alerts are where; and those that are nowhere, or dead without a reason."""
    stored = owed_by(run.harrier)
    acknowledged = set().union(*(sender.acknowledged for sender in run.senders))
    table, lost = {}, []
    for name, receiver in run.receivers.items():
        there = delivered_by(receiver)
        row = collections.Counter()
        for audit_id in acknowledged:
            state, reason = stored.get(audit_id, {}).get(name, ("nowhere", None))
            if audit_id in there:
                row["delivered"] += 1
            elif state == "waiting" or (state == "dead" and reason):
                row[state] += 1
            else:
                lost.append((name, audit_id, state))
        row["delivered again"] = sum(times - 1 for times in there.values())
        table[name] = row
    return table, lost


def assert_nobody_was_buried_for_a_mood(run):
    """Given up is what the destination would never have, not what came at a bad moment."""
    for audit_id, owed in owed_by(run.harrier).items():
        for name, (state, reason) in owed.items():
            assert state != "dead" or (poisonous(audit_id) and name != "slow"), f"{name}: {audit_id} is dead: {reason}"


def test_every_acknowledged_alert_is_accounted_for_after_ten_minutes_of_misfortunes(tmp_path):
    seed = int(os.environ.get("HARRIER_SOAK_SEED", random.randrange(1 << 31)))
    print("seed", seed)
    run = Run(str(tmp_path), seed)
    try:
        run.start_daemon()
        run.misfortunes(SECONDS)
        wait_for(lambda: settled(run), "what waits to go out", patience=SETTLED_AFTER, pause=2)
        full = run.harrier.log().count("the store holds")
        run.harrier.stop()
        table, lost = accounts(run)
        print({sender.name: (len(sender.acknowledged), sender.refused) for sender in run.senders}, "acknowledged, refused")
        print(dict(run.counts), "clock jumps", run.clock.jumps, "store full", full)
        for name, row in table.items():
            print(name, dict(row))
        assert all(sender.acknowledged for sender in run.senders if sender.name != "syslog"), "a sender was never acknowledged"
        assert not lost, f"{len(lost)} are nowhere, such as {lost[:5]}"
        assert_nobody_was_buried_for_a_mood(run)
    finally:
        run.close()
