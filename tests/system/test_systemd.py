# SPDX-License-Identifier: Apache-2.0
"""What the daemon agrees on with systemd: sockets that are handed over, and the notifications."""
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading

import captured
import pytest
from daemon import HARRIERD, PATIENCE, wait_for

# Puts the sockets where sd_listen_fds(3) looks, then becomes the daemon. Above 100 they are out of the way of each other.
HAND_OVER = """
import fcntl, os, sys
names, files, command = sys.argv[1], sys.argv[2].split(","), sys.argv[3:]
for number, file in enumerate([fcntl.fcntl(int(file), fcntl.F_DUPFD, 100) for file in files]):
    os.dup2(file, 3 + number)
    os.close(file)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(files)), LISTEN_FDNAMES=names)
os.execv(command[0], command)
"""


def listening(host="127.0.0.1", family=socket.AF_INET, kind=socket.SOCK_STREAM):
    made = socket.socket(family, kind)
    made.bind((host, 0))
    if kind == socket.SOCK_STREAM:
        made.listen(1024)
    return made


def source(name, systemd_socket, **more):
    return {"name": name, "type": "webhook", "systemd_socket": systemd_socket, "path": "/k8s-audit", "log_type": "K8S_AUDIT", **more}


def start_with(harrier, *sockets):
    """sockets: (name, socket) each, as socket units hold them."""
    files = [one.fileno() for _, one in sockets]
    command = [sys.executable, "-c", HAND_OVER, ":".join(name for name, _ in sockets), ",".join(map(str, files)), HARRIERD, "-c", harrier.config]
    with open(harrier.log_path, "ab") as log:
        harrier.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=files)
    return harrier


def make_activated(make_harrier, held):
    harrier = make_harrier(sources=[source("apiserver", "audit")])
    harrier.port = held.getsockname()[1]
    return harrier


def expect_end(harrier):
    code = harrier.process.wait(PATIENCE)
    harrier.process = None
    return code


# --- Socket activation ---

def test_a_socket_of_systemds_is_served_by_the_source_that_names_it(make_harrier):
    with listening() as first, listening() as second, listening() as third:
        harrier = make_harrier(sources=[source("one", "front", cluster="one"), source("two", "back", cluster="two")])
        start_with(harrier, ("back", first), ("front", second), ("back", third)).wait_ready()
        for held, cluster in ((first, "two"), (second, "one"), (third, "two")):
            harrier.port = held.getsockname()[1]
            assert harrier.post(captured.attacks())[0] == 200
            assert harrier.metric("harrier_events_received_total", source=cluster) > 0
        assert {alert["cluster"] for alert in harrier.stored()} == {"one", "two"}
        harrier.stop()


def test_no_connection_is_refused_while_the_daemon_restarts(make_harrier):
    with listening() as held:
        harrier = make_activated(make_harrier, held)
        start_with(harrier, ("audit", held)).wait_ready()
        harrier.stop()
        connection = harrier.connect()
        connection.request("POST", "/k8s-audit", captured.attacks(), {"Content-Type": "application/json"})
        start_with(harrier, ("audit", held)).wait_ready()
        assert connection.getresponse().status == 200
        connection.close()
        assert len(harrier.stored()) == 4
        harrier.stop()


def test_clients_that_connect_all_the_time_are_never_refused_by_restarts_and_kills(make_harrier):
    refused, answered, stopping = [], [], threading.Event()

    def post_without_end():
        while not stopping.is_set():
            try:
                answered.append(harrier.post(captured.attacks())[0])
            except ConnectionRefusedError as error:
                refused.append(error)
            except (OSError, http.client.HTTPException):
                pass  # killed or drained in the middle: the client sends it again

    with listening() as held:
        harrier = make_activated(make_harrier, held)
        start_with(harrier, ("audit", held)).wait_ready()
        client = threading.Thread(target=post_without_end)
        client.start()
        for end in (harrier.stop, harrier.kill, harrier.stop):
            wait_for(lambda before=len(answered): len(answered) > before, "an answer")
            end()
            start_with(harrier, ("audit", held)).wait_ready()
        stopping.set()
        client.join()
        harrier.stop()
    assert not refused and 200 in answered


def test_a_socket_at_the_very_address_of_listen_is_taken_for_it(make_harrier):
    with listening() as held:
        harrier = make_harrier(sources=[{**source("apiserver", ""), "listen": "127.0.0.1:%d" % held.getsockname()[1]}])
        del harrier.settings["sources"][0]["systemd_socket"]
        harrier.write_config()
        harrier.port = held.getsockname()[1]
        start_with(harrier, ("whatever", held)).wait_ready()
        assert "no source takes" not in harrier.log()
        assert harrier.post(captured.attacks())[0] == 200
        harrier.stop()


def test_a_source_whose_socket_is_not_there_is_an_error(make_harrier):
    with listening() as held:
        harrier = make_activated(make_harrier, held)
        assert expect_end(start_with(harrier, ("admin", held))) == os.EX_UNAVAILABLE
    assert "source `apiserver`: systemd has handed over no socket named `audit`" in harrier.log()
    assert "FileDescriptorName=audit" in harrier.log()


def test_without_systemd_it_is_an_error_too(make_harrier):
    harrier = make_harrier(sources=[source("apiserver", "audit")])
    harrier.start(ready=False)
    assert expect_end(harrier) == os.EX_UNAVAILABLE
    assert "no socket named `audit`" in harrier.log()


def test_a_socket_that_no_source_takes_is_an_error_and_the_others_are_served(make_harrier):
    with listening() as held, listening() as stray:
        harrier = make_activated(make_harrier, held)
        start_with(harrier, ("audit", held), ("stray", stray)).wait_ready()
        assert "socket named `stray` that no source takes" in harrier.log()
        assert harrier.post(captured.attacks())[0] == 200
        harrier.stop()


def test_two_sources_cannot_have_one_socket(make_harrier):
    with listening() as held:
        harrier = make_harrier(sources=[source("one", "audit"), source("two", "audit")])
        assert expect_end(start_with(harrier, ("audit", held))) == os.EX_UNAVAILABLE
    assert "source `two`: systemd has handed over no socket named `audit`" in harrier.log()


@pytest.mark.parametrize("make", [lambda: listening(kind=socket.SOCK_DGRAM), lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM)],
                         ids=["datagrams", "not-listening"])
def test_a_socket_of_the_wrong_kind_is_refused(make_harrier, make):
    with make() as held:
        harrier = make_harrier(sources=[source("apiserver", "audit")])
        assert expect_end(start_with(harrier, ("audit", held))) == os.EX_UNAVAILABLE
    assert "is not a listening TCP socket" in harrier.log()


def test_a_socket_that_is_reachable_from_outside_needs_tls_or_insecure(make_harrier):
    with listening("0.0.0.0") as held:
        harrier = make_activated(make_harrier, held)
        assert expect_end(start_with(harrier, ("audit", held))) == os.EX_UNAVAILABLE
        assert "is reachable from outside without TLS" in harrier.log()
        harrier.settings["sources"][0]["insecure"] = True
        harrier.write_config()
        start_with(harrier, ("audit", held)).wait_ready()
        assert harrier.post(captured.attacks())[0] == 200
        harrier.stop()


# --- Notifications ---

class Notifications:
    """What sd_notify(3) sends, as {name: value} each."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.socket.settimeout(PATIENCE)

    def next_with(self, name):
        while True:
            told = dict(line.split("=", 1) for line in self.socket.recv(4096).decode().splitlines())
            if name in told:
                return told


@pytest.fixture
def notifications(tmp_path):
    return Notifications(str(tmp_path / "notify"))


def test_systemd_is_told_of_ready_reloads_the_watchdog_and_the_end(make_harrier, notifications, tmp_path):
    harrier = make_harrier()
    harrier.start(env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000"})
    assert notifications.next_with("READY")["READY"] == "1"
    for _ in range(2):
        assert notifications.next_with("WATCHDOG")["WATCHDOG"] == "1"
    harrier.reload()
    assert int(notifications.next_with("RELOADING")["MONOTONIC_USEC"]) > 0
    assert notifications.next_with("READY")["READY"] == "1"
    harrier.process.send_signal(signal.SIGTERM)
    assert notifications.next_with("STOPPING")["STOPPING"] == "1"
    harrier.stop()


# --- What the process does for itself, where no unit does it ---

def process_status(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def limited(*limits):
    """The command that starts a daemon under ulimit."""
    return ["/bin/sh", "-c", f'ulimit {" ".join(limits)} && exec "$@"', "sh"]


def start_limited(harrier, *limits):
    with open(harrier.log_path, "ab") as log:
        harrier.process = subprocess.Popen([*limited(*limits), HARRIERD, "-c", harrier.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    harrier.wait_ready()


def open_files_limit(pid):
    with open(f"/proc/{pid}/limits", encoding="utf-8") as file:
        return next(line.split()[3:5] for line in file if line.startswith("Max open files"))


def test_the_process_gives_up_new_privileges_and_files_that_others_can_read(make_harrier):
    harrier = make_harrier().start()
    status = process_status(harrier.process.pid)
    assert (status["NoNewPrivs"], status["Umask"]) == ("1", "0077")
    assert harrier.post(captured.attacks())[0] == 200
    wait_for(lambda: os.path.exists(os.path.join(harrier.folder, "alerts.ndjson")), "the file of alerts")
    for name in os.listdir(os.path.join(harrier.folder, "store")):
        assert os.stat(os.path.join(harrier.folder, "store", name)).st_mode & 0o077 == 0, name
    assert os.stat(os.path.join(harrier.folder, "alerts.ndjson")).st_mode & 0o077 == 0
    harrier.stop()


def test_the_process_leaves_no_core_behind(make_harrier):
    """What a core would hold is kept from others in the same way as the memory map's file: it is root's when the process is not dumpable."""
    harrier = make_harrier().start()
    if os.getuid() == 0:
        pytest.skip("as root every file of /proc is root's")
    assert os.stat(f"/proc/{harrier.process.pid}/maps").st_uid == 0
    harrier.stop()


def test_the_limit_of_open_files_is_raised_to_what_is_allowed(make_harrier):
    harrier = make_harrier(limits={"connections": 100})
    start_limited(harrier, "-Sn", "128")
    soft, hard = open_files_limit(harrier.process.pid)
    assert soft == hard != "128"
    assert "files may be open" not in harrier.log()
    harrier.stop()


def test_too_few_open_files_for_the_connections_is_a_warning(make_harrier):
    harrier = make_harrier(limits={"connections": 1000})
    start_limited(harrier, "-n", "500")
    assert "500 files may be open: " in harrier.log()
    assert "not the 2000 of limits.connections (1000) and 2 workers; raise LimitNOFILE=" in harrier.log()
    harrier.stop()
