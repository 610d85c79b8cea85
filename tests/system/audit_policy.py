# SPDX-License-Identifier: Apache-2.0
"""What a kube-apiserver does with an audit policy (k8s.io/apiserver/pkg/audit/policy: checker.go, apis/audit/validation), over events that were logged whole."""
import json
import re

LEVELS = ("None", "Metadata", "Request", "RequestResponse")
STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")
DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def faults(policy):
    """What an API server would refuse in the policy."""
    found = []
    if policy.get("apiVersion") != "audit.k8s.io/v1" or policy.get("kind") != "Policy":
        found.append("no Policy of audit.k8s.io/v1")
    if unknown := set(policy) - {"apiVersion", "kind", "omitStages", "rules"}:
        found.append(f"unknown members {unknown}")
    if unknown := set(policy.get("omitStages", ())) - set(STAGES):
        found.append(f"unknown stages {unknown}")
    for rule in policy["rules"]:
        if rule["level"] not in LEVELS:
            found.append(f"level {rule['level']}")
        if unknown := set(rule) - {"level", "verbs", "resources", "namespaces", "nonResourceURLs", "omitStages"}:
            found.append(f"unknown members {unknown}")
        if unknown := set(rule.get("omitStages", ())) - set(STAGES):
            found.append(f"unknown stages {unknown}")
        if "nonResourceURLs" in rule and ("resources" in rule or "namespaces" in rule):
            found.append("paths and resources in one entry")
        for url in rule.get("nonResourceURLs", ()):
            if url != "*" and not url.startswith("/"):
                found.append(f"path {url}")
        for wanted in rule.get("resources", ()):
            if wanted["group"] and not DNS_SUBDOMAIN.fullmatch(wanted["group"]):
                found.append(f"group {wanted['group']}")
        for name in ("verbs", "resources", "namespaces", "nonResourceURLs"):
            if rule.get(name) == [] or not all(rule.get(name, ["x"])):
                found.append(f"{name} is empty, which means all")
    return found


def fits_resource(name, resource, subresource, star_is_all):
    """star_is_all: `pods/*` means pods as well, as it does in the code; the documentation does not say so."""
    if name == "*" or name == (f"{resource}/{subresource}" if subresource else resource):
        return True
    if name.startswith("*/"):
        return bool(subresource) and name[2:] == subresource
    return name.endswith("/*") and name[:-2] == resource and (star_is_all or bool(subresource))


def fits(rule, verb, ref, path, star_is_all):
    if rule.get("verbs") and verb not in rule["verbs"]:
        return False
    if "resources" in rule or "namespaces" in rule:
        if not ref:
            return False
        if rule.get("namespaces") and ref.get("namespace", "") not in rule["namespaces"]:
            return False
        return not rule.get("resources") or any(
            wanted["group"] == ref.get("apiGroup", "") and
            any(fits_resource(name, ref.get("resource", ""), ref.get("subresource", ""), star_is_all) for name in wanted["resources"])
            for wanted in rule["resources"])
    if "nonResourceURLs" in rule:
        return not ref and any(url == "*" or url == path or (url.endswith("*") and path.startswith(url[:-1])) for url in rule["nonResourceURLs"])
    return True


def level_and_stages(policy, verb, ref, path="/", star_is_all=True):
    """The level at which a request is logged, and the stages that are left out; ref: of an event's objectRef, None for a request for no resource."""
    rule = next((rule for rule in policy["rules"] if fits(rule, verb, ref, path, star_is_all)), {"level": "None"})
    return rule["level"], {*policy.get("omitStages", ()), *rule.get("omitStages", ())}


def level(policy, verb, ref, path="/", star_is_all=True):
    return level_and_stages(policy, verb, ref, path, star_is_all)[0]


def of_event(policy, event, star_is_all=True):
    return level_and_stages(policy, event.get("verb", ""), event.get("objectRef"), event.get("requestURI", "").partition("?")[0], star_is_all)


def parsed(line):
    """The event of a line; None where Python cannot read it (nested too deeply, half an event)."""
    try:
        event = json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and event.get("level") in LEVELS else None


def logged(policy, line, event, star_is_all=True):
    """The line as it had been logged under the policy; None where it had not."""
    to, omitted = of_event(policy, event, star_is_all)
    if to == "None" or event.get("stage") in omitted:
        return None
    if LEVELS.index(to) >= LEVELS.index(event["level"]):
        return line
    less = {key: value for key, value in event.items() if key != "responseObject" and (to != "Metadata" or key != "requestObject")}
    return json.dumps({**less, "level": to}).encode()
