# SPDX-License-Identifier: Apache-2.0
"""Destinations that fail: every alert arrives in the end, and the daemon goes on acknowledging."""
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
