# SPDX-License-Identifier: Apache-2.0
"""What loggers put around an event is taken off it at every way in, and not only where it usually comes."""
import base64
import contextlib
import json

import pytest
from daemon import audit_ids, free_port, wait_for
from killing import attack_lines
from test_relp import Session, opened
from test_syslog import Syslog, counted

STAMP = b"2026-11-24T04:46:20.000000000Z"
SPLIT = 200  # bytes of an event that are in its first part


def json_file(part):
    return json.dumps({"log": part.decode(), "stream": "stdout", "time": STAMP.decode()}).encode()


def otlp(body):
    """A batch of the OpenTelemetry Collector with one record."""
    record = {"timeUnixNano": "1763959580000000000", "body": body}
    return json.dumps({"resourceLogs": [{"resource": {}, "scopeLogs": [{"scope": {}, "logRecords": [record]}]}]}).encode()


def any_value(value):
    """JSON as OTLP writes a body that was parsed."""
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": any_value(inner)} for key, inner in value.items()]}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [any_value(inner) for inner in value]}}
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"stringValue": value} if isinstance(value, str) else {"intValue": str(value)} if isinstance(value, int) else {}


def filter_log_events(event):
    """What `aws logs filter-log-events` prints."""
    entry = {"logStreamName": "kube-apiserver-audit-0123456789abcdef", "timestamp": 1763959580123, "message": event.decode(), "eventId": "3"}
    return json.dumps({"events": [entry], "searchedLogStreams": []}).encode()


# what stands in the log for one event
WRAPPINGS = {
    "cri": lambda event: STAMP + b" stdout F " + event,
    "cri parts": lambda event: STAMP + b" stdout P " + event[:SPLIT] + b"\n" + STAMP + b" stdout F " + event[SPLIT:],
    "json-file": lambda event: json_file(event + b"\n"),
    "json-file parts": lambda event: json_file(event[:SPLIT]) + b"\n" + json_file(event[SPLIT:] + b"\n"),
    "audit:": lambda event: b"audit: " + event,
    "aws logs tail": lambda event: b"2026-11-24T04:46:20.123000+00:00 kube-apiserver-audit-0123456789abcdef " + event,
    "aws logs filter-log-events": filter_log_events,
    "otlp line": lambda event: otlp({"stringValue": event.decode()}),
    "otlp bytes": lambda event: otlp({"bytesValue": base64.b64encode(event).decode()}),
    "otlp parsed": lambda event: otlp(any_value(json.loads(event))),
    "structured": lambda event: json.dumps({"@timestamp": STAMP.decode(), "structured": json.loads(event), "log_type": "audit"}).encode(),
}


def collected(text):
    """A record as Fluent Bit's http output and Vector's make it."""
    return json.dumps([{"date": 1763959580.5, "log": text.decode(), "kubernetes": {"pod_name": "kube-apiserver-cp-1"}}]).encode()


@pytest.fixture
def wrapped():
    """Name of each wrapping, the auditID of its event and the text, which begins and ends with a line."""
    attacks = ((audit_id, line.strip()) for audit_id, line in attack_lines(1))
    return [(name, audit_id, wrap(event)) for (name, wrap), (audit_id, event) in zip(WRAPPINGS.items(), attacks, strict=False)]


def expect_all(harrier, wrapped):
    def missing():
        stored = audit_ids(harrier.stored())
        return [name for name, audit_id, _ in wrapped if audit_id not in stored]
    with contextlib.suppress(AssertionError):
        wait_for(lambda: not missing(), "an alert for each wrapping", patience=20)
    assert missing() == []
    harrier.stop()


@pytest.mark.parametrize("enter", [lambda text: text, lambda text: text + b"\n", collected], ids=["text", "line", "record"])
def test_over_http(make_harrier, wrapped, enter):
    harrier = make_harrier().start()
    for _, _, text in wrapped:
        harrier.post(enter(text))
    expect_all(harrier, wrapped)


@pytest.mark.parametrize("enter", [lambda text: text, collected], ids=["text", "record"])
def test_over_syslog(make_harrier, wrapped, enter):
    syslog = Syslog(make_harrier)
    syslog.send(*(counted(enter(text)) for _, _, text in wrapped))
    expect_all(syslog.harrier, wrapped)


@pytest.mark.parametrize("enter", [lambda text: text, collected], ids=["text", "record"])
def test_over_relp(make_harrier, wrapped, enter):
    port = free_port()
    harrier = make_harrier(sources=[{"name": "relay", "type": "relp", "listen": f"127.0.0.1:{port}"}]).start()
    with contextlib.closing(Session(port)) as session:
        opened(session)
        for _, _, text in wrapped:
            number = session.send(b"syslog", b"<134>1 2026-11-24T04:46:20Z cp-1 kube-apiserver - - - " + enter(text))
            assert session.response() == (number, "rsp", b"200 OK")
    expect_all(harrier, wrapped)


@pytest.mark.parametrize("enter", [lambda text: text, collected], ids=["text", "record"])
def test_from_a_followed_file(make_harrier, tmp_path, wrapped, enter):
    log = tmp_path / "audit.log"
    log.write_bytes(b"")
    harrier = make_harrier(sources=[{"name": "node", "type": "file", "file": str(log)}]).start()
    with log.open("ab") as file:
        for _, _, text in wrapped:
            file.write(enter(text) + b"\n")
    expect_all(harrier, wrapped)
