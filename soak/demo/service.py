"""Assemble the service and run it."""

from __future__ import annotations

import signal
import sys
import tempfile
import threading
from http.client import HTTPException
from pathlib import Path

from soak.demo import leaks, shop
from soak.demo.app import Endpoints, create_app
from soak.demo.metrics_page import Metrics
from soak.demo.pool import ConnectionPool
from soak.demo.server import DemoServer
from soak.demo.steady import warm_up

THREADS = 8
#: Two connections per thread; for the leak, enough that losing them takes minutes.
POOL_MAXIMUM, POOL_TO_LEAK = 2 * THREADS, 800
_TERMS = "Terms of sale\n\n" + "Goods remain ours until they are paid for.\n" * 50


def run(port: int, leak: leaks.Leak, rounds: int) -> None:
    """Warm up, serve until SIGTERM or SIGINT, and remove the database; raise OSError if the port is taken."""
    with tempfile.TemporaryDirectory(prefix="soak-demo-") as directory:
        database, terms = Path(directory, "shop.sqlite"), Path(directory, "terms.txt")
        shop.create(database)
        terms.write_text(_TERMS)
        maximum = POOL_TO_LEAK if leak is leaks.Leak.POOL else POOL_MAXIMUM
        pool = ConnectionPool(lambda: shop.connect(database), maximum, warm=THREADS)
        metrics = Metrics(pool)
        endpoints = Endpoints(shop.Shop(pool), leaks.right(), metrics, terms)
        server = DemoServer(port, create_app(endpoints, metrics), THREADS)

        def get_ready() -> None:
            try:
                warm_up(server.address, rounds)
            except (OSError, HTTPException) as error:
                if not server.stopping:
                    failures.append(error)
                    server.stop()
                return
            # The leak is enabled only now: the warm-up alone would use up a good share of the pool.
            endpoints.parts = leaks.wrong(endpoints.parts, leak)
            endpoints.ready = True
            sys.stdout.write("listening on http://{}:{}\n".format(*server.address))
            sys.stdout.flush()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: server.stop())
        failures: list[Exception] = []
        # Serving has its own thread, so that the number of threads is final before the ready line.
        serving = threading.Thread(target=server.serve)
        serving.start()
        get_ready()
        serving.join()
        pool.close()
    for failure in failures:
        raise OSError(f"the warm-up failed: {failure}")
