# SPDX-License-Identifier: Apache-2.0
"""What clients of a guarded listener have: certificates and tokens, made with the openssl command, and connections of every kind."""
import base64
import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import time

from daemon import PATIENCE, wait_for


def openssl(*arguments, stdin=b""):
    done = subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def replace(path, content):
    """As an administrator does: another file in the old one's place."""
    with open(path + ".new", "wb") as file:
        file.write(content)
    os.replace(path + ".new", path)


def sign_ended(folder, request, *arguments):
    """A certificate for the request that is good no longer: `openssl x509` of OpenSSL 3.5 makes none. arguments: who signs it, and where it goes."""
    config = os.path.join(folder, "ca.conf")
    with open(config, "w", encoding="ascii") as file:
        file.write(f"[ca]\ndefault_ca=one\n[one]\ndatabase={folder}/index\nnew_certs_dir={folder}\nserial={folder}/serial.ended\npolicy=any\ndefault_md=sha256\nunique_subject=no\n"
                   "copy_extensions=copy\n[any]\ncommonName=supplied\n")
    with open(os.path.join(folder, "index"), "w", encoding="ascii"):
        pass
    openssl("ca", "-batch", "-notext", "-create_serial", "-config", config, "-startdate", "20200101000000Z", "-enddate", "20200102000000Z", "-in", request,
            *arguments)


class Authority:
    """A CA in a folder, and certificates that it signs: NAME.pem and NAME.key."""

    def __init__(self, folder, name="ca"):
        self.folder = str(folder)
        self.name = name
        self.certificate = self.path(f"{name}.pem")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30", "-subj", f"/CN=test {name}",
                "-keyout", self.path(f"{name}.key"), "-out", self.certificate, "-addext", "keyUsage=critical,keyCertSign")

    def path(self, name):
        return os.path.join(self.folder, name)

    def sign(self, name, common_name, alternatives=None, ended=False):
        """ended: it is no longer good."""
        request, certificate, key = self.path("request"), self.path(f"{name}.pem"), self.path(f"{name}.key")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={common_name}", "-keyout", key + ".new",
                "-out", request)
        extensions = self.path("extensions")
        with open(extensions, "w", encoding="ascii") as file:
            file.write("basicConstraints=CA:FALSE\n" + (f"subjectAltName={alternatives}\n" if alternatives else ""))
        signer = self.path(f"{self.name}.key")
        if ended:
            sign_ended(self.folder, request, "-cert", self.certificate, "-keyfile", signer, "-extfile", extensions, "-out", certificate + ".new")
        else:
            openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", signer, "-CAcreateserial", "-days", "20", "-extfile", extensions,
                    "-out", certificate + ".new")
        os.replace(key + ".new", key)
        os.replace(certificate + ".new", certificate)
        return certificate, key


def server(authority):
    """The tls section of a server that this authority has signed."""
    certificate, key = authority.sign("server", "harrier", "DNS:localhost,IP:127.0.0.1")
    return {"certificate_file": certificate, "key_file": key}


def source(harrier, **changes):
    """Changes the one source, before the daemon is started."""
    harrier.settings["sources"][0].update(changes)
    harrier.write_config()
    return harrier


def context(authority, client=None, version=None):
    """client: certificate and key."""
    made = ssl.create_default_context(cafile=authority.certificate)
    if client:
        made.load_cert_chain(*client)
    if version:
        made.minimum_version = made.maximum_version = version
    return made


class Connection(http.client.HTTPSConnection):
    """To localhost by its address: a bare system has no file that says what the name stands for."""

    def connect(self):
        plain = socket.create_connection(("127.0.0.1", self.port), self.timeout)
        try:
            self.sock = self._context.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def connect(harrier, tls):
    return Connection("localhost", harrier.port, timeout=PATIENCE, context=tls)


def ask(connection, body, path="/k8s-audit", method="POST", **headers):
    """Status, headers and body."""
    connection.request(method, path, body, {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}})
    answer = connection.getresponse()
    return answer.status, answer.headers, answer.read()


def refused(harrier, tls, body=b"{}"):
    """Whether the connection comes to nothing, in the handshake or (TLS 1.3) with the first request."""
    with contextlib.closing(connect(harrier, tls)) as connection:
        try:
            ask(connection, body)
        except (ssl.SSLError, ConnectionError, http.client.HTTPException):
            return True
        return False


def failures(harrier, reason):
    return harrier.metric("harrier_tls_failures_total", reason=reason)


def wait_failures(harrier, reason, count):
    wait_for(lambda: failures(harrier, reason) >= count, f"{count} failed handshakes for {reason}")
    assert failures(harrier, reason) == count


def curl(harrier, *arguments, body=b"", path="/k8s-audit", scheme="https"):
    """Status of a POST by curl, 0 if none came."""
    done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--data-binary", "@-", "-H", "Content-Type: application/json",
                           *map(str, arguments), f"{scheme}://localhost:{harrier.port}{path}", "--resolve", f"localhost:{harrier.port}:127.0.0.1"],
                          input=body, capture_output=True, timeout=PATIENCE)
    return int(done.stdout or 0)


# --- JWT ---


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Issuer:
    """Signs tokens as Google's push services do, and shows its key as a set (RFC 7517)."""

    def __init__(self, folder):
        self.key = os.path.join(str(folder), "issuer.key")
        self.jwks = os.path.join(str(folder), "jwks.json")
        openssl("genrsa", "-out", self.key, "2048")
        modulus = openssl("rsa", "-in", self.key, "-noout", "-modulus").decode().strip().partition("=")[2]
        key = {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1", "n": base64url(bytes.fromhex(modulus)), "e": "AQAB"}
        replace(self.jwks, json.dumps({"keys": [key]}).encode())

    def token(self, header=None, **claims):
        now = int(time.time())
        claims = {"aud": "https://harrier.example.com/v1/pubsub", "email": "push@acme.iam.gserviceaccount.com", "email_verified": True, "iat": now,
                  "exp": now + 3600, "iss": "https://accounts.google.com", **claims}
        signed = ".".join(base64url(json.dumps(part).encode()) for part in (header or {"alg": "RS256", "kid": "k1", "typ": "JWT"}, claims))
        return signed + "." + base64url(openssl("dgst", "-sha256", "-sign", self.key, stdin=signed.encode()))
