"""The history of one profile: its nights in order, its metrics, their changes, and consecutive nights judged as one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from soak.analysis.pooling import pool
from soak.history.changes import ChangePoint, regressions
from soak.history.night import HistoryMetric, Night
from soak.model import Analysis

#: Newest comparable nights that are judged as one run, whatever their builds: a week.
WEEK = 7
#: Newest builds whose nights are judged as one run each.
BUILDS = 10


@dataclass(frozen=True)
class Together:
    """Consecutive nights judged as one run; `build` is their commit, empty if they may be of several builds."""

    build: str
    nights: tuple[Night, ...]
    analysis: Analysis


@dataclass(frozen=True)
class History:
    """All nights of one profile, oldest first."""

    name: str
    nights: tuple[Night, ...]
    metrics: tuple[HistoryMetric, ...]
    changes: dict[str, list[ChangePoint]]
    week: Together | None
    builds: tuple[Together, ...]
    searched: bool

    @property
    def regressions(self) -> list[ChangePoint]:
        """Recent changes for the worse, the largest first."""
        return sorted(regressions(self.changes, self.nights), key=lambda change: -abs(change.share))

    def values(self, metric: HistoryMetric) -> list[float | None]:
        """Return a metric's value for each night; None if it has none or the night is not comparable."""
        return [night.values.get(metric.key) if night.usable else None for night in self.nights]


#: A function that finds the changes of metrics over nights, by the metric's key.
FindChanges = Callable[[Sequence[Night], Sequence[HistoryMetric]], dict[str, list[ChangePoint]]]


def histories(nights: Iterable[Night], find: FindChanges | None) -> list[History]:
    """Return one history per profile name; if `find` is None, changes are not searched for."""
    ordered = sorted(nights, key=lambda night: (night.name, night.started, night.directory))
    return [
        _history(name, tuple(group), find)
        for name, group in groupby(ordered, key=lambda night: night.name)
    ]


def _history(name: str, nights: tuple[Night, ...], find: FindChanges | None) -> History:
    metrics = tuple({metric.key: metric for night in nights for metric in night.metrics}.values())
    metrics = tuple(sorted(metrics, key=_order))
    changes = find(nights, metrics) if find is not None else {}
    groups = [group for group in comparable(nights) if len(group) > 1]
    builds = [
        (commit, tuple(run))
        for group in groups
        for commit, run in (
            (commit, list(same)) for commit, same in groupby(group, key=lambda night: night.commit)
        )
        if commit and len(run) > 1
    ]
    newest = groups[-1][-WEEK:] if groups and groups[-1][-1] is _newest_usable(nights) else ()
    week = _together("", tuple(newest)) if newest else None
    return History(
        name,
        nights,
        metrics,
        changes,
        week,
        tuple(_together(*build) for build in builds[-BUILDS:]),
        find is not None,
    )


def _newest_usable(nights: Sequence[Night]) -> Night | None:
    return next((night for night in reversed(nights) if night.usable), None)


_FIRST = ("level", "growth", "vouched", "p99", "p50", "errors", "rate")


def _order(metric: HistoryMetric) -> tuple[int, str]:
    return _FIRST.index(metric.key.partition(" ")[0]), metric.key


def comparable(nights: Sequence[Night]) -> Iterator[list[Night]]:
    """Yield stretches of usable nights that may be pooled: consecutive, with the same endpoints and rates, not overlapping."""
    usable = [night for night in nights if night.usable]
    group = usable[:1]
    for before, night in pairwise(usable):
        same = before.profiled.pooling_key == night.profiled.pooling_key
        if not same or night.started < before.started + before.seconds:
            yield group
            group = []
        group.append(night)
    if group:
        yield group


def _together(build: str, nights: tuple[Night, ...]) -> Together:
    newest = nights[-1].profiled
    analysis = pool(
        [night.analysis() for night in nights],
        [night.judged for night in nights],
        newest.survive,
        newest.vouch,
    )
    return Together(build, nights, analysis)
