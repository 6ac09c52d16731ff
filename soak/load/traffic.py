"""A plan's traffic, compiled: what users choose from, and what each request of it sends, expects and captures."""

from __future__ import annotations

import random
from itertools import accumulate

from soak.load.captures import Captures
from soak.load.expectations import Expectations
from soak.load.plan import Plan, PlannedRequest
from soak.load.rendering import Prepared
from soak.load.rows import Rows
from soak.load.schedule import Piece, Schedule
from soak.load.visitor import Numbers, Visitor


class Step:
    """One request: `prepared` to send, `expectations` and `captures` for its answer, `timeout` in seconds.

    Where an answer is not needed, its body need only be counted and its headers need not be read.
    """

    def __init__(self, planned: PlannedRequest, timeout: float) -> None:
        self.endpoint, self.method = planned.endpoint, planned.method
        self.prepared, self.expectations, self.captures = Prepared(planned), Expectations(planned), Captures(planned)
        self.timeout = planned.timeout or timeout
        self.needs_body = self.expectations.needs_body or self.captures.needs_body
        self.needs_headers = self.expectations.needs_headers or self.captures.needs_headers


class Course:
    """What one user does at a stretch: a flow's steps in order, or one endpoint's request. `names` are its templates'."""

    def __init__(self, steps: tuple[Step, ...], weight: float) -> None:
        self.steps, self.weight = steps, weight
        self.names: frozenset[str] = frozenset().union(*(step.prepared.names for step in steps))


class Traffic:
    """All that the users of one process share; of `count` processes, this is the one counted `index` from 0.

    RowsError when a data file is no longer what it was when the profile was checked.
    """

    def __init__(self, plan: Plan, index: int = 0, count: int = 1) -> None:
        self._plan, self._index, self._count = plan, index, count
        alone = [Course((Step(request, plan.timeout),), request.weight) for request in plan.requests]
        flows = [Course(tuple(Step(step, plan.timeout) for step in flow.steps), flow.weight) for flow in plan.flows]
        self.courses = (*alone, *flows)
        self._bounds = list(accumulate(course.weight for course in self.courses))
        self._rows = {rows.name: Rows.load(rows, index, count) for rows in plan.rows}
        self._numbers = Numbers(index, count)
        self.schedule = Schedule(plan.pieces or (Piece(plan.duration, plan.rate or 0.0, plan.rate or 0.0),))

    def visitor(self, number: int) -> Visitor:
        """The state of one user, counted from 1 in this process; no two processes have the same users."""
        return Visitor((number - 1) * self._count + self._index + 1, self._plan.seed, self._rows, self._numbers)

    def choose(self, chance: random.Random) -> Course:
        """The next course, by weight; a visitor's own `random` makes its choices repeatable."""
        return chance.choices(self.courses, cum_weights=self._bounds)[0]

    def pause(self, chance: random.Random) -> float:
        """How long to think before the next request, in seconds."""
        return chance.uniform(*self._plan.think) if self._plan.think else 0.0
