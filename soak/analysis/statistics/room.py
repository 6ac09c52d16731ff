"""How much may be added to a resource before it matters, and what a level that never moved may hide.

A level that stood still says nothing about steps that are still to come. Of counted things up to
three may come in as long a time again (the rule of three: Hanley and Lippman-Hand, If nothing goes
wrong, is everything all right?, 1983). Memory grows in steps as well (arenas, chunks and pages),
but their size is unknown. A step is taken to be a hundredth of what may be added, as one thing is
of a hundred descriptors. So a level that never moved vouches for 33 times the judged time, whatever
its unit. In addition, a rounded value may have moved by one grain unseen.

| constant | unit | meaning, and where it comes from |
|---|---|---|
| `HANDFUL` 100 | things | descriptors, threads, goroutines: a number that every runtime bears |
| `OBJECTS` 1000 | things | requests, timers: objects of some hundred bytes to a few KiB on a heap, not system handles |
| `LITTLE` 2^20 | bytes | less memory than one arena, pool chunk or thread's stack of any runtime in the catalog |
| `PART` 0.05 | of the process | what one part of its memory may add without harm: up to a twentieth, a part may double |
| `STEPS` 3 | steps | how many may come in the time in which none came, at 95% |
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from soak.analysis.statistics.grain import written_grain
from soak.analysis.statistics.growth_input import LevelPoints, Subject
from soak.catalog.row_types import Unit
from soak.model import Floats, Line, Trend

HANDFUL, OBJECTS, LITTLE, PART, STEPS = 100.0, 1000.0, 2.0**20, 0.05, 3.0
ON_HEAP = (Unit.REQUESTS, Unit.TIMERS)


def room(subject: Subject, level: float) -> float:
    """Return how much may be added to the level before it matters."""
    half = 0.5 * abs(level)
    little = max(LITTLE, PART * subject.process_memory)
    things = OBJECTS if subject.unit in ON_HEAP else HANDFUL
    least = things if subject.integer else little if subject.unit == "bytes" else 0.0
    much = max(half, least)
    left = math.inf if subject.capacity is None else subject.capacity - level
    return min(much, left) if left > 0 else much


def is_slight(subject: Subject, values: Floats) -> bool:
    """Return True if a small part of a process's memory moved by no more than a step: a hundredth of what may be added.

    Small is a part of under a tenth, as a pool of buffers of 300 KiB in a JVM of 200 MiB.
    """
    level = float(values[-1])
    much = room(subject, level)
    small = subject.unit == "bytes" and PART * subject.process_memory > 0.5 * abs(level)
    return small and bool(np.ptp(values) <= much / HANDFUL)


def hidden_steps(subject: Subject, level: float, seconds: float, *, slight: bool) -> float:
    """Return the hourly growth by steps that may be about to come: one of a count; of a slight level as if it never moved."""
    if slight:
        return _steps_to_come(subject, level, seconds)
    return 3600 / seconds if subject.integer else 0.0


def _steps_to_come(subject: Subject, level: float, seconds: float) -> float:
    """Return the hourly growth by the steps that may come in as long a time as these seconds, in which none came."""
    return 3600 * STEPS * (1.0 if subject.integer else room(subject, level) / HANDFUL) / seconds


def constant_trend(lives: Sequence[LevelPoints], subject: Subject) -> Trend:
    """Return the trend of a series that never moves; its resolution is the hourly growth that cannot be excluded."""
    ends = [(float(p.times[0]), float(p.times[-1]), float(p.values[-1])) for p in lives]
    lines = tuple(Line(start, end, value, value, value, value) for start, end, value in ends)
    seconds = max(sum(end - start for start, end, _ in ends), 1e-9)
    level = ends[-1][2]
    hidden = _steps_to_come(subject, level, seconds)
    if not subject.integer:
        hidden = max(hidden, 3600 * written_grain(level, subject.unit) / seconds)
    return Trend(0.0, 0.0, 0.0, hidden, 0.0, level, None, lines)
