# SPDX-License-Identifier: Apache-2.0
"""kill -9 at random moments under load: what was acknowledged is never lost, and never stored twice."""
import http.client
import json
import random
import threading

import captured
from daemon import wait_for


PAUSE = 0.02  # seconds after a batch: more than a destination written in Python can take would only pile up
LANES = 4


def batches(seed):
    """Batches of the four attacks without end, no two events alike."""
    template = json.loads(captured.attacks())
    number = 0
    while True:
        for event in template["items"]:
            number += 1
            event["auditID"] = f"{seed:08x}-0000-4000-8000-{number:012x}"
        yield [event["auditID"] for event in template["items"]], json.dumps(template).encode()


def attack_lines(seed):
    """Lines of the audit log without end, each of them an attack, no two alike: auditID and line."""
    for _, body in batches(seed):
        for event in json.loads(body)["items"]:
            event = {"kind": "Event", "apiVersion": "audit.k8s.io/v1", **event}
            yield event["auditID"], json.dumps(event, separators=(",", ":")).encode() + b"\n"


class Load(threading.Thread):
    """Posts batches until stopped; remembers the auditIDs of those that got a 2xx."""

    def __init__(self, harrier, seed):
        super().__init__(daemon=True)
        self.harrier = harrier
        self.batches = batches(seed)
        self.acknowledged = []
        self.stopping = threading.Event()
        self.start()

    def run(self):
        while not self.stopping.is_set():
            ids, body = next(self.batches)
            try:
                status = self.harrier.post(body)[0]
            except (OSError, http.client.HTTPException):
                self.stopping.wait(0.01)
                continue
            if 200 <= status < 300:
                self.acknowledged += ids
            self.stopping.wait(PAUSE)

    def stop(self):
        self.stopping.set()
        self.join()


def kill_under_load(harrier, receiver, times, seed):
    """Kills and restarts the daemon, then checks every alert that was acknowledged: at the destination, and once in the store."""
    moment = random.Random(seed)
    harrier.start()
    loads = [Load(harrier, seed + lane) for lane in range(LANES)]
    for _ in range(times):
        threading.Event().wait(moment.uniform(0.0, 0.4))
        harrier.kill()
        harrier.start()
    for load in loads:
        load.stop()
    acknowledged = {audit_id for load in loads for audit_id in load.acknowledged}
    assert acknowledged, "the load was never acknowledged"

    def delivered():
        return {event["audit_id"] for alert in receiver.alerts() for event in alert["events"]}

    wait_for(lambda: acknowledged <= delivered(), "what was acknowledged at the destination", patience=180)
    ids = harrier.stored_ids()
    assert len(ids) == len(set(ids))
    assert set(ids) >= set(receiver.alert_ids())
    harrier.stop()
