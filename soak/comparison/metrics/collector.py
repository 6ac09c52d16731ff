"""The garbage collector: how often it runs, and how long it stops the program."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soak.analysis.prepare.gc_accounting import COLLECTIONS, MINOR, pauses_of
from soak.catalog.metrics import COLLECTORS, selects
from soak.comparison.run_view import Figure, RunView, counting_error, ratio
from soak.model import Series

#: Collections in the judged stretch below which neither their number nor their pauses are compared.
FEWEST = 10.0
#: The standard error of a single extreme on a logarithmic scale: it says little of the next one.
EXTREME = 1.0


def cycles(view: RunView) -> Iterator[Figure]:
    """Collections a minute, of each process, by the counter that tells it best."""
    seen = set()
    for counter in _counters(view, COLLECTIONS):
        instance = dict(counter.labels).get("instance", "")
        ran = view.blocks.increases(counter)
        if (
            instance in seen
            or any(selects(selector, counter) for selector in MINOR)
            or ran.sum() < FEWEST
        ):
            continue
        seen.add(instance)
        minutes = np.diff(view.blocks.edges) / 60
        counting = counting_error(float(ran.sum()))
        yield from ratio(
            counter.key, ran, minutes, "collections/min", relative=True, counting=counting
        )


def pause(view: RunView) -> Iterator[Figure]:
    """The mean pause of a collection, in seconds."""
    for total, ran in _pauses(view):
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
    """Seconds of pauses in a minute: what all collections together cost those who wait."""
    for total, ran in _pauses(view):
        minutes = np.diff(view.blocks.edges) / 60
        counting = counting_error(float(ran.sum()))
        yield from ratio(
            total.key,
            view.blocks.increases(total),
            minutes,
            "seconds/min",
            relative=True,
            counting=counting,
        )


def longest_pause(view: RunView) -> Iterator[Figure]:
    """The longest pause of each process; a single extreme."""
    recorded = view.prepared.recording.series
    for series, longest, _ in pauses_of(recorded, view.prepared.judged_from, view.prepared.end):
        if longest > 0:
            yield Figure(series.key, longest, EXTREME, 0.0, "seconds")


def _pauses(view: RunView) -> Iterator[tuple[Series, np.ndarray]]:
    """Each sum of pauses, with the collections in each stretch."""
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
            if count is not None and (ran := view.blocks.increases(count)).sum() >= FEWEST:
                yield total, ran


def _counters(view: RunView, selectors: tuple[str, ...]) -> Iterator[Series]:
    for selector in selectors:
        yield from view.counters(selector)
