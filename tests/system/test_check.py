# SPDX-License-Identifier: Apache-2.0
"""harrierctl check and harrierd -t: certificates, keys, CAs and tokens that a configuration names, before a client finds out."""
import json
import os
import subprocess

import pytest

from daemon import HARRIERD, harrierctl
from front import sign_ended

RULE = 'rule r { events: $e.metadata.log_type = "K8S_AUDIT" condition: $e }'


def make(folder, name, days=100, names="DNS:harrier.example"):
    """A certificate that signed itself, and its key."""
    request = ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x", "-keyout", f"{name}.key",
               "-out", f"{name}.csr"]
    sign = ["openssl", "x509", "-req", "-in", f"{name}.csr", "-signkey", f"{name}.key", "-days", str(days), "-copy_extensions", "copy", "-out",
            f"{name}.crt"]
    subprocess.run(request + (["-addext", f"subjectAltName={names}"] if names else []), cwd=folder, check=True, capture_output=True)
    if days > 0:
        subprocess.run(sign, cwd=folder, check=True, capture_output=True)
    else:
        sign_ended(folder, folder / f"{name}.csr", "-selfsign", "-keyfile", folder / f"{name}.key", "-out", folder / f"{name}.crt")
    os.chmod(folder / f"{name}.key", 0o600)


@pytest.fixture
def check(tmp_path):
    """Checks a webhook with these options by both programs: what they say of the source, and their exit codes."""
    (tmp_path / "r.yaral").write_text(RULE)

    def both(**source):
        config = {"sources": [{"name": "gate", "type": "webhook", "listen": "0.0.0.0:9443", **source}], "rules": {"files": ["r.yaral"]},
                  "destinations": [{"name": "trail", "type": "file", "path": "alerts"}]}
        (tmp_path / "harrier.yaml").write_text(json.dumps(config))
        said = []
        for done in (harrierctl("check", "-c", tmp_path / "harrier.yaml", check=False),
                     subprocess.run([HARRIERD, "-t", "-c", tmp_path / "harrier.yaml"], capture_output=True, timeout=60)):
            said.append((done.returncode, done.stderr.decode()))
        return said
    return both


def test_what_is_wrong_with_an_included_source_is_told_with_its_file_and_line(check, tmp_path):
    (tmp_path / "sources.d").mkdir()
    make(tmp_path / "sources.d", "server")
    make(tmp_path / "sources.d", "other")
    listener = "sources:\n  - name: included\n    type: webhook\n    listen: 0.0.0.0:9444\n    tls: {certificate_file: server.crt, key_file: %s.key}\n"

    def say(name):
        (tmp_path / "sources.d" / "a.yaml").write_text(listener % name)
        check(type="file", listen="", file="audit.log")
        config = json.loads((tmp_path / "harrier.yaml").read_text())
        config["sources"] = [{"name": "gate", "type": "file", "file": "audit.log"}]
        (tmp_path / "harrier.yaml").write_text(json.dumps({**config, "include": ["sources.d/*.yaml"]}))
        return harrierctl("check", "-c", tmp_path / "harrier.yaml", check=False)
    assert say("server").returncode == 0
    done = say("other")
    assert done.returncode == 65
    assert f"{tmp_path}/sources.d/a.yaml:2:5: error: source `included`: " in done.stderr.decode()
    (tmp_path / "sources.d" / "a.yaml").unlink()
    os.mkfifo(tmp_path / "sources.d" / "a.yaml")
    done = harrierctl("check", "-c", tmp_path / "harrier.yaml", check=False)
    assert done.returncode == 65 and b"no plain file" in done.stderr


def assert_error(said, text):
    assert [code for code, _ in said] == [65, 78]
    for _, message in said:
        assert "error: " in message and text in message


def assert_warning(said, text):
    assert [code for code, _ in said] == [0, 0]
    for _, message in said:
        assert "error" not in message
        assert f"warning: source `gate`: {text}" in message if text else "source `gate`" not in message


def tls(name="server", key=None, **more):
    return {"certificate_file": f"{name}.crt", "key_file": f"{key or name}.key", **more}


def test_a_good_certificate_is_not_spoken_of(check, tmp_path):
    make(tmp_path, "server")
    make(tmp_path, "ca")
    assert_warning(check(tls=tls(client_ca_file="ca.crt")), "")


def test_a_certificate_that_runs_out_soon_is_told_of(check, tmp_path):
    make(tmp_path, "server", days=29)
    make(tmp_path, "ca", days=29)
    assert_warning(check(tls=tls()), "its certificate expires on 20")
    make(tmp_path, "server", days=31)
    assert_warning(check(tls=tls()), "")
    assert_warning(check(tls=tls(client_ca_file="ca.crt")), "client_ca_file expires on 20")


def test_an_expired_certificate_is_an_error(check, tmp_path):
    make(tmp_path, "server", days=-1)
    assert_error(check(tls=tls()), "its certificate has expired on 20")
    make(tmp_path, "server")
    make(tmp_path, "ca", days=-1)
    assert_error(check(tls=tls(client_ca_file="ca.crt")), "client_ca_file has expired on 20")


def test_a_key_of_another_certificate_is_an_error(check, tmp_path):
    make(tmp_path, "server")
    make(tmp_path, "other")
    assert_error(check(tls=tls(key="other")), "other.key")


def test_files_that_are_missing_or_no_pem_are_errors(check, tmp_path):
    make(tmp_path, "server")
    assert_error(check(tls=tls("none", key="server")), "none.crt")
    assert_error(check(tls=tls(client_ca_file="none.crt")), "none.crt")
    (tmp_path / "text.crt").write_text("no PEM\n")
    assert_error(check(tls=tls("text", key="server")), "text.crt")
    assert_error(check(tls=tls(client_ca_file="text.crt")), "text.crt")


def test_a_certificate_without_alternative_names_is_told_of(check, tmp_path):
    make(tmp_path, "server", names=None)
    assert_warning(check(tls=tls()), "its certificate has no DNS name or address")


def test_secrets_that_are_empty_or_missing_are_errors(check, tmp_path):
    make(tmp_path, "server")
    (tmp_path / "token").write_text("\n")
    assert_error(check(tls=tls(), clients=[{"name": "a", "token_file": "token"}]), "the first line of")
    # here harrierctl only says that it cannot look: the secret may be the unit's
    assert b"cannot be checked here" in harrierctl("check", "-c", rewritten(tmp_path, "none")).stderr


def rewritten(folder, token):
    text = (folder / "harrier.yaml").read_text().replace('"token_file": "token"', f'"token_file": "{token}"')
    (folder / "harrier.yaml").write_text(text)
    return folder / "harrier.yaml"


def test_a_key_set_that_is_none_is_an_error(check, tmp_path):
    make(tmp_path, "server")
    (tmp_path / "jwks.json").write_text("{}")
    assert_error(check(tls=tls(), clients=[{"name": "a", "jwks_file": "jwks.json", "audience": "x", "email": "a@b"}]), "jwks.json")


def test_destinations_are_checked_by_both(tmp_path):
    (tmp_path / "r.yaral").write_text(RULE)
    config = {"rules": {"files": ["r.yaral"]}, "destinations": [
        {"name": "soar", "type": "webhook", "url": "https://soar.example/x y", "headers": {"webhook-id": "1"}}]}
    (tmp_path / "harrier.yaml").write_text(json.dumps(config))
    done = harrierctl("check", "-c", tmp_path / "harrier.yaml", check=False)
    daemon = subprocess.run([HARRIERD, "-t", "-c", tmp_path / "harrier.yaml"], capture_output=True, timeout=60)
    assert done.returncode == 65 and daemon.returncode == 78
    errors = [line for line in done.stderr.decode().splitlines() if "error" in line]
    assert errors and errors == [line for line in daemon.stderr.decode().splitlines() if ": error: " in line]
