"""A small service in this process that remembers all that it was asked, for tests of what the load sends."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Asked:
    """One request; `time` is monotonic seconds."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    time: float

    @property
    def json(self) -> Any:
        """Its body."""
        return json.loads(self.body)


@dataclass
class Orders:
    """What was asked so far; how long tokens live (None: nobody needs one), and how many there are to be had."""

    lifetime: float | None = None
    tokens: int = 1000
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    issued: list[float] = field(default_factory=list)

    def of(self, *paths: str) -> list[Asked]:
        """The requests whose path begins so."""
        return [request for request in self.asked if request.path.startswith(paths)]

    def answer(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        if asked.path == "/token":
            if len(self.issued) >= self.tokens:
                return 503, {}, b"closed"
            self.issued.append(asked.time)
            # Whoever believes `expires_in` comes too late: only a 401 tells.
            return (
                200,
                {},
                json.dumps({"access_token": f"t{len(self.issued)}", "expires_in": 3600}).encode(),
            )
        if self.lifetime is not None and not self._fresh(asked.headers.get("authorization", "")):
            return 401, {}, b"who are you?"
        if asked.path == "/cart" and asked.method == "POST":
            number = 100 + len(self.of("/cart"))
            page = {"id": number, "note": f"csrf=c{number}"}
            more = {
                "Location": f"http://elsewhere.example/cart/{number}",
                "Set-Cookie": f"cart={number}",
            }
            return 201, more, json.dumps(page).encode()
        if asked.path == "/slow":
            time.sleep(0.06)
        if asked.path == "/stuck":
            time.sleep(0.6)
        if asked.path == "/broken":
            return 500, {}, b"{}"
        return (
            200,
            {"X-Cache": "miss"},
            json.dumps({"state": "created", "path": asked.path}).encode(),
        )

    def _fresh(self, header: str) -> bool:
        if self.lifetime is None or not header.startswith("Bearer t"):
            return False
        return time.monotonic() < self.issued[int(header[8:]) - 1] + self.lifetime


@contextmanager
def orders(lifetime: float | None = None, tokens: int = 1000) -> Iterator[Orders]:
    """Serve until the end of the block."""
    shop = Orders(lifetime, tokens)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def respond(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, self.path, headers, body, time.monotonic())
            shop.asked.append(asked)
            status, more, answer = shop.answer(asked)
            self.send_response(status)
            for name, value in {**more, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_POST = do_PUT = respond  # noqa: N815 - as http.server calls them

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    shop.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield shop
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
