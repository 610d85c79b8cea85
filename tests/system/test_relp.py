# SPDX-License-Identifier: Apache-2.0
"""Sources of type relp, over real sockets: a response means that the message is stored."""
import contextlib
import json
import socket

import captured
import pytest
from daemon import PATIENCE, audit_ids, free_port, wait_for

OFFERS = b"relp_version=0\nrelp_software=librelp,1.11.0,http://librelp.adiscon.com\ncommands=syslog"
ATTACKS = [json.dumps(event, separators=(",", ":")).encode() for event in json.loads(captured.attacks())["items"]]
ATTACK_IDS = [event["auditID"] for event in json.loads(captured.attacks())["items"]]


def syslog(text):
    return b"<134>1 2026-11-24T04:46:20Z cp-1 kube-apiserver - - - " + text


class Session:
    """A RELP client that does as it is told."""

    def __init__(self, port, offers=OFFERS):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.stream = self.socket.makefile("rb")
        self.transaction = 0
        if offers is not None:
            self.send(b"open", offers)

    def send(self, command, data=b""):
        """Sends a command, and gives its transaction's number."""
        self.transaction += 1
        self.socket.sendall(b"%d %s %d%s\n" % (self.transaction, command, len(data), b" " + data if data else b""))
        return self.transaction

    def response(self):
        """The next frame's transaction, command and data; None at the end."""
        head = b""
        while head.count(b" ") < 3 and not head.endswith(b"\n"):
            byte = self.stream.read(1)
            if not byte:
                assert head == b""
                return None
            head += byte
        transaction, command, length = head.split()
        data = self.stream.read(int(length))
        if not head.endswith(b"\n"):
            assert self.stream.read(1) == b"\n"
        return int(transaction), command.decode(), data

    def close(self):
        self.stream.close()
        self.socket.close()


class Relp:
    def __init__(self, make_harrier):
        self.port = free_port()
        self.harrier = make_harrier(sources=[{"name": "relay", "type": "relp", "listen": f"127.0.0.1:{self.port}"}]).start()

    def session(self, **options):
        return contextlib.closing(Session(self.port, **options))

    def metric(self, name):
        return self.harrier.metric(f"harrier_syslog_{name}_total", source="relay")


@pytest.fixture
def relp(make_harrier):
    made = Relp(make_harrier)
    yield made
    made.harrier.stop()


def opened(session):
    transaction, command, data = session.response()
    assert (transaction, command) == (1, "rsp")
    assert data.startswith(b"200 OK\n")
    return data.decode().split("\n")[1:]


def test_a_session_is_offered_what_there_is(relp):
    with relp.session() as session:
        offers = dict(offer.split("=") for offer in opened(session))
        assert offers["relp_version"] == "0"
        assert offers["commands"] == "syslog"
        assert offers["relp_software"].startswith("harrier,")


def test_a_response_means_that_the_alert_survives_a_kill(relp):
    with relp.session() as session:
        opened(session)
        number = session.send(b"syslog", syslog(ATTACKS[0]))
        assert session.response() == (number, "rsp", b"200 OK")
        relp.harrier.kill()
    relp.harrier.start()
    assert audit_ids(relp.harrier.stored()) == ATTACK_IDS[:1]


def test_a_window_is_answered_in_order(relp):
    with relp.session() as session:
        opened(session)
        sent = [session.send(b"syslog", syslog(ATTACKS[number % 4]) if number % 3 else b"<13>other") for number in range(200)]
        assert [session.response() for _ in sent] == [(number, "rsp", b"200 OK") for number in sent]
        closing = session.send(b"close")
        assert session.response() == (closing, "rsp", b"200 OK")
        assert session.response() == (0, "serverclose", b"")
        assert session.response() is None
    assert sorted(audit_ids(relp.harrier.stored())) == sorted(ATTACK_IDS)
    assert relp.metric("other_messages") == 67


def test_what_is_sent_again_is_stored_once(relp):
    for _ in range(2):
        with relp.session() as session:
            opened(session)
            session.send(b"syslog", syslog(ATTACKS[0]))
            session.response()
    assert audit_ids(relp.harrier.stored()) == ATTACK_IDS[:1]


def test_a_large_message_is_read_in_pieces(relp):
    event = json.loads(ATTACKS[0])
    event["responseObject"]["padding"] = "x" * (9 << 20)
    with relp.session() as session:
        opened(session)
        number = session.send(b"syslog", syslog(json.dumps(event).encode()))
        assert session.response() == (number, "rsp", b"200 OK")
    assert len(relp.harrier.stored()) == 1


@pytest.mark.parametrize("bytes_sent", [
    b"GET / HTTP/1.1\r\nHost: harrier\r\n\r\n",
    b"1 syslog 5 hello\n",
    b"2 open 14 relp_version=0\n",
    b"1 open 9999999999 relp_version=0\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
])
def test_what_is_no_relp_is_closed(relp, bytes_sent):
    with relp.session(offers=None) as session:
        session.socket.sendall(bytes_sent)
        assert session.response() is None
    assert relp.metric("bad_frames") == 1


def test_a_frame_that_lies_about_its_length_has_no_response(relp):
    message = syslog(ATTACKS[1])
    with relp.session() as session:
        opened(session)
        number = session.send(b"syslog", syslog(ATTACKS[0]))
        session.socket.sendall(b"%d syslog %d %s\n" % (number + 1, len(message) - 50, message))
        assert session.response() == (number, "rsp", b"200 OK")
        assert session.response() == (0, "serverclose", b"")
        assert session.response() is None
    assert ATTACK_IDS[0] in audit_ids(relp.harrier.stored())
    assert relp.metric("bad_frames") == 1


def test_a_message_that_is_cut_off_is_left_to_be_sent_again(relp):
    with relp.session() as session:
        opened(session)
        session.socket.sendall(b"2 syslog %d %s" % (len(syslog(ATTACKS[0])), syslog(ATTACKS[0])[:1500]))
    wait_for(lambda: relp.harrier.metric("harrier_http_connections_open") == 0, "the connection is over")
    assert relp.harrier.stored() == []
    assert relp.harrier.ctl("dead", "list").stdout.strip() == b""
    with relp.session() as session:
        opened(session)
        session.send(b"syslog", syslog(ATTACKS[0]))
        session.response()
    assert audit_ids(relp.harrier.stored()) == ATTACK_IDS[:1]


def test_a_stop_is_announced(make_harrier):
    relp = Relp(make_harrier)
    with relp.session() as session:
        opened(session)
        relp.harrier.stop()
        assert session.response() == (0, "serverclose", b"")
        assert session.response() is None
