# SPDX-License-Identifier: Apache-2.0
"""What clouds and log shippers send, and the replies that each of them needs."""
import gzip
import http.client
import json
import os
import subprocess
import zlib

import captured
import front
import pytest
from daemon import PATIENCE, audit_ids, ndjson

ATTACKS = sorted(event["auditID"] for event in json.loads(captured.attacks())["items"])
SAMPLES = os.path.join(captured.DATA, "source")


def sample(name):
    """Path, header fields and body of a whole request."""
    with open(os.path.join(SAMPLES, name), "rb") as file:
        head, _, body = file.read().partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    return lines[0].split()[1], headers, body


def send(harrier, path, headers, body, method="POST"):
    connection = http.client.HTTPConnection("127.0.0.1", harrier.port, timeout=PATIENCE)
    connection.request(method, path, body, {name: value for name, value in headers.items() if name != "Content-Length"})
    answer = connection.getresponse()
    result = answer.status, answer.headers, answer.read()
    connection.close()
    return result


@pytest.fixture
def secret(tmp_path):
    def write(name, text):
        front.replace(str(tmp_path / name), text.encode())
        return str(tmp_path / name)
    return write


@pytest.fixture
def harrier(make_harrier):
    daemon = make_harrier().start()
    yield daemon
    daemon.stop()


# --- Firehose ---


@pytest.fixture
def firehose(make_harrier, secret):
    clients = [{"name": "eks", "access_key_file": secret("key", "sample-access-key\n")}]
    daemon = front.source(make_harrier(), path="/v1/firehose", clients=clients).start()
    yield daemon
    daemon.stop()


def assert_firehose_reply(answer, status, request_id):
    assert answer[0] == status
    assert answer[1]["Content-Type"] == "application/json"
    reply = json.loads(answer[2])
    assert int(answer[1]["Content-Length"]) == len(answer[2])
    assert reply["requestId"] == request_id
    assert isinstance(reply["timestamp"], int) and reply["timestamp"] > 1_600_000_000_000
    assert ("errorMessage" in reply) == (status != 200)


def test_firehose_gets_its_reply_and_its_events_are_judged(firehose):
    plain, packed = sample("firehose-eks.http"), sample("firehose-eks-body-gzip.http")
    for one in (plain, packed):
        assert_firehose_reply(send(firehose, *one), 200, one[1]["X-Amz-Firehose-Request-Id"])
    # the same events, whatever they are packed in
    assert sorted(audit_ids(firehose.stored())) == ["eks-0001", "eks-0003"]


def test_firehose_with_another_key_is_refused_in_its_own_form(firehose):
    path, headers, body = sample("firehose-eks.http")
    headers["X-Amz-Firehose-Access-Key"] = "sample-access-kez"
    assert_firehose_reply(send(firehose, path, headers, body), 401, headers["X-Amz-Firehose-Request-Id"])
    assert firehose.stored() == []


def test_firehose_with_what_is_no_audit_event_is_taken(firehose):
    path, headers, _ = sample("firehose-eks.http")
    with open(os.path.join(SAMPLES, "firehose-not-audit.json"), "rb") as file:
        body = file.read()
    assert_firehose_reply(send(firehose, path, headers, body), 200, headers["X-Amz-Firehose-Request-Id"])


# --- Pub/Sub ---


def test_pubsub_wrapped_and_unwrapped_are_judged(make_harrier):
    daemon = front.source(make_harrier(), path="/v1/pubsub").start()
    for name in ("pubsub-push-wrapped.http", "pubsub-push-unwrapped.http"):
        assert send(daemon, *sample(name))[0] == 200
    assert audit_ids(daemon.stored()) == ["gke-0001-cronjob-create-nc"]
    daemon.stop()


# --- Azure ---


@pytest.fixture
def azure(make_harrier, secret):
    clients = [{"name": "azure", "path_token_file": secret("token", "hidden\n")}]
    daemon = front.source(make_harrier(), path="/v1/azure/{token}", clients=clients, event_grid=True).start()
    yield daemon
    daemon.stop()


def test_event_grid_is_answered_for_those_who_may_send(azure):
    _, headers, body = sample("eventgrid-validation.http")
    code = json.loads(body)[0]["data"]["validationCode"]
    status, _, reply = send(azure, "/v1/azure/hidden", headers, body)
    assert (status, json.loads(reply)) == (200, {"validationResponse": "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"})
    for path, expected in (("/v1/azure/wrong", 401), ("/v1/azure", 404)):
        status, _, reply = send(azure, path, headers, body)
        assert status == expected
        assert code.encode() not in reply
    assert "hidden" not in azure.log()


def test_cloudevents_may_ask_whether_they_are_wanted(azure):
    asked = {"WebHook-Request-Origin": "eventgrid.azure.net"}
    status, headers, _ = send(azure, "/v1/azure/hidden", asked, None, method="OPTIONS")
    assert (status, headers["WebHook-Allowed-Origin"]) == (200, "eventgrid.azure.net")
    status, headers, _ = send(azure, "/v1/azure/wrong", asked, None, method="OPTIONS")
    assert status == 401
    assert headers["WebHook-Allowed-Origin"] is None


# --- compressed bodies ---


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data, capture_output=True, check=True).stdout


def raw_deflate(data):
    """RFC 1951 without the zlib format around it, as many send it by the name of deflate."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("encoding, pack", [("gzip", gzip.compress), ("x-gzip", gzip.compress), ("zstd", zstd), ("deflate", zlib.compress),
                                            ("deflate", raw_deflate), ("gzip, identity", gzip.compress), ("identity,ZSTD", zstd), (" ,, gzip,", gzip.compress),
                                            ("identity, identity", bytes)])
def test_a_compressed_batch_gives_the_same_alerts(harrier, encoding, pack):
    assert harrier.post(captured.attacks())[0] == 200
    plain = sorted(harrier.stored_ids())
    assert harrier.post(pack(captured.attacks()), Content_Encoding=encoding)[0] == 200
    assert sorted(harrier.stored_ids()) == plain
    assert len(plain) == len(ATTACKS)
    assert harrier.metric("harrier_events_received_total") == 2 * len(ATTACKS)


def test_what_came_before_the_damage_is_judged(harrier):
    packed = gzip.compress(captured.attacks())
    assert harrier.post(packed[:-4], Content_Encoding="gzip")[0] == 200
    assert sorted(audit_ids(harrier.stored())) == ATTACKS
    assert harrier.metric("harrier_http_damaged_bodies_total") == 1
    assert "cannot be unpacked to its end" in harrier.log()


@pytest.mark.parametrize("pack", [zlib.compress, raw_deflate])
def test_what_came_before_the_damage_of_a_deflated_body_is_judged(harrier, pack):
    assert harrier.post(pack(captured.attacks())[:-6], Content_Encoding="deflate")[0] == 200
    assert sorted(audit_ids(harrier.stored())) == ATTACKS
    assert harrier.metric("harrier_http_damaged_bodies_total") == 1


def test_what_is_packed_twice_is_refused_and_not_half_unpacked(harrier):
    for encoding in ("gzip, gzip", "deflate, gzip", "gzip, br"):
        assert harrier.post(gzip.compress(gzip.compress(captured.attacks())), Content_Encoding=encoding)[0] == 415


def test_what_cannot_be_unpacked_is_a_dead_letter(harrier):
    assert harrier.post(b"no gzip at all", Content_Encoding="gzip")[0] == 400
    assert len(ndjson(harrier.ctl("dead", "list", "-o", "ndjson").stdout)) == 1
    assert harrier.metric("harrier_http_damaged_bodies_total") == 1


def test_what_came_before_a_bomb_is_judged_and_nobody_is_disturbed(make_harrier):
    daemon = make_harrier(limits={"inflated_bytes": "1MiB", "memory": "64MiB"}).start()
    bomb = gzip.compress(captured.attacks() + b" " * (64 << 20), 9)
    assert daemon.post(bomb, Content_Encoding="gzip")[0] == 413
    assert sorted(audit_ids(daemon.stored())) == ATTACKS
    assert "raise them" in daemon.log()
    assert daemon.metric("harrier_http_bounds_hit_total", bound="inflated_bytes") == 1
    assert daemon.post(captured.attacks())[0] == 200
    daemon.stop()


def test_what_is_not_read_is_named_with_the_remedy(harrier):
    status, headers, reply = harrier.post(b"x", Content_Encoding="br")
    assert (status, headers["Accept-Encoding"]) == (415, "gzip, deflate, zstd")
    status, _, reply = harrier.post(b"\x81\xa1a\x01", Content_Type="application/msgpack")
    assert status == 415 and b"Format json" in reply
    assert "msgpack" in harrier.log()
