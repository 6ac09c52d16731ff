"""Which steps of a flow are made: blocks, loops, conditions and chance, setup and teardown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from soak.errors import ProfileError
from soak.load.measure.counting import Counting
from soak.load.plan.plan import Plan
from soak.load.plan.warnings import Warnings
from soak.load.scenario.virtual_user import VirtualUser
from soak.load.supervisor.compile_plan import plan_of
from soak.load.workload import closed_model
from soak.load.workload.closed_model import PAUSE_AFTER_FAILED_SETUP, ClosedLoad
from soak.load.workload.mix import Scenario, ScenarioStep, TrafficMix
from soak.load.workload.request_builder import FlowEnded, RequestBuilder
from soak.load.workload.sender import Sender
from soak.profile import parse_profile

BEGIN = "target: {url: 'http://127.0.0.1:8080'}\n"
USERS = "load: {users: 1, duration: 1h}\n"


def planned(text: str, load: str = USERS) -> Plan:
    plan = plan_of(parse_profile(BEGIN + load + text, "p.yaml", environment={})[0])
    assert Plan.from_json(plan.to_json()) == plan
    return plan


class Walk:
    """A flow that is walked without a network: `answer` says what each step captures."""

    def __init__(self, steps: str) -> None:
        self.told: list[str] = []
        self.counting = Counting(())
        self.mix = TrafficMix(planned(f"flows: [{{name: f, steps: {steps}}}]\n"))
        self.builder = RequestBuilder(self.counting, Warnings(self.told.append))
        (self.scenario,) = self.mix.scenarios
        self.user = VirtualUser(1)

    def made(self, answer: Callable[[str], dict[str, Any]] = lambda _label: {}) -> list[str]:
        made_ = []
        self.user.begin()
        for step in self.builder.steps(self.scenario.steps, self.user):
            made_.append(step.endpoint.removeprefix("f / GET /"))
            self.user.keep(answer(made_[-1]))
        return made_


def test_blocks_are_repeated_in_order() -> None:
    steps = "[GET /a, {repeat: 2, steps: [GET /b, {repeat: 2, steps: [GET /c]}]}, GET /d]"
    assert Walk(steps).made() == list("abccbccd")


PAGES = """[
    {request: GET /p, capture: {next: $.next}},
    {while: "{{ next is not none }}", steps: [{request: GET /n, capture: {next: $.next}}]},
    GET /e]"""


def test_a_while_goes_on_until_a_capture_is_null() -> None:
    pages = iter([2, 3, 4, None])
    walk = Walk(PAGES)
    assert walk.made(lambda label: {"next": next(pages)} if label != "e" else {}) == list("pnnne")
    assert walk.told == []


def test_a_while_is_bounded_and_says_so() -> None:
    walk = Walk(PAGES.replace("{while:", "{at_most: 3, while:"))
    assert walk.made(lambda _label: {"next": 1}) == list("pnnne")
    assert walk.told == ["f / GET /n: its while ended after 3 rounds (at_most) and still held"]


def test_conditions_and_chance() -> None:
    first = "{request: GET /a, capture: {n: $.n}}"
    steps = f"[{first}, {{request: GET /b, if: n > 1}}, {{if: '{{{{ n == 1 }}}}', steps: [GET /c, GET /d]}}]"
    assert Walk(steps).made(lambda _label: {"n": 2}) == list("ab")
    assert Walk(steps).made(lambda _label: {"n": 1}) == list("acd")
    seldom = Walk("[{request: GET /a, chance: 30%}, {chance: 50%, steps: [GET /b, GET /c]}]")
    made = [step for _ in range(2000) for step in seldom.made()]
    assert abs(made.count("a") - 600) < 80
    assert abs(made.count("b") - 1000) < 90
    assert made.count("b") == made.count("c")


def test_a_condition_that_cannot_be_told_is_a_failure_and_ends_the_flow() -> None:
    walk = Walk("[{request: GET /a, capture: {n: $.n}}, {request: GET /b, if: n > 1}, GET /c]")
    with pytest.raises(FlowEnded):
        walk.made(lambda _label: {"n": "x"})
    failures = {seen.endpoint: seen.failures for seen in walk.counting.close(1.0, 1.0, 0).endpoints}
    assert failures == {"f / GET /b": {"template: TypeError": 1}}


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            "[{request: GET /a, if: lost > 1}]",
            "p.yaml:3: flows.0.steps.0.if: nothing is called lost here; there is",
        ),
        (
            "[{while: '{% x %}', steps: [GET /a]}]",
            "p.yaml:3: flows.0.steps.0.while: expected one expression, such as",
        ),
        ("[{if: '1 +', steps: [GET /a]}]", "p.yaml:3: flows.0.steps.0.if: not a template: "),
        (
            "[{if: 'a {{ b }}', steps: [GET /a]}]",
            "p.yaml:3: flows.0.steps.0.if: expected one expression, such as",
        ),
    ],
)
def test_wrong_conditions_are_refused(steps: str, message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        planned(f"flows: [{{name: f, steps: {steps}}}]\n")
    assert str(caught.value).startswith(message)


def test_think_redirects_and_timeouts_of_a_step() -> None:
    text = "flows: [{name: f, steps: [{request: GET /a, think: 2s, redirects: true, timeout: 3s}, GET /b]}]\n"
    mix = TrafficMix(planned(text, "load: {users: 1, duration: 1h, think: {min: 5s, max: 6s}}\n"))
    first, second = (step for step in mix.scenarios[0].steps if isinstance(step, ScenarioStep))
    user = VirtualUser(1)
    assert (mix.pause(user.random, first), first.redirects, first.timeout) == (2, True, 3)
    assert 5 <= mix.pause(user.random, second) <= 6
    assert (second.redirects, second.timeout) == (False, 10)


class Walked(Sender):
    """A sender that only writes down what it is to do; its first setups fail."""

    __slots__ = ("done", "failing")

    def __init__(self, done: list[tuple[str, Any]], failing: int) -> None:
        self.done, self.failing, self.last = done, failing, None

    def walk(self, scenario: Scenario, virtual_user: VirtualUser, pause: Any) -> str | None:
        if scenario.first.endpoint.startswith("setup") and self.failing:
            self.failing -= 1
            self.done.append(("failed", None))
            return "status 500"
        if scenario.first.endpoint.startswith("setup"):
            virtual_user.keep({"token": len(self.done)})
        self.done.append(
            (scenario.first.endpoint, scenario.first.template.render(virtual_user.context).path)
        )
        vars(closed_model)["gevent"].sleep(0.01)
        return None

    def close(self) -> None:
        self.done.append(("closed", None))


LIFE = """
setup: [{request: POST /login, capture: {token: $.token}}]
teardown: ["POST /logout/{{ token }}"]
flows: [{name: f, steps: ["GET /a/{{ token }}"]}]
"""


def lived(monkeypatch: pytest.MonkeyPatch, failing: int, text: str = LIFE) -> list[tuple[str, Any]]:
    """What one user does in a short life."""
    assert PAUSE_AFTER_FAILED_SETUP == 1.0
    monkeypatch.setattr("soak.load.workload.closed_model.PAUSE_AFTER_FAILED_SETUP", 0.001)
    plan = planned(text, "load: {users: 1, duration: 100ms}\n")
    done: list[tuple[str, Any]] = []
    warnings = Warnings(lambda _text: None)
    builder = RequestBuilder(Counting(()), warnings)
    load = ClosedLoad(plan, TrafficMix(plan), builder, warnings, lambda: Walked(done, failing))
    load.drive()
    load.finish(60.0)
    return done


@pytest.mark.parametrize("failing", [0, 2])
def test_each_user_is_set_up_once_and_torn_down_at_its_end(
    failing: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = lived(monkeypatch, failing)
    assert done[: failing + 1] == [("failed", None)] * failing + [("setup / POST /login", "/login")]
    assert done[-2:] == [
        ("teardown / POST /logout/{token}", f"/logout/{failing}"),
        ("closed", None),
    ]
    assert set(done[failing + 1 : -2]) <= {("f / GET /a/{token}", f"/a/{failing}")}


def test_a_user_that_never_was_set_up_does_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    done = lived(monkeypatch, 10**9)
    assert {label for label, _ in done} == {"failed", "closed"}
    assert done[-1] == ("closed", None)


def test_a_user_pauses_after_the_last_step_of_a_flow_as_that_step_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Sent(Walked):
        """One whose walks end with the flow's second step."""

        __slots__ = ()

        def walk(self, scenario: Scenario, virtual_user: VirtualUser, pause: Any) -> str | None:
            self.last = next(
                step for step in reversed(scenario.steps) if isinstance(step, ScenarioStep)
            )
            return super().walk(scenario, virtual_user, pause)

    monkeypatch.setitem(globals(), "Walked", Sent)
    flow = "flows: [{name: f, steps: [GET /a, {request: GET /b, think: 1h}]}]\n"
    assert [label for label, _ in lived(monkeypatch, 0, flow)] == ["f / GET /a", "closed"]
