"""A plan's traffic, compiled: what users choose from, and what each request sends, expects and captures."""

from __future__ import annotations

import random
from bisect import bisect
from collections.abc import Sequence
from itertools import accumulate
from math import inf
from urllib.parse import urlsplit

import gevent

from soak.load.http.connection_options import Origin, Timeouts
from soak.load.http.request_head import RequestHead
from soak.load.http.trace_context import TraceHeaders
from soak.load.plan.asked import schedule_of
from soak.load.plan.mix_modulation import mix_modulation_of
from soak.load.plan.plan import Plan, PlannedBlock, PlannedRequest, PlannedStep
from soak.load.scenario.conditions import Condition
from soak.load.scenario.expectations import Checks
from soak.load.scenario.extractors import Extractors
from soak.load.scenario.feeder import Feeder
from soak.load.scenario.rendering import RequestTemplate
from soak.load.scenario.virtual_user import SequenceNumbers, VirtualUser

#: Assumed use of the sequence numbers by an earlier load: numbers per request.
_NUMBERS_EACH = 64


class ScenarioStep:
    """One request: `template` to send, `checks` and `extractors` for its response, `timeout` in seconds.

    If `needs_body` is false, the body is only counted; if `needs_headers` is false, the headers need
    not be parsed. `head` and `body` are the bytes to send if they are always the same. Without `head`,
    `heads` builds one from the rendered request. The head, or the `trace_lines` appended to it, have
    `traced` placeholders for the request's trace number. With `only_status`, the status alone decides:
    one of `statuses`, or any below 400 if `statuses` is empty.
    """

    __slots__ = (
        "authorized",
        "body",
        "chance",
        "checks",
        "condition",
        "endpoint",
        "extractors",
        "head",
        "heads",
        "keeps",
        "method",
        "needs_body",
        "needs_headers",
        "only_status",
        "redirects",
        "statuses",
        "template",
        "think",
        "timeout",
        "timeouts",
        "trace_lines",
        "traced",
    )

    def __init__(self, planned: PlannedRequest, plan: Plan) -> None:
        self.endpoint, self.method = planned.endpoint, planned.method
        self.template, self.checks, self.extractors = (
            RequestTemplate(planned),
            Checks(planned.expect),
            Extractors(planned.extractors),
        )
        self.condition = Condition(planned.condition) if planned.condition else None
        self.chance, self.think = planned.chance, planned.think or plan.think
        self.redirects = plan.redirects if planned.redirects is None else planned.redirects
        self.timeout = planned.timeout or plan.timeout
        self.timeouts = Timeouts(
            planned.connect_timeout or plan.connect_timeout or plan.timeout,
            self.timeout,
            planned.read_timeout or plan.read_timeout,
        )
        self.needs_body = self.checks.needs_body or self.extractors.needs_body
        self.needs_headers = self.checks.needs_headers or self.extractors.needs_headers
        self.statuses = self.checks.statuses
        self.keeps = bool(planned.extractors)
        self.only_status = planned.expect.only_status and not self.keeps
        named = {name.lower() for name in planned.headers}
        self.authorized = (
            plan.auth is not None and plan.auth.header.partition(":")[0].lower() not in named
        )
        self.heads = RequestHead(planned.method, Origin.of(plan.url), urlsplit(plan.url).path)
        tracing = TraceHeaders(plan.traceparent, plan.trace_header)
        self.trace_lines, self.traced = tracing.lines(planned.headers)
        self.head: bytes | None = None
        self.body = b""
        if (constant := self.template.constant) is not None:
            self.body = constant.body
            head = self.heads.of(
                constant.path, constant.headers, len(constant.body)
            )  # raises for an invalid header
            if not self.authorized:
                self.head, self.traced = tracing.template(head)


class ScenarioBlock:
    """Steps that run at most `rounds` times, while `loop` holds if there is one; `first` is the block's first request."""

    __slots__ = ("chance", "condition", "first", "loop", "names", "rounds", "steps")

    def __init__(self, planned: PlannedBlock, plan: Plan) -> None:
        self.steps = steps_of(planned.steps, plan)
        self.first: ScenarioStep = (
            self.steps[0] if isinstance(self.steps[0], ScenarioStep) else self.steps[0].first
        )
        self.rounds, self.chance = planned.repeat, planned.chance
        self.loop = Condition(planned.loop) if planned.loop else None
        self.condition = Condition(planned.condition) if planned.condition else None
        self.names = _names(self.steps) | (self.loop.names if self.loop else frozenset())


Step = ScenarioStep | ScenarioBlock


def steps_of(planned: tuple[PlannedStep, ...], plan: Plan) -> tuple[Step, ...]:
    """Compile planned steps."""
    return tuple(
        ScenarioBlock(step, plan) if isinstance(step, PlannedBlock) else ScenarioStep(step, plan)
        for step in planned
    )


def _names(steps: tuple[Step, ...]) -> frozenset[str]:
    """Return the names that the templates and conditions of some steps need."""
    names: set[str] = set()
    for step in steps:
        names |= (
            step.names
            if isinstance(step, ScenarioBlock)
            else step.template.names | step.checks.names
        )
        names |= step.condition.names if step.condition else set()
    return frozenset(names)


def _thinks(steps: tuple[Step, ...]) -> bool:
    """Return True if any of some steps has a pause after it."""
    return any(
        _thinks(step.steps) if isinstance(step, ScenarioBlock) else step.think is not None
        for step in steps
    )


class Scenario:
    """One unit of a user's work: a flow's steps in order, or one request. `names` are those its templates need.

    A `constant` scenario is one request with the same bytes each time, which needs no virtual user.
    `first` is the first request in the scenario.
    """

    __slots__ = ("constant", "first", "flow", "names", "steps", "weight")

    def __init__(self, steps: tuple[Step, ...], weight: float, *, flow: bool = False) -> None:
        self.steps, self.weight, self.flow = steps, weight, flow
        self.first: ScenarioStep = (
            steps[0] if isinstance(steps[0], ScenarioStep) else steps[0].first
        )
        self.constant = not flow and self.first.head is not None and not self.first.checks.templated
        self.names = _names(steps)


class SharedData:
    """Data that all scenarios of one process share: rows, sequence numbers, and the numbering of users.

    `index` and `count` are as in `TrafficMix`. Raise FeederError if a data file has changed since the
    profile was checked.
    """

    def __init__(self, plan: Plan, index: int = 0, count: int = 1) -> None:
        self.rows = {
            rows.name: Feeder.load(rows, index, count, lambda: gevent.sleep(0))
            for rows in plan.rows
        }
        for rows in self.rows.values():
            rows.skip(plan.before // count)
        self.numbers = SequenceNumbers(index, count, plan.before * _NUMBERS_EACH)
        self._scenarios = [part.scenario for part in plan.parts]

    def user(self, number: int, scenario: str) -> int:
        """Return the number, from 1, of a scenario's user `number`, from 0. No two scenarios have the same users."""
        return number * len(self._scenarios) + self._scenarios.index(scenario) + 1


class TrafficMix:
    """What all users of one scenario share in one process: the process `index`, from 0, of `count`.

    `plan` is the scenario's plan, or the whole plan if it has no scenarios.
    """

    def __init__(
        self, plan: Plan, index: int = 0, count: int = 1, shared: SharedData | None = None
    ) -> None:
        self._plan, self._index, self._count = plan, index, count
        self._shared = shared or SharedData(plan, index, count)
        alone = [
            Scenario((ScenarioStep(request, plan),), request.weight) for request in plan.requests
        ]
        flows = [
            Scenario(steps_of(flow.steps, plan), flow.weight, flow=True) for flow in plan.flows
        ]
        self.setup, self.teardown = (
            Scenario(steps_of(steps, plan), 1.0, flow=True) if steps else None
            for steps in (plan.setup, plan.teardown)
        )
        self.scenarios = (*alone, *flows)
        #: True if any user pauses after a request.
        self.thinks = any(_thinks(scenario.steps) for scenario in self.scenarios)
        self._bounds: Sequence[float] = list(
            accumulate(scenario.weight for scenario in self.scenarios)
        )
        self._modulation = mix_modulation_of(plan)
        #: When the shares change next, in seconds from the load's start; the load's driver must
        #: then call `turn`.
        self.turns = inf if self._modulation is None else 0.0
        self._seed = f"{plan.seed}/{plan.before}" if plan.before else plan.seed
        self.schedule = schedule_of(plan)

    def virtual_user(self, number: int) -> VirtualUser:
        """Return the state of one user, counted from 1 in this process; no two processes have the same users."""
        return self._user(
            self._shared.user((number - 1) * self._count + self._index, self._plan.scenario)
        )

    def caller_number(self, number: int) -> int:
        """Return the `user` number in templates, from 1 over the whole run, for an arrival, from 0 over all processes."""
        return self._shared.user(self._plan.before + number, self._plan.scenario)

    def caller(self, number: int) -> VirtualUser:
        """Return the state of the virtual user behind an arrival; arrivals are counted from 0 over all processes."""
        return self._user(self.caller_number(number))

    def _user(self, number: int) -> VirtualUser:
        return VirtualUser(number, self._seed, self._shared.rows, self._shared.numbers)

    def turn(self, passed: float) -> None:
        """Switch to the shares of this moment, in seconds from the load's start. They are the same in all processes."""
        if self._modulation is not None:
            self._bounds, self.turns = self._modulation.at(passed)

    def choose(self, chance: random.Random) -> Scenario:
        """Choose the next scenario by weight. The caller's own `random` makes its choices repeatable."""
        if len(self.scenarios) == 1:
            return self.scenarios[0]
        bounds = self._bounds
        return self.scenarios[bisect(bounds, chance.random() * bounds[-1], 0, len(bounds) - 1)]

    @staticmethod
    def pause(chance: random.Random, after: ScenarioStep) -> float:
        """Return the think time after a step, in seconds: the step's own, or the plan's."""
        return chance.uniform(*after.think) if after.think else 0.0
