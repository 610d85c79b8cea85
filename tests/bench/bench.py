#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The goals of speed and memory. Ratios, measured in turns in one run (A B A B ...), since this machine's speed today says nothing of
another's: a line for each goal, with what was measured, what is required, and ok or MISSED. Exits 1 if one was missed; figures of this
machine are for information. Names of goals as arguments run only those: verdict workers memory commits flood tls syslog slow."""
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path[:0] = [os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system")]

import captured  # noqa: E402
import daemon  # noqa: E402
import load  # noqa: E402
import peer_cases  # noqa: E402
import processes  # noqa: E402
import slow_clients  # noqa: E402
from processes import harrier, send  # noqa: E402

MIB = 1 << 20
ROUNDS, MOST_ROUNDS, QUIET = 5, 15, 0.10
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

def cost(server, requests, passes=2, tls=False):
    """CPU seconds of a server for a million events. Steadier than events a second where others use the machine too: time in which the server
    had to wait for a core, or for the client, is not in it. All threads of the server share one core, the client has another."""
    cores = sorted(os.sched_getaffinity(0))
    processes.pin(server.process.pid, {cores[0]})
    before = processes.cpu_seconds(server.process.pid)
    sent = send(server.port, requests, passes=passes, cores={cores[-1]}, tls=tls)
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

def others_share(used_by, run):
    """What run() gives, and how much of the machine's time meanwhile other programs than used_by and this one's children took."""
    def busy():
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system, _, _, irq, softirq, steal, *_ = map(int, file.readline().split()[1:])
        return (user + nice + system + irq + softirq + steal) / processes.TICK

    def ours():
        times = os.times()
        return sum(processes.cpu_seconds(server.process.pid) for server in used_by) + times.user + times.system + \
            times.children_user + times.children_system

    began, busy_before, ours_before = time.monotonic(), busy(), ours()
    result = run()
    took = (time.monotonic() - began) * os.cpu_count()
    return result, max(0.0, busy() - busy_before - (ours() - ours_before)) / took


def bench_workers(bench):
    """Events a second in a closed loop, with the client on the same cores. What other programs do meanwhile would be measured
    too: the quietest rounds count, and it goes on, for a while, until there are enough in which the others took less than a tenth."""
    if len(os.sched_getaffinity(0)) < 2:
        bench.report.note("two workers: not measured, there is one core")
        return
    servers = {workers: bench.harrier(f"workers-{workers}", workers=workers) for workers in (1, 2)}
    rounds = []
    for server in servers.values():
        send(server.port, bench.stream)
    while len(rounds) < MOST_ROUNDS and sum(noise < QUIET for _, _, noise in rounds) < ROUNDS:
        rates, noises = [], []
        for server in servers.values():
            sent, noise = others_share([server], lambda port=server.port: send(port, bench.stream, passes=3))
            rates.append(sent["events"] / sent["seconds"])
            noises.append(noise)
        rounds.append((*rates, max(noises)))
    quietest = sorted(rounds, key=lambda one: one[2])[:ROUNDS]
    bench.report.goal("two workers / one, events a second", statistics.median(two / one for one, two, _ in quietest), 1.6)
    bench.report.note(f"one worker {statistics.median(one for one, _, _ in quietest):,.0f} events/s, two "
                      f"{statistics.median(two for _, two, _ in quietest):,.0f}; other programs took up to {quietest[-1][2]:.0%} of the machine")


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


# --- 5. a flood ---

def bench_flood(bench):
    rounds, alerts = 3, 20_000
    server = bench.harrier("flood", workers=0)
    floods = [load.flood(bench.folder, alerts, number) for number in range(rounds)]
    ratios, rates, bares = [], [], []
    for flood in floods:
        bares.append(float(subprocess.run([processes.program("store_bench"), bench.folder, "bare"], stdout=subprocess.PIPE, check=True).stdout))
        sent = send(server.port, flood)
        rates.append(alerts / sent["seconds"])
        ratios.append(rates[-1] / min(8000, bares[-1] / 2))
    bench.report.goal("flood over HTTP / 8,000 alerts/s or half of bare SQLite", statistics.median(ratios), 1.0)
    bench.report.note(f"{statistics.median(rates):,.0f} durable alerts/s; bare SQLite {statistics.median(bares):,.0f}")
    stored = server.metric("harrier_alerts_stored_total")
    bench.report.check("every alert of the flood stored", stored == rounds * alerts, f"{stored:.0f} of {rounds * alerts}")


# --- 6. TLS ---

def bench_tls(bench):
    plain = bench.harrier("plain")
    encrypted = bench.harrier("tls", **{"sources": [{"name": "apiserver", "type": "webhook", "listen": f"127.0.0.1:{daemon.free_port()}", "path": "/k8s-audit",
                                                     "tls": peer_cases.pki(bench.folder)}]})
    encrypted.port = int(encrypted.settings["sources"][0]["listen"].rpartition(":")[2])
    costs = {"plain": [], "TLS 1.3": []}
    for _ in range(ROUNDS):
        costs["plain"].append(cost(plain, bench.stream))
        costs["TLS 1.3"].append(cost(encrypted, bench.stream, tls=True))
    ratios = [plain_cost / tls_cost for plain_cost, tls_cost in zip(costs["plain"], costs["TLS 1.3"])]
    bench.report.goal("ingest over TLS 1.3 / plain, events per CPU second", statistics.median(ratios), 0.6)
    bench.report.note(", ".join(f"{name} {statistics.median(values):.2f} CPU s per million events" for name, values in costs.items()))


# --- 7. syslog ---

def bench_syslog(bench):
    path, count = load.syslog_frames(bench.folder)
    port = daemon.free_port()
    server = bench.harrier("syslog", sources=[{"name": "rsyslog", "type": "syslog", "listen": f"127.0.0.1:{port}"}])
    cores = sorted(os.sched_getaffinity(0))
    processes.pin(server.process.pid, {cores[0]})
    ratios = []
    for turn in range(1, ROUNDS + 1):
        before = processes.cpu_seconds(server.process.pid)
        with socket.create_connection(("127.0.0.1", port)) as connection, open(path, "rb") as file:
            connection.sendfile(file)
        daemon.wait_for(lambda received=turn * count: server.metric("harrier_events_evaluated_total") >= received, "the stream over syslog")
        ingest = processes.cpu_seconds(server.process.pid) - before
        times = os.times()
        subprocess.run([daemon.HARRIERCTL, "replay", "-o", "ndjson", "-r", SEED_RULE["files"][0], path], stdout=subprocess.DEVNULL, check=True)
        after = os.times()
        ratios.append((after.children_user + after.children_system - times.children_user - times.children_system) / ingest)
    bench.report.goal("syslog ingest, octet-counted / replay, events per CPU second", statistics.median(ratios), 0.8)


# --- 8. slow clients ---

SLOW, IDLE = 2000, 500


def bench_slow(bench):
    """The honest client's p99, in turns alone and beside many who send a byte now and then, or nothing."""
    server = bench.harrier("slow", workers=0)
    send(server.port, bench.harmless)
    ratios, held = [], []
    for _ in range(3):
        alone = send(server.port, bench.harmless)["p99_ms"]
        with slow_clients.SlowClients(server.port, SLOW, IDLE) as crowd:
            beside = send(server.port, bench.harmless)
            held.append(crowd.connected())
        ratios.append(beside["p99_ms"] / alone)
        assert beside["refused"] == 0
    bench.report.goal(f"p99 of an honest client beside {SLOW} slow and {IDLE} idle ones / alone", statistics.median(ratios), 2, at_most=True)
    bench.report.check("connections of the crowd at the end of each turn", min(held) > (SLOW + IDLE) // 2, ", ".join(map(str, held)))


GOALS = {"verdict": bench_verdict, "workers": bench_workers, "memory": bench_memory, "commits": bench_commits, "flood": bench_flood,
         "tls": bench_tls, "syslog": bench_syslog, "slow": bench_slow}


def main(names):
    with tempfile.TemporaryDirectory(prefix="harrier-bench-", dir=os.path.dirname(processes.PROGRAMS)) as folder:
        bench = Bench(folder)
        for name in names or GOALS:
            try:
                GOALS[name](bench)
            finally:
                bench.close()
        return 1 if bench.report.missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
