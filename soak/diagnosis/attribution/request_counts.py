"""The mix of traffic: how many requests each endpoint had received by each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soak.diagnosis.thresholds import UNEVEN_TOTAL
from soak.model import Floats
from soak.windows import EndpointWindows

_STEP = " / "


@dataclass(frozen=True, slots=True, eq=False)
class Mix:
    """Cumulative requests of k units, each an endpoint or a whole flow, at n times: `counts` is (n, k)."""

    names: tuple[str, ...]
    counts: Floats

    @property
    def total(self) -> Floats:
        """The cumulative requests of all units together, shape (n,)."""
        return np.asarray(self.counts.sum(axis=1))

    def sameness(self, times: Floats) -> float:
        """Return how alike the endpoints' counts are: the least variance inflation of any count by time; 1 is best."""
        if self.counts.shape[1] == 1:
            return 1.0
        columns = self.counts / np.ptp(self.counts, axis=0)
        rest = _off_line(times, columns)
        return float((columns.var(axis=0) / np.maximum((rest**2).mean(axis=0), 1e-12)).min())

    def total_apart(self, times: Floats) -> bool:
        """Return True if the total of requests is uneven enough to separate its cost from growth with time."""
        rest = _off_line(times, self.total)
        return bool(np.sqrt(np.mean(rest**2)) > UNEVEN_TOTAL * np.ptp(self.total))


def _off_line(times: Floats, values: Floats) -> Floats:
    """Return what the best line over time leaves of values, (n,) or (n, k)."""
    line = np.column_stack([np.ones(len(times)), times])
    return np.asarray(values - line @ np.linalg.lstsq(line, values, rcond=None)[0])


def mix_at(times: Floats, windows: Sequence[EndpointWindows]) -> Mix:
    """Return the mix at these times (seconds), interpolated evenly within each window; outside of all there are no requests.

    The steps of a flow have equal numbers of requests, so they count as one unit, by its commonest
    step.
    """
    units: dict[str, list[Floats]] = {}
    for endpoint in windows:
        if not len(endpoint.times):
            continue
        ends = np.concatenate(([endpoint.times[0] - endpoint.seconds[0]], endpoint.times))
        done = np.interp(
            times, ends, np.concatenate(([0.0], np.cumsum(endpoint.requests, dtype=np.float64)))
        )
        flow, step, _ = endpoint.endpoint.partition(_STEP)
        units.setdefault(flow if step else endpoint.endpoint, []).append(done)
    counts = {name: max(steps, key=lambda done: float(done[-1])) for name, steps in units.items()}
    grown = {name: done for name, done in counts.items() if done[-1] > done[0]}
    return Mix(tuple(grown), np.array(list(grown.values())).reshape(len(grown), len(times)).T)
