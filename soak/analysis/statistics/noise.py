"""Noise models of a service's series, white scatter on top of slow wandering, and how to whiten columns under them.

The wandering is an Ornstein-Uhlenbeck process (an AR(1) that allows uneven times), from almost
white to almost a random walk. Its correlation time and the share of white noise are unknown; a
fixed grid covers them. Whitening is the scalar Kalman filter: Harvey, Forecasting, Structural Time
Series Models and the Kalman Filter (1989).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soak.model import Floats

_CORRELATION_TIMES = (10.0, 1.0, 1 / 3, 1 / 10, 1 / 30, 1 / 80)
_WHITE_PER_INNOVATION = ((0.0, 0.0), (1.0, -1.0), (10.0, -7.0))
_YOUTH = 0.02
_AGEING = (10.0, 0.5)
_MOSTLY_WHITE = 8.0


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """A grid of v noise models; every field has the shape (v,).

    `time` is the correlation time (seconds). `wander` and `white` are variances, one of them 1.
    `prior` is a log prior. `ageing` is 1 if the wander slows as the process ages, else 0. `rough`
    is true if the wander outweighs the white noise.

    A slow wander beneath strong scatter can look like any smooth curve, and services hardly show
    it, so it has a low prior.
    """

    time: Floats
    wander: Floats
    white: Floats
    prior: Floats
    ageing: Floats
    rough: NDArray[np.bool_]

    @property
    def jumpy(self) -> NDArray[np.bool_]:
        """The models under which every movement lasts for a while, with hardly any white scatter on top, shape (v,)."""
        return np.asarray((self.wander > 0) & ((self.white == 0) | (self.ageing > 0)))


def noise_grid(span: float, spacing: float) -> Noise:
    """Return the grid for points that lie `spacing` seconds apart over `span` seconds."""
    rows = [(spacing, 0.0, 1.0, 0.0, 0.0, False)]
    for share in _CORRELATION_TIMES:
        time = max(share * span, 0.5 * spacing)
        innovation = -float(np.expm1(-2 * spacing / time))
        slow = min(1.0, 5 * share)
        rows += [
            (time, 1.0, innovation * k, prior * slow, 0.0, k <= 1)
            for k, prior in _WHITE_PER_INNOVATION
            if innovation * k <= _MOSTLY_WHITE
        ]
    rows += [
        (share * span, 1.0, white * spacing / span, -1.0, 1.0, False)
        for share in _AGEING
        for white in (0.0, 0.3)
    ]
    return Noise(*(np.array(column) for column in zip(*rows, strict=True)))


def whiten(
    noise: Noise, times: Floats, ages: Floats, starts: Floats, spread: Floats, columns: Floats
) -> tuple[Floats, Floats]:
    """Return whitened columns (v, k, n), and the log determinant of each noise model's covariance, shape (v,).

    `times` (n,) rise; `ages` (n,) count from each process's birth; `starts` (n,) is true where a
    life begins and the wandering starts afresh; `spread` (n,) is each point's white variance
    relative to that of the others; `columns` is (n, k).
    """
    n, k = columns.shape
    v = len(noise.time)
    span = float(times[-1] - times[0])
    slowed = np.log1p(ages / (_YOUTH * span)) * span / np.log1p(1 / _YOUTH)
    gaps, slowed_gaps = (np.diff(clock, prepend=clock[:1]) for clock in (times, slowed))
    decay = np.exp(-np.where(noise.ageing > 0, slowed_gaps[:, None], gaps[:, None]) / noise.time)
    decay[starts.astype(bool)] = 0.0
    white = spread[:, None] * noise.white
    gain, scale = np.empty((n, v)), np.empty((n, v))
    uncertain = noise.wander
    for i in range(n):
        uncertain = noise.wander + decay[i] ** 2 * (uncertain - noise.wander)
        scale[i] = uncertain + white[i]
        gain[i] = uncertain / scale[i]
        uncertain = uncertain * (1 - gain[i])
    root = 1 / np.sqrt(scale)
    result = np.empty((n, v, k))
    expected = np.zeros((v, k))
    for i in range(n):
        expected *= decay[i][:, None]
        surprise = columns[i] - expected
        expected += gain[i][:, None] * surprise
        result[i] = surprise
    result *= root[:, :, None]
    return np.ascontiguousarray(result.transpose(1, 2, 0)), np.log(scale).sum(axis=0)
