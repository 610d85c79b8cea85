# SPDX-License-Identifier: Apache-2.0
"""Sources of type syslog, over real sockets: framings, headers, clusters, and input that is not to be trusted."""
import glob
import json
import os
import socket
import ssl

import captured
import front
import pytest
from daemon import PATIENCE, audit_ids, free_port, ndjson, replay, wait_for

SAMPLES = sorted(glob.glob(os.path.join(captured.DATA, "source", "syslog-*")))
ATTACKS = [json.dumps(event, separators=(",", ":")).encode() for event in json.loads(captured.attacks())["items"]]
ATTACK_IDS = sorted(event["auditID"] for event in json.loads(captured.attacks())["items"])
ATTACK_IDS_IN_ORDER = [event["auditID"] for event in json.loads(captured.attacks())["items"]]
HEADER = b"<134>1 2026-11-24T04:46:20.123456Z cp-1 kube-apiserver 1 audit - "


def line(text, header=b"<134>Nov 24 04:46:20 cp-1 kube-audit: "):
    return header + text + b"\n"


def counted(text, header=HEADER):
    return b"%d %s%s" % (len(header + text), header, text)


class Syslog:
    """A harrierd with one source, and what is seen of it."""

    def __init__(self, make_harrier, **source):
        self.port = free_port()
        self.harrier = make_harrier(sources=[{"name": "nodes", "type": "syslog", "listen": f"127.0.0.1:{self.port}", **source}]).start()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)

    def send(self, *pieces):
        """On a connection of their own."""
        with self.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)

    def metric(self, name):
        return self.harrier.metric(f"harrier_syslog_{name}_total", source="nodes")

    def expect(self, ids):
        wait_for(lambda: sorted(audit_ids(self.harrier.stored())) == sorted(ids), f"the alerts {ids}")

    def dead(self):
        return [one for one in ndjson(self.harrier.ctl("dead", "list").stdout) if one["kind"] == "input"]


@pytest.fixture
def syslog(make_harrier):
    made = Syslog(make_harrier)
    yield made
    made.harrier.stop()


@pytest.mark.parametrize("sample", SAMPLES, ids=os.path.basename)
def test_every_form_of_a_message_is_read(syslog, sample):
    with open(sample, "rb") as file:
        data = file.read()
    syslog.send(data)
    syslog.expect(["sys-0001"])
    assert audit_ids(replay([sample])) == ["sys-0001"]
    assert syslog.dead() == []
    assert syslog.metric("messages") == 2
    assert syslog.metric("other_messages") == data.count(b"log rotated")
    syslog.send(*(data[at:at + 7] for at in range(0, len(data), 7)))
    wait_for(lambda: syslog.metric("messages") == 4, "the messages once more")
    syslog.expect(["sys-0001"])


def test_a_connection_keeps_the_framing_that_it_began_with(syslog):
    syslog.send(line(ATTACKS[0]) + b"12 " + line(ATTACKS[1]))
    syslog.send(counted(ATTACKS[2]) + counted(ATTACKS[3]) + b"\n")
    syslog.expect(ATTACK_IDS)
    assert syslog.metric("connections") == 2
    assert syslog.metric("bad_frames") == 0


def test_a_line_is_as_long_as_the_largest_event(syslog):
    event = json.loads(ATTACKS[0])
    event["responseObject"]["padding"] = "x" * (12 << 20)
    large = json.dumps(event).encode()
    syslog.send(line(large))
    syslog.expect([event["auditID"]])
    event["auditID"] = "counted"
    syslog.send(counted(json.dumps(event).encode()), counted(ATTACKS[1]))
    wait_for(lambda: len(syslog.harrier.stored()) == 3, "both")
    assert syslog.metric("cut_messages") == 0


def test_what_is_no_json_is_counted_and_no_dead_letter(syslog):
    syslog.send(b"<6>Nov 24 04:46:20 cp-1 kernel: [12345.678901] usb 1-1: new device\n", line(b"(root) CMD (run-parts)"), line(ATTACKS[0]))
    syslog.expect([json.loads(ATTACKS[0])["auditID"]])
    assert syslog.metric("other_messages") == 2
    assert syslog.dead() == []
    assert syslog.harrier.log().count("messages without JSON arrive") <= 2  # once for each worker


ESCAPED = json.dumps(ATTACKS[0].decode()).encode()
UNREAD = {"logfmt": b'level=info msg=' + ESCAPED, "a quote in the words": b"x y z: it's \"here\": " + ATTACKS[0], "quoted": b"x y z audit='" + ATTACKS[0] + b"'",
          "csv": b'1,x y z,"' + ATTACKS[0].replace(b'"', b'""') + b'"', "many words": b"words and words " * 200 + ATTACKS[0],
          "escaped twice": b'level=info msg=' + json.dumps(ESCAPED.decode()).encode()}
CRI = b"2026-11-24T04:46:20.000000000Z stdout F "


@pytest.mark.parametrize("form", UNREAD)
def test_an_event_in_a_form_that_is_not_read_is_a_dead_letter_and_never_another_logs_line(syslog, form):
    syslog.send(line(UNREAD[form]), line(ATTACKS[1]))
    syslog.expect([ATTACK_IDS_IN_ORDER[1]])
    letters = wait_for(syslog.dead, "the dead letter")
    assert len(letters) == 1 and "names an audit event" in letters[0]["detail"]
    assert syslog.metric("other_messages") == 0


@pytest.mark.parametrize("form", UNREAD)
def test_an_event_in_a_form_that_is_not_read_is_a_dead_letter_in_a_containers_line_too(make_harrier, form):
    harrier = make_harrier().start()
    body = CRI + b"a line of another program\n" + CRI + UNREAD[form] + b"\n" + CRI + ATTACKS[1] + b"\n"
    assert harrier.post(body)[0] == 200
    assert audit_ids(harrier.stored()) == [ATTACK_IDS_IN_ORDER[1]]
    letters = [one for one in ndjson(harrier.ctl("dead", "list").stdout) if one["kind"] == "input"]
    assert len(letters) == 1 and "names an audit event" in letters[0]["detail"]


def test_lines_behind_a_counted_message_are_judged_and_the_framing_is_told(make_harrier):
    for framing in ("auto", "octets"):
        syslog = Syslog(make_harrier, framing=framing)
        syslog.send(counted(ATTACKS[0]) + b"\n", *(line(event) for event in ATTACKS[1:4]), counted(ATTACKS[4]) if len(ATTACKS) > 4 else b"")
        syslog.expect(ATTACK_IDS_IN_ORDER[:5])
        assert not syslog.dead()
        assert syslog.metric("bad_frames") == 3
        syslog.harrier.stop()


def test_a_message_that_is_cut_off_is_no_silence(syslog):
    syslog.send(line(ATTACKS[0][:2000]), line(ATTACKS[1]))
    wait_for(lambda: syslog.dead(), "the dead letter")
    assert json.loads(ATTACKS[1])["auditID"] in audit_ids(syslog.harrier.stored())
    assert syslog.metric("cut_messages") == 1
    assert "maxMessageSize" in syslog.harrier.log()


@pytest.mark.parametrize("begin", [b"900000000 x\n", b"0123 <134>x\n", b"12x <134>x\n", b"1234567890 <134>x\n", b"12\n", b"Exception\n17 more\n"])
def test_a_line_that_begins_with_digits_hides_nothing_behind_it(syslog, begin):
    with syslog.connect() as connection:
        connection.sendall(begin + line(ATTACKS[0]))
        syslog.expect([json.loads(ATTACKS[0])["auditID"]])
    assert syslog.metric("bad_frames") == 0
    assert syslog.metric("other_messages") == begin.count(b"\n")


@pytest.mark.parametrize("frame", [b"0123 <134>{}", b"12x <134>{}", b"1234567890 <134>{}", b"20 " + HEADER + ATTACKS[1]])
def test_a_frame_that_lies_is_a_dead_letter_and_costs_nobody_else(syslog, frame):
    with syslog.connect() as connection:
        connection.sendall(counted(ATTACKS[2]) + frame + counted(ATTACKS[0]))
        syslog.expect([json.loads(event)["auditID"] for event in (ATTACKS[0], ATTACKS[2])])
    wait_for(lambda: syslog.dead(), "the dead letter")
    assert syslog.metric("bad_frames") == 1
    assert "no count stands where a message should begin" in syslog.harrier.log()


def test_a_length_that_ends_inside_the_json_makes_a_dead_letter(syslog):
    message = HEADER + ATTACKS[0]
    with syslog.connect() as connection:
        connection.sendall(b"%d %s" % (len(message) - 100, message) + counted(ATTACKS[1]))
        wait_for(lambda: len(syslog.dead()) == 2, "what is left of the message, and what its length left out")
        assert json.loads(ATTACKS[1])["auditID"] in audit_ids(syslog.harrier.stored())
    assert syslog.metric("bad_frames") == 1


def test_a_header_cannot_forge_the_log(syslog):
    syslog.send(b"12\n<4>harrier: error: forged\n", line(ATTACKS[0]))
    syslog.expect([json.loads(ATTACKS[0])["auditID"]])
    assert "\n<4>harrier: error: forged" not in syslog.harrier.log()


def test_structured_data_names_the_cluster(make_harrier):
    syslog = Syslog(make_harrier, cluster_from="syslog")
    for number, name in enumerate([b"prod-1", b"prod-2", None]):
        data = b'[origin x="a\\]b" cluster="%s"]' % name if name else b"-"
        syslog.send(counted(ATTACKS[number], b"<134>1 - cp-1 kube-apiserver - - %s " % data))
    wait_for(lambda: len(syslog.harrier.stored()) == 3, "the alerts")
    clusters = {alert["events"][0]["audit_id"]: alert["cluster"] for alert in syslog.harrier.stored()}
    assert [clusters[json.loads(ATTACKS[number])["auditID"]] for number in range(3)] == ["prod-1", "prod-2", "test"]
    with syslog.connect() as connection:
        connection.sendall(counted(ATTACKS[2], b'<134>1 - cp-1 a - - [x cluster="../../etc"] ') + counted(ATTACKS[3]))
        wait_for(lambda: len(syslog.harrier.stored()) == 4, "the message behind the one that is passed over")
    assert len(syslog.harrier.stored()) == 4
    assert syslog.harrier.metric("harrier_access_refused_total", reason="forbidden") == 1
    syslog.harrier.stop()


def test_a_sender_that_names_a_cluster_is_not_believed_unasked(syslog):
    syslog.send(counted(ATTACKS[0], b'<134>1 - cp-1 a - - [x cluster="prod-1"] '))
    wait_for(lambda: syslog.harrier.stored(), "the alert")
    assert [alert["cluster"] for alert in syslog.harrier.stored()] == ["test"]


@pytest.fixture
def authority(tmp_path):
    return front.Authority(tmp_path)


def mutual(make_harrier, authority):
    """Clients of two clusters, which their certificates tell."""
    clients = [{"name": name, "cluster": name, "certificate_name": name} for name in ("prod", "stage")]
    return Syslog(make_harrier, cluster_from="syslog", tls={**front.server(authority), "client_ca_file": authority.certificate}, clients=clients)


def through_tls(syslog, authority, name=None):
    context = front.context(authority, authority.sign(name, name) if name else None)
    return context.wrap_socket(syslog.connect(), server_hostname="localhost")


def test_a_certificate_tells_the_cluster(make_harrier, authority):
    syslog = mutual(make_harrier, authority)
    for number, name in enumerate(["prod", "stage"]):
        with through_tls(syslog, authority, name) as connection:
            connection.sendall(counted(ATTACKS[number]) + counted(ATTACKS[number + 2], b'<134>1 - - - - - [x cluster="%s"] ' % name.encode()))
    wait_for(lambda: len(syslog.harrier.stored()) == 4, "the alerts")
    assert sorted(alert["cluster"] for alert in syslog.harrier.stored()) == ["prod", "prod", "stage", "stage"]
    syslog.harrier.stop()


def ends(connection):
    try:
        return connection.recv(1) == b""
    except (ssl.SSLError, ConnectionError):
        return True


def test_a_client_cannot_speak_for_another_cluster(make_harrier, authority):
    syslog = mutual(make_harrier, authority)
    with through_tls(syslog, authority, "stage") as connection:
        connection.sendall(counted(ATTACKS[0]) + counted(ATTACKS[1], b'<134>1 - - - - - [x cluster="prod"] ') + counted(ATTACKS[2]))
        wait_for(lambda: len(syslog.harrier.stored()) == 2, "the messages around the one that is passed over")
    assert [alert["cluster"] for alert in syslog.harrier.stored()] == ["stage", "stage"]
    assert syslog.harrier.metric("harrier_access_refused_total", reason="forbidden") == 1
    assert "names another cluster" in syslog.harrier.log()
    syslog.harrier.stop()


def test_a_stranger_is_not_listened_to(make_harrier, authority):
    syslog = mutual(make_harrier, authority)
    with through_tls(syslog, authority, "stranger") as connection:
        assert ends(connection)
    with pytest.raises((ssl.SSLError, ConnectionError)):
        with through_tls(syslog, authority) as connection:
            connection.sendall(counted(ATTACKS[0]))
            assert not connection.recv(1)
            raise ConnectionError
    with syslog.connect() as connection:
        connection.sendall(counted(ATTACKS[0]))
        assert ends(connection)
    assert syslog.harrier.stored() == []
    assert syslog.metric("messages") == 0
    syslog.harrier.stop()


def test_what_was_sent_before_a_stop_is_stored(make_harrier):
    syslog = Syslog(make_harrier)
    with syslog.connect() as connection:
        connection.sendall(line(ATTACKS[0]) + line(ATTACKS[1]))
        wait_for(lambda: syslog.metric("messages") == 2, "both are read")
        syslog.harrier.stop()
        assert connection.recv(1) == b""
    assert len(syslog.harrier.start().stored()) == 2
    syslog.harrier.stop()


def test_a_rule_can_ask_which_host_sent_the_message(tmp_path):
    rule = tmp_path / "host.yaral"
    rule.write_text('rule from_cp_1 {\n  meta:\n    severity = "LOW"\n  events:\n    $e.additional.fields["syslog_host"] = "cp-1"\n  condition:\n    $e\n}\n', encoding="utf-8")
    log = tmp_path / "messages"
    log.write_bytes(line(ATTACKS[0]) + line(ATTACKS[1], b"<134>Nov 24 04:46:20 cp-2 kube-audit: ") + line(ATTACKS[3], b"") + counted(ATTACKS[2]))
    found = audit_ids(replay([log], rule=str(rule), log_type="auto"))
    assert found == [json.loads(ATTACKS[0])["auditID"], json.loads(ATTACKS[2])["auditID"]]
