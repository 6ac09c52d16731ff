"""The collector's work: how often it ran, and how long it paused the program, without what soak's snapshots forced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from soak.analysis.prepare.gc_accounting import COLLECTIONS, MINOR
from soak.analysis.prepare.stretches import between_stretches, grown, known_between
from soak.catalog.metrics import COLLECTORS, selected, selects_any
from soak.model import Kind, Phase, Series


def cycles_of(
    recorded: Iterable[Series], start: float, end: float, aside: Sequence[Phase] = ()
) -> Iterator[tuple[Series, float]]:
    """Yield for each process its best counter of collections and how many ran per second, without Node's minor ones.

    Node collects its young generation hundreds of times a minute, as it should. A JVM has one
    counter for each cause; these are added up. Time and collections between two samples count
    only outside of the stretches `aside`: soak's snapshots force some themselves.
    """
    counters = [
        counter
        for counter in recorded
        if selects_any(COLLECTIONS, counter)
        and counter.kind is Kind.COUNTER
        and not selects_any(MINOR, counter)
    ]
    counters.sort(key=lambda counter: COLLECTIONS.index(counter.name))
    for instance in dict.fromkeys(counter.instance for counter in counters):
        own = [counter for counter in counters if counter.instance == instance]
        same = [counter for counter in own if counter.name == own[0].name]
        times, _ = known_between(own[0], start, end)
        seconds = float(np.diff(times)[between_stretches(times, aside)].sum())
        if seconds > 0:
            yield own[0], sum(grown(counter, start, end, aside) for counter in same) / seconds


def pauses_of(
    recorded: Iterable[Series], start: float, end: float, aside: Sequence[Phase] = ()
) -> Iterator[tuple[Series, float, str]]:
    """Yield for each process its longest pause in seconds if reported, else the longest mean between two scrapes.

    Means count outside of the stretches `aside`, as in `cycles_of`.
    """
    series = list(recorded)
    longest = [
        longest_pause
        for collector in COLLECTORS
        for longest_pause in selected(collector.longest, series)
    ]
    for longest_pause in longest:
        _, told = known_between(longest_pause, start, end)
        if len(told):
            yield longest_pause, float(told.max()), "longest pause"
    known = {longest_pause.instance for longest_pause in longest}
    for collector in COLLECTORS:
        # Node's totals also include work that runs concurrently with the program.
        for total in selected(collector.pauses, series):
            count = next(
                (
                    counts
                    for counts in selected(collector.paused, series)
                    if counts.labels == total.labels
                ),
                None,
            )
            mean = (
                _longest_mean(total, count, start, end, aside)
                if count is not None and total.instance not in known
                else None
            )
            if mean is not None:
                yield total, mean, "longest mean pause"


def _longest_mean(
    total: Series, count: Series, start: float, end: float, aside: Sequence[Phase]
) -> float | None:
    """Return the longest mean pause in seconds between two scrapes in which a collection ended; None if none did."""
    if len(total.times) != len(count.times):
        return None
    inside = (
        (total.times >= start)
        & (total.times <= end)
        & np.isfinite(total.values)
        & np.isfinite(count.values)
    )
    took, ran = np.diff(total.values[inside]), np.diff(count.values[inside])
    some = (ran > 0) & (took >= 0) & between_stretches(total.times[inside], aside)
    return float((took[some] / ran[some]).max()) if some.any() else None
