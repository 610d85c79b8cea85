# SPDX-License-Identifier: Apache-2.0
"""Who may send, and for which cluster."""
import json
import socket

import captured
import front
import pytest
from daemon import PATIENCE, wait_for

ATTACKS = json.loads(captured.attacks())["items"]


@pytest.fixture
def authority(tmp_path):
    return front.Authority(tmp_path)


@pytest.fixture
def secret(tmp_path):
    """Writes a secret's file; its path."""
    def write(name, text):
        front.replace(str(tmp_path / name), text.encode())
        return str(tmp_path / name)
    return write


@pytest.fixture
def guarded(make_harrier, authority, secret):
    """Two clusters with a token each, one with a password; the path names the cluster."""
    clients = [{"name": "prod", "cluster": "prod", "token_file": secret("prod-token", "prod t0ken\n")},
               {"name": "stage", "cluster": "stage", "token_file": secret("stage-token", "stage t0ken\n")},
               {"name": "lab", "user": "ann", "password_file": secret("password", "pa:ss\n")}]
    daemon = front.source(make_harrier(), tls=front.server(authority), path="/k8s-audit/{cluster}", clients=clients).start()
    yield daemon
    daemon.stop()


def post(harrier, authority, cluster, *arguments):
    return front.curl(harrier, "--cacert", authority.certificate, *arguments, path=f"/k8s-audit/{cluster}", body=captured.attacks())


def bearer(token):
    return "-H", f"Authorization: Bearer {token}"


def clusters(harrier):
    return {alert["cluster"] for alert in harrier.stored()}


def test_a_client_is_known_by_its_token_and_speaks_for_its_cluster(guarded, authority):
    assert post(guarded, authority, "prod", *bearer("prod t0ken")) == 200
    assert clusters(guarded) == {"prod"}
    assert post(guarded, authority, "stage", *bearer("stage t0ken")) == 200
    assert post(guarded, authority, "lab-7", "-u", "ann:pa:ss") == 200
    assert clusters(guarded) == {"prod", "stage", "lab-7"}
    # the same events, of another cluster each time
    assert len(set(guarded.stored_ids())) == 3 * len(ATTACKS)


def test_strangers_are_refused_and_nothing_of_theirs_is_read(guarded, authority):
    assert post(guarded, authority, "prod") == 401
    assert post(guarded, authority, "prod", *bearer("prod t0ke")) == 401
    assert post(guarded, authority, "prod", "-u", "ann:wrong") == 401
    assert post(guarded, authority, "stage", *bearer("prod t0ken")) == 403
    assert post(guarded, authority, "a%2fb", "-u", "ann:pa:ss") == 404
    assert guarded.metric("harrier_access_refused_total", reason="unknown") == 3
    assert guarded.metric("harrier_access_refused_total", reason="forbidden") == 1
    assert guarded.metric("harrier_events_received_total") == 0
    assert "t0ke" not in guarded.log()
    with_challenge = front.ask(front.connect(guarded, front.context(authority)), captured.attacks(), "/k8s-audit/prod")
    assert with_challenge[0] == 401
    assert "Bearer" in with_challenge[1]["WWW-Authenticate"] and "Basic" in with_challenge[1]["WWW-Authenticate"]


def test_a_new_token_counts_as_soon_as_it_is_read(guarded, authority, secret):
    secret("prod-token", "a new one\n")
    guarded.reload()
    wait_for(lambda: post(guarded, authority, "prod", *bearer("a new one")) == 200, "the new token to count")
    assert post(guarded, authority, "prod", *bearer("prod t0ken")) == 401


def test_what_a_certificate_and_a_token_say_must_both_hold(make_harrier, authority, secret):
    tls = {**front.server(authority), "client_ca_file": authority.certificate}
    clients = [{"name": "prod", "cluster": "prod", "certificate_name": "prod", "token_file": secret("token", "t0ken")}]
    daemon = front.source(make_harrier(), tls=tls, clients=clients).start()
    prod = front.context(authority, authority.sign("prod", "prod"))
    other = front.context(authority, authority.sign("other", "other"))
    assert front.ask(front.connect(daemon, prod), captured.attacks(), Authorization="Bearer t0ken")[0] == 200
    assert front.ask(front.connect(daemon, prod), captured.attacks())[0] == 401
    assert front.ask(front.connect(daemon, other), captured.attacks(), Authorization="Bearer t0ken")[0] == 401
    assert clusters(daemon) == {"prod"}
    daemon.stop()


def test_a_jwt_is_checked_in_every_part(make_harrier, authority, tmp_path):
    issuer = front.Issuer(tmp_path)
    clients = [{"name": "pubsub", "cluster": "gke", "jwks_file": issuer.jwks, "audience": "https://harrier.example.com/v1/pubsub",
                "email": "push@acme.iam.gserviceaccount.com"}]
    daemon = front.source(make_harrier(), tls=front.server(authority), clients=clients).start()
    connection = front.connect(daemon, front.context(authority))

    def status(token):
        return front.ask(connection, captured.attacks(), Authorization=f"Bearer {token}")[0]

    good = issuer.token()
    assert status(good) == 200
    head, payload, signature = good.split(".")
    unsigned = front.base64url(b'{"alg":"none","typ":"JWT"}') + "." + payload + "."
    bad = [unsigned, unsigned + signature, f"{head}.{payload}.", f"{head}.{payload}.{signature[:-8]}AAAAAAAA", f"{head}.{payload[:-4]}AAAA.{signature}",
           issuer.token(aud="https://elsewhere"), issuer.token(email="eve@acme.iam.gserviceaccount.com"), issuer.token(email_verified=False),
           issuer.token(exp=1000), issuer.token(iat=4102444800), issuer.token(iss="https://evil.example.com"),
           issuer.token(header={"alg": "HS256", "kid": "k1"}), issuer.token(header={"alg": "RS256", "kid": "k2"}), "a.b.c", "x" * 9000]
    assert [status(token) for token in bad] == [401] * len(bad)
    assert clusters(daemon) == {"gke"}
    daemon.stop()


def test_an_address_has_its_share_of_connections_only(make_harrier):
    daemon = make_harrier(limits={"connections_per_address": 3}).start()
    held = [daemon.connect() for _ in range(3)]
    assert [daemon.post(b"{}", connection=one)[0] for one in held] == [200] * 3
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=PATIENCE) as one_more:
        assert one_more.recv(10) == b""
    assert daemon.metric("harrier_http_bounds_hit_total", bound="connections_per_address") == 1
    held[0].close()
    wait_for(lambda: daemon.metric("harrier_http_connections_open") == 2, "the place to be free")
    assert daemon.post(captured.attacks())[0] == 200
    daemon.stop()
