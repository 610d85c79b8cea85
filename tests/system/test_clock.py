# SPDX-License-Identifier: Apache-2.0
"""The system's clock jumps while a destination is down: what was acknowledged is delivered."""
import datetime
import json
import subprocess

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


def test_even_if_the_kernels_clocks_jump_or_are_behind_after_a_restart_nothing_is_lost_or_stands_still(make_harrier, receiver, tmp_path):
    """Of a running kernel they never go back."""
    trial = Trial(make_harrier, receiver, tmp_path, all_clocks=True)
    trial.jump("+365d")
    trial.jump("+0", "is killed")
    trial.jump("-1d", "is restarted")
    trial.jump("+0")
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


def gaps(harrier):
    return [one for one in harrier.notices() if one["rule"]["name"] == "harrier_gap"]


def test_after_a_downtime_that_api_servers_do_not_wait_for_the_time_to_send_again_is_told_with_a_command_that_works(make_harrier, tmp_path):
    clock = FakedClock(str(tmp_path), all_clocks=True)
    harrier = make_harrier()
    attacks = json.loads(captured.attacks())["items"]
    harrier.start(env=clock.environment)
    assert harrier.post(json.dumps({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": attacks[:1]}).encode())[0] == 200
    wait_for(lambda: harrier.metric("harrier_source_last_event_seconds", source="apiserver", cluster="test") is not None, "the event noticed")
    harrier.stop()
    harrier.start(env=clock.environment)  # at once: nothing can be missing
    harrier.stop()
    clock.set("+12m")
    harrier.start(env=clock.environment)
    wait_for(lambda: gaps(harrier), "the notice")
    told, = gaps(harrier)
    assert told["severity"] == "MEDIUM" and told["cluster"] == "test" and 700 < told["outcomes"]["seconds"] < 800
    text = f"Events of cluster test (source apiserver) from {told['outcomes']['since']} to {told['outcomes']['until']} may be missing"
    assert told["title"].startswith(text)
    wait_for(lambda: text in harrier.log(), "the log")
    warning, = (one for one in json.loads(harrier.ctl("status", "--json").stdout)["warnings"] if one["name"] == "harrier_gap")
    assert warning["text"].startswith(text) and told["outcomes"]["command"] in warning["text"]

    def logged(time, number):
        """As the log backend writes it: other bytes than the webhook's; an object may have a member of any name."""
        event = {**attacks[0], "auditID": f"00000000-0000-4000-8000-{number:012d}", "stageTimestamp": time, "annotations": {}}
        head = {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "requestObject": {**event.pop("requestObject"), "stageTimestamp": "2001-01-01T00:00:00Z"}}
        return json.dumps({**head, **event, "annotations": event.pop("annotations")}, separators=(",", ":")) + "\n"
    missing = datetime.datetime.fromisoformat(told["outcomes"]["since"][:19]) + datetime.timedelta(minutes=5)
    lines = [logged((missing + datetime.timedelta(hours=hours)).isoformat() + ".000001Z", hours + 2) for hours in (-1, 0, 1)]
    (tmp_path / "audit.log").write_text("".join(lines), encoding="utf-8")
    before = harrier.stored_ids()
    subprocess.run(told["outcomes"]["command"], shell=True, cwd=tmp_path, check=True, timeout=60)
    sent, = (one for one in harrier.stored() if one["alert_id"] not in before)
    assert sent["events"][0]["audit_id"].endswith("2")
    harrier.stop()
    harrier.start(env=clock.environment)
    assert len(gaps(harrier)) == 1
    harrier.stop()
