"""The same load once more: of the same shape, and with what the first one had not used yet."""

import random
from pathlib import Path

import pytest

from soak.load.plan.plan import Plan
from soak.load.plan.schedule import Schedule
from soak.load.scenario.virtual_user import VirtualUser
from soak.load.supervisor.confirmation_load import again, confirmation_rounds
from soak.load.workload.mix import TrafficMix
from tests.load.supervisor.test_compile_plan import plan

TEXT = """\
target: {url: "http://127.0.0.1:8080"}
load: {rate: 50/s, ramp: 10s, duration: 100s, seed: 3}
endpoints: [{request: "POST /a", body: "{{ user }} {{ seq() }} {{ uuid() }} {{ row.n }}"}]
data: {row: {csv: rows.csv, order: ORDER}}
"""


def first(tmp_path: Path, order: str = "sequential") -> Plan:
    (tmp_path / "rows.csv").write_text("n\n" + "".join(f"{n}\n" for n in range(1000)))
    return plan(TEXT.replace("ORDER", order), tmp_path)


def drawn(plan: Plan, count: int) -> list[tuple[str, str, str]]:
    """What as many arrivals of the plan see: number, random value, row."""
    mix, orders = TrafficMix(plan), []
    for number in range(count):
        virtual_user: VirtualUser = mix.caller(number)
        virtual_user.begin(frozenset({"row"}))
        orders.append(
            (str(virtual_user.number), virtual_user.uuid(), str(virtual_user.context["row"]["n"]))
        )
    return orders


@pytest.mark.parametrize("order", ["sequential", "unique"])
def test_nothing_comes_twice(tmp_path: Path, order: str) -> None:
    planned = first(tmp_path, order)
    before = drawn(planned, 200)
    after = drawn(again(planned, 25.0, 200), 200)
    for place in range(3):
        assert not {row[place] for row in before} & {row[place] for row in after}
    assert [row[2] for row in after[:3]] == ["200", "201", "202"]
    assert drawn(planned, 200) == before


def test_numbers_and_the_choices_of_users_are_new_too(tmp_path: Path) -> None:
    planned = first(tmp_path, "random")
    second = again(planned, 25.0, 1000)
    asked = [TrafficMix(each)._shared.numbers.next() for each in (planned, second)]
    assert asked[0] == 1
    assert asked[1] > 1000
    users = [TrafficMix(each).virtual_user(1) for each in (planned, second)]
    assert users[0].number == users[1].number == 1
    assert users[0].uuid() != users[1].uuid()


@pytest.mark.parametrize(
    "load",
    [
        "{rate: 50/s, ramp: 10s, duration: 100s}",
        "{stages: [{ramp: 40/s, for: 20s}, {sine: {low: 10/s, high: 70/s, period: 40s}, for: 80s}]}",
    ],
)
def test_the_shape_is_the_same_in_less_time(tmp_path: Path, load: str) -> None:
    text = f'target: {{url: "http://127.0.0.1:8080"}}\nload: {load}\nendpoints: [GET /a]\n'
    planned = plan(text, tmp_path)
    second = again(planned, planned.duration / 4, 10)
    assert second.duration == planned.duration / 4
    long, short = Schedule(planned.pieces), Schedule(second.pieces)
    assert short.total == pytest.approx(long.total / 4)
    assert short.count(short.total) == pytest.approx(long.count(long.total) / 4)
    for moment in (random.Random(1).random() * long.total for _ in range(50)):
        assert short.rate_at(moment / 4) == pytest.approx(long.rate_at(moment), abs=1e-6)


def test_it_travels_to_the_load_s_process(tmp_path: Path) -> None:
    second = again(first(tmp_path), 25.0, 200)
    assert Plan.from_json(second.to_json()) == second


def test_requests_that_vary_are_first_repeated_and_then_fresh(tmp_path: Path) -> None:
    planned = first(tmp_path)
    repeat, fresh = confirmation_rounds(planned, 50.0, 5000)
    assert [(round_.name, round_.stage) for round_ in (repeat, fresh)] == [
        ("repeat", "repeated"),
        ("confirm", "confirmed"),
    ]
    assert drawn(repeat.plan, 20) == drawn(planned, 20)
    assert not set(drawn(fresh.plan, 20)) & set(drawn(planned, 20))
    assert repeat.plan.duration == fresh.plan.duration == 25.0


def test_requests_that_are_always_the_same_and_rows_that_are_used_once_are_not_repeated(
    tmp_path: Path,
) -> None:
    [only] = confirmation_rounds(first(tmp_path, "unique"), 50.0, 500)
    assert (only.name, only.plan.duration, only.plan.before) == ("confirm", 50.0, 500)
    text = 'target: {url: "http://127.0.0.1:8080"}\nload: {rate: 5/s, duration: 10s}\nendpoints: [GET /a]\n'
    assert [round_.name for round_ in confirmation_rounds(plan(text, tmp_path), 50.0, 500)] == [
        "confirm"
    ]
