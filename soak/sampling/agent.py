"""Serve /metrics for a process that does not: the `process` source's samples as Prometheus text.

Without a token the Host header must name this machine, so that a page of another site cannot read it
(DNS rebinding).
"""

from __future__ import annotations

import hmac
import math
import socket
import threading
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from soak.errors import SoakError
from soak.model import Sample
from soak.profile.hosts import host_asked_for, is_loopback
from soak.sampling.sources import Source

_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Agent(ThreadingHTTPServer):
    """Answers GET /metrics with one scrape of a source, or with 503 and one line if the scrape fails.

    With a token, requests without it get 401. Without a token, requests for another machine's name
    get 421.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], source: Source, token: str | None = None) -> None:
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Answers)
        self._source, self._token = source, token
        self._one_at_a_time = threading.Lock()

    @property
    def url(self) -> str:
        """The address of the page."""
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics"

    def refusal(self, authorization: str, host: str) -> int:
        """Return the status with which a request is refused because of its headers, or 0 if it is answered."""
        if self._token is None:
            return 0 if is_loopback(host_asked_for(host)) else 421
        right = f"Bearer {self._token}".encode()
        return 0 if hmac.compare_digest(authorization.encode(), right) else 401

    def page(self) -> str:
        """Return the text of one scrape; raise SoakError if the process cannot be read."""
        with self._one_at_a_time:
            return as_text(self._source.collect())


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Agent
    timeout = 30.0

    def do_GET(self) -> None:
        refused = self.server.refusal(
            self.headers.get("Authorization", ""), self.headers.get("Host", "")
        )
        if refused == 401:
            self._say(
                401, "give the token as Authorization: Bearer ...\n", ("WWW-Authenticate", "Bearer")
            )
        elif refused:
            self._say(refused, "without a token, ask by 127.0.0.1 or localhost\n")
        elif self.path.partition("?")[0] != "/metrics":
            self._say(404, "only /metrics is served\n")
        else:
            try:
                self._say(200, self.server.page())
            except SoakError as error:
                self._say(503, f"{error}\n")

    def _say(self, status: int, text: str, *headers: tuple[str, str]) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in (("Content-Type", _TYPE), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Log nothing: scrapes arrive every second."""


def as_text(samples: Iterable[Sample]) -> str:
    """Return samples as Prometheus text, grouped by name."""
    by_name: dict[str, list[Sample]] = {}
    for sample in samples:
        by_name.setdefault(sample.name, []).append(sample)
    lines = []
    for name, found in by_name.items():
        lines.append(f"# TYPE {name} {found[0].kind}")
        lines += [f"{name}{_labels(sample)} {_number(sample.value)}" for sample in found]
    return "\n".join(lines) + "\n"


def _labels(sample: Sample) -> str:
    escaped = (
        (key, value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\""))
        for key, value in sample.labels
    )
    inside = ",".join(f'{key}="{value}"' for key, value in escaped)
    return f"{{{inside}}}" if inside else ""


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return ("+Inf" if value > 0 else "-Inf") if math.isinf(value) else repr(value)
