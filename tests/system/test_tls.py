# SPDX-License-Identifier: Apache-2.0
"""TLS of a listener, with real clients: curl, openssl and Python's ssl."""
import json
import re
import socket
import ssl
import subprocess

import captured
import front
import pytest
from daemon import PATIENCE, audit_ids, free_port, wait_for

ATTACKS = sorted(event["auditID"] for event in json.loads(captured.attacks())["items"])


@pytest.fixture
def authority(tmp_path):
    return front.Authority(tmp_path)


@pytest.fixture
def harrier(make_harrier, authority):
    daemon = front.source(make_harrier(), tls=front.server(authority)).start()
    yield daemon
    daemon.stop()


@pytest.fixture
def mutual(make_harrier, authority):
    tls = {**front.server(authority), "client_ca_file": authority.certificate, "client_names": ["prod", "spiffe://stage"]}
    daemon = front.source(make_harrier(), tls=tls, cluster_from="certificate").start()
    yield daemon
    daemon.stop()


def s_client(harrier, *arguments, say=b""):
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{harrier.port}", *arguments], input=say, capture_output=True, timeout=PATIENCE)
    return (done.stdout + done.stderr).decode("utf-8", "replace")


def test_curl_delivers_the_attacks(harrier, authority):
    assert front.curl(harrier, "--cacert", authority.certificate, body=captured.attacks()) == 200
    assert sorted(audit_ids(harrier.stored())) == ATTACKS


def test_versions_and_protocols_are_those_that_are_sound(harrier):
    request = b"POST /k8s-audit HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    assert "Cipher is TLS_" in s_client(harrier, "-tls1_3", say=request)
    assert "Cipher is ECDHE-" in s_client(harrier, "-tls1_2", say=request)
    assert "Cipher is (NONE)" in s_client(harrier, "-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
    assert "Cipher is (NONE)" in s_client(harrier, "-tls1_2", "-cipher", "AES128-GCM-SHA256")
    assert "ALPN protocol: http/1.1" in s_client(harrier, "-alpn", "h2,http/1.1", say=request)
    assert "no application protocol" in s_client(harrier, "-alpn", "h2")
    front.wait_failures(harrier, "alpn", 1)
    front.wait_failures(harrier, "no_common", 2)


def test_tls_1_3_can_be_asked_for(make_harrier, authority):
    daemon = front.source(make_harrier(), tls={**front.server(authority), "minimum_version": "1.3"}).start()
    assert front.curl(daemon, "--cacert", authority.certificate, "--tls-max", "1.2") == 0
    assert front.curl(daemon, "--cacert", authority.certificate, body=b"{}") == 200
    daemon.stop()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed(mutual, authority, version):
    tls = front.context(authority, authority.sign("prod", "prod"), version)
    session = None
    for resumed in (False, True):
        with tls.wrap_socket(socket.create_connection(("127.0.0.1", mutual.port)), server_hostname="localhost", session=session) as connection:
            connection.sendall(b"POST /k8s-audit HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
            assert connection.recv(100).startswith(b"HTTP/1.1 200")
            assert connection.session_reused == resumed
            session = connection.session
    assert mutual.metric("harrier_tls_resumed_total") == 1


def test_only_certificates_of_the_ca_with_a_known_name_come_in(mutual, authority, tmp_path):
    (tmp_path / "foreign").mkdir()
    foreign = front.Authority(tmp_path / "foreign")
    honest = front.connect(mutual, front.context(authority, authority.sign("prod", "prod")))
    assert front.ask(honest, captured.attacks())[0] == 200
    assert front.refused(mutual, front.context(authority))
    assert front.refused(mutual, front.context(authority, authority.sign("ended", "prod", ended=True)))
    assert front.refused(mutual, front.context(authority, foreign.sign("prod", "prod")))
    assert front.refused(mutual, front.context(authority, authority.sign("other", "other\nharrier: error: forged")))
    assert not front.refused(mutual, front.context(authority, authority.sign("stage", "stage", "URI:spiffe://stage")))
    for reason in ("no_certificate", "expired", "untrusted", "wrong_name"):
        front.wait_failures(mutual, reason, 1)
    assert "certificate has expired" in mutual.log()
    for name in ("other", "prod"):
        assert re.search(rf"with the certificate of /CN={name}.*, issued by /CN=", mutual.log()), f"{name} in the log"
    assert "\nharrier: error: forged" not in mutual.log()
    # the others have noticed nothing
    assert front.ask(honest, captured.attacks())[0] == 200
    assert {alert["cluster"] for alert in mutual.stored()} == {"prod"}


def test_what_is_no_tls_gets_no_answer(harrier, authority):
    honest = front.connect(harrier, front.context(authority))
    assert front.ask(honest, b"{}")[0] == 200
    for said in (b"POST /k8s-audit HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", b"\x00" * 100, b"<34>1 - - - - - - hello\n"):
        with socket.create_connection(("127.0.0.1", harrier.port), timeout=PATIENCE) as stranger:
            stranger.sendall(said)
            try:
                assert stranger.recv(100) == b""
            except ConnectionResetError:
                pass
    front.wait_failures(harrier, "plain_http", 1)
    front.wait_failures(harrier, "not_tls", 2)
    assert "https://" in harrier.log()
    assert front.ask(honest, b"{}")[0] == 200


def shown(harrier, authority):
    with front.context(authority).wrap_socket(socket.create_connection(("127.0.0.1", harrier.port)), server_hostname="localhost") as connection:
        return connection.getpeercert()["serialNumber"]


def test_a_renewed_certificate_is_taken_without_dropping_a_connection(harrier, authority):
    honest = front.connect(harrier, front.context(authority))
    assert front.ask(honest, b"{}")[0] == 200
    before = shown(harrier, authority)
    front.server(authority)
    harrier.reload()
    wait_for(lambda: shown(harrier, authority) != before, "the new certificate")
    assert front.ask(honest, captured.attacks())[0] == 200
    assert harrier.metric("harrier_tls_certificate_expiry_timestamp_seconds", source="apiserver") > 0


def test_a_bad_certificate_is_said_once_and_the_old_one_stays(harrier, authority):
    before = shown(harrier, authority)
    front.replace(authority.path("server.pem"), b"not a certificate\n")
    for count in range(3):
        harrier.reload()
        wait_for(lambda: harrier.log().count("reloaded:") > count, "the reload")
    wait_for(lambda: "the old ones stay" in harrier.log(), "a line in the log")
    assert shown(harrier, authority) == before
    assert harrier.log().count("the old ones stay") == 1
    assert authority.path("server.pem") in harrier.log()


def test_a_key_that_does_not_fit_is_refused_at_the_start(make_harrier, authority):
    tls = front.server(authority)
    tls["key_file"] = authority.sign("other", "other")[1]
    daemon = front.source(make_harrier(), tls=tls).start(ready=False)
    assert daemon.process.wait(PATIENCE) != 0
    assert "does not fit" in daemon.log()


def test_a_slow_handshake_is_ended(make_harrier, authority):
    daemon = front.source(make_harrier(limits={"header_timeout": "100ms"}), tls=front.server(authority)).start()
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=PATIENCE) as slow:
        slow.sendall(b"\x16\x03\x01")
        assert slow.recv(100) == b""
    front.wait_failures(daemon, "timeout", 1)
    daemon.stop()


@pytest.mark.parametrize("kind", ["webhook", "syslog", "relp"])
def test_a_client_whose_handshake_was_refused_does_not_disturb_a_stop(make_harrier, authority, kind):
    port = free_port()
    tls = {**front.server(authority), "client_ca_file": authority.certificate}
    daemon = make_harrier(sources=[{"name": "front", "type": kind, "listen": f"127.0.0.1:{port}", "tls": tls}]).start()
    stranger = front.context(authority, version=ssl.TLSVersion.TLSv1_2)
    plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        stranger.wrap_socket(plain, server_hostname="127.0.0.1", do_handshake_on_connect=True, suppress_ragged_eofs=False)
    held = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)  # and one that is in the midst of it
    daemon.stop()
    held.close()
    plain.close()
