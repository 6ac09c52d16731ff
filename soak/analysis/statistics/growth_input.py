"""The input of the growth rule: one series, with all that is known about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from soak.model import Floats, JudgedClock, Series


@dataclass(frozen=True, slots=True, eq=False)
class RecentRequests:
    """How many requests a second each of k endpoints had received lately at `times` (n,), where the mix of traffic varies.

    `rates` are one array (n, k) for each of several lengths of what counts as lately. `held` (n, c) are
    the entries of containers that are full by now, or drop what they hold.
    """

    times: Floats
    rates: tuple[Floats, ...]
    held: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """One resource series to be judged for growth.

    `series` is a gauge over the whole load (with ramp and warm-up; NaN means absent). Nothing
    before `judged_from` (seconds) counts, whatever the fit says. `borders` are the times at which
    the process was replaced, and no fit crosses one; if they are None, restarts are unknown and are
    detected from the data. `gaps` are the times at which the load continued after a stop: no fit
    crosses one either, whether or not the process is still the same. `requests` holds cumulative
    completed requests at its own times, None if unknown. `floor` is a series whose floor is also
    this one's (the live heap for resident memory), None if there is none. `limit` is an explicit
    growth limit in units per hour. `capacity` is the value at which the resource runs out. `noun`
    names it in a sentence, `unit` is bytes or what is counted, and `integer` marks counts.
    `collected` marks a heap as allocated, whose falls are collections. `connections` is how many
    the load had open, None if unknown: memory stays at the mark of their highest number. `recent` are
    the requests of late, None unless the mix of traffic varies: sessions and caches whose entries
    expire hold what came lately.
    `process_memory` is the memory of its whole process (bytes), 0 if unknown. `falls` says that the
    series and its capacity were changed in sign, because a fall is the bad direction. `clock` is
    the clock of requests that all times here are on, None if they are on the run's own clock.
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
    recent: RecentRequests | None = None

    def on_clock(self, shows: Callable[[Floats], Floats], clock: JudgedClock) -> Subject:
        """Return the subject with all its times read from a clock of requests, which `shows` reads at times of the run."""

        def on_it(series: Series | None) -> Series | None:
            return None if series is None else replace(series, times=shows(series.times))

        def each(times: tuple[float, ...]) -> tuple[float, ...]:
            return tuple(shows(np.asarray(times, dtype=np.float64)).tolist())

        recent = self.recent
        return replace(
            self,
            series=replace(self.series, times=shows(self.series.times)),
            borders=None if self.borders is None else each(self.borders),
            requests=on_it(self.requests),
            floor=on_it(self.floor),
            connections=on_it(self.connections),
            gaps=each(self.gaps),
            clock=clock,
            recent=recent and replace(recent, times=shows(recent.times)),
        )

    @property
    def plural(self) -> bool:
        """True for counted things, which the table of roles names in the plural; a bare series name is singular."""
        return self.integer and "_" not in self.noun

    def of_same_process(self, series: Series) -> Subject:
        """Return what is known of this subject about another series of its process, recorded in times of the run."""
        clock = self.clock
        on_it = series if clock is None else replace(series, times=clock.shows(series.times))
        return replace(self, series=on_it, floor=None)

    @property
    def request_rate(self) -> float:
        """The requests per second over the judged stretch; 0 if unknown."""
        if self.requests is None:
            return 0.0
        inside = (self.requests.times >= self.judged_from) & np.isfinite(self.requests.values)
        times, done = self.requests.times[inside], self.requests.values[inside]
        return (
            float((done[-1] - done[0]) / (times[-1] - times[0]))
            if len(times) and times[-1] > times[0]
            else 0.0
        )


@dataclass(frozen=True, slots=True, eq=False)
class LevelPoints:
    """Times (seconds) and values of one process's life, both (n,), with rising times; `born` is when it began.

    `counts` says how many samples each point stands for, and `widths` over how many seconds; None
    if each point is a single sample. `slack` is how much the points may drift together because
    their samples came later and later after the true floor.
    """

    times: Floats
    values: Floats
    born: float
    counts: Floats | None = None
    widths: Floats | None = None
    slack: float = 0.0

    def only(self, chosen: NDArray[np.bool_]) -> LevelPoints:
        """Return the chosen points."""
        counts, widths = (
            None if column is None else column[chosen] for column in (self.counts, self.widths)
        )
        return LevelPoints(
            self.times[chosen], self.values[chosen], self.born, counts, widths, self.slack
        )
