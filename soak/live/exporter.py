"""Serve a run's metrics for Prometheus, as text or OpenMetrics, whichever is requested."""

from __future__ import annotations

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from werkzeug.wrappers import Request

from soak.live.address import Address
from soak.live.prometheus_metrics import RunCollector
from soak.live.server import PageServer, PageState


class Exporter:
    """Serves `/metrics` at an address until closed."""

    def __init__(self, collector: RunCollector, address: Address, token: str = "") -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(collector)
        self._server = PageServer("--metrics", address, {"/metrics": self._metrics}, token)

    @property
    def url(self) -> str:
        """The URL of the metrics."""
        return f"{self._server.url}metrics"

    def close(self) -> None:
        """Stop serving."""
        self._server.close()

    def _metrics(self, request: Request) -> PageState:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return PageState(encode(self._registry).decode(), content_type)
