# SPDX-License-Identifier: Apache-2.0
"""Captured POSTs to a running daemon, byte for byte: the verdicts of replay, however often and over however many connections."""
import concurrent.futures
import json

import captured
from daemon import audit_ids, replay

CONNECTIONS = 8


def send_all(harrier, bodies):
    def send(mine):
        connection = harrier.connect()
        statuses = [harrier.post(body, connection=connection)[0] for body in mine]
        connection.close()
        return statuses

    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        lanes = pool.map(send, [bodies[lane::CONNECTIONS] for lane in range(CONNECTIONS)])
    return [status for lane in lanes for status in lane]


def replayed_ids(tmp_path, bodies):
    files = []
    for number, body in enumerate(bodies):
        files.append(tmp_path / f"body-{number:03}.json")
        files[-1].write_bytes(body)
    return sorted(audit_ids(replay(files)))


class Pairs(list):
    """An object's members as they stand, so that a name that stands twice is kept twice."""


class Number(str):
    """A number as it is written."""


def with_sorted_keys(value):
    """JSON text of value with the members of every object sorted by name."""
    if isinstance(value, Pairs):
        members = sorted(value, key=lambda member: member[0])
        return "{" + ",".join(json.dumps(name) + ":" + with_sorted_keys(one) for name, one in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(with_sorted_keys(one) for one in value) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value)


def sorted_body(body):
    return with_sorted_keys(json.loads(body, object_pairs_hook=Pairs, parse_int=Number, parse_float=Number)).encode()


def test_posts_over_eight_connections_give_the_alerts_of_replay(make_harrier, tmp_path):
    bodies = [post.body for post in captured.posts()]
    expected = replayed_ids(tmp_path, bodies)
    harrier = make_harrier().start()
    assert set(send_all(harrier, bodies)) == {200}
    stored = harrier.stored()
    assert sorted(set(audit_ids(stored))) == sorted(set(expected))
    for _ in range(4):
        assert set(send_all(harrier, bodies)) == {200}
    assert len(harrier.stored()) == len(stored)
    harrier.stop()


def test_a_captured_post_is_answered_as_its_bytes_stand(make_harrier):
    harrier = make_harrier().start()
    for post in captured.posts():
        if not post.head.startswith(b"POST /k8s-audit?"):
            continue
        status, _, body = harrier.raw(post.head, post.body)
        assert status == 200, (post.name, body)
    harrier.stop()


def test_events_with_sorted_keys_give_the_same_verdicts(tmp_path):
    bodies = [post.body for post in captured.posts() if post.name.startswith(("scen134", "load", "truncate"))]
    as_sent = replayed_ids(tmp_path, bodies)
    assert as_sent
    assert replayed_ids(tmp_path, [sorted_body(body) for body in bodies]) == as_sent
