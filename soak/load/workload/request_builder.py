"""Requests made of their templates: what cannot be made is counted, told of, and ends a run that could never make it."""

from __future__ import annotations

from collections import Counter

from soak.load.measure.counting import Counting
from soak.load.plan.warnings import Notices
from soak.load.scenario.feeder import RowsExhausted
from soak.load.scenario.rendering import Rendered
from soak.load.scenario.templates import RenderError
from soak.load.scenario.virtual_user import Visitor
from soak.load.workload.mix import Course, Step

#: When none of an endpoint's first requests can be made, none ever will be.
HOPELESS_AFTER = 20


class Maker:
    """Makes all requests of a process; a request that cannot be made is a failure of its endpoint that takes no time."""

    def __init__(self, counting: Counting, notices: Notices) -> None:
        self._counting, self._notices = counting, notices
        self._made: set[str] = set()
        self._failed: Counter[str] = Counter()

    def begin(self, course: Course, visitor: Visitor, number: int | None = None) -> bool:
        """Let a visitor begin a course; False when rows that it needs have run out, of which the run is told."""
        try:
            visitor.begin(course.names, number)
        except RowsExhausted as error:
            self._notices.warn("rows", f"{error}, and {course.first.endpoint} cannot go on")
            return False
        return True

    def make(self, step: Step, visitor: Visitor) -> Rendered | None:
        """A request as the visitor's rows and captures have it; None when it cannot be made."""
        try:
            rendered = step.prepared.render(visitor.context)
        except RenderError as error:
            self._fail(step.endpoint, error.kind)
            return None
        self._made.add(step.endpoint)
        return rendered

    def _fail(self, endpoint: str, kind: str) -> None:
        self._counting.count(endpoint, 0.0, 0, kind)
        self._notices.warn("templates", f"{endpoint} could not be made of its template: {kind}")
        if endpoint not in self._made:
            self._failed[endpoint] += 1
            if self._failed[endpoint] >= HOPELESS_AFTER:
                self._notices.fail(
                    f"none of the first {HOPELESS_AFTER} requests of {endpoint} could be made ({kind});"
                    " `soak check --probe` shows each request once"
                )
