"""What a metric is: how it is measured in a run, and how its differences are judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from soak.comparison.run_view import Figure, RunView

#: The tolerance of every metric that has none of its own, as a share of the base.
TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class ComparedMetric:
    """One metric of a comparison.

    `measure` gives a figure for each subject of a run. A `relative` metric is compared as a share
    of the base, another as an amount. `floor` is the least standard deviation that is assumed
    between runs of one build, as a share or in the unit: address layout, hash seeds and compilers'
    choices differ from process to process, which one run cannot show. `between` is
    what is assumed of it beside that: the standard deviation between runs of one build, in drifts
    of one run. Both are assumptions (soak/comparison/metrics/__init__.py says on what they were
    tuned), and no measurement of the runs compared. `tolerance` is the change that does not matter,
    as a share of the base, and `least` the same in the unit; of both the larger counts.
    `needs_same_load` says that runs of different loads cannot be compared in it. `most_error` is the
    largest `Figure.error` that one side at least must come below: events too few on both sides are
    not compared.
    """

    measure: Callable[[RunView], Iterable[Figure]]
    floor: float
    between: float = 1.0
    relative: bool = True
    worse_is_up: bool = True
    tolerance: float = TOLERANCE
    least: float = 0.0
    needs_same_load: bool = True
    most_error: float = math.inf
