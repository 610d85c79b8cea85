#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The goals of speed and memory. Ratios, measured in turns in one run (A B A B ...), since this machine's speed today says nothing of
another's: a line for each goal, with what was measured, what is required, and ok or MISSED. Exits 1 if one was missed; figures of this
machine are for information. Names of goals as arguments run only those: verdict workers memory commits flood."""
import contextlib
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system")]

import captured  # noqa: E402
import load  # noqa: E402
import processes  # noqa: E402
from processes import harrier, send  # noqa: E402

MIB = 1 << 20
ROUNDS = 5
SEED_RULE = {"files": [os.path.join(captured.DATA, "yaral", "seed.yaral")]}
SHIPPED_RULES = {"files": [os.path.join(captured.ROOT, "conf", "rules", "*.yaral")], "lists": os.path.join(captured.ROOT, "conf", "lists")}


class Report:
    def __init__(self):
        self.missed = 0

    def goal(self, name, measured, required, at_most=False, unit=""):
        good = measured <= required if at_most else measured >= required
        self.missed += not good
        print(f"{name:<62} {measured:6.2f}  ({'at most' if at_most else 'at least'} {required:.2f}{unit}) {'ok' if good else 'MISSED'}", flush=True)

    def check(self, name, good, found):
        """A goal that is no ratio."""
        self.missed += not good
        print(f"{name:<62} {found}  {'ok' if good else 'MISSED'}", flush=True)

    @staticmethod
    def note(text):
        print(f"    {text}", flush=True)


class Bench:
    """The requests are made once, and stay on the disk of the build: the store is measured on it too."""

    def __init__(self, folder):
        self.folder = folder
        self.report = Report()
        self.stream, self.harmless = load.busy_stream(folder)
        self.open = contextlib.ExitStack()

    def harrier(self, name, **settings):
        server = harrier(self.folder, name, **{"rules": SEED_RULE, "workers": 1, **settings})
        self.open.callback(server.discard)
        return server

    def server(self, name):
        server = processes.Server(name)
        self.open.callback(server.discard)
        time.sleep(0.3)
        return server

    def close(self):
        self.open.close()


# --- 1. from HTTP to the verdict, one worker ---

def cost(server, requests, passes=2):
    """CPU seconds of a server for a million events. Steadier than events a second where others use the machine too: time in which the server
    had to wait for a core, or for the client, is not in it. All threads of the server share one core, the client has another."""
    cores = sorted(os.sched_getaffinity(0))
    processes.pin(server.process.pid, {cores[0]})
    before = processes.cpu_seconds(server.process.pid)
    sent = send(server.port, requests, passes=passes, cores={cores[-1]})
    return (processes.cpu_seconds(server.process.pid) - before) / sent["events"] * 1e6


def bench_verdict(bench):
    servers = {"harrierd": bench.harrier("verdict"), "yajl": bench.server("yajl_server"), "evhttp": bench.server("evhttp_server")}
    costs = {name: [] for name in servers}
    for server in servers.values():
        send(server.port, bench.stream)
    for _ in range(ROUNDS):
        for name, server in servers.items():
            costs[name].append(cost(server, bench.stream))
    for other, required in (("yajl", 0.80), ("evhttp", 0.45)):
        ratios = [theirs / ours for theirs, ours in zip(costs[other], costs["harrierd"])]
        bench.report.goal(f"HTTP to verdict / {'yajl that counts' if other == 'yajl' else 'evhttp that drains'}, events per CPU second",
                          statistics.median(ratios), required)
    bench.report.note(", ".join(f"{name} {statistics.median(values):.2f} CPU s per million events" for name, values in costs.items()))
    found = servers["harrierd"].metric("harrier_alerts_stored_total")
    bench.report.check("the stream's needles found, and nothing else", found == len(load.needles()), f"{found:.0f} alerts")


# --- 2. two workers ---

def bench_workers(bench):
    if len(os.sched_getaffinity(0)) < 2:
        bench.report.note("two workers: not measured, there is one core")
        return
    servers = {workers: bench.harrier(f"workers-{workers}", workers=workers) for workers in (1, 2)}
    rates = {workers: [] for workers in servers}
    for server in servers.values():
        send(server.port, bench.stream)
    for _ in range(ROUNDS):
        for workers, server in servers.items():
            sent = send(server.port, bench.stream, passes=2)
            rates[workers].append(sent["events"] / sent["seconds"])
    bench.report.goal("two workers / one, events a second", statistics.median(two / one for one, two in zip(rates[1], rates[2])), 1.6)
    bench.report.note(", ".join(f"{workers} worker(s): {statistics.median(values):,.0f} events/s" for workers, values in rates.items()))


# --- 3. memory ---

def bench_memory(bench):
    as_written, with_sorted_keys = load.big_post(bench.folder)
    for rules_name, rules in (("the seed's rule", SEED_RULE), ("the shipped rules", SHIPPED_RULES)):
        for order, big in (("", as_written), (", keys sorted", with_sorted_keys)):
            server = bench.harrier(f"memory-{len(os.listdir(bench.folder))}", rules=rules)
            pid = server.process.pid
            idle = processes.memory(pid, "VmRSS")
            processes.forget_peak(pid)
            sent = send(server.port, big, connections=1)
            peak, after = processes.memory(pid, "VmHWM"), processes.memory(pid, "VmRSS")
            evaluated, cut = server.metric("harrier_events_evaluated_total"), server.metric("harrier_events_cut_total")
            bench.report.goal(f"peak over idle, a POST of {big.bytes / 1e6:.0f} MB, {rules_name}{order}", (peak - idle) / MIB, 8, True, " MiB")
            if not order:
                bench.report.goal(f"idle, {rules_name}", idle / MIB, 24, True, " MiB")
            bench.report.check("its events judged", evaluated == big.events, f"{evaluated:.0f} of {big.events}")
            bench.report.note(f"answered after {sent['p50_ms']:.0f} ms, {after / MIB:.1f} MiB after it, {cut:.0f} events over a bound")
            server.stop()


# --- 4. commits ---

def bench_commits(bench):
    done = subprocess.run([processes.program("store_bench"), bench.folder], stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    bench.report.missed += done.returncode != 0
    server = bench.harrier("commits")
    before = server.metric("harrier_store_commits_total")
    sent = send(server.port, bench.harmless, connections=1)
    commits = server.metric("harrier_store_commits_total") - before
    bench.report.check(f"commits for {sent['requests']} batches without an alert", commits == 0, f"{commits:.0f}")
    bench.report.note(f"acknowledged after {sent['p50_ms']:.2f} ms (p99 {sent['p99_ms']:.2f} ms) at one connection")
    return done.stdout


# --- 5. a flood ---

def bare_rate(bench, output):
    output = output or subprocess.run([processes.program("store_bench"), bench.folder], stdout=subprocess.PIPE, text=True, check=False).stdout
    return float(re.search(r"^bare SQLite .* (\d+) alerts/s", output, re.MULTILINE).group(1))


def bench_flood(bench, output=None):
    alerts = 40_000
    requests = load.flood(bench.folder, alerts)
    server = bench.harrier("flood", workers=0)
    sent = send(server.port, requests)
    stored = server.metric("harrier_alerts_stored_total")
    bare = bare_rate(bench, output)
    required = min(8000, bare / 2)
    bench.report.goal("flood of attacks over HTTP, thousands of durable alerts a second", alerts / sent["seconds"] / 1000, required / 1000)
    bench.report.check("every alert of the flood stored", stored == alerts, f"{stored:.0f} of {alerts}")
    bench.report.note(f"bare SQLite {bare:.0f} alerts/s; batches of {load.BATCH} acknowledged after {sent['p50_ms']:.0f} ms (p99 {sent['p99_ms']:.0f} ms)")


GOALS = {"verdict": bench_verdict, "workers": bench_workers, "memory": bench_memory, "commits": bench_commits, "flood": bench_flood}


def main(names):
    with tempfile.TemporaryDirectory(prefix="harrier-bench-", dir=os.path.dirname(processes.PROGRAMS)) as folder:
        bench, output = Bench(folder), None
        for name in names or GOALS:
            try:
                if name == "flood":
                    bench_flood(bench, output)
                else:
                    output = GOALS[name](bench) or output
            finally:
                bench.close()
        return 1 if bench.report.missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
