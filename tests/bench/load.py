# SPDX-License-Identifier: Apache-2.0
"""The requests that the benchmark sends: the busy stream as a kube-apiserver batches it, one huge body, and a flood of attacks."""
import collections
import ctypes
import ctypes.util
import json
import os

import captured

BATCH = 400  # events, as a kube-apiserver's webhook batches by default
STREAM = os.path.join(captured.DATA, "stream", "busy-cluster.jsonl.zst")
NEEDLES = os.path.join(captured.DATA, "stream", "needles.tsv")
ITEM_HEAD = b'{"kind":"Event","apiVersion":"audit.k8s.io/v1",'  # an item of a list has no kind and apiVersion
LIST_HEAD = b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":['

Load = collections.namedtuple("Load", "requests index count events bytes")


def read_zstd(path):
    """The content of a file that one zstd frame holds."""
    library = ctypes.CDLL(ctypes.util.find_library("zstd") or "libzstd.so.1")
    library.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
    library.ZSTD_decompress.restype = ctypes.c_size_t
    with open(path, "rb") as file:
        packed = file.read()
    size = library.ZSTD_getFrameContentSize(packed, ctypes.c_size_t(len(packed)))
    content = ctypes.create_string_buffer(size)
    got = library.ZSTD_decompress(content, ctypes.c_size_t(size), packed, ctypes.c_size_t(len(packed)))
    assert got == size, f"{path}: cannot be unpacked"
    return content.raw


def needles():
    """auditIDs of the events in the stream that the rule must find."""
    with open(NEEDLES, encoding="utf-8") as file:
        rows = [line.split("\t") for line in file.read().splitlines()[1:]]
    return {row[0].encode() for row in rows if row[1] == "YES"}


def write_load(folder, name, bodies):
    """Writes the requests of (body's pieces, number of events) one behind another, and the index that client.c reads."""
    path = os.path.join(folder, name)
    count = events = total = 0
    with open(path + ".requests", "wb") as requests, open(path + ".index", "w", encoding="ascii") as index:
        for pieces, number in bodies:
            length = sum(map(len, pieces))
            head = (f"POST /k8s-audit?timeout=30s HTTP/1.1\r\nHost: 127.0.0.1:9480\r\nUser-Agent: kube-apiserver/v1.34.0 (linux/amd64)\r\n"
                    f"Content-Length: {length}\r\nAccept: application/json, */*\r\nContent-Type: application/json\r\n\r\n").encode()
            requests.write(head)
            requests.writelines(pieces)
            index.write(f"{len(head) + length} {number}\n")
            count, events, total = count + 1, events + number, total + length
    return Load(requests.name, index.name, count, events, total)


def event_list(items):
    return [LIST_HEAD, b",".join(items), b"]}\n"]


def batches(items):
    return ((event_list(items[i:i + BATCH]), len(items[i:i + BATCH])) for i in range(0, len(items), BATCH))


def stream_items():
    items = []
    for line in read_zstd(STREAM).splitlines():
        assert line.startswith(ITEM_HEAD)
        items.append(b"{" + line[len(ITEM_HEAD):])
    return items


def is_needle(item, wanted):
    begin = item.index(b'"auditID":"') + len(b'"auditID":"')
    return item[begin:begin + 36] in wanted


def busy_stream(folder):
    """All of the stream; and its harmless part: of the events that no rule can fire on, the batches in the same order."""
    items, wanted = stream_items(), needles()
    harmless = [item for item in items if not is_needle(item, wanted)]
    return write_load(folder, "stream", batches(items)), write_load(folder, "harmless", batches(harmless))


def syslog_frames(folder):
    """The stream as octet-counted syslog messages (RFC 6587), as rsyslog sends an audit log; the path, and the number of messages."""
    path = os.path.join(folder, "stream.syslog")
    count = 0
    with open(path, "wb") as file:
        for line in read_zstd(STREAM).splitlines():
            message = b"<134>1 2026-11-24T10:00:00.000000+00:00 node-1 kube-apiserver - - - " + line
            file.write(b"%d %s" % (len(message), message))
            count += 1
    return path, count


# --- one huge body ---

BIG_OBJECTS, BIG_OBJECT_BYTES = 60, 1_200_000
BIG_MORE_EVENTS = 4  # so that all is 225 MB
BIG_USER = {"username": "system:serviceaccount:ci:deployer", "uid": "0d2c", "groups": ["system:serviceaccounts", "system:authenticated"]}


def env_entries(seed):
    """A long list of environment variables, as generated manifests have it: short names and values, some that refer to a Secret."""
    entries, size, number = [], 0, 0
    while size < BIG_OBJECT_BYTES:
        name = f"FEATURE_{seed:02}_{number:05}"
        if number % 20 == 7:
            entry = {"name": name, "valueFrom": {"secretKeyRef": {"name": f"app-{number % 90}", "key": "value"}}}
        else:
            entry = {"name": name, "value": f"https://svc-{number % 977}.shop.svc.cluster.local/{'x' * (number % 31)}"}
        entries.append(entry)
        size += len(json.dumps(entry, separators=(",", ":"))) + 1
        number += 1
    return entries


def big_cronjob(seed):
    container = {"name": "run", "image": "registry.example.com/shop/report:1.7.2", "command": ["/app/report"], "args": ["--nightly"],
                 "env": env_entries(seed)}
    pod = {"containers": [container], "restartPolicy": "OnFailure"}
    return {"kind": "CronJob", "apiVersion": "batch/v1", "metadata": {"name": f"report-{seed}", "namespace": "shop"},
            "spec": {"schedule": "0 3 * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}}


def big_event(number, verb, uri, code, **members):
    return {"level": "RequestResponse", "auditID": f"00000000-0000-4000-8000-{number:012}", "stage": "ResponseComplete", "requestURI": uri,
            "verb": verb, "user": BIG_USER, "sourceIPs": ["10.0.0.7"], "userAgent": "deployer/1.0",
            "objectRef": {"resource": "cronjobs", "namespace": "shop", "apiGroup": "batch", "apiVersion": "v1", **members.pop("ref", {})},
            "responseStatus": {"metadata": {}, "code": code}, **members, "requestReceivedTimestamp": "2025-01-01T00:00:00.000000Z",
            "stageTimestamp": "2025-01-01T00:00:01.000000Z", "annotations": {"authorization.k8s.io/decision": "allow"}}


def big_events():
    uri = "/apis/batch/v1/namespaces/shop/cronjobs"
    for number in range(BIG_OBJECTS + BIG_MORE_EVENTS):
        cronjob = big_cronjob(number)
        yield big_event(number, "create", uri, 201, ref={"name": f"report-{number}"}, requestObject=cronjob, responseObject=cronjob)
    yield big_event(900, "list", uri + "?limit=500", 200)
    everything = {"kind": "CronJobList", "apiVersion": "batch/v1", "metadata": {"resourceVersion": "77"},
                  "items": [big_cronjob(number) for number in range(BIG_OBJECTS)]}
    yield big_event(901, "deletecollection", uri, 200, requestObject={"kind": "DeleteOptions", "apiVersion": "v1"}, responseObject=everything)


def big_post(folder):
    """One POST of 225 MB: 64 creations of CronJobs of 1.2 MB, and the deletion of 60 of them in one event of 72 MB; as an apiserver writes
    it, and with all keys sorted, as log shippers do."""
    loads = []
    for name, is_sorted in (("big", False), ("big-sorted", True)):
        items = [json.dumps(event, separators=(",", ":"), sort_keys=is_sorted).encode() for event in big_events()]
        loads.append(write_load(folder, name, [(event_list(items), len(items))]))
    return loads


# --- a flood ---

def flood(folder, alerts, number):
    """The four captured attacks again and again, each with an auditID of its own: every event is an alert. Floods with other numbers have others."""
    attacks = [json.dumps(item, separators=(",", ":")).encode() for item in json.loads(captured.attacks())["items"]]
    items = []
    for place in range(alerts):
        attack = attacks[place % len(attacks)]
        begin = attack.index(b'"auditID":"') + len(b'"auditID":"')
        items.append(attack[:begin] + b"f100d000-0000-4000-8%03d-%012d" % (number, place) + attack[begin + 36:])
    return write_load(folder, f"flood-{number}", batches(items))
