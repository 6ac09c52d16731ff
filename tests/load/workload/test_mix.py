from collections import Counter
from pathlib import Path

import pytest

from soak.load.http.connection_options import Timeouts
from soak.load.plan.plan import Plan
from soak.load.scenario.extractors import CapturedFrom
from soak.load.scenario.feeder import FeederExhausted
from soak.load.supervisor.compile_plan import plan_of
from soak.load.workload.mix import Scenario, ScenarioStep, TrafficMix
from soak.load.workload.sender import client_options
from soak.profile import parse_profile

PROFILE = """\
target: {url: "http://127.0.0.1:8080"}
load: {users: 5, duration: 1m, think: {min: 1s, max: 3s}, seed: 4}
endpoints: [{request: GET /a, weight: 2}, {request: "GET /b/{{ row.n }}", timeout: 2s, expect: {body: x}}]
flows:
  - name: f
    steps: [{request: POST /c, capture: {id: {header: Location}}}, "GET {{ id | path }}?{{ row.n }}"]
data: {row: {csv: a.csv, order: unique}}
"""


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "a.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(7)))
    return plan_of(parse_profile(PROFILE, str(tmp_path / "p.yaml"), environment={})[0])


def story(mix: TrafficMix, number: int, length: int = 200) -> list[str]:
    virtual_user = mix.virtual_user(number)
    return [mix.choose(virtual_user.random).first.endpoint for _ in range(length)]


def only_steps(scenario: Scenario) -> list[ScenarioStep]:
    return [step for step in scenario.steps if isinstance(step, ScenarioStep)]


def test_endpoints_and_flows_are_chosen_by_weight_and_again_the_same(plan: Plan) -> None:
    mix = TrafficMix(plan)
    assert story(mix, 1) == story(TrafficMix(plan), 1)
    assert story(mix, 1) != story(mix, 2)
    counts = Counter(story(mix, 1, 4000))
    assert counts["GET /a"] / 4000 == pytest.approx(0.5, abs=0.04)
    assert counts["f / POST /c"] / 4000 == pytest.approx(0.25, abs=0.04)


def test_each_part_of_a_wait_is_the_requests_own_or_the_loads() -> None:
    text = """
target: {url: "http://127.0.0.1:9"}
load: {rate: 1/s, duration: 1s, timeout: {connect: 2s, read: 3s, total: 8s}}
endpoints: [GET /a, {request: GET /b, timeout: 1s}, {request: GET /c, timeout: {read: 4s, connect: 5s}}]
"""
    plan = plan_of(parse_profile(text, "p.yaml")[0])
    waits = [
        scenario.first.timeouts for scenario in TrafficMix(Plan.from_json(plan.to_json())).scenarios
    ]
    assert waits == [Timeouts(2, 8, 3), Timeouts(2, 1, 3), Timeouts(5, 8, 4)]
    short = plan_of(
        parse_profile(
            text.replace("{connect: 2s, read: 3s, total: 8s}", "{connect: 2s}"), "p.yaml"
        )[0]
    )
    assert client_options(short).timeouts == Timeouts(2, 10)


def test_what_each_step_needs_of_its_answer(plan: Plan) -> None:
    constant, templated, flow = TrafficMix(plan).scenarios
    assert [set(scenario.names) for scenario in (constant, templated, flow)] == [
        set(),
        {"row"},
        {"row", "id"},
    ]
    first, second = only_steps(flow)
    assert (constant.first.needs_body, constant.first.needs_headers, constant.first.timeout) == (
        False,
        False,
        10,
    )
    assert (templated.first.needs_body, templated.first.timeout) == (True, 2)
    assert (first.needs_body, first.needs_headers, second.needs_headers) == (False, True, False)


def test_a_flow_is_walked_with_one_row(plan: Plan) -> None:
    mix = TrafficMix(plan)
    virtual_user, flow = mix.virtual_user(1), mix.scenarios[2]
    virtual_user.begin(flow.names)
    virtual_user.keep(flow.first.extractors.take(CapturedFrom({"location": "http://x/c/7"}, b"")))
    assert only_steps(flow)[1].template.render(virtual_user.context).path == "/c/7?0"


def test_processes_have_other_users_and_other_rows(plan: Plan) -> None:
    rows: list[str] = []
    users = set()
    for index in range(3):
        mix = TrafficMix(plan, index, 3)
        users |= {mix.virtual_user(number).number for number in range(1, 5)}
        virtual_user, scenario = mix.virtual_user(1), mix.scenarios[1]
        while len(rows) < (3, 5, 7)[index]:
            virtual_user.begin(scenario.names)
            rows.append(scenario.first.template.render(virtual_user.context).path)
        with pytest.raises(FeederExhausted):
            virtual_user.begin(scenario.names)
    assert users == set(range(1, 13))
    assert sorted(rows) == [f"/b/{n}" for n in range(7)]


def test_thinking_takes_as_long_as_it_may(plan: Plan) -> None:
    mix = TrafficMix(plan)
    chance = mix.virtual_user(1).random
    pauses = [mix.pause(chance, mix.scenarios[0].first) for _ in range(500)]
    assert 1 <= min(pauses) < 1.1 < 2.9 < max(pauses) <= 3
