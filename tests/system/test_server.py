# SPDX-License-Identifier: Apache-2.0
"""The daemon as its operator sees it: checks, probes, metrics, reload, drain."""
import http.client
import os
import select
import socket
import sqlite3
import subprocess

import captured
from daemon import HARRIERD, PATIENCE, free_port, wait_for

HARMLESS = """rule nothing_at_all {
  meta:
    severity = "LOW"
  events:
    $e.metadata.log_type = "K8S_AUDIT"
    $e.principal.user.userid = "nobody at all"
  condition:
    $e
}
"""


def rule_file(harrier, text):
    with open(os.path.join(harrier.folder, "rule.yaral"), "w", encoding="utf-8") as file:
        file.write(text)


def seed_rule():
    with open(captured.RULE, encoding="utf-8") as file:
        return file.read()


def check(harrier):
    return subprocess.run([HARRIERD, "-t", "-c", harrier.config], capture_output=True, text=True)



def test_an_included_source_takes_events_and_a_reload_looks_at_its_file(make_harrier):
    harrier = make_harrier(include=["sources.d/*.yaml"])
    folder = os.path.join(os.path.dirname(harrier.config), "sources.d")
    os.mkdir(folder)
    port = free_port()
    with open(os.path.join(folder, "more.yaml"), "w", encoding="utf-8") as file:
        file.write(f"sources: [{{name: more, type: webhook, listen: '127.0.0.1:{port}', path: /more, cluster: other}}]\n")
    harrier.start()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/more", captured.attacks(), {"Content-Type": "application/json"})
    assert connection.getresponse().status == 200
    connection.close()
    assert {alert["cluster"] for alert in harrier.stored()} == {"other"}
    with open(os.path.join(folder, "more.yaml"), "a", encoding="utf-8") as file:
        file.write("rules: {}\n")
    done = harrier.ctl("reload", check=False)
    assert done.returncode != 0
    assert "more.yaml:2:1: error: unknown key `rules`" in done.stderr.decode() + harrier.log()
    harrier.stop()


def test_a_good_configuration_passes_the_check(make_harrier):
    done = check(make_harrier())
    assert done.returncode == 0, done.stderr


def test_an_unknown_key_is_an_error_with_its_place_and_the_nearest_known_one(make_harrier):
    harrier = make_harrier(clusters="one letter too many")
    done = check(harrier)
    assert done.returncode == os.EX_CONFIG
    assert "harrier.yaml:" in done.stderr
    assert "cluster" in done.stderr.replace("clusters", "")


def test_an_error_in_a_rule_is_shown_with_its_line(make_harrier):
    harrier = make_harrier(rules=["rule.yaral"])
    rule_file(harrier, seed_rule().replace("$e.target.url", "$e.target.urll"))
    done = check(harrier)
    assert done.returncode == os.EX_CONFIG
    line = next(number for number, text in enumerate(seed_rule().splitlines(), 1) if "$e.target.url" in text)
    assert f"rule.yaral:{line}:" in done.stderr


def test_the_probes_answer(make_harrier):
    harrier = make_harrier().start()
    assert harrier.probe("/healthz") == 200
    assert harrier.probe("/readyz") == 200
    assert harrier.probe("/elsewhere") == 404
    harrier.stop()
    assert harrier.probe("/healthz") is None


def test_every_event_is_accounted_for(make_harrier):
    harrier = make_harrier().start()
    for post in captured.posts():
        assert harrier.post(post.body)[0] == 200
    assert harrier.post(captured.attacks().replace(b'"items":[', b'"items":[17,', 1))[0] == 200
    assert harrier.post(b"no json")[0] == 400
    received = harrier.metric("harrier_events_received_total")
    assert received > 5000
    assert harrier.metric("harrier_events_in_flight") == 0
    assert harrier.metric("harrier_events_dead_lettered_total") >= 2
    assert received == harrier.metric("harrier_events_evaluated_total") + harrier.metric("harrier_events_dead_lettered_total")
    harrier.stop()


def test_a_reload_takes_new_rules(make_harrier):
    harrier = make_harrier(rules=["rule.yaral"])
    rule_file(harrier, HARMLESS)
    harrier.start()
    assert harrier.post(captured.attacks())[0] == 200
    assert harrier.stored() == []
    rule_file(harrier, seed_rule())
    harrier.reload()
    wait_for(lambda: harrier.metric("harrier_reloads_total") == 1, "the reload")
    assert harrier.post(captured.attacks())[0] == 200
    assert len(harrier.stored()) == 4
    harrier.stop()


def test_a_reload_of_a_broken_rule_is_refused_and_the_old_rules_run_on(make_harrier):
    harrier = make_harrier(rules=["rule.yaral"])
    rule_file(harrier, seed_rule())
    harrier.start()
    rule_file(harrier, seed_rule().replace("condition:", "conditions:"))
    harrier.reload()
    wait_for(lambda: harrier.metric("harrier_reloads_refused_total") == 1, "the refusal")
    assert "rule.yaral:" in harrier.log()
    assert harrier.probe("/readyz") == 200
    assert harrier.post(captured.attacks())[0] == 200
    assert len(harrier.stored()) == 4
    harrier.stop()


def test_sigterm_ends_the_daemon_while_a_client_is_connected(make_harrier):
    harrier = make_harrier().start()
    idle = harrier.connect()
    assert harrier.post(captured.attacks(), connection=idle)[0] == 200
    harrier.stop()
    idle.close()


class LocalConnection(http.client.HTTPConnection):
    """To the admin socket."""

    def __init__(self, harrier):
        super().__init__("localhost", timeout=PATIENCE)
        self.path = os.path.join(harrier.folder, "admin.sock")

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def ask_locally(harrier, method, path):
    connection = LocalConnection(harrier)
    connection.request(method, path)
    answer = connection.getresponse()
    result = answer.status, answer.headers, answer.read()
    connection.close()
    return result


def test_dead_deliveries_are_put_back_by_post_alone(make_harrier):
    harrier = make_harrier().start()
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        status, headers, _ = ask_locally(harrier, method, "/dead/retry")
        assert (status, headers["Allow"]) == (405, "POST"), method
    assert ask_locally(harrier, "POST", "/dead/retry")[::2] == (200, b'{"retried":0}')
    assert ask_locally(harrier, "POST", "/dead/retry?alert=x")[0] == 400
    assert ask_locally(harrier, "POST", "/dead/retry?destination=" + "x" * 200)[::2] == (200, b'{"retried":0}')
    harrier.stop()


def test_pages_that_only_tell_something_are_read_alone(make_harrier):
    harrier = make_harrier().start()
    for path in ("/metrics", "/healthz", "/readyz", "/status"):
        status, headers, _ = ask_locally(harrier, "POST", path)
        assert (status, headers["Allow"]) == (405, "GET, HEAD"), path
    harrier.stop()


def test_who_asks_for_a_retry_and_leaves_harms_nobody(make_harrier):
    harrier = make_harrier().start()
    for _ in range(50):
        connection = LocalConnection(harrier)
        connection.request("POST", "/dead/retry")
        connection.close()
    assert ask_locally(harrier, "POST", "/dead/retry")[0] in (200, 503)
    last = LocalConnection(harrier)
    last.request("POST", "/dead/retry")
    harrier.stop()
    last.close()


def test_a_retry_that_waits_for_the_store_keeps_nobody_else_waiting(make_harrier):
    harrier = make_harrier().start()
    other = sqlite3.connect(os.path.join(harrier.folder, "store", "store.db"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")  # the commit thread waits for its turn to write, for some seconds

    def answers_meanwhile():
        waiting = LocalConnection(harrier)
        waiting.request("POST", "/dead/retry")
        assert harrier.probe("/healthz") in (200, 503)
        meanwhile = not select.select([waiting.sock], [], [], 0)[0]
        assert waiting.getresponse().status in (200, 503)
        return meanwhile
    wait_for(answers_meanwhile, "the page to answer while a retry waits")
    other.execute("ROLLBACK")
    harrier.stop()


def test_a_page_of_a_browser_with_a_name_of_its_own_reads_no_metrics(make_harrier):
    """DNS rebinding: its name points to 127.0.0.1, but it is what the request's Host says."""
    harrier = make_harrier().start()

    def status(path, host):
        connection = http.client.HTTPConnection("127.0.0.1", harrier.admin_port, timeout=PATIENCE)
        connection.request("GET", path, headers={"Host": host})
        try:
            return connection.getresponse().status
        finally:
            connection.close()

    for path in ("/metrics", "/healthz", "/readyz"):
        for host in ("127.0.0.1", f"localhost:{harrier.admin_port}", "[::1]:1"):
            assert status(path, host) == 200
        for host in ("evil.example", f"127.0.0.1.evil.example:{harrier.admin_port}", "10.0.0.1"):
            assert status(path, host) == 421
    harrier.stop()
