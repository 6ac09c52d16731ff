"""Select the points of a series that show what is retained; growth is attributed by them."""

from __future__ import annotations

import numpy as np

from soak.analysis.prepare.gc_accounting import SET_BY_COLLECTIONS
from soak.analysis.prepare.prepare import Prepared
from soak.analysis.statistics.growth_input import LevelPoints
from soak.analysis.statistics.process_lives import clean
from soak.analysis.statistics.sawtooth import cycle_floors
from soak.catalog.metrics import COLLECTORS, ResourceKind, metric_of, selects_any
from soak.model import Floats, Series
from soak.snapshots import SNAPSHOT_SOURCE

#: Series that give the time at which the last collection ended, in seconds on the target's own
#: clock.
_COLLECTED = tuple(collector.ended for collector in COLLECTORS if collector.ended)


def retained_levels(prepared: Prepared, series: Series) -> tuple[Floats, Floats]:
    """Return times and levels of the judged stretch: floors of a sawtooth, edges of steps, or the series as it is.

    A sawtooth cycle never spans a restart of the process.
    """
    times, values = clean(series.times, series.values)
    inside = times >= prepared.judged_from
    times, values = times[inside], values[inside]
    cuts = np.searchsorted(times, prepared.cuts(series))
    own = [
        ended
        for name in _COLLECTED
        for ended in prepared.named(name)
        if ended.labels == series.labels
    ]
    lives = [
        _lasting(series, LevelPoints(part, level, float(part[0])), own)
        for part, level in zip(np.split(times, cuts), np.split(values, cuts), strict=True)
        if len(part)
    ]
    if not lives:
        return times, values
    return np.concatenate([life.times for life in lives]), np.concatenate(
        [life.values for life in lives]
    )


def _lasting(series: Series, life: LevelPoints, collected: list[Series]) -> LevelPoints:
    if series.source == SNAPSHOT_SOURCE:
        return life  # each value was measured just after a forced collection
    if selects_any(SET_BY_COLLECTIONS, series):
        # A value stays until the next collection: only its first sample shows when it was measured.
        return _edges(life, collected)
    role = metric_of(series.name, series.labels)
    return cycle_floors(life) or (
        _never_undercut(life) if role is not None and role.kind is ResourceKind.HEAP else life
    )


def _never_undercut(life: LevelPoints) -> LevelPoints:
    """Keep the points of a heap with few collections at which it has just fallen, and below which it never falls again."""
    least = np.minimum.accumulate(life.values[::-1])[::-1]
    return life.only((np.diff(life.values, prepend=-np.inf) < 0) & (life.values <= least))


def _edges(life: LevelPoints, collected: list[Series]) -> LevelPoints:
    """Keep the points at which the value changes, dated by the collection that changed it.

    If that is unknown, a change is dated midway between the last sample before and the first after
    it. The offset of the target's clock is estimated to within the shortest time from a collection
    to a sample.
    """
    new = np.flatnonzero(np.diff(life.values) != 0) + 1
    when = (life.times[new] + life.times[new - 1]) / 2
    for series in collected:
        times, moments = clean(series.times, series.values)
        at = np.searchsorted(times, life.times[new])
        if not len(at) or not np.isin(life.times[new], times).all():
            continue
        ended = moments[at] + float(np.min(times - moments))
        when = np.where(ended > life.times[new - 1] - 1, ended, when)
    order = np.argsort(when, kind="stable")
    return LevelPoints(when[order], life.values[new][order], life.born)
