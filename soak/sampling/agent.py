"""Serves /metrics for a process that has none: what the `process` source sees, as Prometheus text.

Without a token the Host header must name this machine: a page of another site must not read it (DNS
rebinding).
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
    """Answers GET /metrics with one scrape of a source; 503 and one line where it fails.

    401 without the right token where there is one, 421 for another machine's name where there is
    none.
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
        """Where it is served."""
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/metrics"

    def refusal(self, authorization: str, host: str) -> int:
        """The status with which a request is refused by its headers; 0 where it may be answered."""
        if self._token is None:
            return 0 if is_loopback(host_asked_for(host)) else 421
        right = f"Bearer {self._token}".encode()
        return 0 if hmac.compare_digest(authorization.encode(), right) else 401

    def page(self) -> str:
        """One scrape; SoakError where the process cannot be read."""
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
        """Nothing: a line a second is no log."""


def as_text(samples: Iterable[Sample]) -> str:
    """Samples as Prometheus text, those of one name together."""
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
