# SPDX-License-Identifier: Apache-2.0
"""harrierd under the restrictions of its own unit: it does all of its work, and could do nothing else."""
import json
import os
import shutil
import socket
import struct
import subprocess

import captured
import pytest
import sandbox
from daemon import HARRIERCTL, HARRIERD, wait_for
from receiver import Answer

WHY_NOT = sandbox.why_not(HARRIERD)
needs_sandbox = pytest.mark.skipif(WHY_NOT is not None, reason=str(WHY_NOT))
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")

ATTEMPTS = """
import ctypes, json, os, socket

def attempt(call, *arguments):
    try:
        call(*arguments)
        return "done"
    except OSError as error:
        return os.strerror(error.errno)

libc = ctypes.CDLL(None, use_errno=True)
def system(call, *arguments):
    if getattr(libc, call)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), call)

print(json.dumps({
    "write to /etc": attempt(open, "/etc/harrier.test", "w"),
    "write to /tmp": attempt(open, "/tmp/harrier.test", "w"),
    "raw socket": attempt(socket.socket, socket.AF_PACKET, socket.SOCK_RAW),
    "netlink": attempt(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW),
    "internet": attempt(socket.socket, socket.AF_INET, socket.SOCK_STREAM),
    "give a file away": attempt(os.chown, "/tmp/harrier.test", 0, 0),
    "new namespace": attempt(system, "unshare", 0x10000000),
    "trace a process": attempt(system, "ptrace", 0, 0, 0, 0),
    "mount": attempt(system, "mount", b"none", b"/tmp", b"tmpfs", 0, 0),
    "read /proc/sys": os.listdir("/proc/sys"),
    "capabilities": [line.split()[1] for line in open("/proc/self/status") if line.startswith("CapBnd")],
}))
"""


def process_status(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def lines_of(harrier, name):
    with open(os.path.join(harrier.folder, name), "rb") as file:
        return len(file.readlines())


@needs_systemd
def test_the_unit_leaves_little_exposed():
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=12", sandbox.UNIT], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_systemd
def test_the_units_are_valid(tmp_path):
    for name in ("harrierd.service", "harrierd.socket"):
        with open(os.path.join(os.path.dirname(sandbox.UNIT), name), encoding="utf-8") as file:
            (tmp_path / name).write_text(file.read().replace("/usr/sbin/harrierd", HARRIERD).replace("/usr/bin/harrierctl", HARRIERCTL), encoding="utf-8")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *map(str, tmp_path.iterdir())], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_unit_leaves_memory_executable_for_the_regexes():
    assert sandbox.unit_lines("MemoryDenyWriteExecute") == []


@needs_sandbox
def test_the_sandbox_refuses_what_the_unit_refuses():
    code, output, errors = sandbox.run(["/usr/bin/python3", "-c", ATTEMPTS])
    assert code == 0, errors
    assert json.loads(output) == {
        "write to /etc": "Read-only file system",
        "write to /tmp": "done",
        "raw socket": "Address family not supported by protocol",
        "netlink": "Address family not supported by protocol",
        "internet": "done",
        "give a file away": "Operation not permitted",
        "new namespace": "Operation not permitted",
        "trace a process": "Operation not permitted",
        "mount": "Operation not permitted",
        "read /proc/sys": [],
        "capabilities": ["0" * 16],
    }


@needs_sandbox
def test_a_sandboxed_daemon_takes_attacks_delivers_alerts_reloads_and_ends(make_harrier, receiver):
    harrier = make_harrier(destinations=[receiver.destination(), {"name": "trail", "type": "file", "path": "alerts.ndjson"}])
    harrier.start(sandboxed=True)
    status = process_status(harrier.process.pid)
    assert (status["Seccomp"], status["NoNewPrivs"], int(status["CapEff"], 16)) == ("2", "1", 0)
    assert harrier.post(captured.attacks())[0] == 200
    wait_for(lambda: len(set(receiver.alert_ids())) == 4, "four alerts at the webhook")
    harrier.reload()
    wait_for(lambda: harrier.metric("harrier_reloads_total") == 1, "the reload")
    for post in captured.posts():
        assert harrier.post(post.body)[0] == 200
    assert {alert["alert_id"] for alert in harrier.stored() + harrier.notices()} >= set(receiver.alert_ids())
    wait_for(lambda: lines_of(harrier, "alerts.ndjson") == len(harrier.stored()) + len(harrier.notices()), "the alerts in the file")
    harrier.stop()


@needs_sandbox
def test_the_units_reload_runs_in_the_sandbox_that_systemd_runs_it_in_and_fails_where_the_rules_are_refused(make_harrier, tmp_path):
    rules = tmp_path / "rules.yaral"
    shutil.copy(captured.RULE, rules)
    harrier = make_harrier(rules=[str(rules)]).start(sandboxed=True)
    program, *arguments = sandbox.unit_lines("ExecReload")[0].split()
    assert program == "/usr/bin/harrierctl"
    command = [HARRIERCTL, *(harrier.config if word.endswith(".yaml") else word for word in arguments)]
    folder = os.path.dirname(harrier.folder)
    code, output, errors = sandbox.run(command, {folder: folder})
    assert code == 0, errors
    rules.write_text("rule broken {", encoding="utf-8")
    code, output, errors = sandbox.run(command, {folder: folder})
    assert code == 65 and str(rules) in errors and "from before run on" in errors
    harrier.stop()


@needs_sandbox
def test_a_sandboxed_daemon_compiles_its_regexes_to_machine_code(make_harrier):
    harrier = make_harrier().start(sandboxed=True)
    assert json.loads(harrier.ctl("status", "--json").stdout)["regex_jit"] is True
    harrier.stop()


@needs_sandbox
def test_what_was_acknowledged_in_the_sandbox_is_there_after_a_kill(make_harrier):
    harrier = make_harrier().start(sandboxed=True)
    assert harrier.post(captured.attacks())[0] == 200
    harrier.kill()
    harrier.start(sandboxed=True)
    assert len(harrier.stored()) == 4
    harrier.stop()


# --- The journal: its socket is ours in the sandbox ---

class Journal:
    """A socket as systemd-journald's, and the entries that came in: {field: bytes} each."""

    def __init__(self, folder):
        os.mkdir(folder)
        self.folder = folder
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(os.path.join(folder, "socket"))
        self.socket.setblocking(False)
        self.received = []

    def entries(self):
        while True:
            try:
                self.received.append(parse_entry(self.socket.recv(1 << 20)))
            except BlockingIOError:
                return self.received


def parse_entry(text):
    """systemd's Native Journal Protocol: NAME=value and a newline; or NAME, a newline, 64 bits of length, the value, a newline."""
    fields = {}
    while text:
        head, _, rest = text.partition(b"\n")
        if b"=" in head:
            name, _, value = head.partition(b"=")
        else:
            name, length = head, struct.unpack("<Q", rest[:8])[0]
            value, rest = rest[8:8 + length], rest[9 + length:]
        fields[name.decode()] = value
        text = rest
    return fields


@pytest.fixture
def journal(tmp_path):
    return Journal(str(tmp_path / "journal"))


def start_under_journal(harrier, journal, ready=True):
    """stderr is a file that JOURNAL_STREAM names, as the journal's stream is for a unit."""
    with open(harrier.log_path, "ab") as log:
        about = os.fstat(log.fileno())
    return harrier.start(ready=ready, sandboxed=True, also_writable={journal.folder: "/run/systemd/journal"},
                         env={**os.environ, "JOURNAL_STREAM": f"{about.st_dev}:{about.st_ino}"})


@needs_sandbox
def test_the_journal_gets_priority_message_and_what_it_is_about(make_harrier, make_receiver, journal):
    soar = make_receiver(answers=[Answer(status=500)])
    harrier = start_under_journal(make_harrier(destinations=[soar.destination()]), journal)
    assert harrier.post(captured.attacks())[0] == 200
    wait_for(lambda: len(set(soar.alert_ids())) == 4, "four alerts after the failure")
    harrier.stop()
    entries = journal.entries()
    assert {entry["SYSLOG_IDENTIFIER"] for entry in entries} == {b"harrierd"}
    failure = next(entry for entry in entries if b"it is tried again" in entry["MESSAGE"])
    assert (failure["PRIORITY"], failure["HARRIER_DESTINATION"]) == (b"4", b"soar")
    listening = next(entry for entry in entries if "HARRIER_SOURCE" in entry)
    assert (listening["HARRIER_SOURCE"], listening["HARRIER_CLUSTER"], listening["PRIORITY"]) == (b"apiserver", b"test", b"5")
    assert harrier.log() == ""


@needs_sandbox
def test_an_error_in_the_configuration_is_an_error_in_the_journal(make_harrier, journal):
    harrier = start_under_journal(make_harrier(clusters="one letter too many"), journal, ready=False)
    assert harrier.process.wait(60) == os.EX_CONFIG
    harrier.process = None
    errors = [entry["MESSAGE"] for entry in journal.entries() if entry["PRIORITY"] == b"3"]
    assert b"harrier.yaml:" in errors[0] and b"clusters" in errors[0]
