"""Count requests into windows. Memory is constant, whatever the number of requests, names or errors."""

from __future__ import annotations

from dataclasses import dataclass, field

from soak.latency import Histogram
from soak.load.measure.exemplars import Exemplars, Kept
from soak.windows import EndpointWindow, Window

#: Beyond these bounds, names and kinds are folded into one, as in Taurus: a thousand distinct URLs
#: are usually a mistake.
MAX_ENDPOINTS, MAX_KINDS, OTHER = 500, 100, "other"

#: An arrival sent more than this many seconds after its due time is late: five turns of an event
#: loop that counts in milliseconds, and little compared with any useful latency limit.
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
    """The current open window."""

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
        """Count a finished request: its latency in seconds, its response's size in bytes, and its failure if it failed.

        `waited` (open model) is the part of the latency, in seconds, before the request was sent.
        `status` and the trace number `trace` are for exemplars.
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
        """Count one arrival that was never sent."""
        (self._open.get(endpoint) or self._unknown(endpoint)).dropped += 1

    def _unknown(self, endpoint: str) -> _Counts:
        folded = _folded(endpoint, self._known, MAX_ENDPOINTS)
        return self._open.setdefault(folded, _Counts(self._exemplars.of(folded)))

    def _opened(self) -> dict[str, _Counts]:
        return {endpoint: _Counts(self._exemplars.of(endpoint)) for endpoint in self._planned}

    def close(
        self, time: float, seconds: float, users: int, last: bool = False, slot: float | None = None
    ) -> Window:
        """Close the current window and open a new one. Planned endpoints are in every window, even without a request.

        The window contains the exemplars of a minute that is over; the `last` window has all that
        remain. A minute is measured by `slot`, the time at which the window should have ended, if
        given, so that minutes of several processes end together.
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
