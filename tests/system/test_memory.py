# SPDX-License-Identifier: Apache-2.0
"""What senders can make grow is in the budget's figure: the process's own size is held against it, for each kind of input."""
import contextlib
import gzip
import json
import shutil
import socket
import subprocess

import captured
import pytest
from daemon import HARRIERD, free_port, wait_for

MIB = 1 << 20
SLACK = 24 * MIB  # the heaps of threads, the store's pages, the rules
HEAD = b"POST /k8s-audit HTTP/1.1\r\nHost: harrier\r\nContent-Type: application/json\r\n"


def is_sanitized():
    with open(HARRIERD, "rb") as file:
        code = file.read()
    return b"__asan_init" in code or b"__tsan_init" in code


# under a sanitizer the process's size says nothing
pytestmark = [pytest.mark.skipif(is_sanitized(), reason="needs a build without sanitizers"),
              pytest.mark.skipif(shutil.which("zstd") is None, reason="needs the zstd command")]


@pytest.fixture
def harrier(make_harrier):
    daemon = make_harrier(workers=4, limits={"memory": "128MiB"})
    daemon.syslog, daemon.relp = free_port(), free_port()
    daemon.settings["sources"] += [
        {"name": "syslog", "type": "syslog", "listen": f"127.0.0.1:{daemon.syslog}"},
        {"name": "relp", "type": "relp", "listen": f"127.0.0.1:{daemon.relp}"}]
    daemon.write_config()
    daemon.start()
    assert daemon.post(captured.attacks())[0] == 200
    yield daemon
    daemon.stop()


def size(harrier, name):
    with open(f"/proc/{harrier.process.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name + ":"))


def cronjob(length):
    event = json.loads(captured.attacks())["items"][0]
    container = {"name": "c", "image": "busybox", "command": ["sh", "-c", "true"], "securityContext": {"privileged": True}}
    event["requestObject"] = {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": {"spec": {
        "containers": [container] * (length // len(json.dumps(container)))}}}}}}
    return json.dumps(event).encode()


def unfinished_event(length):
    return b'{"kind":"Event","auditID":"x","stage":"ResponseComplete","verb":"create","requestURI":"/api","objectRef":{"resource":"pods"},' \
           b'"requestObject":{"kind":"Pod","metadata":{"name":"' + b"x" * length


def zstd(text):
    return subprocess.run(["zstd", "-q", "--ultra", "-22", "-c"], input=text, capture_output=True, check=True).stdout


def request(body, length, *fields):
    return HEAD + b"".join(field + b"\r\n" for field in fields) + b"Content-Length: %d\r\n\r\n" % length + body


def http_pieces():
    plain = unfinished_event(MIB)
    packed = zstd(plain * 20)
    return {
        "identity": request(plain, 2 * len(plain)),
        "gzip": request(gzip.compress(plain)[:-8], MIB, b"Content-Encoding: gzip"),
        "zstd": request(packed[:-8], MIB, b"Content-Encoding: zstd"),
        "header": HEAD + b"X: " + b"x" * 15000,
    }


def assert_counted(harrier, before):
    grown, used = size(harrier, "VmRSS") - before, harrier.metric("harrier_memory_used_bytes")
    assert grown <= used + SLACK, f"grown by {grown / MIB:.0f} MiB, counted {used / MIB:.0f} MiB"


@pytest.mark.parametrize("kind", ["identity", "gzip", "zstd", "header"])
def test_what_slow_requests_hold_is_counted(harrier, kind):
    before = size(harrier, "VmRSS")
    piece = http_pieces()[kind]
    with contextlib.ExitStack() as stack:
        for _ in range(150):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", harrier.port)))
            with contextlib.suppress(OSError):  # refused, and closed
                connection.sendall(piece)
        least = MIB if kind == "header" else 8 * MIB
        wait_for(lambda: harrier.metric("harrier_memory_used_bytes") > least, "the requests to be held")
        assert_counted(harrier, before)
    wait_for(lambda: harrier.metric("harrier_memory_used_bytes") < MIB, "the memory to be given back")


@pytest.mark.parametrize("kind", ["syslog", "relp"])
def test_what_unfinished_messages_hold_is_counted(harrier, kind):
    before = size(harrier, "VmRSS")
    text = b"<13>1 - h a - - - " + unfinished_event(MIB)
    begin = b"1 open 14 relp_version=0\n2 syslog 9000000 " if kind == "relp" else b""
    with contextlib.ExitStack() as stack:
        for _ in range(150):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", getattr(harrier, kind))))
            with contextlib.suppress(OSError):
                connection.sendall(begin + text)
        wait_for(lambda: harrier.metric("harrier_memory_used_bytes") > 8 * MIB, "the messages to be held")
        assert_counted(harrier, before)
    wait_for(lambda: harrier.metric("harrier_memory_used_bytes") < MIB, "the memory to be given back")


def test_huge_events_on_every_worker_are_counted_and_their_memory_goes_back(harrier):
    before = size(harrier, "VmRSS")
    body = cronjob(3 * MIB)
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", harrier.port))) for _ in range(8)]
        for connection in connections:
            connection.sendall(request(body, len(body)))
        statuses = {connection.makefile("rb").readline().split()[1] for connection in connections}
    assert statuses <= {b"200", b"503"}
    assert b"200" in statuses
    peak = harrier.metric("harrier_memory_peak_bytes")
    assert 50 * MIB < peak <= 140 * MIB
    assert size(harrier, "VmHWM") - before <= peak + SLACK
    wait_for(lambda: size(harrier, "VmRSS") - before <= SLACK, "the memory to go back to the system")
