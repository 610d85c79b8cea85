# SPDX-License-Identifier: Apache-2.0
"""No news is news: silence, blindness, truncation and a wrong clock are each one alert, one metric and one line of status; health is none."""
import copy
import datetime
import json

import captured
from daemon import harrierctl, wait_for

PLACE = {"source": "apiserver", "cluster": "test"}


def source(harrier, **options):
    harrier.settings["sources"][0].update(options)
    harrier.write_config()
    return harrier


def stamp(ahead=0):
    """The time of an event that is ahead of now by so many seconds."""
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=ahead)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def attack(ahead=0, **members):
    """The CronJob of an attack, as if it were sent now, with members replaced; None takes one out."""
    event = copy.deepcopy(json.loads(captured.attacks())["items"][0])
    event.update(members, requestReceivedTimestamp=stamp(ahead), stageTimestamp=stamp(ahead))
    return {name: value for name, value in event.items() if value is not None}


def stripped(**members):
    return attack(requestObject=None, responseObject=None, **members)


def post(harrier, *events):
    body = {"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "metadata": {}, "items": list(events)}
    assert harrier.post(json.dumps(body).encode())[0] == 200


def warnings(harrier):
    return json.loads(harrier.ctl("status", "--json").stdout)["warnings"]


def the_only(harrier, name):
    """The one notice that there is, when it has come; its line in status says the same."""
    wait_for(lambda: harrier.notices(), name)
    wait_for(lambda: warnings(harrier), f"{name} in status")
    found, shown = harrier.notices(), warnings(harrier)
    assert [one["rule"]["name"] for one in found] == [name]
    assert [(one["name"], one["source"], one["cluster"]) for one in shown] == [(name, "apiserver", "test")]
    assert shown[0]["remedy"] in found[0]["title"]
    return found[0]


def test_a_source_that_never_had_an_event_is_told_once_and_its_return_too(make_harrier, receiver):
    harrier = source(make_harrier(destinations=[receiver.destination()]), silence_after="2s").start()
    silent = the_only(harrier, "harrier_source_silent")
    assert silent["severity"] == "HIGH" and silent["cluster"] == "test"
    assert silent["outcomes"]["state"] == "open" and silent["outcomes"]["source"] == "apiserver"
    assert harrier.metric("harrier_source_silent", **PLACE) == 1
    assert harrier.metric("harrier_source_last_event_seconds", **PLACE) >= 2

    def back():
        post(harrier, attack(verb="get", requestObject=None, responseObject=None))
        return len(harrier.notices()) == 2
    wait_for(back, "the return")
    assert harrier.metric("harrier_source_silent", **PLACE) == 0
    over = next(one for one in harrier.notices() if one["outcomes"]["state"] == "over")
    assert over["severity"] == "INFO" and "came back after" in over["title"]
    assert over["dedup_key"] == silent["dedup_key"] and over["alert_id"] != silent["alert_id"]
    wait_for(lambda: len(receiver.accepted()) == 2, "both at the destination")
    harrier.stop()


def test_a_restart_neither_forgets_a_silence_nor_tells_it_again(make_harrier):
    harrier = source(make_harrier(), silence_after="2s").start()
    silent = the_only(harrier, "harrier_source_silent")
    harrier.stop()
    harrier.start()
    wait_for(lambda: warnings(harrier), "the silence in status")
    wait_for(lambda: harrier.metric("harrier_source_last_event_seconds", **PLACE) > 4, "time to tell it again")
    assert [one["alert_id"] for one in harrier.notices()] == [silent["alert_id"]]
    harrier.kill()
    harrier.start()
    wait_for(lambda: harrier.metric("harrier_source_last_event_seconds", **PLACE) > 4, "time to tell it again")
    assert [one["alert_id"] for one in harrier.notices()] == [silent["alert_id"]]
    harrier.stop()


def test_a_cluster_that_was_seen_once_is_missed_after_a_restart(make_harrier):
    harrier = make_harrier()
    harrier.settings["health"]["known_after"] = "0s"
    source(harrier, path="/k8s-audit/{cluster}", silence_after="3s").start()
    for cluster in ("east", "west"):
        assert harrier.post(json.dumps(attack()).encode(), path=f"/k8s-audit/{cluster}")[0] == 200
    wait_for(lambda: harrier.metric("harrier_watched_clusters") >= 3, "both clusters")
    harrier.stop()
    harrier.start()

    def missed():
        assert harrier.post(json.dumps(attack()).encode(), path="/k8s-audit/west")[0] == 200
        return harrier.notices()
    wait_for(missed, "the silence of one cluster")
    assert [(one["rule"]["name"], one["cluster"]) for one in harrier.notices()] == [("harrier_source_silent", "east")]
    harrier.stop()


def test_a_policy_that_hides_objects_is_told_once_per_rule(make_harrier):
    harrier = make_harrier().start()
    post(harrier, *[stripped(level="Metadata", auditID=f"m{number}") for number in range(3)])
    blind = the_only(harrier, "harrier_rule_blind")
    assert blind["outcomes"]["rules"] == [captured.RULE_NAME] and blind["outcomes"]["level"] == "Metadata"
    assert "Request" in blind["title"]
    post(harrier, stripped(level="Metadata", auditID="m4"))
    wait_for(lambda: harrier.metric("harrier_rule_blind_events_total", rule=captured.RULE_NAME, why="level_metadata", **PLACE) == 4, "four events")
    assert len(harrier.notices()) == 1
    harrier.stop()


def test_a_refused_request_is_no_fault_of_the_policy(make_harrier):
    harrier = make_harrier().start()
    post(harrier, stripped(responseStatus={"metadata": {}, "code": 403}))
    wait_for(lambda: harrier.metric("harrier_rule_blind_events_total", why="rejected", **PLACE) == 1, "the event")
    assert harrier.notices() == [] and warnings(harrier) == []
    harrier.stop()


def refused(**members):
    return stripped(level="Metadata", responseStatus={"metadata": {}, "code": 403}, **members)


def test_nobody_who_is_refused_mutes_the_alert_of_a_policy_that_hides_objects(make_harrier):
    harrier = make_harrier().start()
    anonymous = {"username": "system:anonymous", "groups": ["system:unauthenticated"]}
    uri = "/apis/batch/v1/namespaces/default//cronjobs"
    post(harrier, refused(user=anonymous, requestURI=uri), refused(auditID="r2"), stripped(level="Metadata", stage="RequestReceived", responseStatus=None))
    wait_for(lambda: harrier.metric("harrier_rule_blind_events_total", why="rejected", **PLACE) == 2, "the refused ones")
    wait_for(lambda: harrier.metric("harrier_rule_blind_events_total", why="stage", **PLACE) == 1, "the early one")
    assert harrier.notices() == [] and warnings(harrier) == []
    honest = stripped(level="Metadata")
    post(harrier, honest)
    blind = the_only(harrier, "harrier_rule_blind")
    assert blind["outcomes"]["cause"] == "level_metadata" and blind["outcomes"]["level"] == "Metadata"
    assert blind["outcomes"]["user"] == honest["user"]["username"] and blind["outcomes"]["resource"] == "cronjobs"
    assert blind["outcomes"]["verb"] == honest["verb"] and blind["outcomes"]["uri"] in honest["requestURI"]
    post(harrier, stripped())
    wait_for(lambda: len(harrier.notices()) == 2, "another cause")
    assert {one["outcomes"]["cause"] for one in harrier.notices()} == {"level_metadata", "missing"}
    harrier.stop()


def test_a_truncated_write_is_an_alert_of_its_own_before_it_is_acknowledged(make_harrier):
    harrier = make_harrier().start()
    truncated = stripped(annotations={"audit.k8s.io/truncated": "true"})
    post(harrier, truncated)
    assert len(harrier.notices()) == 1, "not stored before the answer"
    told = the_only(harrier, "harrier_event_truncated")
    assert told["incomplete"] and told["actor"]["user"] == truncated["user"]["username"]
    assert told["action"]["name"] == truncated["objectRef"]["name"]
    assert told["events"][0]["audit_id"] == truncated["auditID"]
    assert json.loads(told["events"][0]["raw"]) == truncated
    post(harrier, truncated)
    wait_for(lambda: harrier.metric("harrier_truncated_events_total", **PLACE) == 2, "both")
    assert len(harrier.notices()) == 1, "the same again is the same alert"
    other = copy.deepcopy(truncated)
    other["objectRef"]["name"] = "another"
    post(harrier, other)
    assert len(harrier.notices()) == 2, "another object is another alert"
    harrier.stop()


def test_a_truncated_write_that_a_rule_speaks_of_is_not_spoken_of_twice(make_harrier):
    blind_write = captured.ROOT + "/conf/rules/k8s_blind_write.yaral"
    harrier = make_harrier(rules=[captured.RULE, blind_write]).start()
    post(harrier, stripped(annotations={"audit.k8s.io/truncated": "true"}))
    assert [one["rule"]["name"] for one in harrier.stored()] == ["k8s_blind_write"]
    wait_for(lambda: harrier.metric("harrier_truncated_events_total", **PLACE) == 1, "the event")
    assert harrier.notices() == []
    harrier.stop()


def test_an_event_from_the_future_is_a_clock_that_is_wrong(make_harrier):
    harrier = make_harrier(health={"clock_skew": "2m"}).start()
    post(harrier, attack(ahead=600), attack(ahead=-3600), attack(ahead=300))
    told = the_only(harrier, "harrier_clock_skew")
    assert 590 <= told["outcomes"]["seconds"] <= 600
    assert 590 <= harrier.metric("harrier_clock_skew_seconds", **PLACE) <= 600
    harrier.stop()


def test_a_healthy_source_is_not_spoken_of(make_harrier):
    harrier = source(make_harrier(health={"clock_skew": "2m"}), silence_after="3s").start()

    def quiet_for_long():
        post(harrier, attack(), attack(ahead=-3600))
        return harrier.metric("harrier_events_received_total") > 40
    while not quiet_for_long():
        pass
    assert harrier.notices() == [] and warnings(harrier) == []
    assert harrier.metric("harrier_source_silent", **PLACE) == 0
    assert harrier.metric("harrier_truncated_events_total", **PLACE) == 0
    harrier.stop()


def test_the_alerts_fit_the_schema_s_required_members(make_harrier):
    harrier = source(make_harrier(health={"clock_skew": "2m"}), silence_after="2s").start()
    post(harrier, stripped(level="Metadata"), stripped(annotations={"audit.k8s.io/truncated": "true"}), attack(ahead=600))
    wait_for(lambda: len(harrier.notices()) >= 4, "all kinds")
    with open(captured.ROOT + "/docs/alert.schema.json", encoding="utf-8") as file:
        schema = json.load(file)

    def check(value, rule, where):
        names = {"object": dict, "array": list, "string": str, "boolean": bool}
        if isinstance(rule.get("type"), str) and rule["type"] in names:
            assert isinstance(value, names[rule["type"]]), where
        for name in rule.get("required", ()):
            assert name in value, f"{where}.{name}"
        for name, inner in rule.get("properties", {}).items():
            if name in value:
                check(value[name], inner, f"{where}.{name}")
        for number, item in enumerate(value if "items" in rule else ()):
            check(item, rule["items"], f"{where}[{number}]")
    for alert in harrier.notices():
        check(alert, schema, alert["rule"]["name"])
        shown = harrierctl("alerts", "show", alert["alert_id"], "-c", harrier.config).stdout.decode()
        assert alert["alert_id"] in shown
    harrier.stop()


def clusters_of(harrier, name):
    """The values of a metric's label cluster."""
    return {sample.partition('cluster="')[2].partition('"')[0] for sample in harrier.metrics() if sample.startswith(name + "{")}


def test_invented_clusters_raise_no_alarm_and_have_no_rows_while_an_attack_in_one_is_told_with_its_name(make_harrier, receiver):
    harrier = make_harrier(destinations=[receiver.destination()])
    harrier.settings["health"].update(clock_skew="2m", unknown_clusters=64)
    source(harrier, path="/k8s-audit/{cluster}", silence_after="2s").start()
    connection = harrier.connect()
    for number in range(300):
        event = stripped(level="Metadata", auditID=f"i{number}") if number % 2 else attack(ahead=3600, verb="get", requestObject=None, responseObject=None)
        assert harrier.post(json.dumps(event).encode(), path=f"/k8s-audit/invented-{number}", connection=connection)[0] == 200
    assert harrier.post(json.dumps(attack()).encode(), path="/k8s-audit/invented-7", connection=connection)[0] == 200
    wait_for(lambda: receiver.accepted(), "the attack")
    assert [alert["cluster"] for alert in harrier.stored()] == ["invented-7"]
    # all of them are silent by now; the source as a whole is what can be missed
    wait_for(lambda: harrier.notices(), "the silence of the source")
    wait_for(lambda: harrier.metric("harrier_source_last_event_seconds") > 6, "time to miss more")
    assert [(one["rule"]["name"], one["cluster"]) for one in harrier.notices()] == [("harrier_source_silent", "")]
    assert clusters_of(harrier, "harrier_events_received_total") == {"test", "(other clusters)"}
    assert clusters_of(harrier, "harrier_rule_blind_events_total") == {"(other clusters)"}
    assert harrier.metric("harrier_watched_clusters") == 1
    assert 0 < harrier.metric("harrier_unknown_clusters") <= 64
    assert harrier.metric("harrier_unknown_clusters_dropped_total") > 0
    harrier.stop()


def test_clusters_that_the_configuration_names_are_awaited_and_beyond_the_rate_told_together(make_harrier):
    harrier = make_harrier()
    harrier.settings["health"]["notices"] = 2
    source(harrier, path="/k8s-audit/{cluster}", silence_after="2s", clusters=["east", "west", "north", "south"]).start()
    wait_for(lambda: len(harrier.notices()) == 2, "two by themselves")
    wait_for(lambda: len(warnings(harrier)) == 4, "all in status")
    harrier.stop()
