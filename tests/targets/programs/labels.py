"""prometheus_client: a label that takes a new value with every request keeps a child for each (its documentation warns)."""

from __future__ import annotations

import itertools
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import Counter, generate_latest

VISITS = Counter("visits", "Visits by path", ["path"])
NUMBERS = itertools.count()
FIXED = sys.argv[2:] == ["fixed"]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/visit":
            VISITS.labels(path="/visit" if FIXED else f"/visit/{next(NUMBERS)}").inc()
        body = generate_latest() if self.path == "/metrics" else b"ok\n"
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


class Server(ThreadingHTTPServer):
    """With room for all connections at once; a client that hangs up is no news."""

    request_queue_size = 128
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Nothing."""


def end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=end_with_input, daemon=True).start()
server = Server(("127.0.0.1", int(sys.argv[1])), Handler)
print(f"listening on http://127.0.0.1:{sys.argv[1]}", flush=True)
server.serve_forever()
