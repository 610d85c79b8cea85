# SPDX-License-Identifier: Apache-2.0
"""Destinations that fail: every alert arrives in the end, and the daemon goes on acknowledging."""
import json

import captured
import pytest
from daemon import wait_for
from receiver import Answer

PATIENCE = 180  # seconds: retries back off


def expect_all_four_once(receiver):
    wait_for(lambda: len(receiver.accepted()) >= 4, "four alerts", PATIENCE)
    assert sorted(receiver.alert_ids()) == sorted(set(receiver.alert_ids()))


@pytest.mark.parametrize("answer", [
    Answer(status=500),
    Answer(status=503, headers={"Retry-After": "1"}),
    Answer(status=429, headers={"Retry-After": "1"}),
    Answer(status=429, headers={"Retry-After": "Sun, 06 Nov 1994 08:49:37 GMT"}),
    Answer(close=True),
    Answer(status=500, body=b"x" * 5_000_000),
], ids=["500", "503-seconds", "429-seconds", "429-date", "closed", "big-answer"])
def test_a_destination_that_fails_twice_gets_every_alert_once(make_harrier, make_receiver, answer):
    soar = make_receiver(answers=[answer, answer])
    harrier = make_harrier(destinations=[soar.destination()]).start()
    assert harrier.post(captured.attacks())[0] == 200
    expect_all_four_once(soar)
    harrier.stop()


def test_a_destination_that_hangs_stops_neither_the_listener_nor_another(make_harrier, make_receiver):
    stuck, well = make_receiver(otherwise=Answer(hang=600)), make_receiver()
    harrier = make_harrier(destinations=[stuck.destination("stuck"), well.destination("well")]).start()
    assert harrier.post(captured.attacks())[0] == 200
    expect_all_four_once(well)
    assert harrier.post(captured.attacks())[0] == 200
    assert harrier.probe("/readyz") == 200
    assert not stuck.accepted()
    stuck.otherwise = Answer()
    harrier.kill()
    harrier.start()
    wait_for(lambda: len(set(stuck.alert_ids())) == 4, "the four alerts once it hangs no more", PATIENCE)
    harrier.stop()


def test_a_destination_that_is_gone_gets_every_alert_when_it_is_back(make_harrier, make_receiver):
    soar = make_receiver()
    soar.stop()
    harrier = make_harrier(destinations=[soar.destination()]).start()
    assert harrier.post(captured.attacks())[0] == 200
    harrier.stop()
    harrier.start()
    assert harrier.post(captured.attacks())[0] == 200
    soar.start()
    expect_all_four_once(soar)
    harrier.stop()


def test_routes_decide_who_gets_an_alert(make_harrier, make_receiver):
    high, low, trail = make_receiver(), make_receiver(), make_receiver()
    harrier = make_harrier(destinations=[high.destination("high"), low.destination("low"), trail.destination("trail")],
                           routes=[{"when": "severity >= HIGH", "to": ["high"]}, {"when": "severity < HIGH", "to": ["low"]},
                                   {"to": ["trail"]}]).start()
    assert harrier.post(captured.attacks())[0] == 200
    expect_all_four_once(high)
    expect_all_four_once(trail)
    harrier.stop()
    assert not low.requests


# --- Is it the alert or the destination? ---


class Dislike:
    """Judges requests: the alerts whose turn (in order of their first arrival) is in turns get answer; all of them while everything is set."""

    def __init__(self, answer, turns=(), everything=False):
        self.answer, self.turns, self.everything, self.seen = answer, turns, everything, []

    def __call__(self, body):
        alert = json.loads(body)["alert_id"]
        if alert not in self.seen:
            self.seen.append(alert)
        return self.answer if self.everything or self.seen.index(alert) in self.turns else None

    def disliked(self):
        return [self.seen[turn] for turn in self.turns]


def post_thirty_two(harrier):
    for n in range(8):
        assert harrier.post(captured.attacks().replace(b"dev-alice", b"dev-%d" % n))[0] == 200


@pytest.mark.parametrize("answer, turns", [
    (Answer(status=403, body=b"blocked by the firewall"), [2]),
    (Answer(status=302, headers={"Location": "http://127.0.0.1:1/"}), [0]),
    (Answer(status=503, headers={"Retry-After": "1"}), [4]),
    (Answer(status=429, headers={"Retry-After": "3600"}), [2]),
    (Answer(close=True), [1]),
    (Answer(status=451), range(5)),
    (Answer(status=403), range(1, 31, 2)),
], ids=["403", "302", "503", "429-an-hour", "closed", "five-at-the-front", "every-second"])
def test_alerts_that_a_destination_dislikes_keep_no_other_and_are_named(make_harrier, make_receiver, answer, turns):
    dislike = Dislike(answer, turns)
    soar = make_receiver(judge=dislike)
    harrier = make_harrier(destinations=[soar.destination()]).start()
    post_thirty_two(harrier)
    wait_for(lambda: len(soar.accepted()) >= 32 - len(turns), "all others", PATIENCE)
    wait_for(lambda: harrier.metric("harrier_delivery_queue", state="set_aside") == len(turns), "what is disliked is set aside", PATIENCE)
    assert sorted(soar.alert_ids()) == sorted(set(dislike.seen) - set(dislike.disliked()))
    listed = [json.loads(line) for line in harrier.ctl("dead", "list", "-o", "ndjson").stdout.splitlines()]
    assert sorted(one["alert_id"] for one in listed if one["kind"] == "set_aside") == sorted(dislike.disliked())
    assert dislike.disliked()[0][:12] in harrier.ctl("status").stdout.decode()
    assert dislike.disliked()[0] in harrier.log()
    if answer.headers.get("Retry-After") == "3600":
        return harrier.stop()  # it waits for hours
    soar.judge = None
    wait_for(lambda: len(soar.accepted()) >= 32, "what was set aside, once it is liked", PATIENCE)
    assert len(set(soar.alert_ids())) == 32
    harrier.stop()


def test_a_destination_that_calls_everything_malformed_gets_everything_when_it_is_mended(make_harrier, make_receiver):
    soar = make_receiver(judge=Dislike(Answer(status=400, body=b"no such schema"), everything=True))
    harrier = make_harrier(destinations=[soar.destination(hold_interval="100ms")]).start()
    post_thirty_two(harrier)
    wait_for(lambda: harrier.metric("harrier_delivery_held") == 1 and len(soar.requests) > 100, "it is held", PATIENCE)
    assert b'"state":"held"' in harrier.ctl("status").stdout
    assert harrier.metric("harrier_delivery_dead_total") == 0
    soar.judge = None
    wait_for(lambda: len(soar.accepted()) >= 32, "every alert", PATIENCE)
    assert len(set(soar.alert_ids())) == 32
    assert harrier.metric("harrier_delivery_dead_total") == 0
    harrier.stop()


def test_an_alert_that_was_taken_is_not_sent_again_for_an_answer_that_stalls(make_harrier, make_receiver):
    soar = make_receiver(otherwise=Answer(status=200, stall=600))
    harrier = make_harrier(destinations=[soar.destination(timeout="3s")]).start()
    assert harrier.post(captured.attacks())[0] == 200
    expect_all_four_once(soar)
    wait_for(lambda: harrier.metric("harrier_deliveries_total") == 4, "four deliveries", PATIENCE)
    assert len(soar.requests) == 4
    harrier.stop()
