# SPDX-License-Identifier: Apache-2.0
"""The system's clock jumps while a destination is down: what was acknowledged is delivered."""
import json

import pytest

import captured
from daemon import wait_for
from faked_clock import FakedClock
from receiver import Answer

ALERTS = 20
DOWN, UP = Answer(status=503), Answer()


def batch():
    """Events that alert, each of its own."""
    event = json.loads(captured.attacks())["items"][0]
    events = [{**event, "auditID": f"00000000-0000-4000-8000-{number:012d}"} for number in range(ALERTS)]
    return json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": events}).encode()


class Trial:
    """A daemon with a clock to be set, and a destination that is down, for alerts that live a day and are tried for an hour."""

    def __init__(self, make_harrier, receiver, folder, offset="+0", **options):
        receiver.otherwise = DOWN
        self.receiver = receiver
        self.clock = FakedClock(str(folder), offset, **options)
        self.harrier = make_harrier(destinations=[receiver.destination(give_up_after="1h")],
                                    store={"directory": "store", "retention": "1d", "remember_ids": "1d"})
        self.harrier.start(env=self.clock.environment)
        assert self.harrier.post(batch())[0] == 200
        self.wait_for_tries()

    def wait_for_tries(self):
        seen = len(self.receiver.requests)
        wait_for(lambda: len(self.receiver.requests) >= seen + 2, "two more tries")

    def restart(self, how):
        if how == "runs on":
            return
        self.harrier.kill() if how == "is killed" else self.harrier.stop()
        self.harrier.start(env=self.clock.environment)

    def jump(self, offset, how="runs on"):
        """The clock is set, the destination still down."""
        self.clock.set(offset)
        self.restart(how)
        self.wait_for_tries()

    def end(self):
        self.receiver.otherwise = UP
        wait_for(lambda: len(set(self.receiver.alert_ids())) == ALERTS, "every acknowledged alert")
        assert self.harrier.metric("harrier_delivery_dead_total") == 0
        assert len(self.harrier.stored_ids()) == ALERTS
        self.harrier.stop()


@pytest.mark.parametrize("offset, how", (("+365d", "runs on"), ("+365d", "is restarted"), ("+365d", "is killed"),
                                         ("-365d", "is killed"), ("-1h", "is restarted")))
def test_a_jump_and_back_loses_nothing_and_holds_nothing_up(make_harrier, receiver, tmp_path, offset, how):
    trial = Trial(make_harrier, receiver, tmp_path)
    trial.jump(offset, how)
    trial.jump("+0", how)
    trial.end()


def test_even_if_the_kernels_clocks_jump_and_go_back_nothing_is_lost_or_stands_still(make_harrier, receiver, tmp_path):
    trial = Trial(make_harrier, receiver, tmp_path, all_clocks=True)
    trial.jump("+365d")
    trial.jump("+0")
    trial.jump("-1d")
    trial.jump("+0", "is killed")
    trial.end()


def test_a_clock_years_behind_at_boot_and_then_right_loses_nothing(make_harrier, receiver, tmp_path):
    trial = Trial(make_harrier, receiver, tmp_path, "-7300d")
    trial.jump("+0")
    trial.end()


def test_a_jump_is_told_once_in_the_log_and_in_the_status(make_harrier, receiver, tmp_path):
    trial = Trial(make_harrier, receiver, tmp_path)
    assert trial.harrier.metric("harrier_clock_jumps_total") == 0
    trial.jump("+365d")
    wait_for(lambda: trial.harrier.metric("harrier_clock_jumps_total") == 1, "the jump in the metrics")
    trial.wait_for_tries()
    status = json.loads(trial.harrier.ctl("status", "--json").stdout)
    assert [one["name"] for one in status["warnings"]] == ["harrier_clock_jump"]
    assert trial.harrier.log().count("clock has jumped forward by 3153") == 1
    oldest = {one["name"]: one["oldest_seconds"] for one in status["destinations"]}
    assert oldest["soar"] < 3600
    trial.end()
