# SPDX-License-Identifier: Apache-2.0
"""The servers that are measured, and what the kernel says of them."""
import json
import os
import subprocess

import daemon

PROGRAMS = os.environ.get("BENCH_PROGRAMS", os.path.join(daemon.captured.ROOT, "build", "tests", "bench"))
TICK = os.sysconf("SC_CLK_TCK")


def program(name):
    return os.path.join(PROGRAMS, name)


def pin(pid, cores):
    """Every thread of a process onto these cores; those it starts later too."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), cores)


def cpu_seconds(pid):
    """User and system time of all threads of a process."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def memory(pid, name):
    """VmRSS or VmHWM, in bytes."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name + ":"))


def forget_peak(pid):
    with open(f"/proc/{pid}/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def send(port, load, connections=8, passes=1, cores=None, tls=False):
    """Sends a load and gives what client.c printed."""
    command = [program("client"), str(port), load.requests, load.index, str(connections), str(passes), *(["tls"] if tls else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, preexec_fn=(lambda: os.sched_setaffinity(0, cores)) if cores else None)
    return json.loads(done.stdout)


class Server:
    """One of the small servers that harrierd is compared with."""

    def __init__(self, name):
        self.port = daemon.free_port()
        self.process = subprocess.Popen([program(name), str(self.port)])

    def discard(self):
        self.process.kill()
        self.process.wait()


def harrier(folder, name, rules, **settings):
    """A harrierd that is ready, in a folder of its own below folder. rules: as in the configuration."""
    own = os.path.join(folder, name)
    os.mkdir(own)
    server = daemon.Harrier(own, **settings)
    server.settings["rules"] = rules
    server.write_config()
    try:
        return server.start()
    except BaseException:
        server.discard()
        raise
