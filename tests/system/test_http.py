# SPDX-License-Identifier: Apache-2.0
"""The audit listener's manners: RFC 9110 and 9112, and what is not an audit event."""
import contextlib
import http.client
import json
import socket
import struct

import captured
import pytest
from daemon import PATIENCE, audit_ids, wait_for

ATTACKS = sorted(event["auditID"] for event in json.loads(captured.attacks())["items"])
HEAD = b"POST /k8s-audit HTTP/1.1\r\nHost: harrier\r\nContent-Type: application/json\r\n"


def has_ipv6():
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            return False
    return True


needs_ipv6 = pytest.mark.skipif(not socket.has_ipv6 or not has_ipv6(), reason="there is no IPv6 here")


@pytest.fixture
def harrier(make_harrier):
    daemon = make_harrier().start()
    yield daemon
    daemon.stop()


def with_length(body):
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunked(body, size):
    chunks = (body[at:at + size] for at in range(0, len(body), size))
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in chunks) + b"0\r\n\r\n"


def test_another_path_is_not_found(harrier):
    assert harrier.post(captured.attacks(), path="/elsewhere")[0] == 404
    assert harrier.stored() == []


def test_another_method_is_not_allowed(harrier):
    status, headers, _ = harrier.raw(b"GET /k8s-audit HTTP/1.1\r\nHost: harrier\r\n\r\n")
    assert status == 405
    assert "POST" in headers["Allow"]


def test_a_header_that_is_too_large_is_refused(harrier):
    assert harrier.raw(HEAD + b"X-Padding: " + b"x" * (1 << 20) + b"\r\n\r\n")[0] == 431


def test_a_body_without_json_gets_an_error_that_names_the_byte(harrier):
    status, headers, body = harrier.post(b"  once upon a time " + b"x" * 500_000)
    assert status == 400
    assert headers["Content-Type"].startswith("application/json")
    assert json.loads(body)
    assert b"offset" in body


def test_an_item_that_is_no_event_costs_only_itself(harrier):
    batch = captured.attacks().replace(b'"items":[', b'"items":[17,{"no":"event"},', 1)
    assert harrier.post(batch)[0] == 200
    assert sorted(audit_ids(harrier.stored())) == ATTACKS


def test_wrong_syntax_costs_only_the_rest_of_the_list(harrier):
    last = captured.attacks().rindex(b'{"level"')
    assert harrier.post(captured.attacks()[:last] + b'{"level":: oops')[0] == 200
    assert len(harrier.stored()) == 3


def test_a_chunked_body_is_read_whatever_the_size_of_its_chunks(harrier):
    for size in (7, 1000, 1 << 20):
        assert harrier.raw(chunked(captured.attacks(), size))[0] == 200
    assert sorted(audit_ids(harrier.stored())) == ATTACKS


def test_a_body_that_comes_byte_by_byte_is_read(harrier):
    request = with_length(captured.attacks())
    assert harrier.raw(*(request[at:at + 1] for at in range(len(request))))[0] == 200
    assert sorted(audit_ids(harrier.stored())) == ATTACKS


def test_pipelined_requests_are_answered_in_order(harrier):
    wrong = b"POST /elsewhere HTTP/1.1\r\nHost: harrier\r\nContent-Length: 2\r\n\r\n{}"
    answers = harrier.raw(with_length(captured.attacks()) + wrong + with_length(captured.attacks()), answers=3)
    assert [status for status, _, _ in answers] == [200, 404, 200]
    assert len(harrier.stored()) == 4


@pytest.mark.parametrize("framing", [
    b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"Content-Length: -1\r\n\r\n",
    b"Content-Length: 99999999999999999999999\r\n\r\n",
    b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
    b"Transfer-Encoding: gzip\r\n\r\n{}",
])
def test_a_body_whose_length_is_in_doubt_is_refused(harrier, framing):
    status, headers, _ = harrier.raw(HEAD + framing)
    assert status in (400, 413, 501)
    assert headers["Connection"] == "close"


def test_what_is_no_http_is_refused(harrier):
    assert harrier.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n")[0] == 400


def listens(harrier, *addresses):
    first = harrier.settings["sources"][0]
    harrier.settings["sources"] = [{**first, "name": f"source{i}", "listen": address, "insecure": True} for i, address in enumerate(addresses)]
    harrier.write_config()
    return harrier


def post_to(host, port):
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request("POST", "/k8s-audit", captured.attacks())
        return connection.getresponse().status


@needs_ipv6
def test_the_ipv6_wildcard_takes_ipv4_as_well_and_a_client_has_its_ipv4_address(make_harrier):
    harrier = make_harrier()
    listens(harrier, f"[::]:{harrier.port}").start()
    for host in ("127.0.0.1", "::1"):
        assert post_to(host, harrier.port) == 200
    assert harrier.post(b"no gzip at all", Content_Encoding="gzip")[0] == 400
    assert "a request from 127.0.0.1:" in harrier.log()


@needs_ipv6
@pytest.mark.parametrize("order", [("[::]", "0.0.0.0"), ("127.0.0.1", "[::]")])
def test_beside_an_ipv4_listener_of_the_same_port_the_ipv6_wildcard_is_for_ipv6_alone(make_harrier, order):
    harrier = make_harrier()
    listens(harrier, *(f"{host}:{harrier.port}" for host in order)).start()
    for host in ("127.0.0.1", "::1"):
        assert post_to(host, harrier.port) == 200
    for i, host in enumerate(order):
        assert harrier.metric("harrier_events_received_total", source=f"source{i}") == len(json.loads(captured.attacks())["items"]), host


# --- behind a load balancer ---

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
PROXIED = {"version 1": b"PROXY TCP4 192.0.2.7 127.0.0.1 4711 443\r\n",
           "version 2": SIGNATURE + b"\x21\x11\x00\x0c" + socket.inet_aton("192.0.2.7") + socket.inet_aton("127.0.0.1") + struct.pack(">HH", 4711, 443),
           "version 2 with extensions": SIGNATURE + b"\x21\x11\x00\x12" + socket.inet_aton("192.0.2.7") + socket.inet_aton("127.0.0.1") +
           struct.pack(">HH", 4711, 443) + b"\x04\x00\x03abc"}


@pytest.fixture
def proxied(make_harrier):
    harrier = make_harrier(limits={"connections_per_address": 8})
    harrier.settings["sources"][0]["proxy_protocol"] = True
    harrier.write_config()
    harrier.start()
    yield harrier
    harrier.stop()


def send_raw(harrier, *pieces):
    """The answer's first line; nothing where the connection was closed without one."""
    with socket.create_connection(("127.0.0.1", harrier.port), timeout=PATIENCE) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            return connection.makefile("rb").readline()
        except ConnectionError:
            return b""


@pytest.mark.parametrize("header", PROXIED)
@pytest.mark.parametrize("in_pieces", [False, True])
def test_the_client_is_who_the_balancers_header_names(proxied, header, in_pieces):
    request = PROXIED[header] + with_length(captured.attacks())
    pieces = [request[at:at + 1] for at in range(80)] + [request[80:]] if in_pieces else [request]
    assert b" 200 " in send_raw(proxied, *pieces)
    assert sorted(audit_ids(proxied.stored())) == ATTACKS
    damaged = HEAD + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"
    assert b" 400 " in send_raw(proxied, PROXIED[header] + damaged)
    assert "a request from 192.0.2.7:4711" in proxied.log()


def test_a_check_of_the_balancers_own_is_served_as_its_own_client(proxied):
    assert b" 200 " in send_raw(proxied, SIGNATURE + b"\x20\x00\x00\x00" + with_length(captured.attacks()))
    assert b" 200 " in send_raw(proxied, b"PROXY UNKNOWN\r\n" + with_length(captured.attacks()))


@pytest.mark.parametrize("begin", [b"", b"PROXY TCP4 192.0.2.7\r\n", b"PROXY", SIGNATURE + b"\x31\x11\x00\x00", b"\x16\x03\x01"])
def test_without_the_header_nothing_is_read(proxied, begin):
    assert send_raw(proxied, begin + with_length(captured.attacks())) == b""
    wait_for(lambda: proxied.metric("harrier_http_closes_total", reason="no_proxy_header"), "the count")
    assert proxied.stored() == []
    assert "PROXY header" in proxied.log()


def test_clients_behind_a_balancer_have_bounds_of_their_own(proxied):
    with contextlib.ExitStack() as stack:
        def connect(address):
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", proxied.port), timeout=PATIENCE))
            connection.sendall(b"PROXY TCP4 " + address + b" 127.0.0.1 4711 443\r\n")
            return connection
        for _ in range(8):
            connect(b"192.0.2.7")
        wait_for(lambda: proxied.metric("harrier_http_connections_open") == 8, "eight connections")
        assert connect(b"192.0.2.7").recv(1) == b""
        other = connect(b"192.0.2.8")
        other.sendall(with_length(captured.attacks()))
        assert b" 200 " in other.makefile("rb").readline()
