"""Leaks of known size, planted into copies of a run's own series: caught where the promise is kept, corrected where it is not."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.stats import t as student

from soak.analysis import positive_control
from soak.analysis.positive_control import (
    FACTORS,
    FINER,
    SHARE,
    _likely,
    _promises,
    caught_in,
    p_no_growth,
    with_positive_control,
)
from soak.analysis.rules.growth import judge_growth
from soak.analysis.statistics.fit_input import FitInput
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.statistics.marginal_likelihood import Fits, Whitened
from soak.analysis.statistics.series_copies import TRIES, copies_of
from soak.analysis.thresholds import CERTAIN, SUSPICIOUS
from soak.analysis.vouch import bound
from soak.model import Finding, Floats, PlantedLeak, RuleName, Series, Trend, Verdict
from tests.analysis.series import subject as made_subject

MONTH = 30 * 86400.0
SECONDS = 3600
TIMES = np.arange(0.0, SECONDS, 5.0)


def noise(seed: int, scale: float = 2e5) -> Floats:
    return np.random.default_rng(seed).normal(0, scale, len(TIMES))


def wander(seed: int) -> Floats:
    steps = np.random.default_rng(seed).normal(0, 4e4, len(TIMES))
    level = np.zeros(len(TIMES))
    for index in range(1, len(level)):
        level[index] = 0.97 * level[index - 1] + steps[index]
    return level


def warming(seed: int) -> Floats:
    return 8e6 * -np.expm1(-TIMES / 240) + noise(seed)


def subject(values: Floats, *, integer: bool = False) -> Subject:
    series = Series("process_resident_memory_bytes", TIMES, 80e6 + values)
    return Subject(series, "resident memory", "bytes", integer=integer, borders=())


def judged(given: Subject) -> Finding:
    return judge_growth([given], MONTH)[0]


STEADY = Trend(0.0, -1.0, 1.0, 1.0, 0.0, 80e6, p_no_growth=1.0)


@pytest.mark.parametrize("shape", [noise, wander, warming])
def test_leaks_of_the_promised_size_are_caught_in_copies_of_the_series(
    shape: Callable[[int], Floats],
) -> None:
    given = subject(shape(3))
    finding = judged(given)
    assert finding.verdict is Verdict.PASS
    (controlled,) = with_positive_control([given], [finding], SECONDS)
    leak = controlled.planted
    assert leak is not None
    assert leak.tries == TRIES
    assert leak.caught >= SHARE * TRIES
    assert f"caught in {leak.caught} of {TRIES} tries" in controlled.reason
    assert controlled.verdict is finding.verdict
    copies = copies_of(given, 0)
    assert copies is not None
    assert shape is wander or caught_in(copies, 0.0) <= TRIES // 4, (
        "a copy without a leak is steady"
    )
    assert shape is wander or caught_in(copies, leak.per_hour / 10) < SHARE * TRIES, (
        "a tenth of it is not seen"
    )


def test_a_promise_that_is_not_kept_is_raised_until_it_is() -> None:
    given = subject(noise(5))
    finding = judged(given)
    assert finding.trend is not None
    honest = finding.trend.resolution_per_hour
    bold = replace(finding, trend=replace(finding.trend, resolution_per_hour=honest / 5))
    (controlled,) = with_positive_control([given], [bold], SECONDS)
    assert controlled.planted is not None
    assert controlled.trend is not None
    assert controlled.planted.promised_per_hour == honest / 5
    assert controlled.planted.per_hour == controlled.trend.resolution_per_hour > honest / 5
    assert controlled.planted.caught >= SHARE * TRIES


def test_a_step_in_the_level_does_not_hide_leaks() -> None:
    """A load that doubles midway: the level steps by forty times its scatter, and each copy steps as sharply."""
    given = subject(noise(5) + 8e6 * (TIMES > SECONDS / 2))
    finding = judged(given)
    assert finding.verdict is Verdict.PASS
    (controlled,) = with_positive_control([given], [finding], SECONDS)
    assert controlled.planted is not None
    assert controlled.planted.caught >= SHARE * TRIES
    assert controlled.planted.per_hour == controlled.planted.promised_per_hour


def test_a_leak_beside_a_fall_is_growth_by_what_it_adds_beyond_the_fall() -> None:
    given = subject(noise(5) - 20e6 * TIMES / SECONDS)
    finding = judged(given)
    assert finding.verdict is Verdict.PASS
    (controlled,) = with_positive_control([given], [finding], SECONDS)
    assert controlled.planted is not None
    assert controlled.planted.caught >= SHARE * TRIES
    assert controlled.planted.per_hour <= 1.5 * controlled.planted.promised_per_hour


def test_a_promise_is_raised_until_the_series_itself_does_not_pass_since_a_plateau(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The copies are all caught; with leaks of the first three sizes the series seems to have a plateau, and is steady by it."""
    given = subject(noise(5))
    finding = judged(given)
    assert finding.trend is not None
    promised = finding.trend.resolution_per_hour
    asked: list[float] = []
    answers: list[Trend] = []

    def fit(planted: Subject) -> Trend:
        grown = planted.series.values - given.series.values
        asked.append(grown[-1] / (TIMES[-1] - TIMES[0]) * 3600 / promised)
        return answers.pop(0)

    def raised(*trends: Trend, plateau: float | None = 60.0) -> float:
        asked.clear()
        answers[:] = trends
        monkeypatch.setattr(positive_control, "plateau_begin", lambda *_: plateau)
        (controlled,) = with_positive_control([given], [finding], SECONDS)
        assert controlled.planted is not None
        return controlled.planted.per_hour / promised

    monkeypatch.setattr(positive_control, "fit_trend", fit)
    steady = replace(STEADY, p_no_growth=SUSPICIOUS + 0.01)
    assert raised(STEADY, STEADY, steady, replace(STEADY, p_no_growth=SUSPICIOUS)) == FACTORS[3]
    assert asked == pytest.approx(FACTORS[:4])
    assert raised(STEADY, replace(STEADY, doubt="it cannot tell")) == FACTORS[1]
    assert raised(plateau=None) == 1.0
    assert asked == [], "without a plateau nothing is fitted again"


def test_the_share_is_said_as_it_is_where_no_size_is_caught_often_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[float] = []

    def caught(_given: object, size: float) -> int:
        tried.append(size)
        return 3

    monkeypatch.setattr(positive_control, "caught_in", caught)
    given = subject(noise(5))
    finding = judged(given)
    assert finding.trend is not None
    (controlled,) = with_positive_control([given], [finding], SECONDS)
    factors = np.array(tried[-8:]) / finding.trend.resolution_per_hour
    assert factors == pytest.approx([1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0])
    assert controlled.planted is not None
    assert controlled.planted.per_hour == FACTORS[-1] * finding.trend.resolution_per_hour
    assert "caught in 3 of 20 tries" in controlled.reason


def test_only_the_resource_that_a_pass_can_vouch_for_least_is_tried() -> None:
    quiet, loud = subject(noise(1, 1e4)), subject(noise(2, 1e6))
    findings = judge_growth([quiet, loud], MONTH)
    tried = with_positive_control([quiet, loud], findings, SECONDS)
    assert [finding.planted is not None for finding in tried] == [False, True]


def test_nothing_is_planted_where_nothing_is_promised() -> None:
    still, counted = subject(np.zeros(len(TIMES))), subject(np.round(noise(1, 2.0)), integer=True)
    leaking = subject(TIMES * 4e3 + noise(1))
    subjects = [still, counted, leaking]
    findings = judge_growth(subjects, MONTH)
    assert with_positive_control(subjects, findings, SECONDS) == findings


def test_the_same_run_has_the_same_control() -> None:
    given = subject(wander(7))
    finding = judged(given)
    assert with_positive_control([given], [finding], SECONDS) == with_positive_control(
        [given], [finding], SECONDS
    )


def hollow(given: Subject) -> Finding:
    """A pass whose formula promises so little that it would be hollow: growth by half in 40 minutes."""
    finding = judged(given)
    assert finding.trend is not None
    return replace(finding, trend=replace(finding.trend, resolution_per_hour=60e6))


def test_a_formula_that_promises_too_little_is_replaced_by_what_is_caught() -> None:
    given = subject(noise(5))
    (controlled,) = with_positive_control([given], [hollow(given)], SECONDS)
    assert controlled.trend is not None
    assert controlled.trend.resolution_per_hour == FINER[-1] * 60e6
    assert controlled.planted is not None
    assert controlled.planted.caught >= SHARE * TRIES


def test_a_promise_is_not_lowered_where_even_the_smallest_leak_would_leave_the_pass_hollow() -> (
    None
):
    given = subject(noise(5))
    finding = hollow(given)
    assert finding.trend is not None
    far = replace(finding, trend=replace(finding.trend, resolution_per_hour=600e6))
    (controlled,) = with_positive_control([given], [far], SECONDS)
    assert controlled.trend is not None
    assert controlled.trend.resolution_per_hour == 600e6


def test_a_lowered_promise_leaves_the_upper_end_of_the_interval_as_the_bound() -> None:
    given = subject(noise(5))
    finding = hollow(given)
    assert finding.trend is not None
    finding = replace(finding, trend=replace(finding.trend, slope_high=20e6, p_no_growth=0.6))
    (controlled,) = with_positive_control([given], [finding], SECONDS)
    assert controlled.trend is not None
    assert controlled.trend.resolution_per_hour < bound(controlled.trend) == 20e6


@pytest.mark.parametrize(("alarms", "factor"), [(5, FINER[1]), (6, 1.0)])
def test_smaller_leaks_are_promised_as_far_as_each_is_caught_and_copies_without_a_leak_are_steady(
    monkeypatch: pytest.MonkeyPatch, alarms: int, factor: float
) -> None:
    caught = {
        0.0: alarms,
        60e6: 20,
        FINER[0] * 60e6: 20,
        FINER[1] * 60e6: 19,
        FINER[2] * 60e6: 18,
        FINER[3] * 60e6: 20,
    }
    monkeypatch.setattr(positive_control, "caught_in", lambda _given, size: caught[size])
    given = subject(noise(5))
    (controlled,) = with_positive_control([given], [hollow(given)], SECONDS)
    assert controlled.trend is not None
    assert controlled.trend.resolution_per_hour == factor * 60e6


# Its parts, on numbers made by hand.

MIB = 2.0**20


def columns(y: Floats, least: float = 0.5, models: int = 1) -> Whitened:
    """Copies (c, v, n) beside a column of ones and two of growth."""
    n = y.shape[-1]
    x = np.stack([np.ones(n), np.arange(n) / 2, np.arange(n) ** 2.0])
    return Whitened(y, np.stack([x] * models), np.zeros(models), n, np.full(models, least))


@pytest.mark.parametrize(("per_hour", "slope"), [(0.0, 0.0), (72.0, 3.0), (-72.0, -3.0)])
def test_a_leak_is_planted_along_the_first_pace_in_units_of_the_range_that_it_extends(
    monkeypatch: pytest.MonkeyPatch, per_hour: float, slope: float
) -> None:
    """A leak of 72 units an hour is 12 units in 600 s, three times the scale of 4."""
    y = np.array([[[1.0, 2.0, 4.0]], [[0.0, 5.0, 1.0]], [[7.0, 7.0, 7.0]]])
    candidates: Any = SimpleNamespace(paces=slice(1, 3))
    seen: list[Any] = []

    def likely(planted: Any, of: Any) -> Any:
        assert of is candidates
        seen.extend(planted)
        return planted

    monkeypatch.setattr(positive_control, "_likely", likely)
    monkeypatch.setattr(positive_control, "p_no_growth", lambda *_: np.array([0.49, 0.5, 0.51]))
    given = FitInput([(columns(y), 0.25)], candidates, np.zeros(3), 600.0, 4.0)
    assert caught_in(given, per_hour) == 2
    [(planted, prior)] = seen
    reach = 1 + abs(slope)
    assert prior == 0.25
    assert planted.y == pytest.approx((y + slope * np.array([0.0, 0.5, 1.0])) / reach)
    assert planted.least == pytest.approx([0.5 / reach**2])


@pytest.mark.parametrize("copied_base", [False, True])
def test_what_explains_the_first_two_copies_a_thousand_times_worse_is_left_out(
    monkeypatch: pytest.MonkeyPatch, copied_base: bool
) -> None:
    logs = {
        1.0: ([[[-50.0, 3.0], [0.0, -9.0], [-3.9, -4.0]]], [[[1.0], [-99.0], [-99.0]]]),
        2.0: ([[[-4.0, -4.0], [-9.0, -9.0], [-9.0, -9.0]]], [[[-5.0], [-4.5], [-5.0]]]),
        3.0: ([[[-9.0, -9.0], [-9.0, -9.0], [-9.0, -9.0]]], [[[-4.0], [-3.5], [-9.0]]]),
    }
    asked: list[tuple[int, ...]] = []

    def explained(w: Whitened, prior: float, of: str) -> Any:
        assert of == "candidates"
        asked.append((*w.y.shape, *w.base.shape))
        stays, grows = (np.array(table) for table in logs[prior])
        other = np.full_like(stays, -70.0)
        return SimpleNamespace(stays=[other, stays], grows=[(grows, None), (other, None)])

    monkeypatch.setattr(positive_control, "simple_explanations", explained)
    w = columns(np.arange(60.0).reshape(5, 3, 4), models=3)
    w = replace(w, base=np.zeros((5, 3)) if copied_base else w.base)
    left = _likely([(w, 1.0), (w, 2.0), (w, 3.0)], "candidates")  # type: ignore[arg-type]
    assert asked == [(2, 3, 4, *((2, 3) if copied_base else (3,)))] * 3
    assert [prior for _, prior in left] == [1.0, 3.0]
    assert [kept.y[0, :, 0].tolist() for kept, _ in left] == [[0.0, 4.0, 8.0], [4.0]]
    assert left[0][0].y.shape == (5, 3, 4)


def test_growth_is_weighed_against_all_that_stays_by_the_chance_that_it_is_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two copies under one noise model, with two paces and two steps: every weight is counted once."""
    two, no = np.ones((2, 1, 2)), np.zeros((1, 2), np.bool_)
    slopes = np.array([[[1.0, -1.0]]] * 2)
    fits = {
        "alone": Fits(np.log([[[3.0, 4.0]]] * 2), two, two, 4, no),
        "growth": Fits(np.log([[[2.0, 1.0]]] * 2), slopes, two / 2, 5, no),
    }
    simple = replace(fits["growth"], slope=np.array([[[2.0, 0.0]], [[5.0, 0.0]]]), freedom=6)
    added: list[Any] = []

    class Weights:
        def __init__(self) -> None:
            self.stays = [np.log(np.array([[[1.0, 6.0]], [[2.0, 8.0]]]))]
            self.grows = [(np.log(np.array([[[5.0, 1.0]], [[9.0, 1.0]]])), simple)]

        def stay(self, weights: Floats) -> None:
            self.stays.append(weights)

        def grow(self, made: Fits, prior: Floats) -> None:
            added.append(prior)
            self.grows.append((made.evidence + prior, made))

    candidates: Any = SimpleNamespace(
        paces=slice(1, 3), steps=slice(0, 2), step_prior=np.log([0.5, 0.25])
    )
    columns_seen: list[Any] = []

    def beside(w: Whitened, steps: Floats, growth: Floats) -> Fits:
        columns_seen.append((steps.tolist(), growth.tolist()))
        return fits["growth"]

    monkeypatch.setattr(positive_control, "simple_explanations", lambda *_: Weights())
    monkeypatch.setattr(positive_control, "fit_each", lambda *_: fits["alone"])
    monkeypatch.setattr(positive_control, "fit_each_with", beside)
    w = columns(np.zeros((2, 1, 3)))
    prior = math.log(2)
    p = p_no_growth([(w, prior)], candidates)
    stepped = 0.12 * np.array([0.5, 0.25]) * 2
    assert [np.exp(each).tolist() for each in added] == [pytest.approx(stepped / 2)] * 2
    assert columns_seen == [(w.x[:, 0:2].tolist(), w.x[:, pace].tolist()) for pace in (1, 2)]
    for copy, (stay, grow) in enumerate((((1.0, 6.0), (5.0, 1.0)), ((2.0, 8.0), (9.0, 1.0)))):
        none = sum(stay) + float(stepped @ np.array([3.0, 4.0]))
        weights = [*grow, *[*(stepped / 2 * np.array([2.0, 1.0]))] * 2]
        falls = [
            *student.cdf(-simple.slope[copy, 0] / 0.5, 6),
            *[*student.cdf([-2.0, 2.0], 5)] * 2,
        ]
        expected = (none + np.dot(weights, falls)) / (none + sum(weights))
        assert p[copy] == pytest.approx(expected)
    twice = p_no_growth([(w, prior), (w, prior)], candidates)
    assert twice == pytest.approx(p)


def test_a_growth_without_any_error_surely_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = Fits(
        np.zeros((1, 1, 1)), np.ones((1, 1, 1)), np.zeros((1, 1, 1)), 3, np.zeros((1, 1), bool)
    )

    def explained(*_: Any) -> Any:
        return SimpleNamespace(
            stays=[np.full((1, 1, 1), -1e3)],
            grows=[(np.zeros((1, 1, 1)), exact)],
            stay=lambda _: None,
            grow=lambda *_: None,
        )

    monkeypatch.setattr(positive_control, "simple_explanations", explained)
    candidates: Any = SimpleNamespace(paces=slice(0, 1), steps=slice(1, 2), step_prior=np.zeros(1))
    assert p_no_growth([(columns(np.ones((1, 1, 3))), 0.0)], candidates).tolist() == [0.0]


# Which promises are tried, on findings made by hand: a level of 100 MiB may grow by 50.


def promise(
    resolution: float = 50 * MIB, series: str = "process_resident_memory_bytes", **more: Any
) -> Finding:
    trend = Trend(-0.5, -1.0, 0.0, resolution, 0.0, 100 * MIB, p_no_growth=0.99)
    made = Finding(
        RuleName.GROWTH, series, Verdict.PASS, "It is steady.", unit="bytes/h", trend=trend
    )
    of_trend = {name: more.pop(name) for name in [*more] if hasattr(trend, name)}
    return replace(made, **({"trend": replace(trend, **of_trend)} | more))


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Sizes as they are tried, with the series that they are tried on; all of them are caught, and nothing else."""
    sizes: list[tuple[str, float]] = []
    monkeypatch.setattr(positive_control, "copies_of", lambda given, seed: given)

    def caught(given: Subject, size: float) -> int:
        sizes.append((given.noun, size / MIB))
        return 20 if size else 0

    monkeypatch.setattr(positive_control, "caught_in", caught)
    return sizes


@pytest.mark.parametrize(
    ("finding", "integer", "promises"),
    [
        (promise(), False, True),
        (promise(), True, False),
        (promise(verdict=Verdict.FAIL), False, False),
        (promise(verdict=Verdict.INCONCLUSIVE), False, False),
        (promise(trend=None), False, False),
        (promise(slope_low=0.0), False, False),
        (promise(slope_low=1.0), False, False),
        (promise(0.0), False, False),
        (promise(0.5), False, True),
        (promise(math.inf), False, False),
    ],
)
def test_only_a_pass_with_a_fit_makes_a_promise(
    finding: Finding, integer: bool, promises: bool, tried: list[tuple[str, float]]
) -> None:
    own = made_subject([0.0], integer=integer)
    assert _promises(own, finding) is promises
    [made] = with_positive_control([own], [finding], 1.0)
    assert (made.planted is not None) is promises
    assert (made is finding) is not promises


@pytest.mark.parametrize(
    ("began", "creeping", "seen"), [(40.0, 0, 20), (40.0, 5, 20), (40.0, 6, 3), (None, 0, 3)]
)
def test_a_leak_that_is_certain_since_the_warm_up_is_caught_as_well(
    monkeypatch: pytest.MonkeyPatch, began: float | None, creeping: int, seen: int
) -> None:
    def caught(given: Subject, size: float, least: float = SUSPICIOUS) -> int:
        assert least == (SUSPICIOUS if given.judged_from == 0.0 else CERTAIN)
        if given.judged_from == 0.0:
            return 3
        return 20 if size else creeping

    monkeypatch.setattr(positive_control, "copies_of", lambda given, seed: given)
    monkeypatch.setattr(positive_control, "caught_in", caught)
    monkeypatch.setattr(positive_control, "warm_up_end", lambda _trend, lives: began)
    [made] = with_positive_control(of("a"), [promise()], 60.0)
    assert made.planted is not None
    assert made.planted.caught == seen


def of(*nouns: str) -> Sequence[Subject]:
    return [made_subject([0.0], noun=noun) for noun in nouns]


def test_the_promise_with_the_shortest_horizon_is_tried_and_no_other(
    tried: list[tuple[str, float]],
) -> None:
    findings = [promise(5 * MIB), promise(9 * MIB), promise(90 * MIB, verdict=Verdict.FAIL)]
    made = with_positive_control(of("a", "b", "c"), findings, 60.0)
    assert tried == [("b", 9.0)]
    assert [each.planted is not None for each in made] == [False, True, False]
    assert with_positive_control([], [], 60.0) == []
    assert with_positive_control(of("c"), findings[2:], 60.0) == findings[2:]
    assert tried == [("b", 9.0)]


def test_a_promise_that_is_kept_is_said_with_the_leaks_that_were_caught(
    tried: list[tuple[str, float]],
) -> None:
    told = promise(reason="Any growth is under 50 MiB/h, 35.1 GiB a month.")
    [made] = with_positive_control(of("a"), [told], 60.0)
    assert made.planted == PlantedLeak(
        "process_resident_memory_bytes", 50 * MIB, "bytes/h", 20, 20, 50 * MIB
    )
    assert made.reason == (
        "Any growth is under 50 MiB/h, 35.1 GiB a month; leaks of 50 MiB/h planted into copies of it were caught in 20 of "
        "20 tries."
    )


@pytest.mark.parametrize(
    ("seen", "factor"), [((18, 19), 1.25), ((19,), 1.0), ((18, 0, 18, 20), 2.0)]
)
def test_a_promise_is_raised_to_the_first_size_of_which_nineteen_are_caught(
    monkeypatch: pytest.MonkeyPatch,
    tried: list[tuple[str, float]],
    seen: tuple[int, ...],
    factor: float,
) -> None:
    caught = iter(seen)
    monkeypatch.setattr(positive_control, "caught_in", lambda *_: next(caught))
    told = promise(reason="Any growth is under 50 MiB/h, 35.1 GiB a month.")
    [made] = with_positive_control(of("a"), [told], 60.0)
    assert made.trend is not None
    assert made.planted is not None
    assert made.trend.resolution_per_hour == factor * 50 * MIB
    assert (made.planted.caught, made.planted.per_hour) == (seen[-1], factor * 50 * MIB)
    assert made.planted.promised_per_hour == 50 * MIB
    assert f"is under {50 * factor:g} MiB/h, " in made.reason
    assert next(caught, None) is None


@pytest.mark.parametrize(
    ("judged", "more", "sizes"),
    [
        (
            1800.0,
            {},
            [50.0],
        ),  # the horizon of an hour is twice what was judged: no pass would be taken back
        (1800.5, {}, [50.0, 35.0, 25.0, 17.5, 12.5]),
        (7200.0, {}, [50.0, 35.0, 25.0, 17.5, 12.5]),
        (7200.5, {}, [50.0]),  # a quarter of the promise would not do
        (1800.5, {"p_no_growth": 0.5}, [50.0, 35.0, 25.0, 17.5, 12.5]),
        (1800.5, {"verdict": Verdict.FAIL}, []),
        (1800.5, {"trend": None}, []),
    ],
)
def test_a_promise_is_lowered_where_a_pass_would_be_hollow_and_smaller_leaks_would_keep_it(
    tried: list[tuple[str, float]], judged: float, more: dict[str, Any], sizes: list[float]
) -> None:
    [made] = with_positive_control(of("a"), [promise(**more)], judged)
    assert [size for _, size in tried if size] == pytest.approx(sizes)
    if sizes:
        assert made.planted is not None
        assert made.planted.per_hour == pytest.approx(sizes[-1] * MIB)
        assert made.planted.caught == 20


@pytest.mark.parametrize(
    ("caught", "alarms", "factor"),
    [
        ({1.0: 19, 0.7: 19, 0.5: 19, 0.35: 18}, 5, 0.5),
        ({1.0: 19, 0.7: 18}, 0, 1.0),
        ({1.0: 18, 0.7: 20}, 0, 1.0),
        ({1.0: 20}, 6, 1.0),
        ({1.0: 20, 0.7: 20, 0.5: 20, 0.35: 20, 0.25: 20}, 5, 0.25),
    ],
)
def test_it_is_lowered_as_far_as_nineteen_of_each_size_are_caught(
    monkeypatch: pytest.MonkeyPatch,
    tried: list[tuple[str, float]],
    caught: dict[float, int],
    alarms: int,
    factor: float,
) -> None:
    def seen(_given: object, size: float) -> int:
        return caught[round(size / (50 * MIB), 6)] if size else alarms

    monkeypatch.setattr(positive_control, "caught_in", seen)
    [made] = with_positive_control(of("a"), [promise()], 3600.0)
    assert made.planted is not None
    assert made.planted.per_hour == pytest.approx(factor * 50 * MIB)
    assert made.planted.caught == caught[factor]


def test_without_copies_a_promise_stays_as_it_is(
    monkeypatch: pytest.MonkeyPatch, tried: list[tuple[str, float]]
) -> None:
    def broken(given: Subject, seed: int) -> None:
        assert seed == len("process_resident_memory_bytes")
        raise np.linalg.LinAlgError

    for copies in (lambda given, seed: None, broken):
        monkeypatch.setattr(positive_control, "copies_of", copies)
        for judged in (60.0, 3600.0):
            assert with_positive_control(of("a"), [promise()], judged) == [promise()]
    assert tried == []
