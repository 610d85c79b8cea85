# SPDX-License-Identifier: Apache-2.0
"""Who may send, and for which cluster."""
import json
import socket
import subprocess

import captured
import front
import pytest
from daemon import PATIENCE, free_port, wait_for

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


def test_the_log_says_which_client_was_refused_for_which_cluster(guarded, authority):
    assert post(guarded, authority, "stage", *bearer("prod t0ken")) == 403
    wait_for(lambda: "(client `prod`, for the cluster `stage`) was refused (403)" in guarded.log(), "the refusal in the log")


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


@pytest.fixture
def mixed(make_harrier, authority, secret):
    """One source: a cluster known by its certificate, one by its token, one by both; and somebody with a password."""
    tls = {**front.server(authority), "client_ca_file": authority.certificate}
    clients = [{"name": "prod", "cluster": "prod", "certificate_name": "prod"},
               {"name": "stage", "cluster": "stage", "token_file": secret("stage-token", "stage-t0ken")},
               {"name": "both", "cluster": "both", "certificate_name": "both", "token_file": secret("both-token", "both-t0ken")},
               {"name": "lab", "cluster": "lab", "user": "ann", "password_file": secret("password", "pa:ss")}]
    daemon = front.source(make_harrier(), tls=tls, path="/k8s-audit/{cluster}", clients=clients).start()
    yield daemon
    daemon.stop()


def shows(pair):
    return "--cert", pair[0], "--key", pair[1]


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_token_needs_no_certificate_beside_clients_that_have_one(mixed, authority, version):
    only = ("--tls-max", version)
    assert post(mixed, authority, "stage", *only, *bearer("stage-t0ken")) == 200
    assert post(mixed, authority, "lab", *only, "-u", "ann:pa:ss") == 200
    assert post(mixed, authority, "prod", *only, *shows(authority.sign("prod", "prod"))) == 200
    assert post(mixed, authority, "both", *only, *shows(authority.sign("both", "both")), *bearer("both-t0ken")) == 200
    assert clusters(mixed) == {"prod", "stage", "both", "lab"}


def test_who_shows_neither_certificate_nor_token_is_refused(mixed, authority):
    prod, other = authority.sign("prod", "prod"), authority.sign("other", "other")
    assert post(mixed, authority, "prod") == 401
    assert post(mixed, authority, "prod", *bearer("wrong")) == 401
    assert post(mixed, authority, "prod", *shows(other)) == 401
    assert post(mixed, authority, "both", *bearer("both-t0ken")) == 401  # the entry names a certificate too
    assert post(mixed, authority, "both", *shows(authority.sign("both", "both"))) == 401
    assert post(mixed, authority, "both", *shows(prod), *bearer("both-t0ken")) == 403  # prod by its certificate, and no more
    assert mixed.metric("harrier_access_refused_total", reason="unknown") == 5
    assert mixed.metric("harrier_events_received_total") == 0


def test_a_token_speaks_for_its_own_cluster_whatever_certificate_comes_with_it(mixed, authority):
    prod, other = shows(authority.sign("prod", "prod")), shows(authority.sign("other", "other"))
    assert post(mixed, authority, "prod", *bearer("stage-t0ken")) == 403
    assert post(mixed, authority, "prod", *other, *bearer("stage-t0ken")) == 403
    assert post(mixed, authority, "lab", *prod, *bearer("stage-t0ken")) == 403
    assert mixed.metric("harrier_events_received_total") == 0
    assert post(mixed, authority, "stage", *other, *bearer("stage-t0ken")) == 200
    assert clusters(mixed) == {"stage"}


def test_a_wrong_certificate_is_refused_in_the_handshake_though_a_token_is_good(mixed, authority, tmp_path):
    (tmp_path / "foreign").mkdir()
    foreign = front.Authority(tmp_path / "foreign")
    for reason, wrong in (("untrusted", foreign.sign("stage", "stage")), ("expired", authority.sign("ended", "stage", ended=True))):
        assert post(mixed, authority, "stage", *shows(wrong), *bearer("stage-t0ken")) == 0
        front.wait_failures(mixed, reason, 1)
    assert mixed.metric("harrier_events_received_total") == 0


@pytest.mark.parametrize("kind", ["syslog", "relp", "webhook without clients", "webhook with certificates only"])
def test_a_certificate_is_required_where_nothing_else_can_be_shown(make_harrier, authority, kind):
    port = free_port()
    source = {"name": "front", "type": kind.split()[0], "listen": f"127.0.0.1:{port}",
              "tls": {**front.server(authority), "client_ca_file": authority.certificate}}
    if not kind.endswith("without clients"):
        source["clients"] = [{"name": "prod", "cluster": "prod", "certificate_name": "prod"}]
    daemon = make_harrier(sources=[source]).start()
    subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-quiet"], input=b"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
                   capture_output=True, timeout=PATIENCE)
    front.wait_failures(daemon, "no_certificate", 1)
    daemon.stop()


def test_the_certificates_common_name_is_the_cluster_of_those_who_show_one(make_harrier, authority, secret):
    tls = {**front.server(authority), "client_ca_file": authority.certificate}
    clients = [{"name": "prod", "certificate_name": "prod"}, {"name": "free", "token_file": secret("free", "free-t0ken")},
               {"name": "bound", "cluster": "stage", "token_file": secret("bound", "bound-t0ken")}]
    daemon = front.source(make_harrier(), tls=tls, cluster_from="certificate", clients=clients).start()

    def send(*arguments):
        return front.curl(daemon, "--cacert", authority.certificate, *arguments, body=captured.attacks())

    assert send(*bearer("free-t0ken")) == 403  # nobody says whose its events are
    assert send(*bearer("bound-t0ken")) == 200
    assert send(*shows(authority.sign("prod", "prod"))) == 200
    assert clusters(daemon) == {"prod", "stage"}
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
