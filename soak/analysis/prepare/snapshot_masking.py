"""Mask the samples that soak itself disturbed by taking a snapshot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from soak.analysis.thresholds import COUNT_SETTLES
from soak.catalog.metrics import ResourceKind, metric_of
from soak.model import Floats, Phase, PhaseName, Series
from soak.snapshots import Snapshot

#: Snapshots of one moment are requested one after the other: those at most this many seconds apart
#: are one stretch.
_ONE_MOMENT = 0.5
#: Kinds of resources that a snapshot changes only by the connection that requests it.
_COUNTED = (
    ResourceKind.DESCRIPTORS,
    ResourceKind.THREADS,
    ResourceKind.POOL,
    ResourceKind.QUEUE,
    ResourceKind.TIMERS,
)


def perturbed(snapshots: Sequence[Snapshot]) -> tuple[Phase, ...]:
    """Return the stretches in which snapshots were taken, in order of time; adjacent ones are merged."""
    phases: list[Phase] = []
    for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.time):
        end = snapshot.time + max(snapshot.took, 0.0)
        if phases and snapshot.time <= phases[-1].end + _ONE_MOMENT:
            phases[-1] = Phase(PhaseName.SNAPSHOT, phases[-1].start, max(end, phases[-1].end))
        else:
            phases.append(Phase(PhaseName.SNAPSHOT, snapshot.time, end))
    return tuple(phases)


def without(series: Series, stretches: Sequence[Phase]) -> Series:
    """Return the series with NaN within each stretch and at the first sample after it.

    At that sample a heap has just been collected, and a rate still includes the stretch. Counts of
    whole things settle within `COUNT_SETTLES` seconds, and a later sample is kept; otherwise a
    count that is read rarely would lose all its samples.
    """
    if not stretches or not len(series.times):
        return series
    starts: Floats = np.array([stretch.start for stretch in stretches])
    ends: Floats = np.array([stretch.end for stretch in stretches])
    first = np.searchsorted(series.times, starts, side="left")
    after = np.searchsorted(series.times, ends, side="right")
    following = np.append(series.times, np.inf)[after]
    after = after + (following <= ends + _settles(series))
    edges = np.zeros(len(series.times) + 2, dtype=np.int64)
    np.add.at(edges, first, 1)
    np.subtract.at(edges, after, 1)
    inside = np.cumsum(edges)[: len(series.times)] > 0
    return (
        replace(series, values=np.where(inside, np.nan, series.values)) if inside.any() else series
    )


def _settles(series: Series) -> float:
    """Return for how many seconds after a snapshot a sample may still be disturbed."""
    metric = metric_of(series.name, series.labels)
    counted = metric is not None and metric.integer and metric.kind in _COUNTED
    return COUNT_SETTLES if counted else np.inf
