"""Scenarios and tags: what a profile may say of them, what they amount to, and what is refused."""

import pytest

from soak.errors import ProfileError
from soak.load.plan.asked import schedule_of, users_at
from soak.load.plan.plan import Plan
from soak.load.supervisor.compile_plan import plan_of
from soak.load.supervisor.confirmation_load import again
from soak.profile import Profile, parse_profile
from soak.profile.summary import load_summary
from soak.resume import Resumption

MIX = """\
name: shop
target: {url: "http://127.0.0.1:8080"}
load: {ramp: 1m, duration: 9m, think: 2s}
scenarios:
  - name: browsers
    load: {users: 50}
    setup: [{request: POST /login, capture: {sid: $.id}}]
    endpoints: [{request: "GET /items?sid={{ sid }}", name: items, tags: [read]}]
    limits: {p99: 300ms}
  - name: orders
    load: {rate: 20/s, arrivals: poisson, think: 0s}
    flows: [{name: order, tags: [write], steps: [POST /orders, {request: GET /orders, tags: [read]}]}]
  - name: import
    load: {rate: 5/s, after: 4m, ramp: 30s, duration: 2m}
    endpoints: [{request: GET /items, weight: 2}, PUT /bulk]
limits:
  tags: {read: {errors: 1%}}
"""


def parse(text: str) -> Profile:
    return parse_profile(text, "p.yaml", environment={})[0]


def test_each_scenario_has_its_own_load_and_labels() -> None:
    profile = parse(MIX)
    plan = plan_of(profile)
    assert (plan.rate, plan.users, plan.duration, plan.ramp) == (25.0, 50, 540.0, 60.0)
    browsers, orders, _imports = plan.scenarios
    assert [request.endpoint for request in plan.planned_requests] == [
        "browsers / items", "browsers / setup / POST /login", "orders / order / POST /orders",
        "orders / order / GET /orders", "import / GET /items", "import / PUT /bulk",
    ]  # fmt: skip
    assert (browsers.users, browsers.rate, browsers.think) == (50, None, (2.0, 2.0))
    assert (orders.users, orders.rate, orders.think, orders.arrivals) == (
        None,
        20.0,
        (0.0, 0.0),
        "poisson",
    )
    assert len({scenario.seed for scenario in plan.scenarios}) == 3
    schedules = [schedule_of(scenario) for scenario in plan.scenarios]
    assert [schedule.total for schedule in schedules] == [600.0] * 3
    assert [schedules[2].rate_at(t) for t in (239, 255, 271, 389, 391)] == [0.0, 2.5, 5.0, 5.0, 0.0]
    assert [schedules[0].rate_at(t) for t in (30, 60, 599)] == [25.0, 50.0, 50.0]
    assert (users_at(plan)(30), users_at(plan)(300)) == (25, 50)
    assert load_summary(profile).startswith(
        "50 users (browsers) and 20 arrivals/s (orders) and 5 requests/s (import) on"
    )


def test_groups_are_scenarios_and_tags_with_their_limits() -> None:
    groups = {(group.kind, group.name): group for group in parse(MIX).groups}
    assert groups["tag", "read"].endpoints == ("browsers / items", "orders / order / GET /orders")
    assert groups["tag", "write"].endpoints == (
        "orders / order / POST /orders",
        "orders / order / GET /orders",
    )
    assert groups["scenario", "import"].endpoints == ("import / GET /items", "import / PUT /bulk")
    limits = groups["tag", "read"].limits, groups["scenario", "browsers"].limits
    assert [limit.errors if limit else None for limit in limits] == [0.01, None]
    assert limits[1] is not None
    assert limits[1].p99 == 0.3
    assert groups["tag", "write"].limits is None


def test_a_plan_of_scenarios_travels_is_shortened_and_resumed() -> None:
    plan = plan_of(parse(MIX))
    assert Plan.from_json(plan.to_json()) == plan
    short = again(plan, 54.0, 1000)
    assert [schedule_of(scenario).total for scenario in short.scenarios] == pytest.approx(
        [60.0] * 3
    )
    assert schedule_of(short.scenarios[2]).rate_at(30) == 5.0
    assert {scenario.before for scenario in short.scenarios} == {1000}
    rest = Resumption(((5.0, 305.0),), 400.0, 77).rest_of(plan)
    assert [schedule_of(scenario).total for scenario in rest.scenarios] == pytest.approx(
        [300.0] * 3
    )
    assert [schedule_of(rest.scenarios[2]).rate_at(t) for t in (0, 89, 91)] == [5.0, 5.0, 0.0]


MISTAKES = {
    "a rate beside": (
        MIX.replace("ramp: 1m,", "rate: 5/s,"),
        "p.yaml:3: load.rate: scenarios have their own: move it",
    ),
    "endpoints beside": (
        MIX + "endpoints: [GET /]\n",
        "p.yaml:18: endpoints: scenarios have their own",
    ),
    "no load": (
        MIX.replace("{users: 50}", "{think: 1s}"),
        "p.yaml:6: scenarios.0.load: give either rate",
    ),
    "two loads": (
        MIX.replace("{users: 50}", "{users: 50, rate: 1/s}"),
        "p.yaml:6: scenarios.0.load: give either rate",
    ),
    "no request": (
        MIX.replace("    endpoints: [{request: GET /items, weight: 2}, PUT /bulk]\n", ""),
        "p.yaml:13: scenarios.2.endpoints: is missing: name at least one request",
    ),
    "twice": (
        MIX.replace("name: orders", "name: browsers"),
        "scenarios.1.name: another scenario is called 'browsers'",
    ),
    "no name": (
        MIX.replace("name: browsers", "name: 'a/b'"),
        "p.yaml:5: scenarios.0.name: expected a name of letters",
    ),
    "too long": (
        MIX.replace("duration: 2m", "duration: 6m"),
        "p.yaml:14: scenarios.2.load: ends 30 s after the whole load of 10 min (load.ramp and load.duration)",
    ),
    "too late": (
        MIX.replace("after: 4m, ramp: 30s, duration: 2m", "after: 10m"),
        "scenarios.2.load: its beginning and its ramp leave no time",
    ),
    "setup with a rate": (
        MIX.replace("users: 50", "rate: 50/s"),
        "p.yaml:7: scenarios.0.setup: goes with users",
    ),
    "no such tag": (
        MIX.replace("{read:", "{reads:"),
        "p.yaml:17: limits.tags.reads: no request has this tag; the tags are read, write",
    ),
    "not a tag": (
        MIX.replace("[read]}]\n    limits", '["a,b"]}]\n    limits'),
        "tags.0: expected a name of letters",
    ),
    "unknown key": (
        MIX.replace("after: 4m", "afer: 4m"),
        "scenarios.2.load.afer: unknown key, did you mean after?",
    ),
    "a template of another": (
        MIX.replace("PUT /bulk", "'PUT /bulk/{{ sid }}'"),
        "p.yaml:15: scenarios.2.endpoints.1.request: nothing is called sid here",
    ),
    "production's rate": (
        MIX + "  survive: {for: 30d, at: 5/s}\n",
        "limits.survive.at: needs a rate of requests",
    ),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_refused_with_file_line_and_key(text: str, message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        plan_of(parse(text))
    assert message in str(caught.value)
