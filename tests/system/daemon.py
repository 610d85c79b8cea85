# SPDX-License-Identifier: Apache-2.0
"""harrierd and harrierctl as programs: started, spoken to, killed. HARRIERD and HARRIERCTL name them, build/ if not given. With HARRIER_SANDBOX=1
every harrierd runs under what its systemd unit imposes (sandbox.py)."""
import contextlib
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import time

import pytest

import captured
import sandbox

HARRIERD = os.environ.get("HARRIERD", os.path.join(captured.ROOT, "build", "harrierd"))
HARRIERCTL = os.environ.get("HARRIERCTL", os.path.join(captured.ROOT, "build", "harrierctl"))
PATIENCE = 60  # seconds: for what takes milliseconds, on a busy machine under a sanitizer
# what harrierd says of the watch itself, and not of an event's contents
NOTICES = {"harrier_source_silent", "harrier_rule_blind", "harrier_clock_skew", "harrier_events_late", "harrier_event_truncated",
           "harrier_file_loss", "harrier_gap"}
SANITIZER_REPORT = re.compile(r"(ERROR|WARNING): \w+Sanitizer|runtime error:")


def free_port():
    """Of those that the system gives to no outgoing connection: it must still be free when the daemon takes it."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        ephemeral = int(file.read().split()[0])
    while True:
        port = random.randrange(10240, ephemeral) if ephemeral > 11000 else 0
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return probe.getsockname()[1]


def wait_for(condition, what, patience=PATIENCE, pause=0.02):
    """Asks until condition() is true, every pause seconds, and gives what it returned."""
    deadline = time.monotonic() + patience
    while True:
        result = condition()
        if result:
            return result
        assert time.monotonic() < deadline, f"waited {patience} s in vain for: {what}"
        time.sleep(pause)


def harrierctl(*arguments, stdin=None, check=True):
    """Runs harrierctl; what it printed and its exit code."""
    done = subprocess.run([HARRIERCTL, *map(str, arguments)], input=stdin, capture_output=True, timeout=10 * PATIENCE)
    errors = done.stderr.decode("utf-8", "replace")
    assert not SANITIZER_REPORT.search(errors), errors
    assert not check or done.returncode == 0, f"harrierctl {arguments}: exit {done.returncode}\n{errors}"
    return done


def ndjson(text):
    return [json.loads(line) for line in text.decode("utf-8", "replace").splitlines() if line.strip()]


def replay(files, rule=captured.RULE, log_type="K8S_AUDIT", check=True):
    """The alerts of harrierctl replay, in the order of the events."""
    return ndjson(harrierctl("replay", "-o", "ndjson", "--log-type", log_type, "-r", rule, *files, check=check).stdout)


def audit_ids(alerts):
    return [event["audit_id"] for alert in alerts for event in alert["events"]]


def read_answer(stream):
    """Status, headers and body of the next answer on a connection."""
    status = int(stream.readline().split()[1])
    headers = http.client.parse_headers(stream)
    return status, headers, stream.read(int(headers.get("Content-Length", 0)))


def launch(command, folder, sandboxed=os.environ.get("HARRIER_SANDBOX") == "1", also_writable=None, **options):
    """Starts a harrierd that may write below folder, and in also_writable: {folder: where the sandbox has it}."""
    if not sandboxed:
        return subprocess.Popen(command, **options)
    if sandbox.why_not(HARRIERD):
        pytest.skip(sandbox.why_not(HARRIERD))
    return sandbox.Sandboxed(command, {folder: folder, **(also_writable or {})}, **options)


class Harrier:
    """One harrierd over a folder of its own. Settings are written as JSON, which is YAML."""

    def __init__(self, folder, destinations=(), routes=None, rules=(captured.RULE,), **settings):
        self.folder = folder
        self.port = free_port()
        self.admin_port = free_port()
        self.config = os.path.join(folder, "harrier.yaml")
        self.log_path = os.path.join(folder, "harrierd.log")
        self.process = None
        destinations = list(destinations) or [{"name": "trail", "type": "file", "path": "alerts.ndjson"}]
        self.settings = {
            "cluster": "test",
            "sources": [{"name": "apiserver", "type": "webhook", "listen": f"127.0.0.1:{self.port}", "path": "/k8s-audit",
                         "log_type": "K8S_AUDIT"}],
            "rules": {"files": list(rules)},
            "store": {"directory": "store"},
            "destinations": destinations,
            "routes": routes or [{"to": [one["name"] for one in destinations]}],
            "admin": {"socket": "admin.sock", "listen": f"127.0.0.1:{self.admin_port}"},
            "workers": 2,
            "health": {"clock_skew": "0s", "late_after": "0s"},  # captured events are of another day
        }
        self.settings.update(settings)
        self.write_config()

    def write_config(self):
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(self.settings, file, indent=1)
            file.write("\n")

    # --- Life ---

    def start(self, ready=True, **options):
        """options: of launch and Popen."""
        with open(self.log_path, "ab") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            self.process = launch([HARRIERD, "-c", self.config], os.path.dirname(self.folder), **{**streams, **options})
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self):
        def ready():
            assert self.process.poll() is None, f"harrierd ended with {self.process.returncode}:\n{self.log()}"
            return self.probe("/readyz") == 200
        wait_for(ready, "readyz")

    def stop(self):
        """SIGTERM, and the drain; a daemon that does not end well fails the test."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        if self.process:
            code = self.process.wait(PATIENCE)
            self.process = None
            assert code == 0, f"harrierd ended with {code}:\n{self.log()}"
        assert not SANITIZER_REPORT.search(self.log()), self.log()

    def kill(self):
        """kill -9."""
        self.process.kill()
        self.process.wait()
        self.process = None
        assert not SANITIZER_REPORT.search(self.log()), self.log()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def discard(self):
        """At a test's end, whatever its state."""
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def trail(self):
        """The alerts that the default destination's file holds by now. A drain need not deliver: a test waits for what it looks for."""
        try:
            with open(os.path.join(self.folder, "alerts.ndjson"), encoding="utf-8") as file:
                return [json.loads(line) for line in file if line.endswith("\n")]
        except FileNotFoundError:
            return []

    # --- The audit listener ---

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)

    def post(self, body, path="/k8s-audit?timeout=30s", connection=None, **headers):
        """One POST; its status, headers and body. headers: Content_Type="..." and so on."""
        own = connection or self.connect()
        own.request("POST", path, body, {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}})
        answer = own.getresponse()
        result = answer.status, answer.headers, answer.read()
        if not connection:
            own.close()
        return result

    def raw(self, *pieces, answers=1):
        """Sends the bytes as they are; status, headers and body of that many answers (of one: not in a list)."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it may have answered, and closed, before the end
                for piece in pieces:
                    connection.sendall(piece)
            stream = connection.makefile("rb")
            results = [read_answer(stream) for _ in range(answers)]
        return results[0] if answers == 1 else results

    # --- The admin listener and harrierctl ---

    def admin(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def probe(self, path):
        """The status, or None where nobody listens."""
        try:
            return self.admin(path)[0]
        except (OSError, http.client.HTTPException):
            return None

    def metrics(self):
        """/metrics as {name with labels: value}."""
        status, text = self.admin("/metrics")
        assert status == 200
        samples = (line.rsplit(" ", 1) for line in text.decode().splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, value in samples}

    def metric(self, name, **labels):
        """The sum of a metric's samples that have the labels."""
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        return sum(value for sample, value in self.metrics().items()
                   if sample.partition("{")[0] == name and all(one in sample for one in wanted))

    def ctl(self, *arguments, check=True):
        return harrierctl(*arguments, "-c", self.config, check=check)

    def stored(self):
        """The alerts in the store, as harrierctl lists them in a pipe, but for notices."""
        return [alert for alert in self._listed() if alert["rule"]["name"] not in NOTICES]

    def notices(self):
        """What harrierd has said of the watch itself."""
        return [alert for alert in self._listed() if alert["rule"]["name"] in NOTICES]

    def _listed(self):
        return ndjson(self.ctl("alerts", "list", "-o", "ndjson").stdout)

    def stored_ids(self):
        return [alert["alert_id"] for alert in self.stored()]
