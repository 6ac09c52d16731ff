"""The code that varies the mix: balanced, at a constant total, and the same in every process."""

from collections import Counter
from itertools import pairwise
from math import inf
from pathlib import Path
from statistics import correlation

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak.load.plan.mix_modulation import (
    MixModulation,
    hadamard,
    mix_modulation_of,
    modulated_shares,
)
from soak.load.supervisor.compile_plan import plan_of
from soak.load.workload.mix import TrafficMix
from soak.profile import parse_profile
from tests.load.test_driver import Driven
from tests.targets.orders import orders

WEIGHTS = st.lists(st.floats(0.5, 50), min_size=2, max_size=20)
FOUR = "endpoints: [{request: GET /a, weight: 3}, {request: GET /b, weight: 2}, GET /c, GET /d]"


@given(st.integers(1, 100))
def test_columns_are_orthogonal_and_but_one_balanced(least: int) -> None:
    matrix = hadamard(least)
    columns = list(zip(*matrix, strict=True))
    assert len(columns) >= least
    assert set(columns[0]) == {1}
    assert all(
        sum(a * b for a, b in zip(left, two, strict=True)) == 0 for left, two in pairwise(columns)
    )
    assert all(sum(column) == 0 for column in columns[1:])


@settings(max_examples=25, deadline=None)
@given(WEIGHTS)
def test_every_slot_makes_the_whole_rate_and_every_endpoint_has_its_weight_in_the_end(
    weights: list[float],
) -> None:
    rows = modulated_shares(weights)
    assert [sum(row) for row in rows] == pytest.approx([1.0] * len(rows))
    assert all(share > 0 for row in rows for share in row)
    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    assert means == pytest.approx([weight / sum(weights) for weight in weights], rel=1e-3)


def test_every_endpoint_goes_well_up_and_down() -> None:
    weights = [15, 12, 10, 10, 6, 4, 2, 1]
    for weight, column in zip(weights, zip(*modulated_shares(weights), strict=True), strict=True):
        part = weight / sum(weights)
        assert min(column) < 0.5 * part
        assert 1.4 * part < max(column) < 3 * part


@pytest.mark.parametrize(
    ("duration", "slots", "seconds"),
    [(60, 12, 5), (240, 24, 10), (3600, 48, 75), (7 * 86400, 1008, 600)],
)
def test_slots_fill_the_steady_phase_in_whole_cycles(
    duration: float, slots: int, seconds: float
) -> None:
    code = MixModulation.of([15, 12, 10, 10, 6, 4, 2, 1], 30.0, duration, seed=1)
    assert code is not None
    assert len(code.order) == slots
    assert code.slot == pytest.approx(seconds)
    for first in range(0, slots, 12):
        assert sorted(code.order[first : first + 12]) == list(range(12))
    assert code.at(29.9) == (code.plain, 30.0)
    assert code.at(30.0) == (code.rows[code.order[0]], 30.0 + code.slot)
    assert code.at(30.0 + duration) == (code.plain, inf)


@pytest.mark.parametrize("seed", range(5))
def test_no_endpoint_has_most_of_its_requests_early_or_late(seed: int) -> None:
    code = MixModulation.of([1.0] * 6, 0.0, 120.0, seed)
    assert code is not None
    for column in range(6):
        shares = [
            code.rows[row][column] - (code.rows[row][column - 1] if column else 0.0)
            for row in code.order
        ]
        assert (
            abs(sum(shares[: len(shares) // 2]) / sum(shares) - 0.5) <= 0.16
        )  # all of its ups at one end: 0.8
        assert abs(correlation(shares, range(len(shares)))) < 0.3


def traffic(index: int, count: int, seed: int = 4, attribute: str = "true") -> TrafficMix:
    text = f"target: {{url: 'http://127.0.0.1:1'}}\nload: {{rate: 10/s, ramp: 5s, duration: 2m, seed: {seed}}}\n{FOUR}\n"
    plan = plan_of(
        parse_profile(f"{text}diagnose: {{attribute: {attribute}}}\n", "p.yaml", environment={})[0]
    )
    return TrafficMix(plan, index, count)


def test_all_workers_vary_the_mix_alike_and_another_seed_varies_it_otherwise() -> None:
    def story(mix: TrafficMix) -> list[str]:
        chance, told = mix.virtual_user(1).random, []
        chance.seed(1)
        for second in range(0, 130, 5):
            if second >= mix.turns:
                mix.turn(second)
            told += [mix.choose(chance).first.endpoint for _ in range(30)]
        return told

    assert story(traffic(0, 3)) == story(traffic(2, 3))
    assert story(traffic(0, 3)) != story(traffic(0, 3, seed=5))
    assert story(traffic(0, 3)) != story(traffic(0, 3, attribute="false"))


def test_the_mix_is_plain_in_the_ramp_and_without_being_asked() -> None:
    coded, plain = traffic(0, 1), traffic(0, 1, attribute="false")
    coded.turn(4.9)
    assert coded.turns == 5.0
    assert plain.turns == inf
    same = [
        [mix.choose(mix.virtual_user(2).random).first.endpoint for _ in range(50)]
        for mix in (coded, plain)
    ]
    assert same[0] == same[1]


def test_one_endpoint_alone_has_no_code() -> None:
    text = "target: {url: 'http://127.0.0.1:1'}\nload: {rate: 1/s, duration: 1m}\nendpoints: [GET /a]\n"
    assert (
        mix_modulation_of(
            plan_of(
                parse_profile(f"{text}diagnose: {{attribute: true}}\n", "p.yaml", environment={})[0]
            )
        )
        is None
    )


@pytest.mark.parametrize(
    "load",
    [
        pytest.param("rate: 250/s", marks=pytest.mark.thorough),
        pytest.param("rate: 250/s, processes: 2", marks=pytest.mark.thorough),
        "users: 4, pace: 10ms",
    ],
)
def test_the_load_follows_the_code(load: str, tmp_path: Path) -> None:
    with orders() as shop:
        driven = Driven(
            tmp_path,
            shop.url,
            f"{load}, duration: 4s, seed: 3",
            f"{FOUR}\ndiagnose: {{attribute: true}}\n",
        )
    assert driven.failure is None
    assert len([text for text in driven.warnings if "varied on purpose" in text]) == 1
    code = MixModulation.of([3, 2, 1, 1], 0.0, 4.0, seed=3)
    assert code is not None
    names = ["GET /a", "GET /b", "GET /c", "GET /d"]
    plain = [high - low for low, high in pairwise((0.0, *(part / 7 for part in code.plain)))]
    if "rate" in load:  # however late a request is made, its number says when it was due
        paths = [f"{request.method} {request.path}" for request in shop.asked]
        parts = [(Counter(paths[at : at + 60]), at / 250, 60 / 250) for at in range(0, 960, 60)]
    else:  # however late a window was closed, its own time says its mix
        parts = [
            (
                Counter({seen.endpoint: seen.requests for seen in window.endpoints}),
                window.time - window.seconds - driven.started,
                window.seconds,
            )
            for window in driven.windows
        ]
    made, meant = [], []
    for counts, start, seconds in parts:
        moments = [start + seconds * (part + 0.5) / 20 for part in range(20)]
        if sum(counts.values()) < 10 or not (moments[0] >= 0 and moments[-1] < 4.0):
            continue
        for column, (name, mean) in enumerate(zip(names, plain, strict=True)):
            shares = [
                high - low
                for low, high in (
                    (0.0, *code.at(moment)[0])[column : column + 2] for moment in moments
                )
            ]
            made.append(counts.get(name, 0) / sum(counts.values()) - mean)
            meant.append(sum(shares) / len(shares) - mean)
    assert correlation(made, meant) > 0.8
    if "rate" in load:
        assert sum(driven.requests().values()) == pytest.approx(1000, rel=0.1)
