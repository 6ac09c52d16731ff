"""What load says about a level: growth may follow requests instead of time, and a level may follow their rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soak.analysis.statistics.growth_input import LevelPoints
from soak.analysis.statistics.process_lives import clean
from soak.model import Floats, Series

_FEWEST = 10
_STEADY = 0.05


def load_covariates(
    lives: Sequence[LevelPoints], span: float, requests: Series | None
) -> tuple[list[Floats], Floats | None]:
    """What a leak may follow at the lives' points, each of shape (n,), and the request rate there, scaled to 0 to 1.

    The first pace is a process's age; where the request rate varies, the second is requests, in units of the late rate.
    Both rise by 1 a `span` (seconds). The rate is None where it is unknown or steady.
    """
    ages = np.concatenate([p.times - p.born for p in lives]) / span
    if requests is None:
        return [ages], None
    when, done = clean(requests.times, requests.values)
    if len(when) < _FEWEST or done[-1] <= done[0]:
        return [ages], None
    times = np.concatenate([p.times for p in lives])
    total = np.interp(times, when, done)
    width = max(float(np.median(np.diff(times))), 1e-9)
    after, before = np.minimum(times + width, when[-1]), np.maximum(times - width, when[0])
    rate = (np.interp(after, when, done) - np.interp(before, when, done)) / np.maximum(after - before, 1e-9)
    late = float(np.mean(rate[len(rate) // 2 :]))
    spread = float(np.ptp(rate))
    if spread < _STEADY * float(np.max(rate)) or late <= 0:
        return [ages], None
    return [ages, (total - total[0]) / (late * span)], (rate - rate.min()) / spread
