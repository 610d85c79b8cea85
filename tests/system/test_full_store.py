# SPDX-License-Identifier: Apache-2.0
"""A store that is full: senders are told to wait, and it recovers as soon as the destination does, whoever goes on sending."""
import itertools
import json
import socket
import threading

import captured
from daemon import free_port, wait_for
from killing import attack_lines

PADDING = 600000
PLAIN = 3


def attack(number):
    """One event that alerts, large, and another one for each number."""
    event = json.loads(captured.attacks())["items"][0]
    event["auditID"] = f"00000000-0000-4000-8000-{number:012d}"
    event["requestObject"]["spec"]["harmless"] = "x" * PADDING
    return event


def batch(first, count=4):
    return json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": [attack(first + i) for i in range(count)]}).encode()


def fill(harrier):
    """The number of alerts that were acknowledged."""
    for first in range(0, 4000, 4):
        status, headers, _ = harrier.post(batch(first))
        if status == 503:
            assert int(headers["Retry-After"]) > 0
            return first
        assert status == 200
    raise AssertionError("it never became full")


def keep_sending(harrier, stop):
    while not stop.wait(0.05):
        harrier.post(batch(0, 1))


def test_a_full_store_recovers_across_a_restart_while_others_go_on_sending(make_harrier, receiver):
    receiver.stop()
    harrier = make_harrier(destinations=[receiver.destination()], store={"directory": "store", "size": "16MiB"}, limits={"raw_bytes": "1MiB"})
    port = free_port()
    harrier.settings["sources"].append({"name": "plain", "type": "syslog", "listen": f"127.0.0.1:{port}", "log_type": "K8S_AUDIT"})
    harrier.write_config()
    harrier.start()
    acknowledged = fill(harrier)
    assert harrier.probe("/readyz") == 503
    assert "for `soar`" in harrier.log() and "store.size" in harrier.log()
    # a sender that sends nothing again: its alerts are in memory alone when the daemon is stopped
    with socket.create_connection(("127.0.0.1", port)) as plain:
        lines = itertools.islice(attack_lines(1), PLAIN)
        # in one piece: nothing more is read of a connection while what was read waits for room
        plain.sendall(b"".join(b"<13>1 2026-01-01T00:00:00Z node audit - - - " + line for _, line in lines))
        wait_for(lambda: harrier.metric("harrier_events_received_total", source="plain") == PLAIN, "what the plain sender sent")
        harrier.stop()
    assert "are lost" not in harrier.log()
    harrier.start(ready=False)
    wait_for(lambda: harrier.probe("/readyz") == 503, "a store that is full as before")
    stop = threading.Event()
    sender = threading.Thread(target=keep_sending, args=(harrier, stop))
    sender.start()
    receiver.start()
    wait_for(lambda: harrier.post(batch(4000, 1))[0] == 200, "room")
    stop.set()
    sender.join()
    wait_for(lambda: harrier.metric("harrier_delivery_queue", state="pending") == 0, "every delivery")
    harrier.stop()
    ids = receiver.alert_ids()
    assert len(set(ids)) >= acknowledged + 1 + PLAIN
    assert len(ids) == len(set(ids))


def junk(number):
    """A batch of which nothing is an audit event: dead letters of some 60 KB each."""
    return b"\n".join(b'{"n":%d,"kind":"Nonsense","filler":"%s"' % (number * 8 + i, b"j" * 60000) for i in range(8))


def test_dead_letters_fill_no_store_and_keep_no_alert_out(make_harrier, receiver):
    receiver.stop()  # what holds the room is not what the destination could free
    harrier = make_harrier(destinations=[receiver.destination()], store={"directory": "store", "size": "16MiB"}).start()
    for number in range(120):  # 57 MB of letters
        status, _, _ = harrier.post(junk(number))
        assert status in (200, 400), f"after {number} batches of junk"
    wait_for(lambda: harrier.metric("harrier_store_dead_letters_dropped_total") > 0, "the oldest to go")
    assert harrier.metric("harrier_store_dead_letters") > 0
    for number in range(4):
        assert harrier.post(batch(4 * number))[0] == 200
    assert harrier.probe("/readyz") == 200
    assert "raise store.size" not in harrier.log()
    receiver.start()
    wait_for(lambda: len(set(receiver.alert_ids())) >= 16, "every alert")
    harrier.stop()
