# SPDX-License-Identifier: Apache-2.0
"""A destination on loopback: records what it is sent and answers as it was told to."""
import dataclasses
import http.server
import json
import threading


@dataclasses.dataclass
class Answer:
    """How to answer one request. hang: seconds before the answer; close: no answer, the connection just ends; stall: seconds before the last byte of the body."""
    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = b"ok"
    hang: float = 0
    close: bool = False
    stall: float = 0


@dataclasses.dataclass
class Request:
    method: str
    path: str
    headers: dict
    body: bytes
    answered: int  # status, 0 where the connection was closed

    def json(self):
        return json.loads(self.body)


class Receiver:
    """answers are used up in order; then every request gets otherwise. judge: given a request's body, the answer to it, or None."""

    def __init__(self, answers=(), otherwise=Answer(), judge=None):
        self.judge = judge
        self.answers = list(answers)
        self.otherwise = otherwise
        self.requests = []
        self.connections = 0  # accepted since the beginning
        self.wrap = None  # given a connected socket, the one to talk over
        self.port = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = None
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/hook"

    def destination(self, name="soar", **options):
        """The configuration's webhook that delivers here, quick to try again."""
        return {"name": name, "type": "webhook", "url": self.url, "retry_base": "50ms", "retry_cap": "1s", **options}

    def start(self):
        """Listens, after a stop() on the same port as before."""
        self._stopping.clear()
        self._server = _Server(("127.0.0.1", self.port), self)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self):
        """Gone: a connection is refused from here on."""
        if self._server:
            self._stopping.set()
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def accepted(self):
        """The requests that were answered with success."""
        with self._lock:
            return [request for request in self.requests if 200 <= request.answered < 300]

    def alerts(self):
        """The alerts of what was accepted, in order of arrival."""
        return [request.json() for request in self.accepted()]

    def alert_ids(self):
        return [alert["alert_id"] for alert in self.alerts()]

    def _take_answer(self, body):
        judged = self.judge(body) if self.judge else None
        if judged:
            return judged
        with self._lock:
            return self.answers.pop(0) if self.answers else self.otherwise

    def _record(self, request):
        with self._lock:
            self.requests.append(request)


class _Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address, receiver):
        self.receiver = receiver
        super().__init__(address, _handler_of(receiver))

    def get_request(self):
        connection, address = super().get_request()
        self.receiver.connections += 1
        return (self.receiver.wrap(connection) if self.receiver.wrap else connection), address

    def handle_error(self, request, client_address):
        pass  # a peer that was killed resets its connections


def _handler_of(receiver):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            answer = receiver._take_answer(body)
            if answer.hang:
                receiver._stopping.wait(answer.hang)
            status = 0 if answer.close else answer.status
            receiver._record(Request(self.command, self.path, dict(self.headers), body, status))
            if answer.close:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            if answer.stall:
                self.wfile.write(answer.body[:-1])
                self.wfile.flush()
                receiver._stopping.wait(answer.stall)
                self.close_connection = True
                return
            self.wfile.write(answer.body)

        do_POST = do_PUT = do_GET = answer

        def log_message(self, *_):
            pass

    return Handler
