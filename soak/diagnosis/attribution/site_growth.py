"""Growth by place: which stacks hold ever more, how much a request, and how surely.

A heap profile samples one allocation in about R bytes and scales it up, so bytes that grew by G are known to about
sqrt(G * R) (Go's runtime/mprof; the variance of a Poisson sampling). Stacks are ranked by their slope over requests,
never by last minus first, and only from three snapshots on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from soak.diagnosis.profiles.pprof import Frame, Pprof
from soak.model import Floats

FEWEST = 3
_KEPT = 200


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """One profile of a run: when it was taken (seconds on the run's clock) and how many requests were done by then."""

    time: float
    requests: float
    profile: Pprof


@dataclass(frozen=True, slots=True, eq=False)
class PlaceGrowth:
    """What one stack gained: per request with a 95% interval, and in all, from `first` to `last`; `stack` is innermost first."""

    stack: tuple[Frame, ...]
    per_request: float
    low: float
    high: float
    first: float
    last: float

    @property
    def place(self) -> Frame:
        """The innermost frame of the target's own code; the innermost of all where none is its own."""
        return next((frame for frame in self.stack if frame.own), self.stack[0] if self.stack else Frame("unknown"))

    @property
    def sure(self) -> bool:
        """Whether the interval lies above zero."""
        return self.low > 0


def growth_by_place(snapshots: Sequence[Snapshot], column: str) -> list[PlaceGrowth]:
    """Every stack's growth over the snapshots in the order of its slope, fastest first; empty with fewer than three."""
    if len(snapshots) < FEWEST:
        return []
    keys, table, samples = held(snapshots, column)
    requests = np.array([snapshot.requests for snapshot in snapshots])
    spread = requests - requests.mean()
    size = float(spread @ spread)
    if size <= 0:
        return []
    slopes = spread @ (table - table.mean(axis=0)) / size
    order = np.argsort(-slopes, kind="stable")[:_KEPT]
    period = snapshots[-1].profile.period if snapshots[-1].profile.period_unit == "bytes" else 0.0
    sampled = period if column.endswith("space") else 0.0
    return [_growth(snapshots, samples[int(keys[i])], requests, table[:, i], sampled) for i in order]


def held(snapshots: Sequence[Snapshot], column: str) -> tuple[NDArray[np.uint64], Floats, dict[int, tuple[int, int]]]:
    """All stacks' keys (k,), what each held at each snapshot (s, k), and a snapshot and sample where each is found."""
    every = [snapshot.profile.keys for snapshot in snapshots]
    keys, inverse = np.unique(np.concatenate(every), return_inverse=True)
    table = np.zeros((len(snapshots), len(keys)))
    samples: dict[int, tuple[int, int]] = {}
    start = 0
    for row, (snapshot, own) in enumerate(zip(snapshots, every, strict=True)):
        places = inverse[start : start + len(own)]
        np.add.at(table[row], places, snapshot.profile.column(column))
        samples.update({int(key): (row, sample) for sample, key in enumerate(own)})
        start += len(own)
    return keys, table, samples


def _growth(
    snapshots: Sequence[Snapshot], where: tuple[int, int], requests: Floats, values: Floats, period: float
) -> PlaceGrowth:
    """One stack's growth with its interval."""
    row, sample = where
    slope, error = slope_and_error(requests, values, period)
    stack = snapshots[row].profile.stack(sample)
    return PlaceGrowth(stack, slope, slope - error, slope + error, float(values[0]), float(values[-1]))


def slope_and_error(requests: Floats, values: Floats, period: float = 0.0) -> tuple[float, float]:
    """The slope of `values` over `requests`, both (n,), and half its 95% interval.

    The error is the scatter about the line and that of sampling one in `period` bytes (0 where all are counted), together.
    The requests must not all be the same.
    """
    spread = requests - requests.mean()
    size = float(spread @ spread)
    slope = float(spread @ (values - values.mean())) / size
    rest = values - values.mean() - slope * spread
    free = max(len(values) - 2, 1)
    scatter = float(rest @ rest) / free / size
    gained = abs(slope) * float(np.ptp(requests))
    sampled = slope**2 * period / gained if period and gained else 0.0
    wide = float(stdtrit(free, 0.975))
    return slope, wide * math.sqrt(scatter + sampled)
