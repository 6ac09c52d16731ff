"""The garbage collector: how often it runs, and how long it stops the program."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soak.analysis.prepare.collector_work import pauses_of
from soak.analysis.prepare.gc_accounting import COLLECTIONS, MINOR
from soak.catalog.metrics import COLLECTORS, selects_any
from soak.comparison.run_view import Figure, RunView, counting_error, ratio
from soak.model import Floats, Series

#: Minimum number of collections of one side in its judged stretch for their number and their pauses
#: to be compared.
FEWEST = 10.0
#: Added to a smaller count, since zero has no logarithm (Anscombe, Biometrika 35, 1948).
_HALF = 0.5
#: Counting error of `FEWEST` collections.
MOST_ERROR = FEWEST**-0.5
#: Assumed standard error of a single extreme, on a logarithmic scale: it says little about the next
#: one.
EXTREME = 1.0


def cycles(view: RunView) -> Iterator[Figure]:
    """Yield the collections per minute of each process, by the best counter that it has."""
    seen = set()
    for counter in _counters(view, COLLECTIONS):
        instance = counter.instance
        ran = view.blocks.increases(counter)
        if instance in seen or selects_any(MINOR, counter):
            continue
        if (
            ran.sum() >= FEWEST
        ):  # else the next best counter is used too: the other side may have more
            seen.add(instance)
        yield from _a_minute(view, counter, ran, ran, "collections/min", of_one=1.0)


def pause(view: RunView) -> Iterator[Figure]:
    """Yield the mean pause of a collection, in seconds."""
    for total, ran, _ in _pauses(view):
        if ran.sum() < FEWEST:
            continue
        counting = counting_error(float(ran.sum()))
        yield from ratio(
            total.key,
            view.blocks.increases(total),
            ran,
            "seconds",
            relative=True,
            counting=counting,
        )


def paused(view: RunView) -> Iterator[Figure]:
    """Yield the seconds of pauses per minute: what all collections together cost waiting requests."""
    for total, ran, of_one in _pauses(view):
        amounts = view.blocks.increases(total)
        yield from _a_minute(view, total, amounts, ran, "seconds/min", of_one=of_one)


def longest_pause(view: RunView) -> Iterator[Figure]:
    """Yield the longest pause of each process, which is a single extreme."""
    prepared = view.prepared
    stretch = prepared.judged_from, prepared.end, prepared.masked
    for series, longest, _ in pauses_of(prepared.recording.series, *stretch):
        if longest > 0:
            yield Figure(series.key, longest, EXTREME, 0.0, "seconds")


def _a_minute(
    view: RunView, counter: Series, amounts: Floats, ran: Floats, unit: str, *, of_one: float
) -> Iterator[Figure]:
    """Yield the increase of a counter per minute; if there were fewer than `FEWEST` collections, half a one is added.

    So a side that hardly collects any more can still be compared with one that does. `of_one` is
    what one collection adds to the counter.
    """
    minutes, collections = np.diff(view.blocks.edges) / 60, float(ran.sum())
    if collections >= FEWEST:
        counting = counting_error(collections)
        yield from ratio(counter.key, amounts, minutes, unit, relative=True, counting=counting)
        return
    total = float(amounts.sum()) + _HALF * of_one
    if total > 0:
        error = counting_error(collections + _HALF)
        yield Figure(counter.key, total / float(minutes.sum()), error, 0.0, unit)


def _pauses(view: RunView) -> Iterator[tuple[Series, Floats, float]]:
    """Yield each sum of pauses, the collections in each stretch, and the mean pause over the process's whole life."""
    for collector in COLLECTORS:
        for total in view.counters(collector.pauses):
            count = next(
                (
                    counter
                    for counter in view.counters(collector.paused)
                    if counter.labels == total.labels
                ),
                None,
            )
            if count is not None:
                ever = count.last or 0.0
                mean = (total.last or 0.0) / ever if ever > 0 else 0.0
                yield total, view.blocks.increases(count), mean


def _counters(view: RunView, selectors: tuple[str, ...]) -> Iterator[Series]:
    for selector in selectors:
        yield from view.counters(selector)
