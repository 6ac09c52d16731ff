"""Build requests from their templates. Failures are counted and reported; the run ends if none can succeed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from soak.load.measure.counting import Counting
from soak.load.plan.warnings import Warnings
from soak.load.scenario.conditions import Condition
from soak.load.scenario.feeder import FeederExhausted
from soak.load.scenario.rendering import RenderedRequest
from soak.load.scenario.templates import RenderError
from soak.load.scenario.virtual_user import VirtualUser
from soak.load.workload.mix import Scenario, ScenarioStep, Step

#: If none of this many first requests of an endpoint can be built, the load fails.
GIVE_UP_AFTER = 20


class FlowEnded(Exception):  # noqa: N818 - an end, counted already
    """A condition could not be evaluated."""


class RequestBuilder:
    """Builds all requests of a process. A request that cannot be built counts as a failure with no latency."""

    def __init__(self, counting: Counting, warnings: Warnings) -> None:
        self._counting, self._warnings = counting, warnings
        self._made: set[str] = set()
        self._failed: Counter[str] = Counter()

    def begin(
        self, scenario: Scenario, virtual_user: VirtualUser, number: int | None = None
    ) -> bool:
        """Let a virtual user begin a scenario. Return False, with a warning, if rows that it needs have run out."""
        try:
            virtual_user.begin(scenario.names, number)
        except FeederExhausted as error:
            self._warnings.warn("rows", f"{error}, and {scenario.first.endpoint} cannot go on")
            return False
        return True

    def steps(self, steps: tuple[Step, ...], virtual_user: VirtualUser) -> Iterator[ScenarioStep]:
        """Yield the requests that conditions and chance select step by step. FlowEnded if a condition fails."""
        for step in steps:
            if step.chance < 1.0 and virtual_user.random.random() >= step.chance:
                continue
            if step.condition is not None and not self._holds(step.condition, step, virtual_user):
                continue
            if isinstance(step, ScenarioStep):
                yield step
                continue
            for _ in range(step.rounds):
                if step.loop is not None and not self._holds(step.loop, step, virtual_user):
                    break
                yield from self.steps(step.steps, virtual_user)
            else:
                if step.loop is not None and self._holds(step.loop, step, virtual_user):
                    text = f"{step.first.endpoint}: its while ended after {step.rounds} rounds (at_most) and still held"
                    self._warnings.warn("while", text)

    def _holds(self, condition: Condition, step: Step, virtual_user: VirtualUser) -> bool:
        """Evaluate a condition. If that fails, count a failure of its request and raise FlowEnded."""
        try:
            return condition.holds(virtual_user.context)
        except RenderError as error:
            endpoint = step.endpoint if isinstance(step, ScenarioStep) else step.first.endpoint
            self._fail(endpoint, error.kind)
            raise FlowEnded from None

    def make(self, step: ScenarioStep, virtual_user: VirtualUser) -> RenderedRequest | None:
        """Render a request with the virtual user's rows and captures; return None if that fails."""
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
