"""Samples that soak itself disturbed by taking a snapshot: known, and left out of what is judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from soak.model import Floats, Phase, PhaseName, Series
from soak.snapshots import Snapshot

#: Snapshots of one moment are asked for one after the other: within so many seconds, they are one.
_ONE_MOMENT = 0.5


def perturbed(snapshots: Sequence[Snapshot]) -> tuple[Phase, ...]:
    """The stretches in which snapshots were taken, in the order of time; those that follow at once are one."""
    phases: list[Phase] = []
    for snapshot in sorted(snapshots, key=lambda snapshot: snapshot.time):
        end = snapshot.time + max(snapshot.took, 0.0)
        if phases and snapshot.time <= phases[-1].end + _ONE_MOMENT:
            phases[-1] = Phase(PhaseName.SNAPSHOT, phases[-1].start, max(end, phases[-1].end))
        else:
            phases.append(Phase(PhaseName.SNAPSHOT, snapshot.time, end))
    return tuple(phases)


def without(series: Series, stretches: Sequence[Phase]) -> Series:
    """The series with NaN within each stretch, and for one sample after it: there, a heap is just collected, and a rate
    still counts what went on before."""
    if not stretches or not len(series.times):
        return series
    starts: Floats = np.array([stretch.start for stretch in stretches])
    ends: Floats = np.array([stretch.end for stretch in stretches])
    first = np.searchsorted(series.times, starts, side="left")
    after = np.searchsorted(series.times, ends, side="right") + 1
    edges = np.zeros(len(series.times) + 2, dtype=np.int64)
    np.add.at(edges, first, 1)
    np.subtract.at(edges, np.minimum(after, len(series.times) + 1), 1)
    inside = np.cumsum(edges)[: len(series.times)] > 0
    return (
        replace(series, values=np.where(inside, np.nan, series.values)) if inside.any() else series
    )
