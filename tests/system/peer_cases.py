# SPDX-License-Identifier: Apache-2.0
"""The ways in which a log of events comes to harrierd. A case gives the source's settings, and starts the peer; where its protocol acknowledges, the
daemon may be killed under it."""
import os
import threading

import front
import peers


class Case:
    """A way in: the options of its source beside type and listen, and what brings the log to it, something with stop()."""
    needs_next = False  # notices a broken connection when it has something more to send

    def source(self, folder):
        return {}

    def start(self, folder, log, port):
        raise NotImplementedError


def pki(folder):
    """The tls section of a server; ca.pem, client.pem and client.key (node-1) are made beside it."""
    authority = front.Authority(folder)
    authority.sign("client", "node-1")
    certificate, key = authority.sign("server", "harrier.test", "IP:127.0.0.1,DNS:harrier.test")
    return {"certificate_file": certificate, "key_file": key}


class rsyslog_omfwd_octet_counted(Case):
    kind = "syslog"

    def start(self, folder, log, port):
        return peers.rsyslog(folder, log, f'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" TCP_Framing="octet-counted" '
                             'template="rfc5424" action.resumeRetryCount="-1" action.resumeInterval="1")')


class rsyslog_omfwd_lines(Case):
    kind = "syslog"

    def start(self, folder, log, port):
        return peers.rsyslog(folder, log, f'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" template="RSYSLOG_ForwardFormat" '
                             'action.resumeRetryCount="-1" action.resumeInterval="1")')


class rsyslog_omfwd_tls(Case):
    kind = "syslog"

    def source(self, folder):
        return {"tls": pki(folder)}

    def start(self, folder, log, port):
        preamble = f'global(defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{folder}/ca.pem")'
        return peers.rsyslog(folder, log, f'action(type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" TCP_Framing="octet-counted" '
                             'StreamDriver="ossl" StreamDriverMode="1" StreamDriverAuthMode="x509/certvalid" template="rfc5424" '
                             'action.resumeRetryCount="-1" action.resumeInterval="1")', modules=["lmnsd_ossl"], preamble=preamble)


class rsyslog_omrelp(Case):
    kind = "relp"
    needs_next = True  # librelp sends what was not acknowledged again, but not sooner

    def start(self, folder, log, port):
        return peers.rsyslog(folder, log, f'action(type="omrelp" target="127.0.0.1" port="{port}" template="rfc5424" timeout="30" '
                             'action.resumeRetryCount="-1" action.resumeInterval="1")', modules=["omrelp"])


class rsyslog_omrelp_tls(Case):
    """With a client's certificate: without one, librelp offers ciphers that authenticate nobody."""
    kind = "relp"

    def source(self, folder):
        return {"tls": {**pki(folder), "client_ca_file": os.path.join(folder, "ca.pem"), "client_names": ["node-1"]}}

    def start(self, folder, log, port):
        return peers.rsyslog(folder, log, f'action(type="omrelp" target="127.0.0.1" port="{port}" template="rfc5424" timeout="30" tls="on" '
                             f'tls.caCert="{folder}/ca.pem" tls.myCert="{folder}/client.pem" tls.myPrivKey="{folder}/client.key" '
                             'tls.authMode="name" tls.permittedPeer=["harrier.test"] '
                             'action.resumeRetryCount="-1" action.resumeInterval="1")', modules=["omrelp"])


class rsyslog_omhttp(Case):
    kind = "webhook"

    def source(self, folder):
        return {"path": "/k8s-audit"}

    def start(self, folder, log, port):
        return peers.rsyslog(folder, log, f'action(type="omhttp" server="127.0.0.1" serverport="{port}" restpath="k8s-audit" usehttps="off" template="message" '
                             'batch="on" batch.format="newline" action.resumeRetryCount="-1")', modules=["omhttp"],
                             preamble='template(name="message" type="string" string="%msg%")')


class syslog_ng_network(Case):
    kind = "syslog"

    def start(self, folder, log, port):
        return peers.syslog_ng(folder, log, f'syslog("127.0.0.1" port({port}) transport("tcp"));')


class syslog_ng_http(Case):
    kind = "webhook"

    def source(self, folder):
        return {"path": "/k8s-audit"}

    def start(self, folder, log, port):
        return peers.syslog_ng(folder, log, f'http(url("http://127.0.0.1:{port}/k8s-audit") method("POST") headers("Content-Type: application/json") '
                               'body("${MESSAGE}") batch-lines(50) batch-timeout(200) time-reopen(1) retries(1000) delimiter("\\n"));')


class curl(Case):
    kind = "webhook"

    def source(self, folder):
        return {"path": "/k8s-audit"}

    def start(self, folder, log, port):
        return peers.Program(["curl", "-sS", "--fail", "--retry", "100", "--retry-delay", "1", "--retry-all-errors", "--retry-connrefused", "-H",
                              "Content-Type: application/json", "--data-binary", f"@{log}", f"http://127.0.0.1:{port}/k8s-audit"],
                             os.path.join(folder, "curl.log"))


class openssl(Case):
    """openssl s_client as the pipe that carries syslog lines through TLS."""
    kind = "syslog"

    def source(self, folder):
        return {"tls": pki(folder)}

    def start(self, folder, log, port):
        command = f"(sed 's/^/<134>Nov 24 10:00:00 node kube-apiserver: /' {log}; sleep 3) | openssl s_client -quiet -connect 127.0.0.1:{port} -CAfile {folder}/ca.pem"
        return peers.Program(["sh", "-c", command], os.path.join(folder, "openssl.log"))


class kube_apiserver(Case):
    kind = "webhook"

    def source(self, folder):
        return {"path": "/k8s-audit"}

    def start(self, folder, log, port):
        sender = peers.ApiServer(port, log)

        class Running:
            @staticmethod
            def stop():
                sender.join()
                assert sender.lost == 0
        return Running()


class followed_file(Case):
    """harrierd follows the log itself, while it is being written."""
    kind = "file"

    def source(self, folder):
        return {"file": os.path.join(folder, "followed.log"), "listen": None}

    def start(self, folder, log, port):
        def write():
            with open(log, encoding="utf-8") as source, open(os.path.join(folder, "followed.log"), "a", encoding="utf-8") as followed:
                for number, line in enumerate(source):
                    followed.write(line)
                    if number % 50 == 49:
                        followed.flush()
                        threading.Event().wait(0.02)
        writer = threading.Thread(target=write, daemon=True)
        writer.start()

        class Running:
            @staticmethod
            def stop():
                writer.join()
        return Running()


CASES = [rsyslog_omfwd_octet_counted, rsyslog_omfwd_lines, rsyslog_omfwd_tls, rsyslog_omrelp, rsyslog_omrelp_tls, rsyslog_omhttp, syslog_ng_network,
         syslog_ng_http, curl, openssl, kube_apiserver, followed_file]
ACKNOWLEDGING = [rsyslog_omrelp, rsyslog_omhttp, syslog_ng_http, curl, kube_apiserver, followed_file]


def deliver(make_harrier, tmp_path, case, count, kill_period=None):
    """Has a peer bring count events; with kill_period the daemon is killed and started again every so many seconds."""
    folder = str(tmp_path)
    case = case()
    log = os.path.join(folder, "audit.log")
    ids = peers.write_log(log, count)
    port, settings = peers.settings(folder, case.kind, **case.source(folder))
    settings["sources"][0] = {key: value for key, value in settings["sources"][0].items() if value is not None}
    harrier = make_harrier(**settings).start()
    killer = peers.Killer(harrier, kill_period) if kill_period else None
    peer = case.start(folder, log, port)
    try:
        if killer:
            peers.wait_for(lambda: killer.kills >= 3 or killer.error, "three kills", patience=300)
            killer.stop()
            ids += peers.write_log(log, 1, seed=2) if case.needs_next else []
        peers.expect_exactly(harrier, ids, patience=300)
    finally:
        if killer:
            killer.stopping.set()
            killer.join()
        peer.stop()
    peers.expect_exactly(harrier, ids)
    harrier.stop()
