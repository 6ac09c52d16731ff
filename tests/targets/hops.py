"""Three services on a request's path, of which two report their spans to Zipkin: `python hops.py http://127.0.0.1:9411`.

`front` works 10 ms, asks `stock` (20 ms) and then `prices` (60 ms), which reports nothing. To
`stock` the context goes as a `b3` header and the span is shared, as Zipkin's own tracers do it; to
`prices` it goes as `traceparent`. `GET /broken` fails in `stock`.
"""

from __future__ import annotations

import json
import queue
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

Span = dict[str, object]
_SPANS: queue.SimpleQueue[Span] = queue.SimpleQueue()


@contextmanager
def span(
    service: str, kind: str, trace: str, own: str, parent: str, **more: object
) -> Iterator[Span]:
    """Report the time of the block."""
    began = time.time()
    made: Span = {
        "traceId": trace,
        "id": own,
        "parentId": parent,
        "kind": kind,
        "name": "get",
        "tags": {},
        **more,
    }
    made |= {"localEndpoint": {"serviceName": service}, "timestamp": int(began * 1e6)}
    try:
        yield made
    finally:
        _SPANS.put({**made, "duration": int((time.time() - began) * 1e6)})


def report(zipkin: str) -> None:
    """Send what has gathered, for ever."""
    while True:
        batch = [_SPANS.get()]
        while not _SPANS.empty() and len(batch) < 100:
            batch.append(_SPANS.get())
        headers = {"Content-Type": "application/json"}
        urlopen(
            Request(f"{zipkin}/api/v2/spans", json.dumps(batch).encode(), headers), timeout=5
        ).close()


def ask(url: str, **headers: str) -> int:
    """The status."""
    try:
        with urlopen(Request(url, headers=headers), timeout=5) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


class Handler(BaseHTTPRequestHandler):
    """Answers with a status and nothing else."""

    protocol_version = "HTTP/1.1"
    stock = prices = ""

    def do_GET(self) -> None:
        """Serve."""
        self.send_response(self.status())
        self.send_header("Content-Length", "0")
        self.end_headers()

    def status(self) -> int:
        """The work itself."""
        raise NotImplementedError

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Front(Handler):
    """Asked by soak."""

    def status(self) -> int:
        if "traceparent" not in self.headers:
            return 200
        _, trace, parent, _ = self.headers["traceparent"].split("-")
        own, first, second = (secrets.token_hex(8) for _ in range(3))
        with span("front", "SERVER", trace, own, parent) as told:
            time.sleep(0.01)
            with span(
                "front", "CLIENT", trace, first, own, remoteEndpoint={"serviceName": "stock"}
            ):
                status = ask(self.stock + self.path, b3=f"{trace}-{first}-1-{own}")
            if status != 200:
                told["tags"] = {"error": "stock failed"}
                return 502
            with span(
                "front", "CLIENT", trace, second, own, remoteEndpoint={"serviceName": "prices"}
            ):
                return ask(self.prices + self.path, traceparent=f"00-{trace}-{second}-01")


class Stock(Handler):
    """Joins its caller's span."""

    def status(self) -> int:
        trace, own, _, parent = self.headers["b3"].split("-")
        with span("stock", "SERVER", trace, own, parent, shared=True) as told:
            time.sleep(0.02)
            if self.path == "/broken":
                told["tags"] = {"error": "out of stock"}
                return 500
        return 200


class Prices(Handler):
    """Reports nothing."""

    def status(self) -> int:
        time.sleep(0.06)
        return 200


def serve(handler: type[Handler]) -> str:
    """A service on a port of its own; its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def main() -> None:
    """Serve until killed, or until standard input ends."""
    threading.Thread(target=report, args=(sys.argv[1],), daemon=True).start()
    Handler.stock, Handler.prices = serve(Stock), serve(Prices)
    print(f"listening on {serve(Front)}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
