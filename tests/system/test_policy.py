# SPDX-License-Identifier: Apache-2.0
"""harrierctl policy: what it prints is enough for the rules, and not more than it has to be."""
import collections
import json
import os

import pytest
import yaml

import audit_policy
import captured
from daemon import harrierctl, ndjson

SHIPPED = os.path.join(captured.ROOT, "conf", "rules")
LISTS = [argument for name in sorted(os.listdir(os.path.join(captured.ROOT, "conf", "lists")))
         for argument in ("--list", f"{name.removesuffix('.txt')}={os.path.join(captured.ROOT, 'conf', 'lists', name)}")]
LABEL = '$e.target.resource.attribute.labels["{}"]'


def rule(name, *conditions, outcome=""):
    events = "\n".join("    " + one for one in conditions)
    outcome = f"  outcome:\n    {outcome}\n" if outcome else ""
    return f"rule {name} {{\n  events:\n{events}\n{outcome}  condition:\n    $e\n}}\n"


def label(key, *values):
    return "(" + " or ".join(f'{LABEL.format(key)} = "{value}"' for value in values) + ")"


# rules that ask for something different each
RULES = {
    "exec": rule("exec", label("resource", "pods"), label("subresource", "exec", "attach")),
    "exec_allowed": rule("exec_allowed", label("subresource", "exec"), '$e.network.http.response_code < 400'),
    "secret_reads": rule("secret_reads", label("resource", "secrets"), label("verb", "get", "list", "watch")),
    "secret_keys": rule("secret_keys", label("resource", "secrets"), label("api_group", ""), f'{LABEL.format("data_key")} = /./'),
    "denied": rule("denied", label("decision", "forbid")),
    "anonymous": rule("anonymous", label("user_kind", "anonymous")),
    "bindings": rule("bindings", label("resource", "clusterrolebindings", "rolebindings"), label("api_group", "rbac.authorization.k8s.io"),
                     label("role_ref_name", "cluster-admin")),
    "images_anywhere": rule("images_anywhere", f'{LABEL.format("image")} = /alpine|busybox/'),
    "not_root": rule("not_root", label("resource", "cronjobs"), f'not {LABEL.format("run_as_non_root")} = "true"'),
    "results": rule("results", label("response.image", "alpine:3")),
    "lists": rule("lists", label("response_kind", "SecretList", "CronJobList", "PodList")),
    "one_namespace": rule("one_namespace", label("namespace", "default"), label("resource", "cronjobs"), f'{LABEL.format("schedule")} = /./'),
    "names": rule("names", label("verb", "create"), label("resource", "jobs"), "$e.target.resource.name = /^a/"),
    "made_names": rule("made_names", label("verb", "create"), label("resource", "jobs", "cronjobs"), "$e.target.resource.name != \"\""),
    "event_type": rule("event_type", '$e.metadata.event_type = "RESOURCE_CREATION"', f'{LABEL.format("command")} = /sh/'),
    "deletes": rule("deletes", '$e.network.http.method = "DELETE"'),
    "url_alone": rule("url_alone", "$e.target.url = /^\\/apis\\/batch\\/v1\\/namespaces\\/[^\\/]+\\/cronjobs$/", '$e.network.http.method = "POST"'),
    "not_url": rule("not_url", "not $e.target.url = /cronjobs/", label("verb", "create"), f'{LABEL.format("image")} = /./'),
    "agents": rule("agents", "$e.network.http.user_agent = /curl/"),
    "received": rule("received", label("stage", "RequestReceived"), label("verb", "create")),
    "no_code_yet": rule("no_code_yet", "$e.network.http.response_code = 0", label("verb", "create")),
    "started": rule("started", label("stage", "ResponseStarted")),
    "not_complete": rule("not_complete", "$e.metadata.description != \"ResponseComplete\"", label("verb", "create")),
    "received_here": rule("received_here", label("stage", "RequestReceived"), label("namespace", "default")),
    "kinds": rule("kinds", label("kind", "CronJob")),
    "ids": rule("ids", '$e.target.resource.product_object_id != ""'),
    "any_name": rule("any_name", "$e.target.resource.name = /./"),
    "patches": rule("patches", label("patch_type", "json")),
    "outcome_alone": rule("outcome_alone", label("resource", "jobs"), label("verb", "create"),
                          outcome=f'$images = array_distinct({LABEL.format("image")})'),
    "object_state": rule("object_state", label("object_state", "truncated", "unresolved", "missing")),
    "annotations": rule("annotations", f'{LABEL.format("annotation.cronjob.kubernetes.io/instantiate")} = "manual"'),
    "paths": rule("paths", "$e.target.url = \"/version\""),
    "in_list": rule("in_list", f'{LABEL.format("resource")} in %watched'),
    "late": rule("late", "timestamp.now() > 0", label("resource", "pods")),
}


@pytest.fixture(scope="module")
def scenarios(tmp_path_factory):
    """All events of the captured scenarios, as lines and read."""
    _, files = captured.scenarios(str(tmp_path_factory.mktemp("scenarios")))
    events = []
    for name in files:
        with open(name, "rb") as file:
            events += [(line, audit_policy.parsed(line)) for line in file.read().split(b"\n")]
    events = [(line, event) for line, event in events if event]
    assert len(events) > 500
    return events


@pytest.fixture
def watched(tmp_path):
    (tmp_path / "watched.txt").write_text("jobs\nsecrets\n")
    return ["--list", f"watched={tmp_path / 'watched.txt'}"]


def policy_of(*arguments):
    text = harrierctl("policy", *arguments).stdout
    return yaml.safe_load(text), text.decode()


def kept(policy, scenarios, star_is_all=True):
    lines = (audit_policy.logged(policy, line, event, star_is_all) for line, event in scenarios)
    return [line for line in lines if line is not None]


def alerts(rules, lists, lines, tmp_path):
    """How often each rule fired on each event."""
    file = tmp_path / "events.ndjson"
    file.write_bytes(b"\n".join(lines) + b"\n")
    arguments = [argument for one in rules for argument in ("-r", one)]
    found = ndjson(harrierctl("replay", "-o", "ndjson", "--log-type", "K8S_AUDIT", *arguments, *lists, file, check=False).stdout)
    return collections.Counter((one["rule"]["name"], one["events"][0]["audit_id"], one["events"][0]["stage"]) for one in found)


def expected(policy, rules, lists, scenarios, tmp_path):
    """What fires on all that could be logged. A request that begins where a rule fires also ends there: the first of the two may be left out."""
    return alerts(rules, lists, [line for line, event in scenarios if event["stage"] not in audit_policy.of_event(policy, event)[1]], tmp_path)


def check_enough(rules, lists, scenarios, tmp_path):
    policy, _ = policy_of(*lists, *rules)
    assert not audit_policy.faults(policy)
    whole = expected(policy, rules, lists, scenarios, tmp_path)
    for star_is_all in (True, False):
        some = kept(policy, scenarios, star_is_all)
        assert len(some) < len(scenarios)
        assert alerts(rules, lists, some, tmp_path) == whole
    return whole


@pytest.mark.parametrize("rules", [[captured.RULE], [os.path.join(SHIPPED, name) for name in sorted(os.listdir(SHIPPED)) if name.endswith(".yaral")]],
                         ids=["seed", "shipped"])
def test_what_is_logged_under_the_policy_fires_the_same_alerts(rules, scenarios, tmp_path):
    assert check_enough(rules, LISTS, scenarios, tmp_path)


@pytest.mark.parametrize("name", RULES)
def test_the_policy_of_any_rule_leaves_out_nothing_that_it_needs(name, scenarios, tmp_path, watched):
    (tmp_path / "one.yaral").write_text(RULES[name])
    check_enough([tmp_path / "one.yaral"], watched, scenarios, tmp_path)


def test_the_policy_of_all_rules_leaves_out_nothing_that_one_needs(scenarios, tmp_path, watched):
    (tmp_path / "all.yaral").write_text("".join(RULES.values()))
    policy, _ = policy_of(*watched, tmp_path / "all.yaral")
    whole = expected(policy, [tmp_path / "all.yaral"], watched, scenarios, tmp_path)
    assert len({key[0] for key in whole}) > 15
    assert alerts([tmp_path / "all.yaral"], watched, kept(policy, scenarios), tmp_path) == whole


def one_policy(tmp_path, *names, watched=()):
    (tmp_path / "some.yaral").write_text("".join(RULES[name] for name in names))
    return policy_of(*watched, tmp_path / "some.yaral")


def ref(resource, group="", namespace="default", subresource=""):
    return {"resource": resource, "apiGroup": group, "namespace": namespace, "subresource": subresource}


def test_a_rule_about_heads_needs_level_metadata_of_its_requests_only(tmp_path):
    policy, _ = one_policy(tmp_path, "exec")
    assert audit_policy.level(policy, "create", ref("pods", subresource="exec")) == "Metadata"
    assert audit_policy.level(policy, "get", ref("pods", subresource="exec")) == "Metadata"
    assert audit_policy.level(policy, "create", ref("pods")) == "None"
    assert audit_policy.level(policy, "get", ref("pods", subresource="log")) == "None"
    assert audit_policy.level(policy, "get", ref("secrets")) == "None"
    assert audit_policy.level(policy, "get", None, "/version") == "None"


def test_secrets_stay_at_level_metadata_where_no_rule_looks_into_them(tmp_path):
    policy, text = one_policy(tmp_path, "secret_reads")
    assert audit_policy.level(policy, "get", ref("secrets")) == "Metadata"
    assert audit_policy.level(policy, "create", ref("secrets")) == "None"
    assert "ATTENTION" not in text
    policy, _ = one_policy(tmp_path, "secret_reads", "images_anywhere", "event_type", "bindings")
    for resource in (ref("secrets"), ref("configmaps"), ref("tokenreviews", "authentication.k8s.io", "")):
        for verb in ("get", "create", "update", "patch"):
            assert audit_policy.level(policy, verb, resource) in ("None", "Metadata")


def test_a_rule_that_looks_into_secrets_is_told_of_loudly(tmp_path):
    (tmp_path / "one.yaral").write_text(RULES["secret_keys"])
    done = harrierctl("policy", tmp_path / "one.yaral")
    policy = yaml.safe_load(done.stdout)
    assert audit_policy.level(policy, "create", ref("secrets")) == "Request"
    assert audit_policy.level(policy, "patch", ref("secrets")) == "RequestResponse"
    assert b"ATTENTION" in done.stderr
    assert "ATTENTION: secrets" in done.stdout.decode() and "# secret_keys" in done.stdout.decode()


def test_content_of_requests_needs_level_request_and_patches_their_answer(tmp_path):
    policy, _ = one_policy(tmp_path, "bindings")
    roles = ref("clusterrolebindings", "rbac.authorization.k8s.io", "")
    assert audit_policy.level(policy, "create", roles) == "Request"
    assert audit_policy.level(policy, "patch", roles) == "RequestResponse"
    assert audit_policy.level(policy, "create", ref("clusterroles", "rbac.authorization.k8s.io", "")) == "None"
    assert audit_policy.level(policy, "create", ref("pods")) == "None"
    assert audit_policy.level(policy, "create", ref("things", "example.org")) == "None"


def test_labels_of_the_answer_need_level_requestresponse(tmp_path):
    policy, _ = one_policy(tmp_path, "results")
    assert audit_policy.level(policy, "update", ref("cronjobs", "batch")) == "RequestResponse"


def test_names_that_the_answer_alone_has_need_level_requestresponse(tmp_path):
    policy, _ = one_policy(tmp_path, "names")
    assert audit_policy.level(policy, "create", ref("jobs", "batch")) == "RequestResponse"
    assert audit_policy.level(policy, "create", ref("cronjobs", "batch")) == "None"


def test_pod_specs_are_looked_for_where_they_can_be(tmp_path):
    policy, _ = one_policy(tmp_path, "images_anywhere")
    for resource in (ref("pods"), ref("deployments", "apps"), ref("cronjobs", "batch"), ref("pods", subresource="ephemeralcontainers"),
                     ref("workflows", "argoproj.io"), ref("jobs", "batch.volcano.sh")):
        assert audit_policy.level(policy, "create", resource) == "Request"
        assert audit_policy.level(policy, "patch", resource) == "RequestResponse"
        assert audit_policy.level(policy, "get", resource) == "None"
    for resource in (ref("services"), ref("nodes", namespace=""), ref("leases", "coordination.k8s.io"), ref("pods", subresource="exec")):
        assert audit_policy.level(policy, "create", resource) == "None"


def test_a_rule_that_says_nothing_of_resources_sees_all_of_them(tmp_path):
    policy, text = one_policy(tmp_path, "agents")
    for resource in (ref("pods"), ref("secrets"), ref("things", "example.org"), ref("pods", subresource="never-heard-of"), None):
        for verb in ("get", "create", "patch", "delete", "never-heard-of"):
            assert audit_policy.level(policy, verb, resource, "/x") == "Metadata"
    assert "agents; any other resource, custom ones too" in text


def test_a_namespace_that_a_rule_names_has_entries_of_its_own(tmp_path):
    policy, _ = one_policy(tmp_path, "one_namespace")
    assert audit_policy.level(policy, "create", ref("cronjobs", "batch")) == "Request"
    assert audit_policy.level(policy, "create", ref("cronjobs", "batch", "other")) == "None"
    assert audit_policy.level(policy, "create", ref("jobs", "batch")) == "None"
    assert audit_policy.level(policy, "create", ref("cronjobs", "example.org")) == "Request"


def test_a_custom_resource_is_told_apart_by_its_group(tmp_path):
    (tmp_path / "one.yaral").write_text(rule("workflows", label("api_group", "argoproj.io"), label("resource", "workflows"), label("privileged", "true")))
    policy, _ = policy_of(tmp_path / "one.yaral")
    assert audit_policy.level(policy, "create", ref("workflows", "argoproj.io")) == "Request"
    assert audit_policy.level(policy, "create", ref("workflows", "example.org")) == "None"
    assert audit_policy.level(policy, "create", ref("applications", "argoproj.io")) == "None"
    assert audit_policy.level(policy, "create", ref("pods")) == "None"


def test_a_url_decides_by_what_names_it_may_have(tmp_path):
    policy, text = one_policy(tmp_path, "url_alone")
    assert audit_policy.level(policy, "create", ref("cronjobs", "batch")) == "Metadata"
    assert audit_policy.level(policy, "create", ref("jobs", "batch")) == "None"
    assert audit_policy.level(policy, "create", ref("pods")) == "None"
    assert "url_alone tells resources by target.url alone" in text


def test_paths_of_no_resource_are_logged_where_a_rule_names_them(tmp_path):
    policy, _ = one_policy(tmp_path, "paths")
    assert audit_policy.level(policy, "get", None, "/version") == "Metadata"
    policy, _ = one_policy(tmp_path, "exec")
    assert audit_policy.level(policy, "get", None, "/version") == "None"


@pytest.mark.parametrize("name", ["received", "received_here", "no_code_yet"])
def test_the_stage_requestreceived_is_kept_for_rules_that_need_it(tmp_path, name):
    assert "omitStages" not in one_policy(tmp_path, name)[0]
    assert one_policy(tmp_path, "exec", "exec_allowed", "denied", "agents")[0]["omitStages"] == ["RequestReceived"]


def omitted(policy, verb, resource):
    return audit_policy.level_and_stages(policy, verb, resource)[1]


@pytest.mark.parametrize("name", ["images_anywhere", "one_namespace", "bindings"])
def test_patches_that_a_rule_looks_into_are_logged_when_they_begin_as_well(tmp_path, name):
    resource = {"images_anywhere": ref("cronjobs", "batch"), "one_namespace": ref("cronjobs", "batch"),
                "bindings": ref("clusterrolebindings", "rbac.authorization.k8s.io", "")}[name]
    policy, text = one_policy(tmp_path, name)
    assert not audit_policy.faults(policy)
    assert omitted(policy, "patch", resource) == set()
    assert omitted(policy, "create", resource) == {"RequestReceived"}
    assert "when they begin" in text
    for rule in policy["rules"]:
        assert rule["level"] == "None" or "omitStages" in rule or rule["verbs"] == ["patch"]


def test_no_stage_is_logged_that_has_a_rule_fire_twice(scenarios, tmp_path):
    # patches: a rule about heads fires on each stage
    policy, _ = one_policy(tmp_path, "images_anywhere", "agents")
    for resource in (ref("cronjobs", "batch"), ref("pods"), ref("things", "example.org")):
        assert omitted(policy, "patch", resource) == {"RequestReceived"}
    patches = [(line, event) for line, event in scenarios if event["verb"] == "patch"]  # of nothing else the beginning is kept
    for name in RULES:
        if name not in ("received", "received_here", "no_code_yet", "not_complete"):
            (tmp_path / "one.yaral").write_text(RULES[name])
            (tmp_path / "watched.txt").write_text("jobs\nsecrets\n")
            lists = ["--list", f"watched={tmp_path / 'watched.txt'}"]
            policy, _ = policy_of(*lists, tmp_path / "one.yaral")
            found = alerts([tmp_path / "one.yaral"], lists, kept(policy, patches), tmp_path)
            assert not [key for key in found if key[2] == "RequestReceived"], name


def test_the_shipped_rules_fire_once_on_an_attack_by_patch_that_is_logged_from_its_beginning(scenarios, tmp_path):
    rules = [os.path.join(SHIPPED, name) for name in sorted(os.listdir(SHIPPED)) if name.endswith(".yaral")]
    policy, _ = policy_of(*LISTS, *rules)
    patches = [(line, event) for line, event in scenarios if event["verb"] == "patch"]
    lines = kept(policy, patches)
    stages = collections.Counter(json.loads(line.decode("utf-8", "surrogateescape"))["stage"] for line in lines)
    assert stages["RequestReceived"] > 10
    found = alerts(rules, LISTS, lines, tmp_path)
    assert found and {key[2] for key in found} == {"ResponseComplete"} and set(found.values()) == {1}


def test_names_of_the_answer_are_logged_when_they_are_asked_for(tmp_path):
    policy, text = one_policy(tmp_path, "images_anywhere", "secret_keys")
    assert audit_policy.level(policy, "create", ref("jobs", "batch")) == "Request"
    assert "generateName" in text and "--names" in text
    text = harrierctl("policy", "--names", tmp_path / "some.yaral").stdout.decode()
    policy = yaml.safe_load(text)
    assert audit_policy.level(policy, "create", ref("jobs", "batch")) == "RequestResponse"
    assert audit_policy.level(policy, "create", ref("workflows", "argoproj.io")) == "RequestResponse"
    assert audit_policy.level(policy, "update", ref("jobs", "batch")) == "Request"
    assert audit_policy.level(policy, "create", ref("services")) == "None"
    assert audit_policy.level(policy, "create", ref("secrets")) == "Request", "the answer has no more than the request but its name"
    assert "generateName" not in one_policy(tmp_path, "exec")[1]


def test_the_shipped_policy_is_what_is_worked_out_for_the_shipped_rules():
    rules = [os.path.join(SHIPPED, name) for name in sorted(os.listdir(SHIPPED)) if name.endswith(".yaral")]
    with open(os.path.join(captured.ROOT, "conf", "audit-policy.yaml"), "rb") as file:
        assert file.read() == harrierctl("policy", "--least", "Metadata", "--names", *LISTS, *rules).stdout


def test_noise_that_no_rule_asks_for_is_in_no_trail(tmp_path):
    (tmp_path / "one.yaral").write_text(RULES["bindings"])
    policy, _ = policy_of("--least", "Metadata", tmp_path / "one.yaral")
    leases = ref("leases", "coordination.k8s.io")
    assert audit_policy.level(policy, "update", leases) == "None"
    assert audit_policy.level(policy, "update", ref("leases", "coordination.k8s.io", "kube-system")) == "Metadata"
    assert audit_policy.level(policy, "create", ref("events")) == "None" and audit_policy.level(policy, "delete", ref("events")) == "Metadata"
    assert audit_policy.level(policy, "get", None, "/healthz") == "None" and audit_policy.level(policy, "get", None, "/version") == "Metadata"
    (tmp_path / "one.yaral").write_text(RULES["agents"])
    policy, _ = policy_of("--least", "Metadata", tmp_path / "one.yaral")
    assert audit_policy.level(policy, "update", leases) == "Metadata" and audit_policy.level(policy, "get", None, "/healthz") == "Metadata"


def test_least_raises_what_no_rule_asks_for(tmp_path):
    (tmp_path / "one.yaral").write_text(RULES["bindings"])
    policy, _ = policy_of("--least", "Metadata", tmp_path / "one.yaral")
    assert audit_policy.level(policy, "get", ref("pods")) == "Metadata"
    assert audit_policy.level(policy, "get", None) == "Metadata"
    assert audit_policy.level(policy, "create", ref("clusterrolebindings", "rbac.authorization.k8s.io", "")) == "Request"
    assert harrierctl("policy", "--least", "Metadat", tmp_path / "one.yaral", check=False).returncode == 64


def test_labels_of_the_configuration_need_the_object_that_they_look_into(tmp_path):
    (tmp_path / "one.yaral").write_text(rule("team", label("resource", "services"), label("team", "red")))
    config = {"rules": {"files": ["one.yaral"]}, "labels": {"team": "requestObject.metadata.labels.team"}}
    (tmp_path / "harrier.yaml").write_text(yaml.safe_dump(config))
    policy, _ = policy_of("-c", tmp_path / "harrier.yaml")
    assert audit_policy.level(policy, "create", ref("services")) == "Request"
    config["labels"]["team"] = "responseObject.metadata.labels.team"
    (tmp_path / "harrier.yaml").write_text(yaml.safe_dump(config))
    assert audit_policy.level(policy_of("-c", tmp_path / "harrier.yaml")[0], "create", ref("services")) == "RequestResponse"


def test_rules_are_given_one_way_only(tmp_path):
    (tmp_path / "one.yaral").write_text(RULES["exec"])
    assert harrierctl("policy", "-c", tmp_path / "none.yaml", tmp_path / "one.yaral", check=False).returncode == 64
    assert harrierctl("policy", tmp_path / "none.yaral", check=False).returncode == 66
