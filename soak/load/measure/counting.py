"""Counts requests into windows: constant memory, whatever the number of requests, names or errors."""

from __future__ import annotations

from dataclasses import dataclass, field

from soak.latency import Histogram
from soak.load.measure.exemplars import Exemplars, Kept
from soak.windows import EndpointWindow, Window

#: Beyond these, names and kinds are folded into one, as Taurus does: a thousand distinct URLs are one mistake.
MAX_ENDPOINTS, MAX_KINDS, OTHER = 500, 100, "other"

#: Sent so many seconds after it should have been, an arrival is late: five turns of an event loop that counts in
#: milliseconds, and little beside any latency limit worth setting.
LATE = 0.005


@dataclass(slots=True)
class _Counts:
    kept: Kept
    requests: int = 0
    bytes: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    latency: Histogram = field(default_factory=Histogram)
    failed_latency: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)
    late: int = 0
    dropped: int = 0


class Counting:
    """The window that is open now."""

    def __init__(self, endpoints: tuple[str, ...]) -> None:
        self._planned = endpoints
        # Dictionaries used as sets that keep their order.
        self._known = dict.fromkeys(endpoints)
        self._kinds: dict[str, None] = {}
        self._exemplars = Exemplars()
        self._open = self._opened()

    def count(
        self,
        endpoint: str,
        seconds: float,
        size: int,
        failure: str | None = None,
        waited: float | None = None,
        status: int = 0,
        trace: int = 0,
    ) -> None:
        """One request that ended: its latency in seconds, its answer's size in bytes, and why it failed if it did.

        `waited`: in the open model, how much of the latency passed before it was sent. `status` and
        the number of its trace are for exemplars.
        """
        try:
            counts = self._open[endpoint]
        except KeyError:
            counts = self._unknown(endpoint)
        counts.requests += 1
        counts.bytes += size
        if failure is None:
            counts.latency.record(seconds)
            if seconds > counts.kept.bar:
                counts.kept.slow(seconds, status, trace)
        else:
            kind = _folded(failure, self._kinds, MAX_KINDS)
            counts.failures[kind] = counts.failures.get(kind, 0) + 1
            counts.failed_latency.record(seconds)
            counts.kept.failed(seconds, kind, status, trace)
        if waited is not None:
            if waited > LATE:
                counts.late += 1
            if failure is None:
                counts.service.record(seconds - waited)

    def drop(self, endpoint: str) -> None:
        """One arrival that was never sent."""
        (self._open.get(endpoint) or self._unknown(endpoint)).dropped += 1

    def _unknown(self, endpoint: str) -> _Counts:
        folded = _folded(endpoint, self._known, MAX_ENDPOINTS)
        return self._open.setdefault(folded, _Counts(self._exemplars.of(folded)))

    def _opened(self) -> dict[str, _Counts]:
        return {endpoint: _Counts(self._exemplars.of(endpoint)) for endpoint in self._planned}

    def close(
        self, time: float, seconds: float, users: int, last: bool = False, slot: float | None = None
    ) -> Window:
        """The window that ends now; a new one is open after it. Planned endpoints are in it even with no request.

        It brings the exemplars of a minute that is over, and the `last` one all that are left.
        Minutes go by when windows should have ended, which is `slot` where given: so those of
        several processes end together.
        """
        exemplars = self._exemplars.of_minute(time if slot is None else slot, last)
        closed, self._open = self._open, self._opened()
        seen = tuple(
            EndpointWindow(
                endpoint,
                c.requests,
                c.failures,
                c.bytes,
                c.latency,
                c.failed_latency,
                c.service,
                c.late,
                c.dropped,
            )
            for endpoint, c in closed.items()
        )
        return Window(time, seconds, users, seen, exemplars=exemplars)


def _folded(name: str, known: dict[str, None], most: int) -> str:
    if name not in known:
        if len(known) >= most:
            return OTHER
        known[name] = None
    return name
