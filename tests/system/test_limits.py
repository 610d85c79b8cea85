# SPDX-License-Identifier: Apache-2.0
"""What one sender brings costs the others nothing: turns of work, memory, and what can never fit."""
import base64
import contextlib
import gzip
import json
import socket

import captured
import pytest
from daemon import audit_ids

ATTACKS = sorted(event["auditID"] for event in json.loads(captured.attacks())["items"])
HEAD = b"POST /k8s-audit HTTP/1.1\r\nHost: harrier\r\nContent-Type: application/json\r\n"


@pytest.fixture
def harrier(make_harrier):
    daemon = make_harrier(workers=1).start()
    yield daemon
    daemon.stop()


def with_length(body, head=HEAD):
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def firehose(*payloads):
    records = [{"data": base64.b64encode(gzip.compress(payload)).decode()} for payload in payloads]
    return json.dumps({"requestId": "r", "timestamp": 1, "records": records}).encode()


def pubsub(payload):
    return json.dumps({"message": {"data": base64.b64encode(gzip.compress(payload)).decode()}, "subscription": "s"}).encode()


BOMB = b"\n" * (3 << 20)


@pytest.mark.parametrize("request_of", [
    lambda: with_length(firehose(BOMB, captured.attacks())),
    lambda: with_length(pubsub(firehose(BOMB) + b"\n" + captured.attacks())),
    lambda: with_length(gzip.compress(BOMB + captured.attacks()), HEAD + b"Content-Encoding: gzip\r\n"),
], ids=["firehose", "nested", "content-encoding"])
def test_what_unpacks_to_much_keeps_no_other_client_of_its_worker_waiting(harrier, request_of):
    bomb = request_of()
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(("127.0.0.1", harrier.port))) for _ in range(4)]
        for connection in slow:
            connection.sendall(bomb)
        assert harrier.post(b'{"kind":"EventList","items":[]}')[0] == 200
        answered = 0
        for connection in slow:
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                answered += len(connection.recv(1)) > 0
        assert answered < len(slow)
        connection = slow[-1]
        connection.setblocking(True)
        assert connection.makefile("rb").readline().split()[1] == b"200"
    assert sorted(audit_ids(harrier.stored())) == ATTACKS


def test_a_million_times_no_event_is_acknowledged_and_what_is_behind_it_judged(harrier):
    assert harrier.post(b"{}\n" * 1_000_000 + captured.attacks())[0] == 200
    assert sorted(audit_ids(harrier.stored())) == ATTACKS
    assert harrier.metric("harrier_events_dead_lettered_total") == 1_000_000
    assert harrier.metric("harrier_dead_letters_left_out_total") == 999_000
    assert harrier.metric("harrier_store_dead_letters") == 1_001
