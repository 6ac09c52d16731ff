"""Counts requests into windows: constant memory, whatever the number of requests, names or errors."""

from __future__ import annotations

from dataclasses import dataclass, field

from soak.latency import Histogram
from soak.windows import EndpointWindow, Window

#: Beyond these, names and kinds are folded into one, as Taurus does: a thousand distinct URLs are one mistake.
MAX_ENDPOINTS, MAX_KINDS, OTHER = 500, 100, "other"


@dataclass(slots=True)
class _Counts:
    requests: int = 0
    bytes: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    latency: Histogram = field(default_factory=Histogram)
    failed_latency: Histogram = field(default_factory=Histogram)


class Counting:
    """The window that is open now."""

    def __init__(self, endpoints: tuple[str, ...]) -> None:
        # Dictionaries used as sets that keep their order.
        self._known = dict.fromkeys(endpoints)
        self._kinds: dict[str, None] = {}
        self._open = {endpoint: _Counts() for endpoint in endpoints}

    def count(self, endpoint: str, seconds: float, size: int, failure: str | None = None) -> None:
        """One request that ended: its latency in seconds, its answer's size in bytes, and why it failed if it did."""
        counts = self._open.get(endpoint)
        if counts is None:
            endpoint = _folded(endpoint, self._known, MAX_ENDPOINTS)
            counts = self._open.setdefault(endpoint, _Counts())
        counts.requests += 1
        counts.bytes += size
        if failure is None:
            counts.latency.record(seconds)
        else:
            kind = _folded(failure, self._kinds, MAX_KINDS)
            counts.failures[kind] = counts.failures.get(kind, 0) + 1
            counts.failed_latency.record(seconds)

    def close(self, time: float, seconds: float, users: int) -> Window:
        """The window that ends now; a new one is open after it. Known endpoints are in it even with no request."""
        closed, self._open = self._open, {endpoint: _Counts() for endpoint in self._known}
        seen = tuple(
            EndpointWindow(endpoint, c.requests, c.failures, c.bytes, c.latency, c.failed_latency)
            for endpoint, c in closed.items()
        )
        return Window(time, seconds, users, seen)


def _folded(name: str, known: dict[str, None], most: int) -> str:
    if name not in known:
        if len(known) >= most:
            return OTHER
        known[name] = None
    return name
