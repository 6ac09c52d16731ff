"""Which part of the load is whose: workers divide one timetable of arrivals, and divide it anew when one is lost."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, inf
from typing import Protocol


class Timetable(Protocol):
    """When arrivals are due, in seconds from the start of the load."""

    def due(self, n: float) -> float | None:
        """When arrival `n`, counted from 0, is due; None beyond the end."""

    def count(self, t: float) -> float:
        """How many arrivals are due until a moment."""


@dataclass(frozen=True, slots=True)
class Share:
    """Of `count` equal parts the one numbered `index`, from 0."""

    index: int = 0
    count: int = 1


class Shares:
    """The share that a worker has, and those that it is going to have; `first` is the one that it began with."""

    def __init__(self, first: Share = Share()) -> None:
        self.first = self.last = first
        #: Changes that no arrival has seen yet.
        self.pending: deque[tuple[float, Share]] = deque()
        #: One for each time that a worker was lost.
        self._since = [(0.0, first)]

    def change(self, at: float, share: Share) -> None:
        """From a moment of the timetable on, another share."""
        self.last = share
        self.pending.append((at, share))
        self._since.append((at, share))

    def changed(self, until: float) -> tuple[float, Share] | None:
        """The next change at or before a moment, once; None without."""
        return self.pending.popleft() if self.pending and self.pending[0][0] <= until else None

    def count(self, timetable: Timetable, t: float) -> float:
        """How many of the arrivals due until a moment are this worker's to make; over all workers, these add up to all."""
        ends = [*(at for at, _ in self._since[1:]), inf]
        return sum(
            (timetable.count(min(end, t)) - timetable.count(at)) / share.count
            for (at, share), end in zip(self._since, ends, strict=True)
            if at < t
        )

    def users(self, users: int) -> int:
        """How many of all users, dealt out in turn, are this worker's now."""
        return max(0, -((self.last.index - users) // self.last.count))


def shared_arrivals(
    timetable: Timetable, shares: Shares, gap: Callable[[float], float] | None = None
) -> Iterator[tuple[int, float]]:
    """This worker's arrivals as (number, when due), in order: every `count`-th one.

    With `gap`, which draws from the exponential distribution of a rate, they come at random: a
    Poisson process of a share of the rate each, which together are one of the whole rate. No worker
    counts through the others' arrivals.
    """
    share = shares.first
    number = share.index
    reached = gap(1.0) * share.count if gap else float(number)
    while True:
        when = timetable.due(reached)
        change = shares.changed(inf if when is None else when) if shares.pending else None
        if change is not None:
            at, share = change
            done = timetable.count(at)
            least = max(number if gap else 0, ceil(done - 1e-9))
            number = least + (share.index - least) % share.count
            reached = done + gap(1.0) * share.count if gap else float(number)
        elif when is None:
            return
        else:
            yield number, when
            number += share.count
            reached = reached + gap(1.0) * share.count if gap else float(number)


def arrivals_of(
    timetable: Timetable, shares: Shares, *, poisson: bool = False, seed: int = 0
) -> Iterator[tuple[int, float]]:
    """The same, evenly spaced or at random; the same seed and share make them at the same moments."""
    own = f"/{shares.first.index}" if shares.first.count > 1 else ""
    chance = random.Random(f"{seed}/arrivals{own}")  # noqa: S311 - repeatable traffic, not secrets
    return shared_arrivals(timetable, shares, chance.expovariate if poisson else None)
