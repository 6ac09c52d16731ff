"""The type of a metric: how it is measured in a run, and how its differences are judged."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from soak.comparison.run_view import Figure, RunView

#: Default tolerance of a metric, as a share of the base.
TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class ComparedMetric:
    """One metric of a comparison.

    `measure` yields a figure for each subject of a run. A `relative` metric is compared as a share
    of the base, any other as an amount. `floor` is the least standard deviation that is assumed
    between runs of one build, as a share or in the unit: address layout, hash seeds and compilers'
    choices differ from process to process, which one run cannot show. `between` is assumed in
    addition: the standard deviation between runs of one build, as a multiple of the drift of one
    run. Both are assumptions, not measurements of the runs compared; for what they were tuned on,
    see soak/comparison/metrics/__init__.py. `tolerance` is the change that does not matter, as a
    share of the base, and `least` the same in the unit; the larger of the two counts.
    `needs_same_load` says that the metric cannot be compared between runs of different loads. The
    `Figure.error` of at least one run must not exceed `most_error`: if both sides have too few
    events, the metric is not compared.
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
