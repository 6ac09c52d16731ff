"""Division of the load: workers share one timetable of arrivals, and divide it again if a worker is lost."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil, inf
from typing import Protocol


class Timetable(Protocol):
    """The due times of arrivals, in seconds from the start of the load."""

    def due(self, n: float) -> float | None:
        """Return when arrival `n`, counted from 0, is due; None after the last arrival."""

    def count(self, t: float) -> float:
        """Return how many arrivals are due up to moment `t`."""


@dataclass(frozen=True, slots=True)
class Share:
    """One of `count` equal parts: the one numbered `index`, from 0."""

    index: int = 0
    count: int = 1


class Shares:
    """A worker's current share and its planned changes; `first` is the share at the start."""

    def __init__(self, first: Share = Share()) -> None:
        self.first = self.last = first
        #: Changes that the arrivals have not reached yet.
        self.pending: deque[tuple[float, Share]] = deque()
        #: The first share and every change, each with its time.
        self._since = [(0.0, first)]

    def change(self, at: float, share: Share) -> None:
        """Use another share from moment `at` of the timetable on."""
        self.last = share
        self.pending.append((at, share))
        self._since.append((at, share))

    def changed(self, until: float) -> tuple[float, Share] | None:
        """Remove and return the next change at or before a moment; None if there is none."""
        return self.pending.popleft() if self.pending and self.pending[0][0] <= until else None

    def count(self, timetable: Timetable, t: float) -> float:
        """Return how many of the arrivals due up to `t` are this worker's; all workers together have all arrivals."""
        ends = [*(at for at, _ in self._since[1:]), inf]
        return sum(
            (timetable.count(min(end, t)) - timetable.count(at)) / share.count
            for (at, share), end in zip(self._since, ends, strict=True)
            if at < t
        )

    def users(self, users: int) -> int:
        """Return how many of all users, assigned to workers in turn, belong to this worker now."""
        return max(0, -((self.last.index - users) // self.last.count))


def shared_arrivals(
    timetable: Timetable, shares: Shares, gap: Callable[[float], float] | None = None
) -> Iterator[tuple[int, float]]:
    """Yield this worker's arrivals as (number, due time), in order: every `count`-th arrival.

    With `gap`, which draws from the exponential distribution of a rate, arrivals are random: each
    worker has a Poisson process of its share of the rate, and together they form one of the whole
    rate. No worker needs to generate the others' arrivals.
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
    """Yield this worker's arrivals, evenly spaced or Poisson; the same seed and share repeat the same times."""
    own = f"/{shares.first.index}" if shares.first.count > 1 else ""
    chance = random.Random(f"{seed}/arrivals{own}")  # noqa: S311 - repeatable traffic, not secrets
    return shared_arrivals(timetable, shares, chance.expovariate if poisson else None)
