"""Where a metric changed from one night to the next: change points by Apache Otava, and which of them matter.

Otava's E-divisive means with a t test (Fleming et al., Hunter: using change point detection to hunt
for performance regressions, 2023). Assumption: between changes a metric is level, with independent
noise from night to night.

| constant | unit | meaning, and where it comes from |
|---|---|---|
| `CHANCE` 0.001 | probability | of a false change; Otava's own, here divided by the number of metrics looked at |
| `SEARCHED` 120 | nights | how far back changes are searched for: four months, in under a second |
| `SIDE` 3 | nights | a change has so many on each side: one odd night is no change, and of two nobody knows |
| `TOLERANCE` 0.05 | share of the level before | a smaller one is none that anybody acts upon; as in a comparison |
| `LATENCY` 0.001 | seconds | a latency changed by less is within what a shared machine does |
| `ERRORS` 0.001 | share | the same for errors: one more request in a thousand |
| `RECENT` 14 | nights | a change for the worse is a regression for so long; after that it is how things are |
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise

from soak.errors import UsageError
from soak.history.night import HistoryMetric, Night

CHANCE, SEARCHED, SIDE, RECENT = 0.001, 120, 3, 14
TOLERANCE, LATENCY, ERRORS = 0.05, 0.001, 0.001


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """A metric's mean was `before`, and is `after` since the night `since` (its place in the list of nights)."""

    metric: HistoryMetric
    since: int
    before: float
    after: float
    p: float

    @property
    def share(self) -> float:
        """The change as a share of what was before; infinite from nothing."""
        return (
            (self.after - self.before) / abs(self.before)
            if self.before
            else math.copysign(math.inf, self.after)
        )

    @property
    def worse(self) -> bool:
        """Whether it went the way that is worse."""
        return (self.after - self.before) * self.metric.worse > 0


def otava_is_there() -> bool:
    """Whether Apache Otava is installed; it is imported where there is something to search."""
    try:
        return find_spec("otava.analysis") is not None
    except ModuleNotFoundError:
        return False


def need_otava(what: str) -> None:
    """UsageError unless Apache Otava can be imported."""
    if not otava_is_there():
        raise UsageError(f"{what} needs Apache Otava: pip install 'soak-harness[history]'")


def find_changes(
    nights: Sequence[Night], metrics: Sequence[HistoryMetric]
) -> dict[str, list[ChangePoint]]:
    """The changes that matter, by the metric's key, in the order of time; nights that may not be compared are left out."""
    changes: dict[str, list[ChangePoint]] = {}
    followed = [metric for metric in metrics if metric.key != "vouched"]
    for metric in followed:
        seen = [
            index
            for index, night in enumerate(nights)
            if night.usable and metric.key in night.values
        ][-SEARCHED:]
        values = [nights[index].values[metric.key] for index in seen]
        level_changes = [
            ChangePoint(metric, seen[place], before, after, p)
            for place, before, after, p in _change_points(values, CHANCE / len(followed))
        ]
        changes[metric.key] = [change for change in level_changes if _matters(change, nights)]
    return changes


def _change_points(values: Sequence[float], chance: float) -> list[tuple[int, float, float, float]]:
    """Otava's change points that stand a t test of their own: place, mean before, mean after, p-value.

    Otava 0.8 divides by n, not n - 1, in its variances, and keeps the means of stretches that it
    has merged since; both matter for stretches of a few nights, so means and test are made anew
    over the stretches that are left.
    """
    if len(values) < 2 * SIDE or min(values) == max(values):
        return []
    from otava.analysis import compute_change_points  # noqa: PLC0415 - an extra, and scipy behind it
    from scipy.stats import ttest_ind  # noqa: PLC0415

    logging.getLogger("otava").setLevel(logging.WARNING)
    points, _ = compute_change_points(list(values), max_pvalue=chance, min_magnitude=0.0)
    places = sorted(int(point.index) for point in points)
    tested: list[tuple[int, float, float, float]] = []
    start = 0
    for place, end in pairwise([*places, len(values)]):
        before, after = values[start:place], values[place:end]
        if min(len(before), len(after)) < SIDE:
            continue  # its nights stay with the stretch before
        still = max(before) == min(before) and max(after) == min(after)
        p = 0.0 if still else float(ttest_ind(before, after).pvalue)
        if p < chance:
            tested.append((place, sum(before) / len(before), sum(after) / len(after), p))
            start = place
    return tested


def _matters(change: ChangePoint, nights: Sequence[Night]) -> bool:
    """Whether a change is more than its metric's tolerance."""
    size = abs(change.after - change.before)
    metric = change.metric
    if metric.key.startswith("growth "):
        # A growth matters by what it adds within the time that the resource must last.
        level = nights[change.since].values.get(
            "level " + metric.key.removeprefix("growth "), math.nan
        )
        added = size * nights[change.since].profiled.survive / 3600
        return not added <= TOLERANCE * abs(level)
    if metric.unit == "ratio" and metric.key.startswith("errors "):
        return size >= ERRORS
    if metric.unit == "seconds" and size < LATENCY:
        return False
    return size >= TOLERANCE * abs(change.before)


def regressions(
    changes: Mapping[str, Sequence[ChangePoint]], nights: Sequence[Night]
) -> list[ChangePoint]:
    """The newest change of each metric where it is for the worse, and began within the last `RECENT` nights."""
    newest = [change[-1] for change in changes.values() if change]
    return [change for change in newest if change.worse and change.since >= len(nights) - RECENT]
