"""The metrics that the service serves on /metrics."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from soak.demo.pool import ConnectionPool


class _Threads(Collector):
    """The process's threads under the name of the Rust client; the Python client has none."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield one gauge if there is a /proc, else nothing."""
        tasks = Path("/proc/self/task")
        if tasks.is_dir():
            count = sum(1 for _ in tasks.iterdir())
            yield GaugeMetricFamily(
                "process_threads", "Number of OS threads in the process.", value=count
            )


class Metrics:
    """Has its own registry, so that two services in one process do not collide."""

    def __init__(self, pool: ConnectionPool) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a time beside every counter, which never moves
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.registry.register(_Threads())
        labels = ["method", "endpoint", "status"]
        self.requests = Counter(
            "http_requests_total", "Requests answered.", labels, registry=self.registry
        )
        self._gauge("db_pool_connections_in_use", "Connections checked out.").set_function(
            lambda: pool.in_use
        )
        self._gauge("db_pool_connections_idle", "Connections open and free.").set_function(
            lambda: pool.idle
        )
        self._gauge("db_pool_connections_waiting", "Checkouts that wait.").set_function(
            lambda: pool.waiting
        )
        self._gauge("db_pool_connections_max", "Connections at most.").set(pool.maximum)

    def text(self) -> bytes:
        """Return all metrics as Prometheus text."""
        return generate_latest(self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(name, text, registry=self.registry)
