# SPDX-License-Identifier: Apache-2.0
"""Audit traffic of tests/data: captured POSTs byte for byte, the scenarios with what is expected of them, the four attacks; and made ones, the
envelopes that clouds and log shippers send."""
import collections
import gzip
import os
import tarfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.path.join(ROOT, "tests", "data")
ATTACKS = os.path.join(ROOT, "conf", "quickstart", "attacks.json")
RULE = os.path.join(DATA, "rules", "kubernetes_suspicious_cronjob_job_creation.yaral")
RULE_NAME = "kubernetes_suspicious_cronjob_job_creation"

Post = collections.namedtuple("Post", "name head body")
Row = collections.namedtuple("Row", "file audit_id expected what")
Envelope = collections.namedtuple("Envelope", "name head body events alerts")


def attacks():
    """One EventList of the four attacks, as a kube-apiserver sends it."""
    with open(ATTACKS, "rb") as file:
        return file.read()


def posts():
    """Every captured POST, in the order of its name."""
    folder = os.path.join(DATA, "posts")
    for name in sorted(os.listdir(folder)):
        with gzip.open(os.path.join(folder, name)) as file:
            head, _, body = file.read().partition(b"\r\n\r\n")
        yield Post(name.removesuffix(".http.gz"), head + b"\r\n\r\n", body)


def scenarios(folder):
    """Unpacks the scenarios into folder; their rows and their files, in order."""
    with tarfile.open(os.path.join(DATA, "scenarios.tar.gz")) as archive:
        archive.extractall(folder)
    with open(os.path.join(folder, "scenarios.tsv"), encoding="utf-8", errors="surrogateescape", newline="\n") as file:
        lines = file.read().split("\n")[1:]
    rows = [Row(*line.split("\t")) for line in lines if line]
    files = [os.path.join(folder, name) for name in sorted({row.file for row in rows})]
    return rows, files


def envelopes():
    """Every sample: the request's head (empty where it is a file), the body as it is sent, the ids of the events in it, those that the rule is about."""
    with tarfile.open(os.path.join(DATA, "envelopes.tar.gz")) as archive:
        contents = {os.path.basename(member.name): archive.extractfile(member).read() for member in archive if member.isfile()}
    rows = [line.split("\t") for line in contents.pop("index.tsv").decode().splitlines()[1:]]
    for name, content in sorted(contents.items()):
        head, _, body = content.partition(b"\r\n\r\n") if name.endswith(".http") else (b"", b"", content)
        events = [row[1:3] for row in rows if row[0] == name and row[1] != "-"]
        yield Envelope(name, head, body, [event for event, _ in events], [event for event, alert in events if alert == "1"])
