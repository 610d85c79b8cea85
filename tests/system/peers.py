# SPDX-License-Identifier: Apache-2.0
"""Real programs that send audit events: rsyslog, syslog-ng, curl, openssl, and a client that retries as a kube-apiserver does.

Each takes a log of events, one a line, and brings it to harrierd over one of its sources. Programs are taken from build/peers, where bootstrap unpacks
them (or HARRIER_PEERS), else from where Debian installs them; a peer that is missing skips its tests.
"""
import glob
import http.client
import itertools
import os
import shutil
import signal
import subprocess
import threading

import pytest

import captured
from daemon import PATIENCE, free_port, wait_for
from killing import attack_lines

UNPACKED = os.environ.get("HARRIER_PEERS", os.path.join(captured.ROOT, "build", "peers"))


def program(name):
    """The program's path, and its environment; None where it is not there."""
    unpacked = os.path.join(UNPACKED, "usr", "sbin", name)
    if os.path.exists(unpacked):
        libraries = glob.glob(os.path.join(UNPACKED, "lib", "*-linux-gnu")) + glob.glob(os.path.join(UNPACKED, "usr", "lib", "*-linux-gnu"))
        return unpacked, {"LD_LIBRARY_PATH": ":".join(libraries + [os.path.join(UNPACKED, "usr", "lib", "syslog-ng")])}
    return shutil.which(name, path="/usr/sbin:" + os.environ.get("PATH", "")), {}


def module_folders(pattern):
    """Folders of a program's modules: the unpacked ones and the system's."""
    return glob.glob(os.path.join(UNPACKED, "usr", "lib", pattern)) + glob.glob(os.path.join("/usr/lib", pattern))


# Fires for each event, so that none can be lost or come twice unseen.
EVERY_EVENT = """rule every_event {
  meta:
    severity = "LOW"
  events:
    $e.metadata.log_type = "K8S_AUDIT"
  condition:
    $e
}
"""


def write_log(path, count, seed=1):
    """A log of the API server's log backend, or more of it where there is one; the auditIDs that were written."""
    ids = []
    with open(path, "ab") as file:
        for audit_id, line in itertools.islice(attack_lines(seed), count):
            ids.append(audit_id)
            file.write(line)
    return ids


def write_rule(folder):
    path = os.path.join(folder, "every_event.yaral")
    with open(path, "w", encoding="utf-8") as file:
        file.write(EVERY_EVENT)
    return path


def settings(folder, kind, **source):
    """Settings of a harrierd with one source of that type."""
    port = free_port()
    made = {"name": "peer", "type": kind, "listen": f"127.0.0.1:{port}", **source}
    return port, {"sources": [made], "rules": [write_rule(folder)]}


def stored_audit_ids(harrier):
    return [event["audit_id"] for alert in harrier.stored() for event in alert["events"]]


def count_stored(harrier):
    return int(harrier.metric("harrier_store_alerts"))


def expect_exactly(harrier, ids, patience=PATIENCE):
    """Waits until the store has them all, and checks that it has nothing else and nothing twice."""
    wait_for(lambda: count_stored(harrier) >= len(ids), f"{len(ids)} alerts in the store", patience=patience)
    stored = stored_audit_ids(harrier)
    assert sorted(stored) == sorted(ids), f"{len(stored)} stored, {len(set(stored))} of them different, of {len(ids)}"


class Killer(threading.Thread):
    """Kills the daemon with SIGKILL and starts it again, every few seconds, until stopped."""

    def __init__(self, harrier, period):
        super().__init__(daemon=True)
        self.harrier = harrier
        self.period = period
        self.kills = 0
        self.error = None
        self.stopping = threading.Event()
        self.start()

    def run(self):
        try:
            while not self.stopping.wait(self.period):
                self.harrier.kill()
                self.harrier.start()
                self.kills += 1
        except AssertionError as error:  # to be seen in the test's own thread
            self.error = error

    def stop(self):
        self.stopping.set()
        self.join()
        assert self.error is None, self.error


class Program:
    """A peer in the foreground, ended with SIGTERM."""

    def __init__(self, command, log_path, environment=None):
        self.log_path = log_path
        with open(log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **(environment or {})})

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def rsyslog(folder, log, action, modules=(), preamble=""):
    """rsyslog that follows the log (imfile) and sends it on by the action."""
    rsyslogd, environment = program("rsyslogd")
    if not rsyslogd:
        pytest.skip("rsyslogd is not there")
    folders = module_folders("*-linux-gnu/rsyslog")
    for module in modules:
        if not any(os.path.exists(os.path.join(one, module + ".so")) for one in folders):
            pytest.skip(f"rsyslog's {module} is not there")
    work = os.path.join(folder, "rsyslog")
    os.makedirs(work, exist_ok=True)
    config = os.path.join(work, "rsyslog.conf")
    loads = "".join(f'module(load="{module}")\n' for module in modules if module.startswith(("im", "om")))
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"""global(workDirectory="{work}" maxMessageSize="8m" processInternalMessages="off")
{preamble}
module(load="imfile" mode="polling" pollingInterval="1")
{loads}
template(name="rfc5424" type="string" string="<%PRI%>1 %TIMESTAMP:::date-rfc3339% %HOSTNAME% %APP-NAME% - - - %msg%")
input(type="imfile" file="{log}" tag="kube-apiserver" severity="info" facility="local0" ruleset="send")
ruleset(name="send" queue.type="LinkedList" queue.size="20000") {{
  {action}
}}
""")
    return Program([rsyslogd, "-n", "-M", ":".join(folders), "-f", config, "-i", os.path.join(work, "pid")], os.path.join(work, "log"), environment)


def syslog_ng(folder, log, destination):
    """syslog-ng that follows the log and sends it on."""
    syslog_ng_program, environment = program("syslog-ng")
    if not syslog_ng_program:
        pytest.skip("syslog-ng is not there")
    work = os.path.join(folder, "syslog-ng")
    os.makedirs(work, exist_ok=True)
    config = os.path.join(work, "syslog-ng.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"""@version: 3.38
options {{ stats-freq(0); flush-lines(100); log-msg-size(8388608); keep-hostname(yes); log-fifo-size(50000); use-dns(no); }};
source s_audit {{ file("{log}" flags(no-parse) program-override("kube-apiserver") follow-freq(0.2)); }};
destination d_harrier {{ {destination} }};
log {{ source(s_audit); destination(d_harrier); flags(flow-control); }};
""")
    command = [syslog_ng_program, "-F", "-f", config, "--no-caps", "-R", os.path.join(work, "persist"), "-p", os.path.join(work, "pid"),
               "-c", os.path.join(work, "control")]
    command += ["--module-path", ":".join(module_folders("syslog-ng/*.*"))]
    return Program(command, os.path.join(work, "log"), environment)


class ApiServer(threading.Thread):
    """Sends batches as a kube-apiserver's audit webhook does: keep-alive, 400 events, every failure tried again with the same bytes."""

    def __init__(self, port, log, path="/k8s-audit", batch=400, tries=200, pause=0.25):
        super().__init__(daemon=True)
        self.port, self.log, self.path = port, log, path
        self.batch, self.tries, self.pause = batch, tries, pause
        self.lost = 0
        self.start()

    def batches(self):
        with open(self.log, encoding="utf-8") as file:
            lines = [line.rstrip("\n") for line in file]
        for begin in range(0, len(lines), self.batch):
            items = ",".join(lines[begin:begin + self.batch])
            yield f'{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{{}},"items":[{items}]}}\n'.encode()

    def run(self):
        connection = None
        for body in self.batches():
            for _ in range(self.tries):
                try:
                    connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                    connection.request("POST", self.path + "?timeout=30s", body, {"Content-Type": "application/json"})
                    answer = connection.getresponse()
                    answer.read()
                    if 200 <= answer.status <= 206:
                        break
                except (OSError, http.client.HTTPException):
                    connection.close()
                    connection = None
                threading.Event().wait(self.pause)
            else:
                self.lost += 1
