"""Merge the windows of many workers into one: counts and histograms are added, nothing is lost or estimated."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field
from statistics import median_high
from typing import Any

from soak.latency import Histogram
from soak.load.measure.counting import MAX_ENDPOINTS, MAX_KINDS, OTHER
from soak.load.measure.exemplars import bounded
from soak.windows import EndpointWindow, Exemplar, GeneratorWindow, Window, WorkerCoverage

#: A worker's window as a message: time, seconds, users, endpoints, generator, exemplars. Histograms
#: are maps from bucket to count, which MessagePack decodes straight into dictionaries; this makes
#: merging cheap.
Packed = list[Any]


def packed(window: Window, began: float) -> Packed:
    """Pack a window for the master; its time is relative to the start of the worker's load."""
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
    """Unpack a window from `packed`. Raise TypeError or ValueError for anything else."""
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
    """Totals of an endpoint over all workers, with histograms not shared with any window."""

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
    """Merge the windows of one slot (at least one). Exact, except that names and kinds beyond the bounds are folded.

    Time and length are the upper medians, so that one worker that stalls or ends early does not
    distort them; users are summed. A minute of exemplars ends in the same slot for all workers; of
    its exemplars, those are kept that a single process would keep.
    """
    healths = [window.generator for window in windows if window.generator is not None]
    endpoints: dict[str, _Sum] = {}
    kinds: set[str] = set()
    # A profile may name more endpoints than the bound. Each worker knows all of them and folds
    # only the other names.
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
    """Workers' windows by slot, numbered from 1. A slot closes once all working workers have reported it.

    Memory stays bounded only if the caller removes a worker that stops reporting from the working ones.
    """

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._open: dict[int, dict[int, Window]] = {}
        self._next = 1
        #: The last slot reported by each worker.
        self.reported = dict.fromkeys(range(expected), 0)

    def add(self, worker: int, window: Window) -> None:
        """Add a worker's next window."""
        self.reported[worker] += 1
        self._open.setdefault(self.reported[worker], {})[worker] = window

    def closed(
        self, working: Iterable[int], finished: Iterable[int], shares: Sequence[tuple[int, int]]
    ) -> Iterator[Window]:
        """Yield the windows of slots that are complete now, in order.

        `working` are the workers to wait for. `finished` are workers that ended in order; later slots
        count them as present. `shares` are pairs of a slot (rising) and the number of parts into which
        the load is divided from this slot on.
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
        """Merge one slot. A worker lost during the slot covers only the part of it that its window lasted."""
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
