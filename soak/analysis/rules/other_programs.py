"""Tell whether other programs took more and more of the machine's processors while the load lasted.

Then the target's requests wait for a processor, and latency climbs without any doing of the
target's. What others took is what was busy, less the load generator's and the target's own share.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.prepare.stretches import known_between
from soak.analysis.thresholds import CROWDED_BUSY, CROWDING_MORE
from soak.catalog.process import CPU_SECONDS
from soak.model import Floats, Series
from soak.units import show_number

#: Windows needed in each third of the judged stretch: the system's clock moves in hundredths of a
#: second, and one window may be a burst.
_FEWEST = 5


@dataclass(frozen=True, slots=True)
class Crowding:
    """How many processors other programs used in the first and in the last third of the judged stretch."""

    first: float
    last: float
    processors: int

    @property
    def sentence(self) -> str:
        """What other programs took."""
        rise = f"from {show_number(self.first)} to {show_number(self.last)}"
        return f"other programs' part of the machine's {self.processors} processors rose {rise} meanwhile"


def crowding_of(prepared: Prepared) -> Crowding | None:
    """Return the crowding if others took more and more until the machine was busy; None if not, or if unknown."""
    own = prepared.recording.generator
    target = prepared.named(CPU_SECONDS)
    if own is None or not target:
        return None
    own = own.between(prepared.judged_from, prepared.end)
    known = np.isfinite(own.machine_busy) & np.isfinite(own.machine_processors)
    if known.sum() < 3 * _FEWEST:
        return None
    busy, seconds = own.machine_busy[known], own.seconds[known]
    used = np.sum([_at(own.times[known], each) for each in target], axis=0)
    others = busy - own.cpu_seconds[known] / seconds - used
    first, *_, last = np.array_split(np.clip(others, 0.0, None), 3)
    processors = int(own.machine_processors[known].max())
    crowded = float(np.mean(np.array_split(busy, 3)[-1])) >= CROWDED_BUSY * processors
    before, after = float(np.median(first)), float(np.median(last))
    if not crowded or after - before < CROWDING_MORE * processors:
        return None
    return Crowding(before, after, processors)


def _at(times: Floats, series: Series) -> Floats:
    """Return a series at other times, 0 if nothing of it is known."""
    known = known_between(series, -math.inf)
    return np.interp(times, *known) if len(known[0]) else np.zeros(len(times))
