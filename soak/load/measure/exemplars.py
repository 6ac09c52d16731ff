"""Keep a few requests of each minute as examples: the slowest and the failed ones, in constant memory."""

from __future__ import annotations

import heapq
import time as clock
from collections import Counter
from collections.abc import Iterable
from math import inf

from soak.load.http.trace_context import trace_id
from soak.windows import Exemplar

#: Exemplars per minute: slow ones and failed ones of each endpoint, and both together of all
#: endpoints.
EACH, A_MINUTE = 5, 100
MINUTE = 60.0
#: Tolerance in seconds for rounding in sums of window lengths.
_ROUNDING = 1e-3

_Slow = tuple[float, float, int, int]


class Kept:
    """Exemplars of one endpoint in this minute; `bar` is the latency in seconds that a slow exemplar must exceed."""

    __slots__ = ("_failed", "_slow", "bar")

    def __init__(self) -> None:
        self.bar = -inf
        self._slow: list[_Slow] = []
        self._failed: list[tuple[str, _Slow]] = []

    def slow(self, seconds: float, status: int, trace: int) -> None:
        """Keep a successful request that has just ended and is slower than the bar."""
        entry = (seconds, clock.monotonic() - seconds, status, trace)
        if len(self._slow) < EACH:
            heapq.heappush(self._slow, entry)
        else:
            heapq.heapreplace(self._slow, entry)
        if len(self._slow) == EACH:
            self.bar = self._slow[0][0]

    def failed(self, seconds: float, kind: str, status: int, trace: int) -> None:
        """Keep a failed request if it is one of the minute's first; a new kind replaces a repeated kind."""
        place = len(self._failed)
        if place == EACH:
            kinds = [known for known, _ in self._failed]
            if kind in kinds or len(set(kinds)) == EACH:
                return
            place = max(index for index, known in enumerate(kinds) if kinds.index(known) < index)
        self._failed[place : place + 1] = [
            (kind, (seconds, clock.monotonic() - seconds, status, trace))
        ]

    def ranked(self, endpoint: str) -> list[tuple[int, Exemplar]]:
        """Return the exemplars with their ranks: the slowest has rank 0, and so has the first failure."""
        slow = [("", entry) for entry in sorted(self._slow, reverse=True)]
        return [
            (rank, Exemplar(began, endpoint, seconds, kind, status, trace_id(trace)))
            for kept in (slow, self._failed)
            for rank, (kind, (seconds, began, status, trace)) in enumerate(kept)
        ]

    def forget(self) -> None:
        """Discard everything, to begin the next minute."""
        self.bar = -inf
        self._slow, self._failed = [], []


class Exemplars:
    """The exemplars of all endpoints."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._minute_began: float | None = None

    def of(self, endpoint: str) -> Kept:
        """Return the exemplars of one endpoint."""
        return self._kept.setdefault(endpoint, Kept())

    def of_minute(self, time: float, last: bool) -> tuple[Exemplar, ...]:
        """Return the minute's exemplars in order of time if it is over at `time` (seconds) or the `last` one, else ()."""
        if self._minute_began is None:
            self._minute_began = time
        if time - self._minute_began < MINUTE - _ROUNDING and not last:
            return ()
        self._minute_began = time
        ranked = [
            exemplar for endpoint, kept in self._kept.items() for exemplar in kept.ranked(endpoint)
        ]
        for kept in self._kept.values():
            kept.forget()
        return _best(ranked)


def bounded(several: Iterable[Exemplar]) -> tuple[Exemplar, ...]:
    """Reduce several processes' exemplars of the same minute to those that one process would keep, in order of time."""
    minute = sorted(several, key=lambda exemplar: exemplar.time)
    slow = Counter[str]()
    failed: dict[str, list[Exemplar]] = {}
    ranked = []
    for exemplar in sorted(minute, key=lambda exemplar: -exemplar.seconds):
        if not exemplar.failure:
            ranked.append((slow[exemplar.endpoint], exemplar))
            slow[exemplar.endpoint] += 1
    for exemplar in minute:
        if exemplar.failure:
            failed.setdefault(exemplar.endpoint, []).append(exemplar)
    for those in failed.values():
        kinds = Counter[str]()
        turns = []
        for exemplar in those:
            turns.append((kinds[exemplar.failure], exemplar))
            kinds[exemplar.failure] += 1
        # The first of each kind, then the second of each: sorting is stable, so each group
        # stays in order of time.
        ranked += [
            (rank, exemplar)
            for rank, (_, exemplar) in enumerate(sorted(turns, key=lambda turn: turn[0]))
        ]
    return _best([(rank, exemplar) for rank, exemplar in ranked if rank < EACH])


def _best(ranked: list[tuple[int, Exemplar]]) -> tuple[Exemplar, ...]:
    best = sorted(ranked, key=lambda pair: (pair[0], -pair[1].seconds))[:A_MINUTE]
    return tuple(sorted((exemplar for _, exemplar in best), key=lambda exemplar: exemplar.time))
