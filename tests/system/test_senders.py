"""Forms in which real senders give events: tests/data/senders/INDEX.tsv says what the record of each says."""
import csv
import json
import os
import re
import subprocess

import pytest

import captured

HARRIERCTL = os.environ.get("HARRIERCTL", os.path.join(captured.ROOT, "build", "harrierctl"))
FOLDER = os.path.join(captured.ROOT, "tests", "data", "senders")


def rows():
    with open(os.path.join(FOLDER, "INDEX.tsv"), encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def values(record, name):
    """Of a label, or of a path."""
    if name.startswith("label:"):
        labels = record["target"]["resource"]["attribute"]["labels"]
        return [label["value"] for label in labels if label["key"] == name[len("label:"):]]
    found = [record]
    for part in name.split("."):
        found = [inner for one in found if isinstance(one, dict) and part in one
                 for inner in (one[part] if isinstance(one[part], list) else [one[part]])]
    return [str(value) for value in found]


def holds(operator, got, wanted):
    return {"=": wanted in got, "!=": wanted not in got, "^=": any(value.startswith(wanted) for value in got),
            "*=": any(wanted in value for value in got)}[operator]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_a_senders_form_gives_its_events_and_what_they_say(row):
    done = subprocess.run([HARRIERCTL, "udm", os.path.join(FOLDER, row["file"])], capture_output=True, text=True, timeout=60)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(records) == int(row["events"]), done.stderr
    for condition in filter(None, (row["conditions"] or "").split(" & ")):
        name, operator, wanted = re.fullmatch(r"(\S+?)\s*(!=|\^=|\*=|=)\s*(.*)", condition.strip()).groups()
        for record in records:
            got = values(record, name)
            assert holds(operator, got, wanted), f"{condition}: it is {got}"


def test_a_group_in_api_version_is_seen_by_a_rule_that_asks_for_the_group(tmp_path):
    rule = tmp_path / "group.yaral"
    rule.write_text("""rule group {
  events:
    $e.target.resource.attribute.labels["api_group"] = "rbac.authorization.k8s.io"
  condition:
    $e
}
""")
    for name in ("objectref-apiversion-with-group.json", "objectref-empty-group.json"):
        done = subprocess.run([HARRIERCTL, "replay", "-r", rule, "-o", "ndjson", os.path.join(FOLDER, name)], capture_output=True, text=True, timeout=60)
        assert len(done.stdout.splitlines()) == 1, f"{name}: {done.stderr}"


@pytest.mark.parametrize("name,log_type", [("aks-source-ips.json", "KUBERNETES_AUDIT_AZURE"), ("aws-filter-log-events.json", "AWS_EKS")])
def test_a_rule_may_ask_whose_api_server_it_was_of_events_that_no_rule_would_look_at_else(name, log_type, tmp_path):
    rule = tmp_path / "provider.yaral"
    rule.write_text(f"""rule provider {{
  events:
    $e.metadata.base_labels.log_types = "{log_type}"
  condition:
    $e
}}
""")
    done = subprocess.run([HARRIERCTL, "replay", "-r", rule, "-o", "ndjson", os.path.join(FOLDER, name)], capture_output=True, text=True, timeout=60)
    assert len(done.stdout.splitlines()) == 1, done.stderr
    done = subprocess.run([HARRIERCTL, "replay", "-r", rule, os.path.join(FOLDER, "native-time-with-blank.json")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout == ""


@pytest.mark.parametrize("command", ["udm", "replay"])
def test_a_file_without_events_is_told_of_with_what_is_there_instead(command, tmp_path):
    rules = ["-r", captured.RULE] if command == "replay" else []
    for text, words in ((b'{"some":"json"}\n', ["0 events; 1 line of something else", ":1:", "no kind Event with apiVersion audit.k8s.io/"]),
                        (b'{"log":"words"}\n{"log":"more"}\n', ["0 events; 2 lines of something else", "audit.k8s.io/"]),
                        (b'{"kind":"Event","apiVersion":"v1","metadata":{"name":"x"}}\n', ["0 events; 1 line of something else"])):
        path = tmp_path / "events"
        path.write_bytes(text)
        done = subprocess.run([HARRIERCTL, command, *rules, path], capture_output=True, text=True, timeout=60)
        assert done.stdout == ""
        assert all(word in done.stderr for word in words), done.stderr


def test_trusted_proxies_say_which_address_is_the_actors():
    def address(*options):
        done = subprocess.run([HARRIERCTL, "udm", *options, os.path.join(FOLDER, "aks-source-ips.json")], capture_output=True, text=True, timeout=60)
        return json.loads(done.stdout)["principal"]["ip"] if done.returncode == 0 else done.returncode
    assert address() == ["203.0.113.9"]
    assert address("--trusted-proxies", "0") == ["172.31.52.37"]
    assert address("--trusted-proxies", "1") == ["203.0.113.9"]
    assert address("--trusted-proxies", "17") == 64
