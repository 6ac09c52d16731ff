"""What the growth rule is asked about: one series, with all that is known beside it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soak.model import Floats, JudgedClock, Series


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One resource series to be judged for growth.

    `series` is a gauge over the whole load (ramp and warm-up included; NaN is absent). Nothing
    before `judged_from` (seconds) counts, whatever the fit says. `borders` are times where the
    process was replaced, and no fit crosses one; None where restarts are not known, so that they
    are detected from the data. `gaps` are times at which the load went on after a stop: no fit
    crosses one either, whether or not the process is still the same. `requests` holds cumulative
    completed requests at its own times, None where unknown. `floor` is a series whose floor is this
    one's truth (the live heap beside resident memory), None where there is none. `limit` is an
    explicit growth limit in units per hour; `capacity` the value at which the resource runs out.
    `noun` names it in a sentence, `unit` is bytes or what is counted; `integer` marks counts.
    `collected` marks a heap as allocated, which a collector lets fall. `connections` are how many
    the load had open, None where unknown: memory keeps the mark of their highest number.
    `process_memory` is how much the process that it belongs to holds in all (bytes), 0 where
    unknown. `falls` says that the series and its capacity were changed in sign, because a fall of
    it is for the worse. `clock` is the clock of requests that all times here are on, None where
    they are the run's own.
    """

    series: Series
    noun: str
    unit: str
    integer: bool = False
    judged_from: float = 0.0
    borders: tuple[float, ...] | None = None
    requests: Series | None = None
    floor: Series | None = None
    limit: float | None = None
    capacity: float | None = None
    capacity_noun: str = ""
    collected: bool = False
    connections: Series | None = None
    process_memory: float = 0.0
    gaps: tuple[float, ...] = ()
    falls: bool = False
    clock: JudgedClock | None = None


@dataclass(frozen=True, slots=True, eq=False)
class LevelPoints:
    """Times (seconds) and values of one process's life, both of shape (n,), rising in time; `born` is when it began.

    `counts` says how many samples each point stands for, and `widths` over how many seconds; None
    where one, at once. `slack` is by how much the points may drift together because their samples
    came ever later after the true floor.
    """

    times: Floats
    values: Floats
    born: float
    counts: Floats | None = None
    widths: Floats | None = None
    slack: float = 0.0

    def only(self, chosen: NDArray[np.bool_]) -> LevelPoints:
        """Some of the points."""
        counts, widths = (
            None if column is None else column[chosen] for column in (self.counts, self.widths)
        )
        return LevelPoints(
            self.times[chosen], self.values[chosen], self.born, counts, widths, self.slack
        )
