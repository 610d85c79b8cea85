# SPDX-License-Identifier: Apache-2.0
"""Eight senders of plain syslog send attacks as fast as they can: nobody else waits for more than a bounded share of theirs, and a stop keeps its promise."""
import contextlib
import itertools
import json
import socket
import threading

import captured
from daemon import PATIENCE, free_port, wait_for

SENDERS = 8
ATTACK = json.loads(captured.attacks())["items"][0]
TEXT = json.dumps(dict(ATTACK, auditID="fair-%s"), separators=(",", ":")).encode().split(b"%s")


def attack(number):
    return TEXT[0] + str(number).encode() + TEXT[1]


class Flood:
    """Each sender on a connection of its own, without a pause, until the daemon closes it or the flood ends."""

    def __init__(self, port):
        self.port = port
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._send, args=(number,)) for number in range(SENDERS)]

    def _send(self, sender):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            for number in itertools.count():
                if self.over.is_set():
                    return
                connection.sendall(b"".join(b"<134>Nov 24 04:46:20 cp-1 kube-audit: %s\n" % attack(f"{sender}-{number}-{line}") for line in range(32)))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()


def flooded(make_harrier):
    harrier, port = make_harrier(workers=1), free_port()
    harrier.settings["sources"].append({"name": "nodes", "type": "syslog", "listen": f"127.0.0.1:{port}"})
    harrier.write_config()
    return harrier.start(), port


def test_a_batch_waits_for_a_bounded_share_of_what_eight_plain_senders_send(make_harrier):
    harrier, port = flooded(make_harrier)
    stored = lambda: harrier.metric("harrier_alerts_stored_total")
    with Flood(port):
        wait_for(lambda: stored() > 100, "the flood")
        for number in range(10):
            before = stored()
            wait_for(lambda: harrier.post(attack(f"mine-{number}"))[0] == 200, "the answer")  # 503 is to be sent again, which counts as waiting
            assert stored() - before < 2000, "alerts of others were stored while one batch waited"
    harrier.stop()


def test_a_stop_loses_nothing_that_was_read_from_senders_that_go_on_sending(make_harrier):
    harrier, port = flooded(make_harrier)
    with Flood(port):
        wait_for(lambda: harrier.metric("harrier_alerts_stored_total") > 100, "the flood")
        harrier.stop()
    assert "lost" not in harrier.log()
