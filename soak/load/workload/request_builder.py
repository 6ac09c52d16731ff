"""Requests made of their templates: what cannot be made is counted, told of, and ends a run that could never make it."""

from __future__ import annotations

from collections import Counter

from soak.load.measure.counting import Counting
from soak.load.plan.warnings import Warnings
from soak.load.scenario.feeder import FeederExhausted
from soak.load.scenario.rendering import RenderedRequest
from soak.load.scenario.templates import RenderError
from soak.load.scenario.virtual_user import VirtualUser
from soak.load.workload.mix import Scenario, ScenarioStep

#: When none of an endpoint's first requests can be made, none ever will be.
GIVE_UP_AFTER = 20


class RequestBuilder:
    """Makes all requests of a process; a request that cannot be made is a failure of its endpoint that takes no time."""

    def __init__(self, counting: Counting, warnings: Warnings) -> None:
        self._counting, self._warnings = counting, warnings
        self._made: set[str] = set()
        self._failed: Counter[str] = Counter()

    def begin(self, scenario: Scenario, virtual_user: VirtualUser, number: int | None = None) -> bool:
        """Let a visitor begin a course; False when rows that it needs have run out, of which the run is told."""
        try:
            virtual_user.begin(scenario.names, number)
        except FeederExhausted as error:
            self._warnings.warn("rows", f"{error}, and {scenario.first.endpoint} cannot go on")
            return False
        return True

    def make(self, step: ScenarioStep, virtual_user: VirtualUser) -> RenderedRequest | None:
        """A request as the visitor's rows and captures have it; None when it cannot be made."""
        try:
            rendered = step.template.render(virtual_user.context)
            if step.checks.templated:
                rendered = rendered._replace(checks=step.checks.bound(virtual_user.context))
        except RenderError as error:
            self._fail(step.endpoint, error.kind)
            return None
        self._made.add(step.endpoint)
        return rendered

    def _fail(self, endpoint: str, kind: str) -> None:
        self._counting.count(endpoint, 0.0, 0, kind)
        self._warnings.warn("templates", f"{endpoint} could not be made of its template: {kind}")
        if endpoint not in self._made:
            self._failed[endpoint] += 1
            if self._failed[endpoint] >= GIVE_UP_AFTER:
                self._warnings.fail(
                    f"none of the first {GIVE_UP_AFTER} requests of {endpoint} could be made ({kind});"
                    " `soak check --probe` shows each request once"
                )
