"""The collector's work: how often it ran, and how long it paused the program, without what soak's snapshots forced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from soak.analysis.prepare.gc_accounting import COLLECTIONS, MINOR
from soak.catalog.metrics import COLLECTORS, selected, selects
from soak.model import Floats, Kind, Phase, Series


def _any(selectors: Iterable[str], series: Series) -> bool:
    return any(selects(selector, series) for selector in selectors)


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
        if _any(COLLECTIONS, counter) and counter.kind is Kind.COUNTER and not _any(MINOR, counter)
    ]
    counters.sort(key=lambda counter: COLLECTIONS.index(counter.name))
    for instance in dict.fromkeys(counter.instance for counter in counters):
        own = [counter for counter in counters if counter.instance == instance]
        same = [counter for counter in own if counter.name == own[0].name]
        times, _ = _known(own[0], start, end)
        seconds = float(np.diff(times)[_between_stretches(times, aside)].sum())
        if seconds > 0:
            yield own[0], sum(_grown(counter, start, end, aside) for counter in same) / seconds


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
        inside = longest_pause.values[
            (longest_pause.times >= start)
            & (longest_pause.times <= end)
            & np.isfinite(longest_pause.values)
        ]
        if len(inside):
            yield longest_pause, float(inside.max()), "longest pause"
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
    some = (ran > 0) & (took >= 0) & _between_stretches(total.times[inside], aside)
    return float((took[some] / ran[some]).max()) if some.any() else None


def _known(series: Series, start: float, end: float) -> tuple[Floats, Floats]:
    """Return times and values (n,) of a series between `start` and `end`, as far as they are known."""
    kept = (series.times >= start) & (series.times <= end) & np.isfinite(series.values)
    return series.times[kept], series.values[kept]


def _grown(counter: Series, start: float, end: float, aside: Sequence[Phase]) -> float:
    """Return how much a counter rose between `start` and `end`, not `aside`; a fall is a restart and does not count."""
    times, values = _known(counter, start, end)
    grown = np.diff(values)[_between_stretches(times, aside)]
    return float(grown[grown > 0].sum())


def _between_stretches(times: Floats, stretches: Sequence[Phase]) -> NDArray[np.bool_]:
    """Return which gaps between these times (n - 1,) lie outside of all stretches; all of them if none does."""
    starts = np.sort([stretch.start for stretch in stretches])
    ends = np.sort([stretch.end for stretch in stretches])
    begun = np.searchsorted(starts, times[1:], side="right")
    over = np.searchsorted(ends, times[:-1], side="left")
    outside: NDArray[np.bool_] = begun <= over
    return outside if outside.any() else np.ones_like(outside)
