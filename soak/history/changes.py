"""Find where a metric changed from one night to the next (change points by Apache Otava), and which changes matter.

Otava's E-divisive means with a t test (Fleming et al., Hunter: using change point detection to hunt
for performance regressions, 2023). Assumption: between changes a metric is level, with independent
noise from night to night.

| constant | unit | meaning, and where it comes from |
|---|---|---|
| `CHANCE` 0.001 | probability | of a false change: Otava's own, here divided by the number of metrics searched |
| `SEARCHED` 120 | nights | how far back changes are searched for: four months, in under a second |
| `SIDE` 3 | nights | minimum on each side of a change: one odd night is not a change, and two are not conclusive |
| `TOLERANCE` 0.05 | share of the level before | smaller changes are ignored, as in a comparison: nobody acts on them |
| `LATENCY` 0.001 | seconds | smaller changes of a latency are ignored: a shared machine causes them |
| `ERRORS` 0.001 | share | smaller changes of errors are ignored: one more request in a thousand |
| `RECENT` 14 | nights | how long a change for the worse counts as a regression; after that it is the normal level |
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
    """A change of a metric's mean from `before` to `after` at the night `since` (an index into the list of nights)."""

    metric: HistoryMetric
    since: int
    before: float
    after: float
    p: float

    @property
    def share(self) -> float:
        """The change as a share of the mean before; infinite if that was 0."""
        return (
            (self.after - self.before) / abs(self.before)
            if self.before
            else math.copysign(math.inf, self.after)
        )

    @property
    def worse(self) -> bool:
        """True if the change is for the worse."""
        return (self.after - self.before) * self.metric.worse > 0


def otava_is_there() -> bool:
    """Return True if Apache Otava is installed; it is imported only when there is something to search."""
    try:
        return find_spec("otava.analysis") is not None
    except ModuleNotFoundError:
        return False


def need_otava(what: str) -> None:
    """Raise UsageError unless Apache Otava is installed."""
    if not otava_is_there():
        raise UsageError(f"{what} needs Apache Otava: pip install 'soak-harness[history]'")


def find_changes(
    nights: Sequence[Night], metrics: Sequence[HistoryMetric]
) -> dict[str, list[ChangePoint]]:
    """Return the changes that matter by the metric's key, in order of time; nights that are not comparable are left out."""
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
    """Return Otava's change points that pass a further t test: place, mean before, mean after, p-value.

    Otava 0.8 divides by n instead of n - 1 in its variances, and keeps the means of stretches that
    it has since merged. Both matter for stretches of a few nights, so means and tests are computed
    again over the stretches that are left.
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
            continue  # these nights are added to the stretch before
        still = max(before) == min(before) and max(after) == min(after)
        p = 0.0 if still else float(ttest_ind(before, after).pvalue)
        if p < chance:
            tested.append((place, sum(before) / len(before), sum(after) / len(after), p))
            start = place
    return tested


def _matters(change: ChangePoint, nights: Sequence[Night]) -> bool:
    """Return True if a change is large enough to matter for its metric."""
    size = abs(change.after - change.before)
    metric = change.metric
    if metric.key.startswith("growth "):
        # A change of growth is judged by what it adds within the time that the resource must last.
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
    """Return the newest change of each metric if it is for the worse and began within the last `RECENT` nights."""
    newest = [change[-1] for change in changes.values() if change]
    return [change for change in newest if change.worse and change.since >= len(nights) - RECENT]
