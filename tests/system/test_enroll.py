# SPDX-License-Identifier: Apache-2.0
"""harrierctl enroll: certificates that verify, files that nobody else reads, and parts that fit each other and the daemon."""
import base64
import http.client
import json
import os
import re
import shutil
import ssl
import stat
import subprocess

import pytest
import yaml

import audit_policy
import captured
from daemon import Harrier, free_port, harrierctl, wait_for

SERVER = "harrier.example.org:9443"


def enroll(*arguments, check=True, **more):
    return harrierctl("enroll", *arguments, check=check, **more)


def refused(*arguments):
    """Exit code and message."""
    done = enroll(*arguments, check=False)
    assert done.stdout == b""
    return done.returncode, done.stderr.decode()


def part(name, *arguments):
    return yaml.safe_load(enroll(*arguments, "--print", name).stdout)


def openssl(*arguments, stdin=None):
    return subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, text=True)


def text_of(certificate):
    return openssl("x509", "-in", certificate, "-noout", "-text").stdout


@pytest.fixture
def folder(tmp_path):
    enroll("prod", "--server", SERVER, "--create", "-n", "10.1.2.3", "-n", "fd00::1", "-d", tmp_path / "tls")
    return tmp_path / "tls"


# --- what is made ---


def test_the_certificates_verify_for_what_they_are_for(folder):
    for name, purpose in (("server", "sslserver"), ("cluster-prod", "sslclient")):
        done = openssl("verify", "-x509_strict", "-CAfile", folder / "ca.crt", "-purpose", purpose, folder / f"{name}.crt")
        assert done.returncode == 0, done.stderr
        other = "sslclient" if purpose == "sslserver" else "sslserver"
        assert openssl("verify", "-x509_strict", "-CAfile", folder / "ca.crt", "-purpose", other, folder / f"{name}.crt").returncode != 0


def test_the_ca_signs_no_other_ca(folder):
    text = text_of(folder / "ca.crt")
    assert re.search(r"Basic Constraints: critical\s+CA:TRUE, pathlen:0", text)
    assert re.search(r"Key Usage: critical\s+Certificate Sign, CRL Sign\n", text)
    assert "CA:FALSE" in text_of(folder / "server.crt") and "CA:FALSE" in text_of(folder / "cluster-prod.crt")


def test_keys_are_of_p256_and_belong_to_their_certificates(folder):
    for name in ("ca", "server", "cluster-prod"):
        assert "NIST CURVE: P-256" in text_of(folder / f"{name}.crt")
        public = openssl("pkey", "-in", folder / f"{name}.key", "-pubout").stdout
        assert public and public == openssl("x509", "-in", folder / f"{name}.crt", "-noout", "-pubkey").stdout


def test_the_server_is_named_by_all_its_names(folder):
    for flag, name in (("-checkhost", "harrier.example.org"), ("-checkip", "10.1.2.3"), ("-checkip", "fd00::1")):
        assert "does match" in openssl("x509", "-in", folder / "server.crt", "-noout", flag, name).stdout
    assert "does NOT match" in openssl("x509", "-in", folder / "server.crt", "-noout", "-checkhost", "example.org").stdout


def test_the_client_is_named_as_the_cluster(folder):
    assert openssl("x509", "-in", folder / "cluster-prod.crt", "-noout", "-subject").stdout.replace(" ", "").strip() == "subject=CN=prod"


def test_lifetimes_are_as_asked(tmp_path):
    enroll("prod", "--server", SERVER, "--create", "--days", "40", "-d", tmp_path / "tls")
    for name, good, bad in (("ca", 3649, 3651), ("server", 39, 41), ("cluster-prod", 39, 41)):
        assert openssl("x509", "-in", tmp_path / "tls" / f"{name}.crt", "-noout", "-checkend", good * 86400).returncode == 0
        assert openssl("x509", "-in", tmp_path / "tls" / f"{name}.crt", "-noout", "-checkend", bad * 86400).returncode == 1
    assert refused("b", "--server", SERVER, "--create", "--days", "4000", "-d", tmp_path / "tls")[0] == 64


def test_serial_numbers_differ(folder):
    serials = {openssl("x509", "-in", folder / f"{name}.crt", "-noout", "-serial").stdout for name in ("ca", "server", "cluster-prod")}
    assert len(serials) == 3


def test_secrets_are_for_their_owner_alone(folder):
    os.umask(0o022)
    enroll("other", "--token", "--server", SERVER, "--create", "-d", folder)
    modes = {name: stat.S_IMODE(os.stat(folder / name).st_mode) for name in os.listdir(folder)}
    assert modes == {"ca.crt": 0o644, "ca.key": 0o600, "server.crt": 0o644, "server.key": 0o600, "cluster-prod.crt": 0o644,
                     "cluster-prod.key": 0o600, "cluster-other.token": 0o600}


def test_a_token_is_32_random_bytes(tmp_path):
    tokens = set()
    for cluster in ("a", "b"):
        enroll(cluster, "--token", "--server", SERVER, "--create", "-d", tmp_path / "tls")
        text = (tmp_path / "tls" / f"cluster-{cluster}.token").read_text()
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}\n", text)
        assert len(base64.urlsafe_b64decode(text.strip() + "=")) == 32
        tokens.add(text)
    assert len(tokens) == 2


# --- what is there already ---


def read_all(folder):
    return {name: (folder / name).read_bytes() for name in os.listdir(folder)}


def test_a_further_cluster_uses_the_ca_and_the_server_that_are_there(folder):
    before = read_all(folder)
    enroll("staging", "--server", SERVER, "--create", "-d", folder)
    after = read_all(folder)
    assert before.items() <= after.items()
    assert set(after) - set(before) == {"cluster-staging.crt", "cluster-staging.key"}
    assert openssl("verify", "-CAfile", folder / "ca.crt", folder / "cluster-staging.crt").returncode == 0


def test_nothing_is_overwritten_without_being_told_to(folder):
    before = read_all(folder)
    code, message = refused("prod", "--server", SERVER, "--create", "-d", folder)
    assert code == 73 and "--overwrite" in message
    code, message = refused("new", "--server", "elsewhere.example.org:9443", "--create", "-d", folder)
    assert code == 73 and "server.crt does not name elsewhere.example.org" in message
    assert read_all(folder) == before


def test_overwrite_replaces_the_cluster_and_keeps_the_ca(folder):
    before = read_all(folder)
    enroll("prod", "--server", SERVER, "--create", "--overwrite", "-d", folder)
    after = read_all(folder)
    assert {name for name in after if after[name] != before[name]} == {"cluster-prod.crt", "cluster-prod.key"}
    enroll("new", "--server", "elsewhere.example.org:9443", "--create", "--overwrite", "-d", folder)
    assert read_all(folder)["ca.key"] == before["ca.key"]
    assert "does match" in openssl("x509", "-in", folder / "server.crt", "-noout", "-checkhost", "elsewhere.example.org").stdout


def server_names(folder):
    return set(re.findall(r"(?:DNS|IP Address):([^,\s]+)", openssl("x509", "-in", folder / "server.crt", "-noout", "-ext", "subjectAltName").stdout))


def test_a_new_server_certificate_keeps_the_names_of_the_old_one(folder):
    before = server_names(folder)
    enroll("new", "--server", "elsewhere.example.org:9443", "--create", "--overwrite", "-d", folder)
    assert server_names(folder) == before | {"elsewhere.example.org"}


def test_a_name_that_is_asked_for_is_never_left_out_silently(folder):
    before = read_all(folder)
    code, message = refused("new", "--server", SERVER, "--create", "-n", "more.example.org", "-d", folder)
    assert code == 73 and "does not name more.example.org" in message
    assert read_all(folder) == before
    enroll("new", "--server", SERVER, "--create", "--overwrite", "-n", "more.example.org", "-d", folder)
    assert "more.example.org" in server_names(folder) and "harrier.example.org" in server_names(folder)


def test_overwrite_renews_a_server_certificate_that_ends_soon(tmp_path):
    folder = tmp_path / "tls"
    enroll("prod", "--server", SERVER, "--create", "--days", "20", "-n", "10.1.2.3", "-d", folder)
    names, before = server_names(folder), read_all(folder)
    enroll("prod", "--server", SERVER, "--create", "--overwrite", "-d", folder)
    assert openssl("x509", "-in", folder / "server.crt", "-noout", "-checkend", str(800 * 86400)).returncode == 0
    assert server_names(folder) == names and read_all(folder)["ca.crt"] == before["ca.crt"]


def test_files_that_do_not_fit_are_refused(folder):
    (folder / "ca.key").write_bytes((folder / "server.key").read_bytes())
    code, message = refused("new", "--server", SERVER, "--create", "-d", folder)
    assert code == 65 and "not its own" in message
    assert not (folder / "cluster-new.crt").exists()
    (folder / "ca.key").unlink()
    code, message = refused("new", "--server", SERVER, "--create", "-d", folder)
    assert code == 66 and "ca.key" in message
    (folder / "ca.crt").write_bytes((folder / "server.crt").read_bytes())
    (folder / "ca.key").write_bytes((folder / "server.key").read_bytes())
    code, message = refused("new", "--server", SERVER, "--create", "-d", folder)
    assert code == 65 and "of no CA" in message


def test_without_create_nothing_is_made(tmp_path):
    code, message = refused("prod", "--server", SERVER, "-d", tmp_path / "tls")
    assert code == 66 and "--create" in message
    assert not (tmp_path / "tls").exists()


# --- what is printed ---


def test_the_kubeconfig_has_all_that_an_api_server_needs(folder):
    config = part("kubeconfig", "prod", "--server", SERVER, "-d", folder)
    assert config["apiVersion"] == "v1" and config["kind"] == "Config"
    context = {one["name"]: one["context"] for one in config["contexts"]}[config["current-context"]]
    cluster = {one["name"]: one["cluster"] for one in config["clusters"]}[context["cluster"]]
    user = {one["name"]: one["user"] for one in config["users"]}[context["user"]]
    assert cluster["server"] == "https://harrier.example.org:9443/k8s-audit/prod"
    assert base64.b64decode(cluster["certificate-authority-data"]) == (folder / "ca.crt").read_bytes()
    assert base64.b64decode(user["client-certificate-data"]) == (folder / "cluster-prod.crt").read_bytes()
    assert base64.b64decode(user["client-key-data"]) == (folder / "cluster-prod.key").read_bytes()


def test_the_kubeconfig_of_a_token_has_no_certificate_of_a_client(tmp_path):
    config = part("kubeconfig", "prod", "--token", "--server", "[fd00::1]:9443", "--create", "--path", "/in/", "-d", tmp_path / "tls")
    assert config["clusters"][0]["cluster"]["server"] == "https://[fd00::1]:9443/in/prod"
    assert config["users"][0]["user"] == {"token": (tmp_path / "tls" / "cluster-prod.token").read_text().strip()}


def test_a_token_never_goes_over_http(tmp_path):
    code, message = refused("prod", "--token", "--server", "http://127.0.0.1:9480", "-d", tmp_path)
    assert code == 64 and "sends no token over http" in message


def test_http_is_for_loopback_only(tmp_path):
    code, message = refused("prod", "--server", "http://10.0.0.1:9480", "-d", tmp_path)
    assert code == 64 and "loopback" in message
    config = part("kubeconfig", "prod", "--server", "http://[::1]:9480", "-d", tmp_path)
    assert config["clusters"][0]["cluster"] == {"server": "http://[::1]:9480/k8s-audit/prod"}
    assert config["users"][0]["user"] == {}
    assert part("source", "prod", "--server", "http://[::1]:9480", "-d", tmp_path)["sources"][0]["listen"] == "[::1]:9480"


def test_the_flags_are_those_of_batches_that_are_not_cut(folder):
    flags = enroll("prod", "--server", SERVER, "-d", folder, "--print", "flags").stdout.decode().splitlines()
    names = dict(flag.removeprefix("--").split("=") for flag in flags)
    assert names["audit-webhook-mode"] == "batch"
    assert int(names["audit-webhook-batch-max-size"]) < 400
    assert {"audit-webhook-config-file", "audit-policy-file"} <= set(names)
    assert not any("truncate" in name for name in names)


def test_the_policy_is_that_of_the_rules_or_one_that_suits_the_shipped_ones(folder, tmp_path):
    policy = part("policy", "prod", "--server", SERVER, "-d", folder)
    assert not audit_policy.faults(policy)
    with open(os.path.join(captured.ROOT, "conf", "audit-policy.yaml"), encoding="utf-8") as file:
        assert policy == yaml.safe_load(file)
    for resource in ("cronjobs", "jobs"):
        for subresource in ("status", "never-heard-of"):
            assert audit_policy.level(policy, "patch", {"apiGroup": "batch", "resource": resource, "subresource": subresource}) == "RequestResponse"
    rule = 'rule r { events: $e.target.resource.attribute.labels["subresource"] = "exec" condition: $e }'
    (tmp_path / "r.yaral").write_text(rule)
    (tmp_path / "harrier.yaml").write_text("rules: {files: [r.yaral]}\n")
    done = harrierctl("policy", "-c", tmp_path / "harrier.yaml")
    assert enroll("prod", "--server", SERVER, "-d", folder, "-c", tmp_path / "harrier.yaml", "--print", "policy").stdout == done.stdout


def test_a_pipe_gets_all_parts_in_one_object(folder):
    whole = json.loads(enroll("prod", "--server", SERVER, "-d", folder).stdout)
    assert set(whole) == {"cluster", "kubeconfig", "policy", "flags", "source", "made"}
    for name in ("kubeconfig", "policy", "source"):
        assert whole[name] == enroll("prod", "--server", SERVER, "-d", folder, "--print", name).stdout.decode()
    assert whole["made"] == []


def test_the_text_is_a_script_that_writes_both_files(folder, tmp_path):
    text = enroll("prod", "--server", SERVER, "-d", folder, "-o", "text").stdout.decode()
    target = tmp_path / "kubernetes"
    target.mkdir()
    subprocess.run(["sh", "-eu"], input=text.replace("/etc/kubernetes/", f"{target}/"), text=True, check=True)
    assert stat.S_IMODE(os.stat(target / "harrier-webhook.yaml").st_mode) == 0o600
    assert yaml.safe_load((target / "harrier-webhook.yaml").read_text())["kind"] == "Config"
    assert not audit_policy.faults(yaml.safe_load((target / "audit-policy.yaml").read_text()))


@pytest.mark.parametrize("token", [False, True])
def test_the_source_passes_the_check(folder, tmp_path, token):
    arguments = ["other", "--server", SERVER, "-d", folder] + ["--token"] * token
    enroll(*arguments, "--create")
    source = enroll(*arguments, "--print", "source").stdout.decode()
    (tmp_path / "harrier.yaml").write_text(source)
    done = harrierctl("check", "-c", tmp_path / "harrier.yaml")
    assert b"error" not in done.stderr and b"source `" not in done.stderr
    source = yaml.safe_load(source)["sources"][0]
    assert source["listen"] == "0.0.0.0:9443" and source["path"] == "/k8s-audit/{cluster}"
    assert source["clients"][0]["cluster"] == "other"
    assert ("client_ca_file" in source["tls"]) == (not token)


def test_the_source_stands_beside_the_shipped_configuration(folder, tmp_path):
    shutil.copytree(os.path.join(captured.ROOT, "conf"), tmp_path / "harrier")
    (tmp_path / "harrier" / "sources.d").mkdir(exist_ok=True)
    text = enroll("prod", "--server", SERVER, "-d", folder, "-o", "text").stdout.decode()
    assert "/sources.d/apiservers.yaml" in text and "Replace" in text
    source = tmp_path / "harrier" / "sources.d" / "apiservers.yaml"
    source.write_text(enroll("prod", "--server", SERVER, "-d", folder, "--print", "source").stdout.decode())
    done = harrierctl("check", "-c", tmp_path / "harrier" / "harrier.yaml", check=False)
    assert done.returncode == 0, done.stderr
    source.write_text(source.read_text().replace("certificate_name", "certificate_nam"))
    done = harrierctl("check", "-c", tmp_path / "harrier" / "harrier.yaml", check=False)
    assert done.returncode == 65 and b"sources.d/apiservers.yaml:13:" in done.stderr, done.stderr
    source.write_text("sources: [{name: apiserver, type: webhook, listen: '127.0.0.1:9480'}]\n")
    done = harrierctl("check", "-c", tmp_path / "harrier" / "harrier.yaml", check=False)
    assert done.returncode == 65 and b"two sources are named `apiserver`" in done.stderr


def test_the_text_has_the_volumes_of_a_static_pod(folder):
    text = enroll("prod", "--server", SERVER, "-d", folder, "-o", "text").stdout.decode()
    lines = text[text.index("#     spec:"):].split("\n#\n")[0].splitlines()
    pod = yaml.safe_load("\n".join(line.removeprefix("#     ") for line in lines))
    mounts = {one["name"]: one["mountPath"] for one in pod["spec"]["containers"][0]["volumeMounts"]}
    volumes = {one["name"]: one["hostPath"]["path"] for one in pod["spec"]["volumes"]}
    flags = dict(flag.removeprefix("--").split("=") for flag in enroll("prod", "--server", SERVER, "-d", folder, "--print", "flags").stdout.decode().split())
    assert mounts == volumes
    assert set(mounts.values()) == {flags["audit-policy-file"], flags["audit-webhook-config-file"]}


@pytest.mark.parametrize("arguments", [
    ["prod"], ["--server", SERVER], ["a", "b", "--server", SERVER], ["../x", "--server", SERVER], ["a b", "--server", SERVER], ["-", "--server", SERVER],
    ["prod", "--server", "harrier.example.org"], ["prod", "--server", "harrier.example.org:0"], ["prod", "--server", "x y:1"],
    ["prod", "--server", "fd00::1:9443"], ["prod", "--server", "ftp://x:1"], ["prod", "--server", "x:1/path"], ["prod", "--server", 'x":1'],
    ["prod", "--server", SERVER, "--path", "x"], ["prod", "--server", SERVER, "--path", "/a?b"], ["prod", "--server", SERVER, "--path", '/a"b'],
    ["prod", "--server", SERVER, "--print", "all"], ["prod", "--server", SERVER, "-o", "yaml"], ["prod", "--server", SERVER, "--overwrite"],
])
def test_what_makes_no_sense_is_refused(arguments, tmp_path):
    assert refused(*arguments, "-d", tmp_path)[0] == 64


# --- with the daemon ---


def connect(config, folder, port):
    """A client as the kubeconfig has it."""
    user, cluster = config["users"][0]["user"], config["clusters"][0]["cluster"]
    (folder / "ca.pem").write_bytes(base64.b64decode(cluster["certificate-authority-data"]))
    context = ssl.create_default_context(cafile=folder / "ca.pem")
    headers = {"Content-Type": "application/json"}
    if "token" in user:
        headers["Authorization"] = f"Bearer {user['token']}"
    else:
        (folder / "client.pem").write_bytes(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        context.load_cert_chain(folder / "client.pem")
    return http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60), headers


@pytest.mark.parametrize("token", [False, True])
def test_an_enrolled_cluster_sends_and_speaks_for_itself_alone(tmp_path, token):
    port = free_port()
    arguments = ["prod", "--server", f"127.0.0.1:{port}", "-d", tmp_path / "tls"] + ["--token"] * token
    enroll(*arguments, "--create")
    config = part("kubeconfig", *arguments)
    (tmp_path / "harrier").mkdir()
    daemon = Harrier(str(tmp_path / "harrier"), sources=part("source", *arguments)["sources"]).start()
    try:
        connection, headers = connect(config, tmp_path, port)
        path = config["clusters"][0]["cluster"]["server"].partition(str(port))[2]
        connection.request("POST", path + "?timeout=30s", captured.attacks(), headers)
        assert connection.getresponse().status == 200
        connection.close()
        connection.request("POST", "/k8s-audit/other", captured.attacks(), headers)
        assert connection.getresponse().status == 403
        connection.close()
        alerts = wait_for(lambda: (tmp_path / "harrier" / "alerts.ndjson").exists() and
                          (tmp_path / "harrier" / "alerts.ndjson").read_text().count("\n") >= 4 and
                          (tmp_path / "harrier" / "alerts.ndjson").read_text(), "alerts")
        assert {json.loads(line)["cluster"] for line in alerts.splitlines()} == {"prod"}
    finally:
        daemon.stop()


@pytest.mark.parametrize("first", ["certificate", "token"])
def test_clusters_of_both_kinds_share_the_source_that_is_there(tmp_path, first):
    """The first cluster's source, with the second's entry below its `clients`, as enroll says."""
    port = free_port()
    common = ["--server", f"127.0.0.1:{port}", "-d", tmp_path / "tls"]
    kinds = {"one": ["--token"] * (first == "token"), "two": ["--token"] * (first == "certificate")}
    sources = {}
    for cluster, kind in kinds.items():
        enroll(cluster, *common, *kind, "--create")
        sources[cluster] = part("source", cluster, *common, *kind)["sources"]
    sources["one"][0]["clients"] += sources["two"][0]["clients"]
    (tmp_path / "harrier").mkdir()
    daemon = Harrier(str(tmp_path / "harrier"), sources=sources["one"])
    checked = harrierctl("check", "-c", daemon.config, check=False)
    if first == "token":  # the source asks for no certificate, and check says what is missing
        assert checked.returncode != 0 and b"needs `client_ca_file`" in checked.stderr
        sources["one"][0]["tls"]["client_ca_file"] = str(tmp_path / "tls" / "ca.crt")
        daemon = Harrier(str(tmp_path / "harrier"), sources=sources["one"])
    daemon.start()
    try:
        for cluster, kind in kinds.items():
            (tmp_path / cluster).mkdir()
            connection, headers = connect(part("kubeconfig", cluster, *common, *kind), tmp_path / cluster, port)
            for named, status in ((cluster, 200), ("other", 403)):
                connection.request("POST", f"/k8s-audit/{named}", captured.attacks(), headers)
                assert connection.getresponse().status == status
                connection.close()
    finally:
        daemon.stop()
