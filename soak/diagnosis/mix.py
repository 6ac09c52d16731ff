"""What the traffic consisted of: how many requests each endpoint had had by each moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soak.model import Floats
from soak.windows import EndpointWindows

_STEP = " / "


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """Cumulative requests of k units, an endpoint or a whole flow each, at n times: `counts` is (n, k)."""

    names: tuple[str, ...]
    counts: Floats

    @property
    def total(self) -> Floats:
        """Of all units, shape (n,)."""
        return np.asarray(self.counts.sum(axis=1))


def mix_at(times: Floats, windows: Sequence[EndpointWindows]) -> Mix:
    """The mix at these times (seconds); between two windows' ends requests are thought even, outside of all there are none.

    A flow's steps are as many as one another, so they count as one unit, by its commonest step.
    """
    units: dict[str, list[Floats]] = {}
    for one in windows:
        if not len(one.times):
            continue
        ends = np.concatenate(([one.times[0] - one.seconds[0]], one.times))
        done = np.interp(times, ends, np.concatenate(([0.0], np.cumsum(one.requests, dtype=np.float64))))
        flow, step, _ = one.endpoint.partition(_STEP)
        units.setdefault(flow if step else one.endpoint, []).append(done)
    counts = {name: max(steps, key=lambda done: float(done[-1])) for name, steps in units.items()}
    grown = {name: done for name, done in counts.items() if done[-1] > done[0]}
    return Mix(tuple(grown), np.array(list(grown.values())).reshape(len(grown), len(times)).T)
