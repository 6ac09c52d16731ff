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

from soak.analysis.statistics.grain import written_grain
from soak.analysis.statistics.growth_input import LevelPoints, Subject
from soak.catalog.row_types import Unit
from soak.model import Line, Trend

HANDFUL, OBJECTS, LITTLE, PART, STEPS = 100.0, 1000.0, 2.0**20, 0.05, 3.0
_ON_HEAP = (Unit.REQUESTS, Unit.TIMERS)


def room(subject: Subject, level: float) -> float:
    """Return how much may be added to the level before it matters."""
    half = 0.5 * abs(level)
    little = max(LITTLE, PART * subject.process_memory)
    things = OBJECTS if subject.unit in _ON_HEAP else HANDFUL
    least = things if subject.integer else little if subject.unit == "bytes" else 0.0
    much = max(half, least)
    left = math.inf if subject.capacity is None else subject.capacity - level
    return min(much, left) if left > 0 else much


def constant_trend(lives: Sequence[LevelPoints], subject: Subject) -> Trend:
    """Return the trend of a series that never moves; its resolution is the hourly growth that cannot be excluded."""
    ends = [(float(p.times[0]), float(p.times[-1]), float(p.values[-1])) for p in lives]
    lines = tuple(Line(start, end, value, value, value, value) for start, end, value in ends)
    seconds = max(sum(end - start for start, end, _ in ends), 1e-9)
    level = ends[-1][2]
    if subject.integer:
        hidden = STEPS
    else:
        in_steps = STEPS * room(subject, level) / HANDFUL
        hidden = max(in_steps, written_grain(level, subject.unit))
    return Trend(0.0, 0.0, 0.0, 3600 * hidden / seconds, 0.0, level, None, lines)
