# SPDX-License-Identifier: Apache-2.0
"""The whole line: a POST comes in, the rule decides, the alert is on disk before the 200, and arrives."""
import json
import os

import captured
from daemon import audit_ids, wait_for
from receiver import Answer

ATTACKS = sorted(event["auditID"] for event in json.loads(captured.attacks())["items"])


def test_an_attack_is_in_the_store_when_its_batch_is_acknowledged(make_harrier):
    harrier = make_harrier().start()
    status, _, _ = harrier.post(captured.attacks())
    harrier.kill()
    assert status == 200
    harrier.start()
    assert sorted(audit_ids(harrier.stored())) == ATTACKS
    harrier.stop()


def test_an_attack_arrives_at_the_webhook_at_slack_and_in_the_file(make_harrier, make_receiver):
    soar, slack = make_receiver(), make_receiver()
    harrier = make_harrier(destinations=[soar.destination(), {"name": "soc", "type": "slack", "url_file": "slack-url", "rate": 100},
                                         {"name": "trail", "type": "file", "path": "alerts.ndjson"}])
    with open(os.path.join(harrier.folder, "slack-url"), "w", encoding="ascii") as file:
        file.write(slack.url + "\n")
    harrier.start()
    assert harrier.post(captured.attacks())[0] == 200
    wait_for(lambda: len(soar.accepted()) == 4 and len(slack.accepted()) == 4 and len(harrier.trail()) == 4, "four alerts at each destination")
    harrier.stop()

    alerts = soar.alerts()
    assert sorted(audit_ids(alerts)) == ATTACKS
    for alert in alerts:
        assert alert["schema"] == "harrier.alert/1"
        assert alert["cluster"] == "test"
        assert alert["rule"]["name"] == captured.RULE_NAME
        assert alert["severity"] == "HIGH"
        assert alert["actor"]["user"] == "dev-alice"
        assert alert["action"]["verb"] == "create"
        assert alert["evidence"], "an alert says which condition matched, and on what"
    for message in slack.accepted():
        assert message.json()["blocks"]
        assert "dev-alice" in message.body.decode()
    assert sorted(alert["alert_id"] for alert in harrier.trail()) == sorted(soar.alert_ids())


def test_the_evidence_names_the_condition_the_path_and_the_value(make_harrier, receiver):
    harrier = make_harrier(destinations=[receiver.destination()]).start()
    harrier.post(captured.attacks())
    wait_for(lambda: len(receiver.accepted()) == 4, "four alerts")
    harrier.stop()
    alert = next(one for one in receiver.alerts() if one["action"]["name"] == "argus-test-cronjob")
    image = next(one for one in alert["evidence"] if one["value"] == "alpine:latest")
    assert image["event"] == "e"
    assert image["field"] == 'target.resource.attribute.labels["image"]'
    assert image["path"].startswith("requestObject.spec.jobTemplate.spec.template.spec.containers[0].image")
    assert image["line"] > 1
    assert "alpine" in image["condition"]


def test_a_resent_batch_gives_no_second_alert(make_harrier, receiver):
    harrier = make_harrier(destinations=[receiver.destination()]).start()
    for _ in range(5):
        assert harrier.post(captured.attacks())[0] == 200
    wait_for(lambda: len(receiver.accepted()) >= 4, "four alerts")
    harrier.stop()
    harrier.start()
    assert harrier.post(captured.attacks())[0] == 200
    assert len(harrier.stored()) == 4
    harrier.stop()
    assert len(receiver.accepted()) == 4
    assert len(set(receiver.alert_ids())) == 4


def test_what_was_acknowledged_before_a_kill_arrives_once_after_the_restart(make_harrier, make_receiver):
    soar = make_receiver(otherwise=Answer(status=500))
    harrier = make_harrier(destinations=[soar.destination()]).start()
    assert harrier.post(captured.attacks())[0] == 200
    wait_for(lambda: soar.requests, "a first try")
    harrier.kill()
    assert not soar.accepted()
    soar.otherwise = Answer()
    harrier.start()
    wait_for(lambda: len(soar.accepted()) >= 4, "the four alerts after the restart")
    stored = harrier.stored_ids()
    harrier.stop()
    assert sorted(soar.alert_ids()) == sorted(stored)
    assert len(set(stored)) == 4


def test_a_harmless_batch_gives_no_alert(make_harrier, receiver):
    harrier = make_harrier(destinations=[receiver.destination()]).start()
    quiet = next(post for post in captured.posts() if post.name == "plain-00003")
    assert harrier.post(quiet.body)[0] == 200
    assert harrier.stored() == []
    harrier.stop()
    assert not receiver.requests
