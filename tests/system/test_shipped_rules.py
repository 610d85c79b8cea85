# SPDX-License-Identifier: Apache-2.0
"""The rules that are shipped excuse whom they name, and nobody whose name only looks like it."""
import copy
import json
import os
import re

import pytest

import captured
from daemon import harrierctl, ndjson

RULES = os.path.join(captured.ROOT, "conf", "rules")
LISTS = os.path.join(captured.ROOT, "conf", "lists")
NAMES = sorted(name for name in os.listdir(RULES) if name.endswith(".yaral"))
EXCUSED = ["system:serviceaccount:kube-system:cronjob-controller", "system:node:worker-1", "system:component:scheduler"]
LOOKALIKES = ["system:serviceaccount:kube-system-x:a", "system:serviceaccount:kube-systemd:a", "system:serviceaccount:kube-system.x:a",
              "system:serviceaccount:kube-system", "system:serviceaccount:x-kube-system:a", "system:serviceaccount:x:kube-system:a",
              "system:nodes:worker-1", "system:node-x:a", "system:node", "system:componentx:a", "system:component",
              "xsystem:node:worker-1", "x:system:node:worker-1", "oidc:system:serviceaccount:kube-system:a", "SYSTEM:NODE:worker-1",
              "mallory\nsystem:node:worker-1", "mallory system:serviceaccount:kube-system:a"]


def write(**members):
    event = copy.deepcopy(json.loads(captured.attacks())["items"][0])
    event.update(members)
    return event


def blind_write(user):
    return write(user={"username": user}, requestObject=None, responseObject=None, annotations={"audit.k8s.io/truncated": "true"})


def fired(tmp_path, events, lists=LISTS):
    """(rule, user) of each alert."""
    arguments = [argument for name in NAMES for argument in ("-r", os.path.join(RULES, name))]
    arguments += [argument for name in sorted(os.listdir(lists)) for argument in ("--list", f"{name.removesuffix('.txt')}={os.path.join(lists, name)}")]
    (tmp_path / "events.ndjson").write_text("".join(json.dumps(event) + "\n" for event in events))
    found = ndjson(harrierctl("replay", "-o", "ndjson", "--log-type", "K8S_AUDIT", *arguments, tmp_path / "events.ndjson").stdout)
    return {(alert["rule"]["name"], alert["actor"]["user"]) for alert in found}


def test_names_that_look_like_those_of_the_system_are_not_excused(tmp_path):
    users = EXCUSED + LOOKALIKES
    found = fired(tmp_path, [write(user={"username": user}) for user in users] + [blind_write(user) for user in users])
    for name in NAMES:
        assert {user for rule, user in found if rule == name.removesuffix(".yaral")} == set(LOOKALIKES), name


def listed(tmp_path, **entries):
    """The shipped lists, some with an entry."""
    folder = tmp_path / "lists"
    folder.mkdir()
    for name in os.listdir(LISTS):
        (folder / name).write_text(entries.get(name.removesuffix(".txt"), "") + "\n")
    return folder


def test_names_that_look_like_listed_ones_are_not_excused(tmp_path):
    lists = listed(tmp_path, t1053_gitops_controllers="system:serviceaccount:argocd:argo", t1053_backup_identities="system:serviceaccount:velero:velero")
    pod = {"containers": [{"name": "a", "image": "alpine:3"}]}
    privileged = {"containers": [{"name": "a", "image": "registry.example/own:1", "securityContext": {"privileged": True}}]}

    def job(user, spec):
        event = write(user={"username": user}, responseObject=None)
        event["requestObject"]["spec"] = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": spec}}}}
        return event
    events = [job(f"system:serviceaccount:{name}", spec) for spec, own in ((pod, "argocd:argo"), (privileged, "velero:velero"))
              for name in (own, own + "x", own + "-x", own.replace(":", "-x:"), "x" + own, own.upper())]
    found = fired(tmp_path, events, lists)
    assert len(found) == 10
    assert not {user for _, user in found} & {"system:serviceaccount:argocd:argo", "system:serviceaccount:velero:velero"}


def test_mount_paths_that_look_like_those_of_the_kernel_are_ordinary(tmp_path):
    def job(path):
        event = write(user={"username": path}, responseObject=None)
        spec = {"containers": [{"name": "a", "image": "registry.example/own:1", "volumeMounts": [{"name": "v", "mountPath": path}]}]}
        event["requestObject"]["spec"] = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": spec}}}}
        return event
    hostile = ["/proc", "/sys/", "/host/proc", "/host/sys/fs", "/proc/1/root", "/var/run/docker.sock"]
    ordinary = ["/data/sysstat", "/processed", "/srv/system", "/sysroot", "/app/proc-data"]
    assert {user for _, user in fired(tmp_path, [job(path) for path in hostile + ordinary])} == set(hostile)


@pytest.mark.parametrize("name", NAMES)
def test_no_shipped_rule_excuses_by_an_open_end(name):
    """What a regex excuses begins with ^, and each of its alternatives ends with a separator or $."""
    with open(os.path.join(RULES, name), encoding="utf-8") as file:
        excuses = re.findall(r"not \$e\.\S+ = /(.*)/$|not re\.(?:regex|match)\(.*?`(.*)`", file.read(), re.MULTILINE)
    for expression in [one or other for one, other in excuses]:
        assert expression.startswith("^"), expression
        inner = re.search(r"\((.*)\)$", expression)
        for alternative in (inner.group(1).split("|") if inner else [expression]):
            assert alternative.endswith((":", "/", "$")), expression
