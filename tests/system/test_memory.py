# SPDX-License-Identifier: Apache-2.0
"""What senders can make grow is in the budget's figure: the process's own size is held against it, for each kind of input."""
import concurrent.futures
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


# --- One event's shape ---

def attack():
    return json.loads(captured.attacks())["items"][0]


def pod_spec(event):
    return event["requestObject"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]


def many(text, count):
    return [text] * count


def with_user(**members):
    event = attack()
    event["user"].update(members)
    return event


def with_request(**members):
    event = attack()
    event["requestObject"].update(members)
    return event


def with_metadata(**members):
    event = attack()
    event["requestObject"]["metadata"].update(members)
    return event


def with_containers(*containers):
    event = attack()
    pod_spec(event)["containers"] += containers
    return event


def with_patch(operations):
    event = attack()
    event.update(verb="patch", requestObject=operations)
    return event


def nested(depth):
    event = attack()
    text = json.dumps(event, separators=(",", ":"))
    return text[:-1] + ',"x":' + "[" * depth + "]" * depth + "}"


def numbered(count, prefix="k"):
    return {f"{prefix}{i}": "v" for i in range(count)}


SHAPES = {
    "groups": lambda: with_user(groups=many("abc", 340_000)),
    "different groups": lambda: with_user(groups=[f"{i:x}" for i in range(250_000)]),
    "values of one extra": lambda: with_user(extra={"x": many("ab", 340_000)}),
    "extras": lambda: with_user(extra={f"{i:x}": ["v"] for i in range(130_000)}),
    "annotations of the event": lambda: {**attack(), "annotations": numbered(130_000)},
    "addresses": lambda: {**attack(), "sourceIPs": [f"::{i:x}" for i in range(200_000)]},
    "labels": lambda: with_metadata(labels=numbered(130_000)),
    "annotations": lambda: with_metadata(annotations=numbered(130_000)),
    "owners": lambda: with_metadata(ownerReferences=many({"kind": "A", "name": "b"}, 65_000)),
    "containers": lambda: with_containers(*[{"name": str(i), "image": f"a{i}"} for i in range(55_000)]),
    "privileged containers": lambda: with_containers(*many({"image": "alpine", "securityContext": {"privileged": True}}, 30_000)),
    "environment": lambda: with_containers({"name": "c", "image": "a", "env": [{"name": f"k{i}", "value": "v"} for i in range(65_000)]}),
    "arguments": lambda: with_containers({"name": "c", "image": "a", "command": many("a", 200_000), "args": many("b", 200_000)}),
    "patch": lambda: with_patch([{"op": "add", "path": f"/spec/a/{i}", "value": 1} for i in range(42_000)]),
    "copies of a patch": lambda: with_patch([{"op": "copy", "from": "/spec", "path": f"/spec/{i}"} for i in range(40_000)]),
    "nesting": lambda: nested(9_000),
    "empty objects": lambda: with_request(x=many({}, 600_000)),
    "rules of a role": lambda: with_request(kind="ClusterRole", rules=many({"verbs": ["*"], "resources": ["*"], "apiGroups": ["*"]}, 33_000)),
    "subjects": lambda: with_request(kind="RoleBinding", subjects=many({"kind": "User", "name": "x"}, 60_000)),
    "status": lambda: {**attack(), "responseStatus": {"code": 201, "details": {"causes": many({"reason": "r"}, 120_000)}}},
    "escapes": lambda: json.dumps(with_containers({"name": "c", "image": "a", "args": many("\x01\x02", 140_000)})).replace("\x01", "\\u0001"),
    "one long string": lambda: with_containers({"name": "c", "image": "a", "args": ["\\\"" * 900_000]}),
    "answer": lambda: {**attack(), "responseObject": {"kind": "CronJob", "x": many(0, 900_000)}},
}


def text_of(shape):
    event = SHAPES[shape]()
    return (event if isinstance(event, str) else json.dumps(event, separators=(",", ":"))).encode()


def send_at_once(harrier, body, count=8):
    """The statuses."""
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(socket.create_connection(("127.0.0.1", harrier.port))) for _ in range(count)]
        for connection in connections:
            with contextlib.suppress(OSError):  # refused before its end
                connection.sendall(body)
        return [int(connection.makefile("rb").readline().split()[1]) for connection in connections]


def assert_bound_kept(harrier, before, limit=128 * MIB):
    peak, high = harrier.metric("harrier_memory_peak_bytes"), size(harrier, "VmHWM") - before
    assert peak <= limit, f"{peak / MIB:.0f} MiB were taken"
    assert high <= peak + SLACK, f"grown by {high / MIB:.0f} MiB, counted {peak / MIB:.0f} MiB"


@pytest.mark.parametrize("shape", SHAPES)
def test_an_event_of_any_shape_is_judged_alone_and_many_keep_the_bound(harrier, shape):
    before, text = size(harrier, "VmRSS"), text_of(shape)
    assert harrier.post(text)[0] == 200
    assert harrier.metric("harrier_alerts_found_total") >= 2
    statuses = send_at_once(harrier, request(text, len(text)))
    assert set(statuses) <= {200, 503}, statuses
    assert_bound_kept(harrier, before)
    wait_for(lambda: harrier.metric("harrier_memory_used_bytes") < MIB, "the memory to be given back")


def list_of(*events):
    return b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[' + b",".join(events) + b"]}"


def posted(body, *fields):
    return request(body, len(body), *fields)


def syslog_frame(text):
    message = b"<13>1 - h a - - - " + text
    return b"%d %s" % (len(message), message)


def relp_frames(text):
    message = b"<13>1 - h a - - - " + text
    return b"1 open 14 relp_version=0\n2 syslog %d %s\n" % (len(message), message)


WAYS = {
    "list": lambda text: ("port", posted(list_of(*[json.dumps(attack()).encode()] * 100, text))),
    "gzip": lambda text: ("port", posted(gzip.compress(text), b"Content-Encoding: gzip")),
    "syslog": lambda text: ("syslog", syslog_frame(text)),
    "relp": lambda text: ("relp", relp_frames(text)),
}


def send_over(harrier, door, pieces):
    """Each on a connection of its own, at the same time; a sender that is refused and can send again does so until it is heard."""
    def send(piece):
        with socket.create_connection(("127.0.0.1", getattr(harrier, door)), timeout=120) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(piece)
            if door == "syslog":
                return True
            with contextlib.suppress(OSError):
                answer = connection.makefile("rb")
                if door == "port":
                    return b" 200 " in answer.readline()
                return any(line.startswith(b"2 rsp") for line in answer)
        return False

    with concurrent.futures.ThreadPoolExecutor(len(pieces)) as pool:
        list(pool.map(lambda piece: wait_for(lambda: send(piece), "the sender to be heard"), pieces))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shape", ["groups", "values of one extra"])
def test_huge_events_at_once_keep_the_bound_whichever_way_they_come_and_each_is_judged(harrier, way, shape):
    before, found = size(harrier, "VmRSS"), harrier.metric("harrier_alerts_found_total")
    door, piece = WAYS[way](text_of(shape))
    send_over(harrier, door, [piece] * 4)
    wait_for(lambda: harrier.metric("harrier_alerts_found_total") >= found + 4, "the alerts")
    assert_bound_kept(harrier, before)
    wait_for(lambda: harrier.metric("harrier_memory_used_bytes") < MIB, "the memory to be given back")
