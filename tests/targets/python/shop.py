"""A Flask service with SQLAlchemy on PostgreSQL and the Prometheus client; it leaks in one chosen way, or not at all.

`python shop.py --database postgresql://… --leak list`. Each leak sits behind one endpoint and costs
the same with every request to it; tests/targets/known.py says what and where.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import Request, urlopen

import leaks
import prometheus_client
from flask import Flask, Response, jsonify, request
from pool import Pool
from prometheus_client.core import GaugeMetricFamily, Metric
from waitress.server import create_server

LISTED = 50
EXPORT_PIECE = 32 << 10
WORKERS = 8
WARM_UP = (
    "/metrics",
    "/products/7",
    "/orders",
    "/search?q=lamp",
    "/stock/7",
    "/invoices/latest",
    "/shipping/is",
)
CALM = "glibc.malloc.arena_max=1:glibc.malloc.tcache_count=0"


@dataclass
class Armed:
    """The leak there is: none while the service warms up."""

    leak: str = "none"


class PoolMetrics:
    """The pool's state, under the names that soak's demo has too."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def collect(self) -> Iterator[Metric]:
        """One gauge each."""
        yield GaugeMetricFamily(
            "db_pool_connections_in_use", "Checked out", value=self._pool.in_use()
        )
        yield GaugeMetricFamily(
            "db_pool_connections_open", "Open, idle ones too", value=self._pool.open()
        )
        yield GaugeMetricFamily(
            "db_pool_connections_max", "The pool's limit", value=self._pool.maximum
        )


def build(armed: Armed, pool: Pool) -> Flask:
    """The service, which leaks once it is armed."""
    app = Flask("shop")
    prometheus_client.REGISTRY.register(PoolMetrics(pool))
    recent: deque[str] = deque(maxlen=64)

    @app.get("/healthz")
    def healthz() -> str:
        return "ok\n"

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(prometheus_client.generate_latest(), mimetype="text/plain")

    @app.get("/products/<int:number>")
    def product(number: int) -> Response:
        return jsonify(
            id=number, name=pool.scalar("SELECT 'product ' || CAST(:value AS int)", number)
        )

    @app.get("/orders")
    def orders() -> Response:
        if armed.leak == "exceptions":
            leaks.keep_exception()
        elif armed.leak == "threadlocal":
            leaks.keep_in_thread()
        return jsonify(
            [
                {"id": n, "product": f"product {n * 7 % 200}", "quantity": 1 + n % 3}
                for n in range(LISTED)
            ]
        )

    @app.post("/orders")
    def place_order() -> tuple[Response, int]:
        order = request.get_json()
        if armed.leak == "dict":
            leaks.keep_order(order)
        elif armed.leak == "lru-cache":
            leaks.Pricing(order["product"]).total()
        return jsonify(order), 201

    @app.get("/search")
    def search() -> Response:
        text = request.args.get("q", "")
        recent.append(text)
        if armed.leak == "list":
            leaks.keep_result()
        elif armed.leak == "native":
            leaks.map_pages()
        elif armed.leak == "churn":
            leaks.churn()
        return jsonify([text, f"{text} 2"])

    @app.get("/stock/<int:number>")
    def stock(number: int) -> Response:
        if armed.leak == "threads":
            leaks.start_watcher()
        return jsonify(stock=number * 6)

    @app.get("/invoices/latest")
    def invoice() -> Response:
        file = Path(os.devnull).open("rb")  # noqa: SIM115  # leaving it open is the point
        if armed.leak == "file":
            leaks.keep_open(file)
        else:
            file.close()
        return jsonify(file.name)

    @app.get("/shipping/<country>")
    def shipping(country: str) -> Response:
        if armed.leak == "sessions":
            return jsonify(price=pool.tariff_unclosed())
        return jsonify(price=pool.scalar("SELECT 490 + :value", 100))

    @app.get("/export")
    def export() -> Response:
        pieces = int(request.args["mb"]) * (1 << 20) // EXPORT_PIECE
        if armed.leak == "buffered":
            return Response(leaks.whole(pieces, EXPORT_PIECE))
        piece = bytes(EXPORT_PIECE)
        return Response((piece for _ in range(pieces)), content_type="application/octet-stream")

    @app.before_request
    def remember() -> None:
        if armed.leak == "closure":
            leaks.remember_request()

    return app


def calm_allocator() -> None:
    """Start over, same pid, with an allocator that settles at once: glibc reads this when a process starts."""
    if os.environ.get("GLIBC_TUNABLES") != CALM:
        os.execve(
            sys.executable, [sys.executable, *sys.argv], {**os.environ, "GLIBC_TUNABLES": CALM}
        )


def warm_up(url: str) -> None:
    """Ask every endpoint, while none leaks yet, often enough that all threads and all their caches are there."""
    order = Request(url + "/orders", b'{"product": 7}', {"Content-Type": "application/json"})
    asked: list[str | Request] = [*(url + path for path in WARM_UP), order]

    def ask() -> None:
        for page in asked * 20:
            with urlopen(page) as answer:
                answer.read()

    threads = [threading.Thread(target=ask) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--addr", default="127.0.0.1:0", help="loopback address; port 0 takes any free one"
    )
    parser.add_argument("--leak", default="none", choices=leaks.NAMES)
    parser.add_argument("--database", required=True)
    parser.add_argument("--until-eof", action="store_true", help="end when standard input does")
    asked = parser.parse_args()
    calm_allocator()
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a queue now and then is no news
    host, port = asked.addr.rsplit(":", 1)
    if host != "127.0.0.1":
        parser.error("listens on 127.0.0.1 only")
    armed = Armed()
    server = create_server(
        build(armed, Pool(asked.database, asked.leak)), host=host, port=int(port), threads=WORKERS
    )
    # Leaked threads and sessions must not hold up the end, so it is not an orderly one.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    if asked.until_eof:
        threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    url = f"http://127.0.0.1:{server.effective_port}"

    def ready() -> None:
        warm_up(url)
        armed.leak = asked.leak
        print(f"listening on {url}", flush=True)

    threading.Thread(target=ready).start()
    server.run()


if __name__ == "__main__":
    main()
