# SPDX-License-Identifier: Apache-2.0
"""Captured audit traffic of tests/data: POSTs byte for byte, the scenarios with what is expected of them, the four attacks."""
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
