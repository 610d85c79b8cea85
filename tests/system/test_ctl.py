# SPDX-License-Identifier: Apache-2.0
"""harrierctl from the outside: exit codes, messages, and what comes out of it."""
import gzip
import json
import os
import re
import signal
import subprocess

import pytest

import captured
from daemon import free_port, wait_for

HARRIERCTL = os.environ.get("HARRIERCTL", os.path.join(captured.ROOT, "build", "harrierctl"))
COMMANDS = ["check", "replay", "explain", "udm", "fields", "policy", "enroll", "alerts", "dead", "status", "reload"]

GOOD = """rule web_shell {
  meta:
    severity = "HIGH"
  events:
    $e.metadata.log_type = "K8S_AUDIT"
    $e.network.http.method = "POST"
    $e.principal.user.userid = "dev-alice"
  condition:
    $e
}
"""


def ctl(*arguments, stdin=b"", **more):
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    environment.update(more)
    return subprocess.run([HARRIERCTL, *map(str, arguments)], input=stdin, capture_output=True, env=environment, timeout=120)


def said(done):
    return done.stderr.decode("utf-8", "replace")


def lines(done):
    return [json.loads(line) for line in done.stdout.decode().splitlines()]


def audit_ids(alerts):
    return [event["audit_id"] for alert in alerts for event in alert["events"]]


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def rule(tmp_path):
    return write(tmp_path / "good.yaral", GOOD)


@pytest.fixture
def items():
    return json.loads(captured.attacks())["items"]


@pytest.fixture
def expected(items):
    return [item["auditID"] for item in items if item["verb"] == "create"]


# --- usage ---


def test_every_command_has_help_with_examples_and_exit_codes():
    listed = ctl("--help")
    assert listed.returncode == 0
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", listed.stdout.decode(), re.M)
        text = ctl(name, "--help")
        assert text.returncode == 0
        for part in ("usage: harrierctl " + name, "options:", "examples:", "exit codes:"):
            assert part in text.stdout.decode()


@pytest.mark.parametrize("arguments, hint", [
    ([], "usage: harrierctl"), (["repaly"], "did you mean `replay`?"), (["replay", "--lsit", "x"], "did you mean --list?"),
    (["replay", "-r"], "--rule FILE"), (["alerts", "shwo"], "did you mean show?"), (["replay", "-o", "tabel", "-r", "x", "-"], "did you mean table?"),
    (["alerts", "--since", "yesterday", "--store", "/nonexistent"], "15m"), (["alerts", "--severity", "BAD", "--store", "/nonexistent"], "CRITICAL"),
    (["check", "--list", "x", "y.yaral"], "NAME=FILE"), (["udm"], "Give a FILE"),
])
def test_wrong_usage_is_64_and_says_what_to_do(arguments, hint):
    done = ctl(*arguments)
    assert done.returncode == 64
    assert hint in said(done)
    assert done.stdout == b""


def test_version_is_told():
    assert re.fullmatch(r"harrierctl \S+\n", ctl("--version").stdout.decode())


def test_a_closed_pipe_ends_it_without_a_word(rule, tmp_path):
    events = tmp_path / "many.json"
    events.write_bytes(captured.attacks() * 200)
    process = subprocess.Popen([HARRIERCTL, "udm", str(events)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.read(10)
    process.stdout.close()
    assert process.wait(timeout=60) == -signal.SIGPIPE
    assert process.stderr.read() == b""
    process.stderr.close()


# --- check ---


def test_a_good_rule_is_0_and_silent_in_a_pipe(rule):
    done = ctl("check", rule)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_all_errors_of_all_files_are_told_with_their_places(tmp_path, rule):
    first = write(tmp_path / "a.yaral", GOOD.replace("web_shell", "one").replace("principal.user.userid", "principal.user.usrid")
                  .replace("network.http.method", "network.http.metod"))
    second = write(tmp_path / "b.yaral", "rule two {\n  events:\n    $e.metadata.id = \n  condition:\n    $e\n}\n")
    done = ctl("check", first, rule, second)
    assert done.returncode == 65
    assert re.search(rf"^{re.escape(str(first))}:6:\d+: error: ", said(done), re.M)
    assert re.search(rf"^{re.escape(str(first))}:7:\d+: error: .*userid", said(done), re.M)
    assert re.search(rf"^{re.escape(str(second))}:\d+:\d+: error: ", said(done), re.M)


def test_a_name_that_two_rules_share_names_both_places(tmp_path, rule):
    again = write(tmp_path / "z.yaral", "\n" + GOOD)
    done = ctl("check", rule, again)
    assert done.returncode == 65
    assert f"{again}:2:" in said(done) and f"{rule}:1" in said(done)


def test_a_file_that_cannot_be_read_is_66(tmp_path, rule):
    for arguments in (["check", tmp_path / "none.yaral"], ["check", rule, "--list", f"x={tmp_path}/none.txt"], ["check", "-c", tmp_path / "none.yaml"],
                      ["replay", "-r", tmp_path / "none.yaral", "-"]):
        done = ctl(*arguments)
        assert done.returncode == 66, arguments
        assert "none." in said(done)


def test_a_rule_that_needs_what_only_google_has_is_69(tmp_path):
    text = GOOD.replace('= "dev-alice"', '= "x"\n    optimization.sample_rate($e.metadata.id, 1, 10)')
    done = ctl("check", write(tmp_path / "sample.yaral", text))
    assert done.returncode == 69, said(done)
    assert ": unsupported: " in said(done)


def config(tmp_path, **parts):
    """A configuration with one rule and one list beside it."""
    write(tmp_path / "rules" / "a.yaral", GOOD.replace('= "dev-alice"', "in %people"))
    write(tmp_path / "lists" / "people.txt", "dev-alice // she\n")
    defaults = {"rules": '{files: ["rules/*.yaral"], lists: lists}', "routes": "[{to: [trail]}]"}
    defaults.update(parts)
    return write(tmp_path / "harrier.yaml", f"""cluster: c1
sources:
  - {{name: api, type: webhook, listen: "127.0.0.1:1", path: /a, log_type: K8S_AUDIT}}
rules: {defaults["rules"]}
store: {{directory: store}}
destinations:
  - {{name: trail, type: file, path: alerts.ndjson}}
routes: {defaults["routes"]}
admin: {{socket: admin.sock, listen: ""}}
""")


def test_a_configuration_is_checked_with_its_rules_lists_and_routes(tmp_path):
    assert ctl("check", "-c", config(tmp_path)).returncode == 0
    done = ctl("check", "-c", config(tmp_path, routes="[{when: 'severty >= HIGH', to: [trail]}]"))
    assert done.returncode == 65
    assert re.search(r"harrier\.yaml:8:\d+: error: .*severity", said(done)), said(done)
    done = ctl("check", "-c", config(tmp_path, rules='{files: ["rulez/*.yaral"], lists: lists}'))
    assert done.returncode != 0
    assert re.search(r"harrier\.yaml:4:\d+: error: no rule file matches .*rulez", said(done)), said(done)


# --- replay ---


def test_alerts_come_in_the_order_of_the_events(rule, expected, tmp_path):
    path = tmp_path / "attacks.json"
    path.write_bytes(captured.attacks())
    done = ctl("replay", "-r", rule, path)
    assert done.returncode == 0, said(done)
    assert audit_ids(lines(done)) == expected
    assert {alert["schema"] for alert in lines(done)} == {"harrier.alert/1"}


def test_every_form_and_packing_gives_the_same_alerts(rule, items, tmp_path):
    event_list = captured.attacks()
    ndjson = b"".join(json.dumps(dict(item, kind="Event", apiVersion="audit.k8s.io/v1")).encode() + b"\n" for item in items)
    forms = {"list.json": event_list, "lines.json": ndjson, "list.gz": gzip.compress(event_list),
             "members.gz": gzip.compress(ndjson[:1000]) + gzip.compress(ndjson[1000:]),
             "lines.zst": subprocess.run(["zstd", "-qc"], input=ndjson, capture_output=True, check=True).stdout}
    seen = set()
    for name, content in forms.items():
        path = tmp_path / name
        path.write_bytes(content)
        for done in (ctl("replay", "-r", rule, path), ctl("replay", "-r", rule, "-", stdin=content)):
            assert done.returncode == 0, (name, said(done))
            seen.add(tuple(audit_ids(lines(done))))
    assert len(seen) == 1 and len(seen.pop()) >= 4


def test_an_event_that_comes_twice_is_shown_once(rule, expected):
    done = ctl("replay", "-r", rule, "-", stdin=captured.attacks() * 2)
    assert audit_ids(lines(done)) == expected
    assert "shown once" in said(done)


def test_input_that_is_no_json_is_65_and_the_rest_is_read(rule, items, expected):
    ndjson = [json.dumps(dict(item, kind="Event", apiVersion="audit.k8s.io/v1")).encode() for item in items]
    done = ctl("replay", "-r", rule, "-", stdin=b"\n".join([ndjson[0], b"{this is wrong", *ndjson[1:]]) + b"\n")
    assert done.returncode == 65
    assert "stdin:2: " in said(done)
    assert audit_ids(lines(done)) == expected
    for empty in (b"", b"not json"):
        assert ctl("replay", "-r", rule, "-", stdin=empty).returncode == 65


def test_json_that_is_no_event_is_told_and_is_0(rule):
    done = ctl("replay", "-r", rule, "-", stdin=b'{"a": 1}\n')
    assert done.returncode == 0
    assert "stdin:1: not an audit event" in said(done)


def test_a_damaged_archive_is_65_and_a_missing_file_66(rule, tmp_path):
    whole = gzip.compress(captured.attacks())
    done = ctl("replay", "-r", rule, "-", stdin=whole[:-20])
    assert done.returncode == 65
    assert "damaged" in said(done)
    done = ctl("replay", "-r", rule, tmp_path / "none.json")
    assert done.returncode == 66


def test_the_configuration_gives_rules_lists_and_cluster(tmp_path, expected):
    done = ctl("replay", "-c", config(tmp_path), "-", stdin=captured.attacks())
    assert done.returncode == 0, said(done)
    assert audit_ids(lines(done)) == expected
    assert {alert["cluster"] for alert in lines(done)} == {"c1"}
    done = ctl("replay", "-c", tmp_path / "harrier.yaml", "--cluster", "other", "-", stdin=captured.attacks())
    assert {alert["cluster"] for alert in lines(done)} == {"other"}


def unpacked(envelope):
    return gzip.decompress(envelope.body) if b"content-encoding: gzip" in envelope.head.lower() else envelope.body


@pytest.mark.parametrize("envelope", captured.envelopes(), ids=lambda envelope: envelope.name)
def test_events_are_found_in_what_they_are_wrapped_in(envelope):
    done = ctl("replay", "-r", captured.RULE, "-", stdin=unpacked(envelope))
    assert done.returncode == 0, said(done)
    assert audit_ids(lines(done)) == envelope.alerts
    done = ctl("udm", "-", stdin=unpacked(envelope))
    assert [record["metadata"]["product_log_id"] for record in lines(done)] == envelope.events
    assert "not an audit event" not in said(done), said(done)


def test_the_cluster_that_an_envelope_names_counts_where_the_source_says_so(tmp_path):
    envelope = next(envelope for envelope in captured.envelopes() if envelope.name == "gke-cronjob-create.json")
    labels = json.loads(envelope.body)["resource"]["labels"]
    named = "/".join(labels[name] for name in ("project_id", "location", "cluster_name"))
    for option, clusters in (("envelope", {named}), ("source", {"own"})):
        path = write(tmp_path / "harrier.yaml", f"""
cluster: own
rules: {{files: [{captured.RULE}]}}
sources: [{{name: s, type: webhook, listen: "127.0.0.1:1", log_type: GKE_CONTROLPLANE, cluster_from: {option}}}]
store: {{directory: store}}
""")
        done = ctl("replay", "-c", path, "-", stdin=envelope.body)
        assert {alert["cluster"] for alert in lines(done)} == clusters, said(done)
    assert {alert["cluster"] for alert in lines(ctl("replay", "-c", path, "--cluster", "other", "-", stdin=envelope.body))} == {"other"}


def test_an_unknown_log_type_is_64(rule):
    done = ctl("replay", "-r", rule, "--log-type", "K8S_AUDT", "-")
    assert done.returncode == 64
    assert "did you mean K8S_AUDIT?" in said(done)


def test_the_table_is_made_harmless(tmp_path, items):
    items[0]["user"]["username"] = "dev\x1b[2J\u202eevil\nline"
    rule = write(tmp_path / "any.yaral", GOOD.replace('= "dev-alice"', '!= ""'))
    done = ctl("replay", "-r", rule, "-o", "table", "-", stdin=json.dumps(items[0] | {"kind": "Event", "apiVersion": "audit.k8s.io/v1"}).encode())
    text = done.stdout.decode()
    assert text.startswith("TIME")
    assert "\x1b" not in text and "\u202e" not in text
    assert "\\x1b" in text


# --- udm, explain, fields ---


def test_udm_gives_one_record_a_line(items):
    done = ctl("udm", "-", stdin=captured.attacks())
    assert done.returncode == 0
    records = lines(done)
    assert len(records) == len(items)
    assert [record["metadata"]["product_log_id"] for record in records] == [item["auditID"] for item in items]
    assert records[0]["metadata"]["log_type"] == "K8S_AUDIT"


def test_udm_as_a_table_has_each_value_beside_its_field_as_a_rule_writes_it(items):
    one = json.dumps(items[0]).encode()
    done = ctl("udm", "-o", "table", "-", stdin=one * 2, COLUMNS="250")
    assert done.returncode == 0, said(done)
    rows = dict(line.split(None, 1) for line in done.stdout.decode().splitlines() if line.strip())
    assert rows["metadata.log_type"] == "K8S_AUDIT"
    assert rows["principal.user.userid"] == items[0]["user"]["username"]
    assert rows['target.resource.attribute.labels["verb"]'] == items[0]["verb"]
    assert rows['additional.fields["level"]'] == items[0]["level"]
    assert done.stdout.decode().count("principal.user.userid ") == 2
    assert ctl("udm", "-o", "table", "--pretty", "-", stdin=one).returncode == 64
    assert len(lines(ctl("udm", "-o", "ndjson", "-", stdin=one))) == 1


def test_udm_records_are_an_input_as_well(rule, expected):
    records = ctl("udm", "-", stdin=captured.attacks()).stdout
    done = ctl("replay", "-r", rule, "--log-type", "UDM", "-", stdin=records)
    assert done.returncode == 0, said(done)
    assert audit_ids(lines(done)) == expected


def test_a_misspelt_member_of_a_udm_record_is_told(rule):
    done = ctl("replay", "-r", rule, "--log-type", "UDM", "-", stdin=b'{"metadata": {"id": "a"}}\n{"metadata": {"id": "b"}, "principle": {"ip": "1.1.1.1"}}\n')
    assert done.returncode == 0, said(done)
    assert "stdin:2: warning: UDM has no `principle`" in said(done)


def test_explain_says_which_condition_failed_and_what_it_saw(tmp_path, items):
    rule = write(tmp_path / "bob.yaral", GOOD.replace("dev-alice", "dev-bob"))
    done = ctl("explain", "-r", rule, "-", stdin=captured.attacks())
    assert done.returncode == 0, said(done)
    one = lines(done)[0]
    assert (one["rule"], one["verdict"]) == ("web_shell", "not_fired")
    assert one["first_failed"]["line"] == 7
    assert one["first_failed"]["seen"] == [{"field": "principal.user.userid", "path": "user.username", "value": "dev-alice"}]
    table = ctl("explain", "-r", rule, "-o", "table", "--audit-id", items[0]["auditID"], "-", stdin=captured.attacks()).stdout.decode()
    assert "did not fire" in table and "line 7" in table and "principal.user.userid = dev-alice  at user.username" in table


def test_explain_says_that_a_rule_fired(rule, items):
    done = ctl("explain", "-r", rule, "-", stdin=captured.attacks())
    assert {one["verdict"] for one in lines(done)} == {"fired"}
    assert ctl("explain", "-r", rule, "--name", "web_shel", "-", stdin=captured.attacks()).returncode == 64
    assert ctl("explain", "-r", rule, "--audit-id", "none", "-", stdin=captured.attacks()).returncode == 66


def test_explain_leaves_out_what_is_about_something_else(tmp_path):
    rule = write(tmp_path / "delete.yaral", GOOD.replace("POST", "DELETE"))
    done = ctl("explain", "-r", rule, "-", stdin=captured.attacks())
    assert done.stdout == b"" and "--all" in said(done)
    done = ctl("explain", "-r", rule, "--all", "-", stdin=captured.attacks())
    assert {one["first_failed"]["line"] for one in lines(done)} == {6}


def test_fields_lists_what_a_rule_can_use():
    fields = {one["field"]: one for one in lines(ctl("fields"))}
    assert "principal.user.userid" in fields
    assert fields["principal.user.userid"]["type"] == "string"
    assert 'target.resource.attribute.labels["image"]' in {one["field"] for one in lines(ctl("fields", "image"))}
    assert len(lines(ctl("fields", "--all", "--depth", "2"))) < len(lines(ctl("fields", "--all", "--depth", "3")))
    of_gke = {one["field"]: one for one in lines(ctl("fields", "--type", "GKE_CONTROLPLANE"))}
    assert of_gke["principal.user.userid"]["from"] == "protoPayload.authenticationInfo.principalEmail, else principalSubject"
    assert 'target.resource.attribute.labels["image"]' in of_gke
    assert ctl("fields", "--type", "AWS_EKS").returncode == 64
    done = ctl("fields", "no-such-thing")
    assert done.stdout == b"" and "no field" in said(done)


# --- store and daemon ---


def test_without_store_and_daemon_it_says_what_to_do(tmp_path):
    path = config(tmp_path)
    done = ctl("alerts", "list", "-c", path)
    assert done.returncode == 66
    assert str(tmp_path / "store") in said(done)
    done = ctl("status", "-c", path)
    assert done.returncode == 69
    assert str(tmp_path / "admin.sock") in said(done) and "Start it" in said(done)


@pytest.fixture
def harrier(make_harrier):
    """A daemon that has the four attacks in its store, one of whose destinations is gone."""
    destinations = [{"name": "trail", "type": "file", "path": "alerts.ndjson"},
                    {"name": "gone", "type": "webhook", "url": f"http://127.0.0.1:{free_port()}/", "give_up_after": "1s", "retry_base": "100ms",
                     "retry_cap": "100ms"}]
    harrier = make_harrier(destinations=destinations)
    harrier.start()
    harrier.post(captured.attacks())
    return harrier


def test_alerts_are_listed_filtered_and_shown(harrier, expected):
    alerts = lines(ctl("alerts", "list", "-c", harrier.config))
    assert sorted(audit_ids(alerts)) == sorted(expected)
    assert len(lines(ctl("alerts", "list", "-c", harrier.config, "--limit", "1"))) == 1
    table = ctl("alerts", "list", "-o", "table", "-c", harrier.config, "--limit", "1")
    assert [alert["alert_id"][:12].encode() in table.stdout for alert in alerts].count(True) == 1
    assert b"there are more" in table.stderr
    assert ctl("alerts", "list", "-c", harrier.config, "--rule", "other").stdout == b""
    assert ctl("alerts", "list", "-c", harrier.config, "--severity", "CRITICAL").stdout == b""
    assert len(lines(ctl("alerts", "list", "-c", harrier.config, "--since", "2020-01-01T00:00:00Z", "--severity", "high"))) == len(expected)
    assert ctl("alerts", "list", "-o", "table", "-c", harrier.config).stdout.startswith(b"TIME")
    one = alerts[0]
    assert lines(ctl("alerts", "show", "-c", harrier.config, one["alert_id"][:12])) == [one]
    text = ctl("alerts", "show", "-o", "table", "-c", harrier.config, one["alert_id"], COLUMNS="200").stdout.decode()
    for part in (one["severity"], one["rule"]["name"], one["actor"]["user"], one["actor"]["source_ips"][0], one["action"]["name"], one["evidence"][-1]["value"],
                 "Why it matched", "Delivery", "trail", one["alert_id"]):
        assert part in text
    done = ctl("alerts", "show", "-c", harrier.config, "0" * 64)
    assert done.returncode == 66


def test_follow_shows_what_comes(harrier, expected):
    process = subprocess.Popen([HARRIERCTL, "alerts", "follow", "-c", harrier.config, "--limit", "2"], stdout=subprocess.PIPE)
    try:
        seen = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert len({alert["alert_id"] for alert in seen}) == 2
        harrier.post(captured.attacks().replace(b"dev-alice", b"dev-bob"))
        seen += [json.loads(process.stdout.readline()) for _ in expected]
        assert [alert["actor"]["user"] for alert in seen[2:]] == ["dev-bob"] * len(expected)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_follow_ends_when_nobody_reads_it_any_more_though_no_alert_comes(harrier):
    process = subprocess.Popen([HARRIERCTL, "alerts", "follow", "-c", harrier.config, "--limit", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert json.loads(process.stdout.readline())["alert_id"]
        process.stdout.close()
        process.wait(60)
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


def test_follow_goes_on_over_restarts_of_the_daemon(harrier):
    process = subprocess.Popen([HARRIERCTL, "alerts", "follow", "-c", harrier.config, "--limit", "1"], stdout=subprocess.PIPE)
    try:
        assert json.loads(process.stdout.readline())["alert_id"]
        for name in (b"dev-one", b"dev-two", b"dev-three"):
            assert harrier.post(captured.attacks().replace(b"dev-alice", name))[0] == 200
            seen = [json.loads(process.stdout.readline())["actor"]["user"] for _ in range(4)]
            assert seen == [name.decode()] * 4
            harrier.stop()
            harrier.start()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_status_shows_sources_queues_and_rules(harrier, expected):
    status = json.loads(ctl("status", "-c", harrier.config, "-o", "ndjson").stdout)
    assert status["sources"][0]["alerts"] == len(expected)
    assert {one["name"] for one in status["destinations"]} == {"trail", "gone"}


def test_status_takes_the_form_that_it_is_asked_for(harrier):
    table = ctl("status", "-c", harrier.config, "-o", "table").stdout.decode()
    assert "ready, up for" in table and "DESTINATION" in table
    assert json.loads(ctl("status", "-c", harrier.config, "--json").stdout)["ready"] is True
    done = ctl("status", "-c", harrier.config, "-o", "tabel")
    assert done.returncode == 64 and "did you mean table" in said(done)


def test_status_and_the_log_name_the_clusters_that_clients_speak_for(make_harrier, tmp_path):
    clients = [{"name": name, "cluster": f"{name}-cluster", "token_file": str(write(tmp_path / name, f"{name}-token-0123456789"))}
               for name in ("east", "west", "north", "south", "far")]
    source = {"name": "apiserver", "type": "webhook", "listen": f"127.0.0.1:{free_port()}", "path": "/k8s-audit", "log_type": "K8S_AUDIT",
              "cluster": "nobody-here", "clients": clients}
    harrier = make_harrier(sources=[source])
    harrier.port = int(source["listen"].rpartition(":")[2])
    harrier.start()
    assert "clusters of its clients: east-cluster, west-cluster, north-cluster, south-cluster and 1 more\n" in harrier.log()
    for name in ("east", "far"):
        assert harrier.post(captured.attacks(), Authorization=f"Bearer {name}-token-0123456789")[0] == 200
    table = ctl("status", "-c", harrier.config, "-o", "table", COLUMNS="200").stdout.decode()
    rows = [line.split() for line in table.splitlines() if line.startswith("apiserver")]
    assert [(row[2], int(row[3])) for row in rows] == [("east-cluster", len(json.loads(captured.attacks())["items"])),
                                                       ("far-cluster", len(json.loads(captured.attacks())["items"]))]


# --- reload ---


def test_a_reload_is_over_when_the_command_is(make_harrier, tmp_path):
    path = write(tmp_path / "rules.yaral", GOOD)
    harrier = make_harrier(rules=[str(path)]).start()
    for count in (2, 3, 4):
        write(path, "\n".join(GOOD.replace("web_shell", f"web_shell_{i}") for i in range(count)))
        done = ctl("reload", "-c", harrier.config)
        assert done.returncode == 0, said(done)
        assert json.loads(done.stdout)["rules"] == count
        assert len(json.loads(ctl("status", "-c", harrier.config, "-o", "ndjson").stdout)["rules"]) == count
    assert ctl("reload", "-c", harrier.config, "-o", "table").stdout.startswith(b"reloaded: 4 rules, ")
    assert harrier.metric("harrier_reloads_total") == 4


def test_a_reload_that_is_refused_is_65_with_every_error_and_its_place_and_the_old_rules_run_on(make_harrier, tmp_path):
    path = write(tmp_path / "rules.yaral", GOOD)
    harrier = make_harrier(rules=[str(path)]).start()
    write(path, GOOD.replace("$e.network.http.method", "$e.network.http.metod").replace("dev-alice\"", "dev-alice\" and"))
    done = ctl("reload", "-c", harrier.config)
    assert done.returncode == 65
    assert f"{path}:" in said(done) and "error:" in said(done) and "from before run on" in said(done)
    assert json.loads(done.stdout)["rules"] == 1
    assert harrier.post(captured.attacks())[0] == 200
    assert harrier.stored(), "the old rule runs on"
    assert harrier.metric("harrier_reloads_refused_total") == 1


def test_a_reload_without_a_daemon_is_69_and_says_what_to_do(tmp_path):
    done = ctl("reload", "-c", config(tmp_path))
    assert done.returncode == 69
    assert str(tmp_path / "admin.sock") in said(done) and "Start it" in said(done)


def test_no_browser_and_no_get_can_reload(make_harrier):
    harrier = make_harrier().start()
    assert harrier.probe("/reload") == 404
    done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", os.path.join(harrier.folder, "admin.sock"),
                           "http://localhost/reload"], capture_output=True, text=True)
    assert done.stdout == "405"
    assert harrier.metric("harrier_reloads_total") == 0


def test_dead_deliveries_are_listed_and_put_back(harrier, expected):
    def dead():
        return [one for one in lines(ctl("dead", "list", "-c", harrier.config)) if one["kind"] == "delivery"]

    wait_for(lambda: len(dead()) == len(expected), "every delivery is given up")
    assert {one["destination"] for one in dead()} == {"gone"}
    assert all(one["error"] for one in dead())
    done = ctl("dead", "retry", "-c", harrier.config, dead()[0]["alert_id"], "gone")
    assert (done.returncode, done.stdout) == (0, b"1 delivery put back into the queue\n")
    assert ctl("dead", "retry", "-c", harrier.config, dead()[0]["alert_id"], "other").returncode == 66
    wait_for(lambda: len(dead()) == len(expected), "it is given up again")
    harrier.stop()
    done = ctl("dead", "retry", "-c", harrier.config)
    assert (done.returncode, done.stdout) == (0, b"%d deliveries put back into the queue\n" % len(expected))
    assert dead() == []


def test_input_that_was_no_event_is_kept_and_shown(harrier):
    harrier.post(b'{"no": "event"}')
    letters = wait_for(lambda: [one for one in lines(ctl("dead", "list", "-c", harrier.config)) if one["kind"] == "input"], "the dead letter is stored")
    assert letters[0]["reason"] == "not an audit event"
    shown = lines(ctl("dead", "show", "-c", harrier.config, letters[0]["number"]))
    assert shown[0]["kept"] == '{"no": "event"}'
    assert ctl("dead", "show", "-c", harrier.config, 99).returncode == 66
