"""Growth of what profiles hold: how much per request, how certain, and whether it slows down.

A heap profile samples one allocation in about R bytes and scales it up, so a growth by G bytes has a
standard error of about sqrt(G * R) (Go's runtime/mprof; the variance of a Poisson sampling). Stacks
are ranked by their slope over requests, never by last minus first, and only from three snapshots on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from soak.diagnosis.profiles.pprof import StackProfile
from soak.diagnosis.thresholds import LEAST_SAMPLES, LEAST_SNAPSHOTS
from soak.model import Floats

#: Log-probability that one sampled object appears or disappears although the model excludes it:
#: once in fifty.
_STRAY = math.log(0.02)


@dataclass(frozen=True, slots=True, eq=False)
class ProfileSnapshot:
    """One profile of a run, its time (seconds on the run's clock), and the requests done by then."""

    time: float
    requests: float
    profile: StackProfile


def held(
    snapshots: Sequence[ProfileSnapshot], column: str
) -> tuple[NDArray[np.uint64], Floats, dict[int, tuple[int, int]]]:
    """Return all stacks' keys (k,), what each held at each snapshot (s, k), and a snapshot and sample that has it."""
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


def slope_and_error(requests: Floats, values: Floats, period: float = 0.0) -> tuple[float, float]:
    """Return the slope of `values` over `requests`, both (n,), and half the width of its 95% interval.

    The error combines the scatter about the line and that of sampling once per `period` bytes (0 if
    everything is counted). The requests must not all be the same.
    """
    spread = requests - requests.mean()
    size = float(spread @ spread)
    slope = float(spread @ (values - values.mean())) / size
    rest = values - values.mean() - slope * spread
    free = max(len(values) - 2, 1)
    scatter = float(rest @ rest) / free / size
    gained = abs(slope) * float(np.ptp(requests))
    sampled = slope**2 * period / gained if period and gained else 0.0
    return slope, _wide(free) * math.sqrt(scatter + sampled)


def _wide(freedom: int) -> float:
    """Return Student's 97.5% quantile."""
    return float(stdtrit(freedom, 0.975))


def accumulation_log_odds(requests: Floats, samples: Floats) -> float:
    """Return the log-likelihood ratio of sampled objects (n,) accumulating with requests (n,) over the best alternative.

    Three Poisson models are compared by their likelihoods over all snapshots: a constant rate of
    new objects per request that all stay; independent draws from one level; and a single step
    between two snapshots. A few samples that arrive one by one and stay are evidence that the error
    of a fitted line cannot express. Minus infinity if too little is gained.
    """
    counts = np.round(samples)
    moved = np.diff(counts)
    gained, lost = np.maximum(moved, 0.0), float(np.maximum(-moved, 0.0).sum())
    if gained.sum() - lost < LEAST_SAMPLES or np.ptp(requests) <= 0:
        return -math.inf
    expected = gained.sum() * np.diff(requests) / np.ptp(requests)
    accumulating = _poisson(gained, expected) + lost * _STRAY
    stationary = _poisson(counts[1:], np.full(len(moved), counts.mean()))
    largest = float(gained.max())
    step = _poisson(np.array([largest]), np.array([largest])) - math.log(len(moved))
    step += (float(gained.sum()) - largest + lost) * _STRAY
    return accumulating - max(stationary, step)


def _poisson(counts: Floats, expected: Floats) -> float:
    """Return the log-likelihood of counts (n,) under Poisson means (n,)."""
    means = np.maximum(expected, 1e-9)
    factorials = sum(math.lgamma(count + 1.0) for count in counts.tolist())
    return float((counts * np.log(means) - means).sum()) - factorials


def lasting(levels: Floats) -> float:
    """Return by how much the least of the last `LEAST_SNAPSHOTS` levels (n,) exceeds the first: what was added and stayed."""
    return (
        float(levels[-LEAST_SNAPSHOTS:].min() - levels[0]) if len(levels) > LEAST_SNAPSHOTS else 0.0
    )


def slowing(clock: Floats, levels: Floats, period: float = 0.0) -> tuple[float, float]:
    """Return the ratio of growth in the later to the earlier half of `clock` (n,), and the slowdown in standard errors.

    (1, 0) if it did not grow in the earlier half, or with fewer than three levels in a half.
    Sampling once per `period` bytes is part of the error.
    """
    middle = 0.5 * (clock[0] + clock[-1])
    late = clock > middle
    if late.sum() < LEAST_SNAPSHOTS or (~late).sum() < LEAST_SNAPSHOTS:
        return 1.0, 0.0
    slopes, variances = [], []
    for half in (~late, late):
        slope, error = slope_and_error(clock[half], levels[half], period)
        slopes.append(slope)
        variances.append((error / _wide(int(half.sum()) - 2)) ** 2)
    early, later = slopes
    if early <= 0:
        return 1.0, 0.0
    return later / early, (early - later) / max(math.sqrt(sum(variances)), 1e-300)
