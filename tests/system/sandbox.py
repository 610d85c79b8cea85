# SPDX-License-Identifier: Apache-2.0
"""harrierd under what systemd/harrierd.service imposes, made with bubblewrap: everything read-only but its own folder, a private /tmp, only
processes in /proc, no devices, no capabilities, no new privileges, its own user, process and IPC namespaces, and seccomp filters
compiled from the unit's own lines. The network is shared, for the tests talk to it."""
import ctypes
import errno
import functools
import json
import os
import shutil
import signal
import socket
import subprocess

import captured

UNIT = os.path.join(captured.ROOT, "systemd", "harrierd.service")
NOBODY = "65534"
NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x00000080)  # CLONE_NEW*, linux/sched.h


@functools.lru_cache
def unit_lines(name):
    """The values of a setting of the unit, in order."""
    with open(UNIT, encoding="utf-8") as file:
        pairs = (line.rstrip("\n").partition("=") for line in file if not line.startswith("#"))
        return [value for key, _, value in pairs if key == name]


# --- The unit's system call filters, compiled by libseccomp as systemd does it ---

ALLOW = 0x7FFF0000
NOT_EQUAL_OPERATORS = {"<": 2, "==": 4, ">": 6, "masked": 7}  # enum scmp_compare


def refuse(error):
    return 0x00050000 | error


class Comparison(ctypes.Structure):
    _fields_ = [("argument", ctypes.c_uint), ("operator", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]


@functools.lru_cache
def libseccomp():
    library = ctypes.CDLL("libseccomp.so.2")
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_release.argtypes = [ctypes.c_void_p]
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    library.seccomp_rule_add_array.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(Comparison)]
    library.seccomp_export_bpf.argtypes = [ctypes.c_void_p, ctypes.c_int]
    return library


class Filter:
    def __init__(self, default):
        self.context = libseccomp().seccomp_init(default)
        self.default = default

    def add(self, action, name, *comparisons):
        number = libseccomp().seccomp_syscall_resolve_name(name.encode())
        if number < 0 or action == self.default:  # of another architecture; or what happens anyway
            return
        array = (Comparison * len(comparisons))(*comparisons)
        result = libseccomp().seccomp_rule_add_array(self.context, action, number, len(comparisons), array)
        assert result == 0, f"seccomp rule for {name}: {os.strerror(-result)}"

    def export(self):
        """The BPF program, in a file that a child may inherit."""
        program = os.memfd_create("seccomp", 0)
        assert libseccomp().seccomp_export_bpf(self.context, program) == 0
        libseccomp().seccomp_release(self.context)
        os.lseek(program, 0, os.SEEK_SET)
        return program


@functools.lru_cache
def groups():
    """What systemd's @names hold, as it prints them."""
    found, members = {}, None
    for line in subprocess.run(["systemd-analyze", "syscall-filter"], capture_output=True, text=True, check=True).stdout.splitlines():
        if line.startswith("@"):
            members = found.setdefault(line.strip(), [])
        elif line.startswith(" ") and members is not None and not line.strip().startswith("#"):
            members.append(line.strip())
        elif not line.startswith(" "):
            members = None
    return found


def expand(names):
    for name in names:
        if name.startswith("@"):
            yield from expand(groups()[name])
        else:
            yield name


def allowed_calls():
    allowed = set()
    for line in unit_lines("SystemCallFilter"):
        if line.startswith("~"):
            allowed -= set(expand(line[1:].split()))
        else:
            allowed |= set(expand(line.split()))
    return allowed


def call_filter():
    """SystemCallFilter=: what systemd knows and the unit does not allow fails as the unit says; what it does not know does not exist."""
    refused = refuse(getattr(errno, unit_lines("SystemCallErrorNumber")[0]))
    allowed = allowed_calls()
    made = Filter(refuse(errno.ENOSYS))
    for name in set(expand(["@known"])) | allowed:
        made.add(ALLOW if name in allowed else refused, name)
    return made.export()


def family_filter():
    """RestrictAddressFamilies="""
    families = sorted(int(getattr(socket, name)) for name in unit_lines("RestrictAddressFamilies")[0].split())
    made = Filter(ALLOW)
    refused = refuse(errno.EAFNOSUPPORT)
    made.add(refused, "socket", Comparison(0, NOT_EQUAL_OPERATORS["<"], families[0], 0))
    made.add(refused, "socket", Comparison(0, NOT_EQUAL_OPERATORS[">"], families[-1], 0))
    for family in set(range(families[0], families[-1])) - set(families):
        made.add(refused, "socket", Comparison(0, NOT_EQUAL_OPERATORS["=="], family, 0))
    return made.export()


def namespace_filter():
    """RestrictNamespaces=yes: clone3 hides its flags from a filter, so it does not exist, and libc falls back to clone."""
    assert unit_lines("RestrictNamespaces") == ["yes"]
    made = Filter(ALLOW)
    made.add(refuse(errno.ENOSYS), "clone3")
    for flag in NAMESPACES:
        made.add(refuse(errno.EPERM), "clone", Comparison(0, NOT_EQUAL_OPERATORS["masked"], flag, flag))
    return made.export()


# --- bubblewrap ---

def only_processes_in_proc():
    """ProcSubset=pid: the rest of /proc is covered."""
    yield from ("--proc", "/proc")
    for name in sorted(os.listdir("/proc")):
        path = os.path.join("/proc", name)
        if name.isdigit() or os.path.islink(path):
            continue
        yield from ("--tmpfs", path) if os.path.isdir(path) else ("--ro-bind", "/dev/null", path)


def view(command, writable):
    """The file system. What the command and the tests' data lie in stays visible where a private folder would hide it."""
    yield from ("--ro-bind", "/", "/", "--dev", "/dev")
    yield from only_processes_in_proc()
    for folder in ("/tmp", "/var/tmp", "/run", "/home", "/root"):
        if os.path.isdir(folder):
            yield from ("--tmpfs", folder)
    for folder in (captured.ROOT, os.path.dirname(os.path.realpath(command[0]))):
        yield from ("--ro-bind", folder, folder)
    for source, target in writable.items():
        yield from ("--bind", source, target)


def hardening():
    yield from ("--unshare-user", "--uid", NOBODY, "--gid", NOBODY, "--cap-drop", "ALL")
    yield from ("--unshare-pid", "--as-pid-1", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try")


class Sandboxed:
    """What the tests use of a subprocess.Popen, for a process in the sandbox."""

    def __init__(self, command, writable, env=None, **options):
        filters = [call_filter(), family_filter(), namespace_filter()]
        told, tell = os.pipe()
        arguments = ["bwrap", *view(command, writable), *hardening(), "--info-fd", str(tell)]
        for program in filters:
            arguments += ["--add-seccomp-fd", str(program)]
        self.bubble = subprocess.Popen([*arguments, "--", *command], pass_fds=[tell, *filters], env=environment(env), **options)
        for file in (tell, *filters):
            os.close(file)
        self.stdout, self.stderr = self.bubble.stdout, self.bubble.stderr
        with os.fdopen(told, encoding="ascii") as about:
            self.pid = json.loads(about.read() or "{}").get("child-pid")
        assert self.pid, f"bubblewrap ended with {self.bubble.wait()}"

    @property
    def returncode(self):
        return self.bubble.returncode

    def poll(self):
        return self.bubble.poll()

    def wait(self, timeout=None):
        return self.bubble.wait(timeout)

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def environment(env):
    """LeakSanitizer stops the process with ptrace, which the filter refuses."""
    env = dict(os.environ if env is None else env)
    env["ASAN_OPTIONS"] = env.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return env


def run(command, writable=None):
    """Runs a command to its end; exit code, standard output and error."""
    process = Sandboxed(command, writable or {}, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    output, errors = process.bubble.communicate(timeout=60)
    return process.returncode, output.decode(), errors.decode()


@functools.lru_cache
def why_not(program):
    """Why the program cannot be run in the sandbox on this machine; None if it can."""
    for tool in ("bwrap", "systemd-analyze"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    try:
        libseccomp()
    except OSError:
        return "libseccomp.so.2 is not installed"
    with open(program, "rb") as file:
        if b"__tsan_init" in file.read():
            return "ThreadSanitizer needs system calls that the unit refuses"
    probe = subprocess.run(["bwrap", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", *hardening(), "true"], capture_output=True, text=True)
    return f"bubblewrap cannot make namespaces here: {probe.stderr.strip()}" if probe.returncode else None
