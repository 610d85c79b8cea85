# SPDX-License-Identifier: Apache-2.0
"""A crowd of clients that hold a connection each: slow ones that send their request byte by byte, idle ones that send nothing."""
import contextlib
import resource
import selectors
import socket
import threading
import time

HEAD = b"POST /k8s-audit HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n"
PERIOD = 0.5  # seconds between two bytes of one client


class SlowClients:
    """Connections that one thread keeps busy; one that the server closes is opened again, as an attacker would."""

    def __init__(self, port, slow, idle):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.port = port
        self.slow = [self.open() for _ in range(slow)]
        self.idle = [self.open() for _ in range(idle)]
        self.sent = [number % len(HEAD) for number in range(slow)]  # half of them are in the head, at any place
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def open(self):
        connection = socket.create_connection(("127.0.0.1", self.port))
        connection.setblocking(False)
        return connection

    def __enter__(self):
        for number, connection in enumerate(self.slow):
            connection.send(HEAD[:self.sent[number]])
        self.thread.start()
        return self

    def drip(self, number):
        try:
            self.slow[number].send(HEAD[self.sent[number]:self.sent[number] + 1] or b" ")
            self.sent[number] += 1
        except OSError:
            self.slow[number].close()
            self.slow[number] = self.open()
            self.sent[number] = 0

    def run(self):
        """A few clients at a time, so that the crowd's own cost is spread evenly."""
        number = 0
        while not self.stopping.is_set():
            for _ in range(20):
                self.drip(number)
                number = (number + 1) % len(self.slow)
            time.sleep(PERIOD * 20 / len(self.slow))

    def connected(self):
        """How many are not closed by the server."""
        selector = selectors.PollSelector()
        for connection in self.slow + self.idle:
            with contextlib.suppress(ValueError, KeyError):
                selector.register(connection, selectors.EVENT_READ)
        closed = len(selector.select(0))
        return len(self.slow) + len(self.idle) - closed

    def __exit__(self, *_):
        self.stopping.set()
        self.thread.join()
        for connection in self.slow + self.idle:
            connection.close()
