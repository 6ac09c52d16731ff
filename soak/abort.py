"""Evaluate a run's abort rules on its records in constant memory; act at the sample that completes a rule."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil

from soak.latency import Histogram
from soak.model import Aborted, Event, EventKind, Kind, Labels, Sample, Scrape
from soak.profile.abort import REQUEST_SERIES, AbortRule
from soak.units import show_amount, show_duration, unit_of
from soak.windows import EndpointWindow, Window

#: Fewest requests that an error share is computed over. A window with fewer never completes a rule
#: without `for`.
LEAST_REQUESTS = 10
#: Most windows that are pooled to reach that number of requests; bounds the memory of a rule.
MOST_WINDOWS = 120
#: Number of intervals without a sample after which a condition's duration starts again: whether it
#: held is unknown.
GAP_INTERVALS = 5.0
#: Fraction of an interval by which a timer may be early: a rule of 30 s acts at a window that ends
#: at 29.9 s.
EARLY = 0.1
_QUANTILES = {
    f"http_request_{key}_seconds": float(f"0.{key[1:]}")
    for key in ("p50", "p90", "p95", "p99", "p999")
}
_ERRORS, _RATE = REQUEST_SERIES["errors"], REQUEST_SERIES["rate"]
_REQUESTS = {_ERRORS, _RATE, *_QUANTILES}


@dataclass(slots=True)
class Streak:
    """When a rule's condition began to hold for one series, and when it was last seen to hold."""

    since: float
    seen: float


class AbortWatch:
    """Evaluates the rules on every record, from any thread; `aborted` is the first rule that came true, else None."""

    def __init__(
        self, rules: Sequence[AbortRule], interval: float, record: Callable[[Event], None]
    ) -> None:
        self.aborted: Aborted | None = None
        self._interval, self._record = interval, record
        self._samples = [_SampleRule(rule) for rule in rules if rule.selector.name not in _REQUESTS]
        self._windows = [_RequestRule(rule) for rule in rules if rule.selector.name in _REQUESTS]
        self._lock = threading.Lock()
        #: One notice for each rule that the user did not write.
        self.notices = tuple(
            f"{rule.text} ends the run, for the target is not on this machine; abort: off switches that off"
            for rule in rules
            if rule.usual
        )

    def saw(self, record: object) -> None:
        """Evaluate the rules on one record, as it is made."""
        if self.aborted is not None or not isinstance(record, Window | Scrape):
            return
        with self._lock:
            broken = next(self._true(record), None) if self.aborted is None else None
            self.aborted = self.aborted or broken
        if broken is not None:
            self._record(Event(broken.time, EventKind.ABORT, broken.text))

    def _true(self, record: Window | Scrape) -> Iterator[Aborted]:
        if isinstance(record, Window):
            samples = tuple(_own_samples(record))
            for requests in self._windows:
                yield from requests.judged(record, self._interval)
        else:
            samples = record.samples
        for rule in self._samples:
            yield from rule.judged(record.time, samples, self._interval)


@dataclass(slots=True)
class _Streaks:
    """The current streak of each series that the rule names; a series that does not breach the rule has none."""

    rule: AbortRule
    of: dict[Labels, Streak] = field(default_factory=dict)

    def judged(
        self, name: str, labels: Labels, value: float, since: float, now: float, interval: float
    ) -> Aborted | None:
        """Return the end of the run if `value`, which held from `since` to `now`, completes the rule; else None."""
        if not self.rule.breached(value):
            self.of.pop(labels, None)
            return None
        streak = self.of.get(labels)
        if streak is None or now - streak.seen > GAP_INTERVALS * interval:
            streak = self.of[labels] = Streak(since, now)
        streak.seen = now
        if now - streak.since < self.rule.seconds - EARLY * interval:
            return None
        return _aborted(self.rule, name, labels, value, now)

    def unseen(self, labels: Labels, now: float) -> None:
        """Extend the streak over a window in which no request ended, which neither breaches nor ends it."""
        if labels in self.of:
            self.of[labels].seen = now


class _SampleRule:
    """A rule on series of sources or of the load's own processes; counters are judged as rates per second."""

    def __init__(self, rule: AbortRule) -> None:
        self._rule, self._streaks = rule, _Streaks(rule)
        self._counters: dict[tuple[str, Labels], tuple[float, float]] = {}

    def judged(self, now: float, samples: Sequence[Sample], interval: float) -> Iterator[Aborted]:
        for sample in samples:
            if not self._rule.selector.matches_name(sample.name) or math.isnan(sample.value):
                continue
            labels = (*sample.labels, ("__name__", sample.name))
            if not self._rule.selector.matches(sample.name, dict(sample.labels)):
                continue
            value = self._per_second(sample, now) if sample.kind is Kind.COUNTER else sample.value
            if value is not None:
                ended = self._streaks.judged(sample.name, labels, value, now, now, interval)
                if ended is not None:
                    yield ended

    def _per_second(self, sample: Sample, now: float) -> float | None:
        """Return a counter's rate since its last sample; a fall counts as a restart from 0."""
        key = (sample.name, sample.labels)
        before, self._counters[key] = self._counters.get(key), (now, sample.value)
        if before is None or now <= before[0]:
            return None
        grown = sample.value - before[1]
        return (grown if grown >= 0 else sample.value) / (now - before[0])


class _RequestRule:
    """A rule on errors, latency or rate, of all requests or of each endpoint that its labels select.

    A window with few requests is pooled with the windows before it, over at most half of the
    rule's duration, so that no single slow or failed request can end a run.
    """

    def __init__(self, rule: AbortRule) -> None:
        self._rule, self._streaks = rule, _Streaks(rule)
        self._q = _QUANTILES.get(rule.selector.name)
        self._enough = (
            LEAST_REQUESTS if self._q is None else max(LEAST_REQUESTS, ceil(1 / (1 - self._q)))
        )
        self._recent: deque[Window] = deque(maxlen=MOST_WINDOWS)

    def judged(self, window: Window, interval: float) -> Iterator[Aborted]:
        self._recent.append(window)
        while (
            len(self._recent) > 1
            and window.time - self._began(self._recent[0]) > self._rule.seconds / 2
        ):
            self._recent.popleft()
        for labels in self._groups(window):
            value = self._value(labels)
            if value is None:
                self._streaks.unseen(labels, window.time)
                continue
            name, began = self._rule.selector.name, self._began(window)
            ended = self._streaks.judged(name, labels, value, began, window.time, interval)
            if ended is not None:
                yield ended

    @staticmethod
    def _began(window: Window) -> float:
        return window.time - window.seconds

    def _groups(self, window: Window) -> list[Labels]:
        if not self._rule.selector.matchers:
            return [()]
        selector = self._rule.selector
        named = [(("endpoint", seen.endpoint),) for seen in window.endpoints]
        return [labels for labels in named if selector.matches(selector.name, dict(labels))]

    def _value(self, labels: Labels) -> float | None:
        """Return the last window's value, pooled with earlier ones for enough requests; None without any."""
        last = self._recent[-1]
        now = _of(last, labels)
        if self._rule.selector.name == _RATE:
            return sum(seen.requests for seen in now) / last.seconds if last.seconds > 0 else None
        ended, failed, latency = 0, 0, Histogram()
        for window in reversed(self._recent):
            for seen in _of(window, labels):
                ended += seen.requests
                failed += sum(seen.failures.values())
                latency.merge(seen.latency)
            if window is last and not ended:
                return None
            if (ended if self._q is None else ended - failed) >= self._enough:
                break
        # A rule without `for` is judged on one moment, and too few requests prove nothing.
        if not self._rule.seconds and ended < self._enough:
            return None
        return failed / ended if self._q is None else latency.quantile(self._q)


def _of(window: Window, labels: Labels) -> list[EndpointWindow]:
    return [seen for seen in window.endpoints if not labels or seen.endpoint == labels[0][1]]


def _own_samples(window: Window) -> Iterator[Sample]:
    """Yield the measurements of the load's own processes, under the names that the analysis gives them."""
    generator = window.generator
    if generator is not None:
        yield Sample("soak_load_cpu_ratio", generator.cpu_ratio)
        yield Sample("soak_load_lag_seconds", generator.lag)
        yield Sample("soak_load_resident_memory_bytes", float(generator.memory))
        if generator.connections is not None:
            yield Sample("soak_load_connections", float(generator.connections))


def _aborted(rule: AbortRule, name: str, labels: Labels, value: float, now: float) -> Aborted:
    shown = tuple(pair for pair in labels if pair[0] != "__name__")
    unit = "/s" if name == _RATE else unit_of(name)
    held = f" for {show_duration(rule.seconds)}" if rule.seconds else ""
    which = f" ({', '.join(f'{key} {text}' for key, text in shown)})" if shown else ""
    ended = "soak's own abort rule" if rule.usual else "the abort rule"
    text = f"{ended} {rule.text!r} came true: {name}{which} was {show_amount(value, unit)}, beyond the limit{held}"
    return Aborted(now, rule.text, name, shown, value, rule.limit, unit, rule.of_target, text)
