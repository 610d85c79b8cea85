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
