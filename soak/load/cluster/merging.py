"""Windows of many workers as one: counts and histograms are added up, and nothing is lost or estimated."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field
from statistics import median_high
from typing import Any

from soak.latency import Histogram
from soak.load.measure.counting import MAX_ENDPOINTS, MAX_KINDS, OTHER
from soak.load.measure.exemplars import bounded
from soak.windows import EndpointWindow, Exemplar, GeneratorWindow, Window, WorkerCoverage

#: One worker's window as it travels: time, seconds, users, endpoints, generator, exemplars. Histograms go as maps from
#: bucket to count, which MessagePack turns into dictionaries by itself: that is what makes merging cheap.
Packed = list[Any]


def packed(window: Window, began: float) -> Packed:
    """A window to be sent to the master, its time counted from when the worker's load began."""
    endpoints = [
        (
            seen.endpoint,
            seen.requests,
            seen.failures,
            seen.bytes,
            seen.latency.counts,
            seen.failed_latency.counts,
            seen.service.counts,
            seen.late,
            seen.dropped,
        )
        for seen in window.endpoints
    ]
    generator = astuple(window.generator) if window.generator else None
    exemplars = [(exemplar.time - began, *astuple(exemplar)[1:]) for exemplar in window.exemplars]
    return [window.time - began, window.seconds, window.users, endpoints, generator, exemplars]


def unpacked(message: Packed, began: float) -> Window:
    """The inverse of `packed`; TypeError or ValueError for what is none."""
    time, seconds, users, endpoints, generator, exemplars = message
    seen = tuple(
        EndpointWindow(
            name,
            requests,
            failures,
            size,
            Histogram(ok),
            Histogram(bad),
            Histogram(service),
            late,
            dropped,
        )
        for name, requests, failures, size, ok, bad, service, late, dropped in endpoints
    )
    return Window(
        began + float(time),
        float(seconds),
        int(users),
        seen,
        GeneratorWindow(*generator) if generator else None,
        tuple(Exemplar(began + float(when), *rest) for when, *rest in exemplars),
    )


@dataclass(slots=True)
class _Sum:
    """An endpoint over all workers; its histograms are its own."""

    requests: int = 0
    bytes: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    latency: dict[int, int] = field(default_factory=dict)
    failed_latency: dict[int, int] = field(default_factory=dict)
    service: dict[int, int] = field(default_factory=dict)
    late: int = 0
    dropped: int = 0

    def add(self, seen: EndpointWindow, kinds: set[str]) -> None:
        self.requests += seen.requests
        self.bytes += seen.bytes
        self.late += seen.late
        self.dropped += seen.dropped
        for kind, failed in seen.failures.items():
            known = kind if kind in kinds or len(kinds) < MAX_KINDS else OTHER
            kinds.add(known)
            self.failures[known] = self.failures.get(known, 0) + failed
        for into, counts in (
            (self.latency, seen.latency.counts),
            (self.failed_latency, seen.failed_latency.counts),
            (self.service, seen.service.counts),
        ):
            if not into:
                into.update(counts)
                continue
            get = into.get
            for bucket, count in counts.items():
                into[bucket] = get(bucket, 0) + count


def merged(windows: Collection[Window], coverage: WorkerCoverage | None = None) -> Window:
    """Windows of one slot, at least one, as one window; exact but for names and kinds beyond soak's bounds, which are folded.

    Its time and length are the (upper) medians of theirs, which one worker that stalls or ends does
    not bend; its users are the sum. Of the exemplars of a minute, which ends for all in the same
    slot, those stay that one process would keep.
    """
    healths = [window.generator for window in windows if window.generator is not None]
    endpoints: dict[str, _Sum] = {}
    kinds: set[str] = set()
    # A profile may name more endpoints than the bound: each worker knows all of them, and folds
    # only what is beside them.
    most = max(MAX_ENDPOINTS, *(len(window.endpoints) for window in windows))
    for window in windows:
        for seen in window.endpoints:
            total = endpoints.get(seen.endpoint)
            if total is None:
                name = seen.endpoint if len(endpoints) < most else OTHER
                total = endpoints.setdefault(name, _Sum())
            total.add(seen, kinds)
    return Window(
        median_high(window.time for window in windows),
        median_high(window.seconds for window in windows),
        sum(window.users for window in windows),
        tuple(
            EndpointWindow(
                name,
                s.requests,
                s.failures,
                s.bytes,
                Histogram(s.latency),
                Histogram(s.failed_latency),
                Histogram(s.service),
                s.late,
                s.dropped,
            )
            for name, s in endpoints.items()
        ),
        GeneratorWindow.together(healths) if healths else None,
        bounded(exemplar for window in windows for exemplar in window.exemplars),
        coverage,
    )


class Slots:
    """Workers' windows by slot, numbered from 1: a slot closes when all that are still at work have reported it.

    Memory is bounded by whoever says which workers are at work: one that reports no more must
        become none.
    """

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._open: dict[int, dict[int, Window]] = {}
        self._next = 1
        #: The last slot that each worker has reported.
        self.reported = dict.fromkeys(range(expected), 0)

    def add(self, worker: int, window: Window) -> None:
        """A worker's next window."""
        self.reported[worker] += 1
        self._open.setdefault(self.reported[worker], {})[worker] = window

    def closed(
        self, working: Iterable[int], finished: Iterable[int], shares: Sequence[tuple[int, int]]
    ) -> Iterator[Window]:
        """The slots that are complete now, in order.

        `working` are the workers to wait for; `finished` have ended in order, and are not missed
        after that. `shares` says of what slot on (rising) into how many parts the load was divided.
        """
        at_work, ended = list(working), list(finished)
        until = min(
            (self.reported[worker] for worker in at_work), default=max(self.reported.values())
        )
        while self._next <= until:
            windows = self._open.pop(self._next, {})
            if windows:
                done = sum(self.reported[worker] < self._next for worker in ended)
                parts = [count for slot, count in shares if slot <= self._next][-1]
                lost = windows.keys() - set(at_work) - set(ended)
                yield self._whole(windows, done, parts, lost)
            self._next += 1

    def _whole(
        self, windows: dict[int, Window], done: int, parts: int, lost: Collection[int]
    ) -> Window:
        """One slot: a worker that was lost in the middle of it has covered no more than its window is long."""
        longest = max(window.seconds for window in windows.values())
        cut = sum(
            1.0 - windows[worker].seconds / longest
            for worker in lost
            if windows[worker].seconds < 0.9 * longest
        )
        present = len(windows) + done
        coverage = WorkerCoverage(
            present, self._expected, max(0.0, min(1.0, (present - cut) / parts))
        )
        return merged(windows.values(), coverage)
