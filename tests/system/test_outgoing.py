# SPDX-License-Identifier: Apache-2.0
"""The way out to a destination: its certificate, its port, its proxy, and how long a connection is kept."""
import contextlib
import os
import socket
import socketserver
import ssl
import threading

import captured
import front
import pytest
from daemon import free_port, wait_for
from receiver import Receiver

PATIENCE = 180  # seconds: retries back off
VARIABLES = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")


@pytest.fixture
def authority(tmp_path):
    return front.Authority(tmp_path)


@contextlib.contextmanager
def tls_receiver(certificate):
    """A receiver behind TLS, its destination's options (without whom to trust)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    made = Receiver()
    made.stop()
    made.wrap = lambda plain: context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def over_tls(made, **options):
    return made.destination(**{"url": made.url.replace("http://", "https://"), **options})


class Proxy:
    """An HTTP proxy: CONNECT, and requests with a whole URL. asked: their first lines. forbids: CONNECT is answered 403."""

    def __init__(self, forbids=False):
        proxy = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                proxy.serve(self.connection)

        self.forbids = forbids
        self.asked, self.heads = [], []
        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def serve(self, client):
        head = b""
        while b"\r\n\r\n" not in head:
            more = client.recv(65536)
            if not more:
                return
            head += more
        line = head.split(b"\r\n", 1)[0].decode()
        self.asked.append(line)
        self.heads.append(head)
        method, target, _ = line.split(" ")
        if self.forbids:
            client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
            return
        host, _, port = (target if method == "CONNECT" else target.split("/")[2]).rpartition(":")
        with socket.create_connection((host, int(port))) as server:
            if method == "CONNECT":
                client.sendall(b"HTTP/1.1 200 Established\r\n\r\n")
            else:
                server.sendall(head)
            back = threading.Thread(target=self.copy, args=(server, client), daemon=True)
            back.start()
            self.copy(client, server)
            back.join()

    @staticmethod
    def copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def proxy():
    made = Proxy()
    yield made
    made.stop()


def send(make_harrier, destination, expect=None, **options):
    """A daemon that was given the attacks, and whose log says what is expected."""
    harrier = make_harrier(destinations=[destination]).start(**options)
    assert harrier.post(captured.attacks())[0] == 200
    if expect:
        wait_for(lambda: expect in harrier.log(), f"{expect} in the log", PATIENCE)
    return harrier


# --- certificates ---


def certificate_of(authority, kind, tmp_path):
    if kind == "expired":
        return authority.sign("receiver", "receiver", "IP:127.0.0.1", ended=True)
    if kind == "of another name":
        return authority.sign("receiver", "receiver", "DNS:elsewhere.example")
    if kind == "untrusted":
        (tmp_path / "foreign").mkdir()
        return front.Authority(tmp_path / "foreign").sign("receiver", "receiver", "IP:127.0.0.1")
    return authority.sign("receiver", "receiver", "IP:127.0.0.1")


REASONS = {"expired": "certificate has expired", "untrusted": "unable to get local issuer certificate",
           "of another name": "no alternative certificate subject name matches target"}


@pytest.mark.parametrize("through", ["no proxy", "a proxy"])
@pytest.mark.parametrize("kind", REASONS)
def test_what_is_wrong_with_a_receivers_certificate_is_said(make_harrier, authority, tmp_path, proxy, kind, through):
    with tls_receiver(certificate_of(authority, kind, tmp_path)) as soar:
        way = {"proxy": proxy.url} if through == "a proxy" else {}
        harrier = send(make_harrier, over_tls(soar, ca_file=authority.certificate, **way), REASONS[kind])
        lines = [line for line in harrier.log().splitlines() if REASONS[kind] in line]
        assert f"https://127.0.0.1:{soar.port}: " in lines[0]
        assert not any(other in line for line in lines for name, other in REASONS.items() if name != kind)
        assert "held" in lines[0] or "operator" in lines[0] or "refused" in lines[0], lines[0]
        assert not soar.requests
        harrier.stop()


def test_a_good_certificate_is_taken(make_harrier, authority):
    with tls_receiver(authority.sign("receiver", "receiver", "IP:127.0.0.1")) as soar:
        harrier = send(make_harrier, over_tls(soar, ca_file=authority.certificate))
        wait_for(lambda: len(set(soar.alert_ids())) == 4, "four alerts", PATIENCE)
        harrier.stop()


# --- what the log names ---


def test_the_log_names_the_port(make_harrier):
    ports = [free_port(), free_port()]
    destinations = [{"name": f"d{port}", "type": "webhook", "url": f"http://127.0.0.1:{port}/s3cr3t-path", "retry_base": "50ms"} for port in ports]
    harrier = make_harrier(destinations=destinations).start()
    assert harrier.post(captured.attacks())[0] == 200
    for port in ports:
        wait_for(lambda: f"http://127.0.0.1:{port}: " in harrier.log(), f"port {port} in the log", PATIENCE)
    assert "s3cr3t" not in harrier.log()
    harrier.stop()


# --- proxies ---


def test_proxies_of_the_environment_are_not_used(make_harrier, make_receiver, proxy):
    soar = make_receiver()
    environment = {**os.environ, **{name: proxy.url for name in VARIABLES}}
    harrier = send(make_harrier, soar.destination(), env=environment)
    wait_for(lambda: len(set(soar.alert_ids())) == 4, "four alerts", PATIENCE)
    assert proxy.asked == []
    harrier.stop()


@pytest.mark.parametrize("environment", [{}, {"NO_PROXY": "*", "no_proxy": "127.0.0.1"}])
def test_a_proxy_of_the_configuration_is_used_whatever_the_environment_says(make_harrier, make_receiver, proxy, environment):
    soar = make_receiver()
    harrier = send(make_harrier, soar.destination(proxy=proxy.url), env={**os.environ, **environment})
    wait_for(lambda: len(set(soar.alert_ids())) == 4, "four alerts", PATIENCE)
    assert proxy.asked and all(line.startswith(f"POST http://127.0.0.1:{soar.port}/hook ") for line in proxy.asked)
    harrier.stop()


def test_an_https_receiver_is_reached_by_connect_and_the_proxy_reads_nothing(make_harrier, authority, proxy, tmp_path):
    (tmp_path / "token").write_text("t0ken-of-the-receiver\n")
    with tls_receiver(authority.sign("receiver", "receiver", "IP:127.0.0.1")) as soar:
        harrier = send(make_harrier, over_tls(soar, ca_file=authority.certificate, proxy=proxy.url, token_file=str(tmp_path / "token")))
        wait_for(lambda: len(set(soar.alert_ids())) == 4, "four alerts", PATIENCE)
        assert set(proxy.asked) == {f"CONNECT 127.0.0.1:{soar.port} HTTP/1.1"}
        assert not any(b"t0ken" in head for head in proxy.heads)
        assert soar.requests[0].headers["Authorization"] == "Bearer t0ken-of-the-receiver"
        harrier.stop()


def test_a_proxy_that_refuses_is_told_from_the_receiver_and_its_password_is_not_shown(make_harrier, authority):
    refusing = Proxy(forbids=True)
    with tls_receiver(authority.sign("receiver", "receiver", "IP:127.0.0.1")) as soar:
        with_password = refusing.url.replace("http://", "http://ann:s3cr3t-w0rd@")
        harrier = send(make_harrier, over_tls(soar, ca_file=authority.certificate, proxy=with_password), "response 403")
        assert "s3cr3t" not in harrier.log()
        assert not soar.requests
        refusing.forbids = False
        wait_for(lambda: len(set(soar.alert_ids())) == 4, "four alerts", PATIENCE)
        harrier.stop()
    refusing.stop()


# --- kept connections ---


def test_a_kept_connection_is_given_up_for_a_new_one_in_time(make_harrier, make_receiver):
    soar = make_receiver()
    harrier = make_harrier(destinations=[soar.destination(reconnect_after="1s", rate=1)]).start()
    assert harrier.post(captured.attacks())[0] == 200
    wait_for(lambda: len(set(soar.alert_ids())) == 4, "four alerts", PATIENCE)
    assert soar.connections >= 2
    harrier.stop()


def test_a_young_connection_is_used_again(make_harrier, make_receiver):
    soar = make_receiver()
    harrier = send(make_harrier, soar.destination(reconnect_after="1h"))
    wait_for(lambda: len(set(soar.alert_ids())) == 4, "four alerts", PATIENCE)
    assert soar.connections < 4
    harrier.stop()
