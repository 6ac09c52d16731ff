"""Several runs of one profile as one."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import chi2, t

from soak.analysis import analyze
from soak.analysis import pooling as pooling_module
from soak.analysis.pooling import (
    _more_runs,
    _pooled,
    pool,
    pooling_key,
    refuse_to_pool,
)
from soak.analysis.statistics.random_effects import _between, pooled_trend
from soak.analysis.vouch import MOST
from soak.errors import UsageError
from soak.model import (
    Analysis,
    Ending,
    Finding,
    PlantedLeak,
    RuleName,
    RunInfo,
    Trend,
    Verdict,
)
from soak.profile import Limits, Profile, parse_profile
from tests.analysis.recordings import SECONDS, gauge, health, noise, recording


def trend(slope: float, error: float, resolution: float | None = None) -> Trend:
    return Trend(
        slope, slope - 1.96 * error, slope + 1.96 * error, resolution or 4.5 * error, 0.0, 100.0
    )


def test_runs_that_agree_sharpen_the_bound_and_runs_that_do_not_widen_it() -> None:
    alike = pooled_trend([trend(0.1, 1.0), trend(-0.1, 1.0), trend(0.2, 1.0), trend(-0.2, 1.0)])
    assert alike.resolution_per_hour == pytest.approx(4.5 * math.sqrt(1.3 / 4))
    apart = pooled_trend([trend(10.0, 1.0), trend(-10.0, 1.0), trend(9.0, 1.0), trend(-9.0, 1.0)])
    assert apart.slope_high > 10 * alike.slope_high


def test_counts_that_never_moved_have_the_rule_of_three_over_all_of_the_time() -> None:
    never = Trend(0.0, 0.0, 0.0, 3.0, 0.0, 10.0)
    assert pooled_trend([never, never, never]).resolution_per_hour == pytest.approx(1.0)


def test_the_pooled_interval_covers_a_growth_that_differs_between_runs() -> None:
    rng = np.random.default_rng(7)
    covered = 0
    for _ in range(400):
        errors = rng.uniform(0.5, 2.0, 5)
        slopes = 1.0 + rng.normal(0, 1.0, 5) + rng.normal(0, errors)
        pooled = pooled_trend(
            [trend(a, b) for a, b in zip(slopes.tolist(), errors.tolist(), strict=True)]
        )
        covered += pooled.slope_low <= 1.0 <= pooled.slope_high
    assert covered / 400 >= 0.94


def test_two_runs_that_agree_bound_growth_as_well_as_each_alone() -> None:
    """Cochran's Q of two runs with errors of 1 and 2 is the square of their difference, by 5."""
    near = pooled_trend([trend(0.0, 1.0), trend(4.38, 2.0)])
    assert near.slope_high - near.slope_per_hour == pytest.approx(1.96 * 2.0)
    far = pooled_trend([trend(0.0, 1.0), trend(4.39, 2.0)])
    assert far.slope_high - far.slope_per_hour > 20.0


def night(seed: int, growth: float = 0.0) -> Analysis:
    values = 50e6 + growth * np.arange(SECONDS) + noise(2e5, seed=seed)
    return analyze(
        recording(gauge("process_resident_memory_bytes", values), sources=[health()]), Limits()
    )


def test_nights_together_vouch_for_longer_than_each() -> None:
    nights = [night(seed) for seed in range(1, 8)]
    together = pool(nights, [300.0] * 7, Limits().survive.for_)
    assert together.verdict is Verdict.PASS
    assert together.vouched is not None
    alone = [night.vouched.seconds for night in nights if night.vouched is not None]
    assert together.vouched.seconds > 1.5 * float(np.median(alone))
    assert "7 runs, 35 min judged together" in together.reason


def test_a_run_that_leaks_is_not_averaged_away() -> None:
    together = pool([night(1), night(2), night(3, growth=5e4)], [300.0] * 3, Limits().survive.for_)
    assert together.verdict is Verdict.FAIL
    assert together.vouched is None


TEXT = """
target: {url: "http://127.0.0.1:1"}
load: {rate: 50/s, duration: 5m}
endpoints: [GET /]
"""


def profile(text: str = TEXT) -> Profile:
    return parse_profile(text, "p.yaml")[0]


RUN = RunInfo("p", "2026-01-01T00:00:00Z", 300.0)


@pytest.mark.parametrize(
    ("other", "run", "start", "why"),
    [
        (TEXT.replace("50/s", "60/s"), RUN, 1000.0, "the rates of b and a differ"),
        (TEXT.replace("GET /", "GET /x"), RUN, 1000.0, "the endpoints of b and a differ"),
        ("name: other" + TEXT, RUN, 1000.0, "the profiles' names of b and a differ"),
        (
            TEXT,
            replace(RUN, ended=Ending.CRASHED),
            1000.0,
            r"b broke \(it never said how it ended\): leave it out",
        ),
        (TEXT, RUN, 299.0, "a and b overlap in time on one target"),
    ],
)
def test_runs_that_are_not_of_one_kind_are_refused_with_the_reason(
    other: str, run: RunInfo, start: float, why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        refuse_to_pool([("a", profile(), RUN, 0.0), ("b", profile(other), run, start)])


def test_one_run_is_not_several() -> None:
    with pytest.raises(UsageError, match="at least two"):
        refuse_to_pool([("a", profile(), RUN, 0.0)])
    refuse_to_pool([("a", profile(), RUN, 0.0), ("b", profile(), RUN, 300.0)])


def pooling(name: str, text: str = TEXT, start: float = 0.0, **run: Any) -> Any:
    return name, profile(text), replace(RUN, **run), start


def test_a_run_that_broke_is_refused_with_what_broke_it() -> None:
    with pytest.raises(UsageError, match=r"b broke \(the disk is full\): leave it out"):
        refuse_to_pool([pooling("a"), pooling("b", start=1000.0, failure="the disk is full")])


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (TEXT.replace("rate: 50/s", "users: 5"), "the rates"),
        (
            TEXT.replace("rate: 50/s, duration: 5m", "stages: [{rate: 50/s, for: 5m}]"),
            "the rates",
        ),
        (
            TEXT.replace("endpoints: [GET /]", "flows: [{name: f, steps: [GET /]}]"),
            "the endpoints",
        ),
    ],
)
def test_what_differs_is_named(other: str, what: str) -> None:
    with pytest.raises(UsageError, match=f"{what} of b and a differ, so their growth is not one"):
        refuse_to_pool([pooling("a"), pooling("b", other, 1000.0)])


def test_runs_overlap_in_whichever_order_they_are_given_and_on_one_target_alone() -> None:
    late, early = pooling("late", start=1000.0), pooling("early", start=701.0)
    with pytest.raises(UsageError, match="early and late overlap in time on one target"):
        refuse_to_pool([late, early])
    refuse_to_pool([late, pooling("early", start=700.0)])
    elsewhere = TEXT.replace("127.0.0.1:1", "127.0.0.1:2")
    refuse_to_pool([late, pooling("early", elsewhere, 701.0)])


def test_runs_that_may_be_pooled_have_one_key() -> None:
    key = pooling_key(profile())
    assert len(key) == 16
    assert pooling_key(profile(TEXT + "limits: {p99: 100ms}\n")) == key
    for other in (
        TEXT.replace("50/s", "60/s"),
        "name: other" + TEXT,
        TEXT.replace("GET /", "GET /x"),
    ):
        assert pooling_key(profile(other)) != key


#: Per hour: what a run's growth may be at most is 2.
CALM = Trend(0.0, -1.0, 2.0, 1.0, 0.0, 100.0)
LABELS = (("instance", "a"),)


def growth(verdict: Verdict = Verdict.PASS, vouched: float | None = 1000.0, **more: Any) -> Finding:
    usual: dict[str, Any] = {"series": "queue", "labels": LABELS, "unit": "/h", "trend": CALM}
    return Finding(
        RuleName.GROWTH,
        verdict=verdict,
        reason="It may grow.",
        vouched_seconds=vouched,
        exhausts_in_hours=9.0,
        **(usual | more),
    )


def run(*findings: Finding, started: str = "2026-01-01T00:00:00Z", **more: Any) -> Analysis:
    info = RunInfo("shop", started, 300.0)
    return Analysis(info, Verdict.PASS, "Fine.", findings, **more)


@pytest.mark.parametrize(
    ("promised", "used"), [(None, 36.0), (4.5, 4.5), (35.9, 35.9), (36.0, 36.0), (40.0, 36.0)]
)
def test_what_a_run_alone_could_miss_is_no_error_of_its_growth(
    promised: float | None, used: float
) -> None:
    """The positive control raised what a run alone promises; the runs together have the formula's."""
    planted = None if promised is None else PlantedLeak("queue", 36.0, "/h", 19, 20, promised)
    found = growth(trend=trend(0.0, 1.0, 36.0), planted=planted)
    pooled = _pooled(("queue", LABELS), [run(found), run(found)], 100.0, 100.0)
    assert pooled is not None
    assert pooled.trend == pooled_trend([trend(0.0, 1.0, used)] * 2)


def together(
    monkeypatch: pytest.MonkeyPatch,
    pooled: Trend,
    *findings: Finding,
    longest: float = 100.0,
    survive: float = 100.0,
) -> Finding:
    """The finding over runs of which each has one of these; a growth of 20/h matters."""
    monkeypatch.setattr(pooling_module, "pooled_trend", lambda _: pooled)
    rows = findings or (growth(), growth(vouched=3000.0))
    found = _pooled(("queue", LABELS), [run(row) for row in rows], longest, survive)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("pooled", "verdicts", "longest", "verdict", "seconds", "said"),
    [
        (
            (5.0, 4.0, 6.0, 1.0),
            "pp",
            100.0,
            Verdict.PASS,
            2000 / 6,
            "Queue over all runs: 5/h (4/h to 6/h).",
        ),
        ((5.0, 4.0, 6.0, 8.0), "pp", 100.0, Verdict.PASS, 250.0, "Queue over all runs: 5/h (4/h"),
        # Hollow: it could have grown by as much as matters in twice the longest run.
        ((5.0, 4.0, 5.0, 1.0), "pp", 200.0, Verdict.PASS, 400.0, "Queue over all runs"),
        (
            (5.0, 4.0, 5.0, 1.0),
            "pp",
            201.0,
            Verdict.INCONCLUSIVE,
            400.0,
            "Queue over all runs: 5/h (4/h to 5/h). That is too uncertain: it could use up its room in 6.7 min, and a run was ",
        ),
        (
            (25.0, 20.0, 30.0, 1.0),
            "pp",
            600.0,
            Verdict.FAIL,
            2000 / 30,
            "Queue kept growing in all runs together: 25/h (20/h to 30/h).",
        ),
        ((25.0, 19.9, 30.0, 1.0), "pp", 10.0, Verdict.PASS, 2000 / 30, "Queue over all runs"),
        (
            (10.0, 5.0, 20.0, 1.0),
            "pi",
            10.0,
            Verdict.INCONCLUSIVE,
            100.0,
            "Queue may or may not grow over all runs: 10/h (5/h to 20/h); 1 more such run would tell.",
        ),
        ((10.0, 5.0, 19.9, 1.0), "pi", 10.0, Verdict.PASS, 2000 / 19.9, "Queue over all runs"),
        (
            (5.0, 4.0, 6.0, 1.0),
            "pf",
            100.0,
            Verdict.FAIL,
            2000 / 6,
            "1 of 2 runs failed: It may grow.",
        ),
        ((-5.0, -6.0, -4.0, 0.0), "pp", 100.0, Verdict.PASS, MOST, "Queue over all runs"),
        ((-5.0, -6.0, 1e-9, 0.0), "pp", 100.0, Verdict.PASS, MOST, "Queue over all runs"),
        ((0.1, 0.0, 0.5, 0.0), "pp", 100.0, Verdict.PASS, 4000.0, "Queue over all runs"),
    ],
)
def test_growth_over_all_runs_is_judged_by_what_matters(
    monkeypatch: pytest.MonkeyPatch,
    pooled: tuple[float, ...],
    verdicts: str,
    longest: float,
    verdict: Verdict,
    seconds: float,
    said: str,
) -> None:
    slope, low, high, resolution = pooled
    trend = Trend(slope, low, high, resolution, 0.0, 100.0)
    kinds = {"p": Verdict.PASS, "i": Verdict.INCONCLUSIVE, "f": Verdict.FAIL}
    first, second = (kinds[letter] for letter in verdicts)
    rows = growth(first), growth(second, vouched=3000.0)
    found = together(monkeypatch, trend, *rows, longest=longest)
    assert found.verdict is verdict
    assert found.vouched_seconds == pytest.approx(seconds)
    assert found.reason.startswith(said)
    assert (found.observed, found.trend, found.exhausts_in_hours) == (pooled[0], trend, None)
    assert found.adjustments == ()


def undecided(
    doubt: str | None = None, by: str | None = None, before: Verdict = Verdict.INCONCLUSIVE
) -> Finding:
    """An inconclusive run: for a doubt of its fit, or because the step `by` reopened it."""
    found = growth(before, trend=replace(CALM, doubt=doubt))
    if by is None:
        return found
    return found.adjusted(by, Verdict.INCONCLUSIVE, "Reopened.")


def failing(chance: float = 0.1) -> Finding:
    return growth(Verdict.FAIL, trend=replace(CALM, p_no_growth=chance))


def explained() -> Finding:
    """A run that passes in spite of growth: the rest of its memory was garbage."""
    return growth(Verdict.FAIL).adjusted("resident memory", Verdict.PASS, "The rest is garbage.")


GROWS, MAYBE = Trend(25.0, 21.0, 30.0, 1.0, 0.0, 100.0), Trend(1.0, -5.0, 25.0, 1.0, 0.0, 100.0)
CHANCE, FILLS, STEPS = (
    "the movement may be chance",
    "growth slows down, like a cache that is still filling",
    "the level moved in too few steps so far",
)


@pytest.mark.parametrize(
    ("pooled", "rows", "verdict", "said"),
    [
        # All starts warm up alike: seven times in doubt is not certain.
        (
            GROWS,
            [undecided(FILLS)] * 7,
            "inconclusive",
            "but 7 of 7 runs cannot tell it from a start or another cause: It",
        ),
        (GROWS, [undecided(STEPS)] * 4, "inconclusive", "4 of 4 runs cannot tell it"),
        (GROWS, [undecided()] * 3, "inconclusive", "3 of 3 runs cannot tell it"),
        (GROWS, [undecided(None, "warm-up", Verdict.FAIL)] * 3, "inconclusive", "Reopened."),
        (GROWS, [undecided(CHANCE)] * 3, "fail", "kept growing in all runs together"),
        (GROWS, [undecided(FILLS), *[growth()] * 2], "fail", "kept growing in all runs together"),
        # What each run explains is no leak because there are two of them.
        (GROWS, [explained()] * 2, "pass", "which each run explains: The rest is garbage."),
        (GROWS, [explained(), *[growth()] * 2], "fail", "kept growing in all runs together"),
        (
            GROWS,
            [explained(), undecided(FILLS), growth()],
            "inconclusive",
            "2 of 3 runs cannot tell",
        ),
        # Runs that are only too noisy for their own horizon were steady.
        (MAYBE, [undecided(None, "vouched horizon", Verdict.PASS)] * 7, "pass", "over all runs"),
        (MAYBE, [undecided(CHANCE), *[growth()] * 2], "pass", "over all runs"),
        (MAYBE, [undecided(CHANCE)] * 2 + [growth()] * 2, "inconclusive", "may or may not grow"),
        (MAYBE, [undecided(None, "warm-up", Verdict.FAIL)] * 3, "inconclusive", "may or may not"),
        # One failure in seven must be seven times as certain, unless all together grow.
        (MAYBE, [failing(0.15 / 7), *[growth()] * 6], "inconclusive", "1 of 7 runs failed, but"),
        (MAYBE, [failing(0.021), *[growth()] * 6], "fail", "1 of 7 runs failed: It may grow."),
        (MAYBE, [*[failing()] * 2, *[growth()] * 4], "inconclusive", "2 of 6 runs failed, but"),
        (MAYBE, [*[failing()] * 3, *[growth()] * 4], "fail", "3 of 7 runs failed: It may grow."),
        (GROWS, [failing(), *[growth()] * 6], "fail", "1 of 7 runs failed: It may grow."),
    ],
)
def test_what_several_runs_outweigh(
    monkeypatch: pytest.MonkeyPatch,
    pooled: Trend,
    rows: list[Finding],
    verdict: str,
    said: str,
) -> None:
    found = together(monkeypatch, pooled, *rows, longest=600.0 if verdict == "fail" else 1.0)
    assert (found.verdict.value, said in found.reason) == (verdict, True), found.reason


def test_short_runs_alone_do_not_fail_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """What every start adds in its first minutes is no leak because there are several of them."""
    short, long = (
        together(monkeypatch, GROWS, growth(), growth(), longest=longest)
        for longest in (599.0, 600.0)
    )
    assert (short.verdict, long.verdict) == (Verdict.INCONCLUSIVE, Verdict.FAIL)
    assert short.reason.endswith(
        "; runs of 10 min or more would tell it from what every start adds."
    )


@pytest.mark.parametrize("unit", ["descriptors/h", "threads/h", "goroutines/h", "connections/h"])
def test_counts_are_never_hollow(monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    trend = Trend(5.0, 4.0, 6.0, 1.0, 0.0, 100.0)
    rows = growth(unit=unit), growth(unit=unit)
    assert together(monkeypatch, trend, *rows, longest=1e6).verdict is Verdict.PASS


def test_a_run_that_bounds_nothing_leaves_the_others_room(monkeypatch: pytest.MonkeyPatch) -> None:
    trend = Trend(5.0, 4.0, 6.0, 1.0, 0.0, 100.0)
    falling = growth(trend=Trend(-2.0, -3.0, -1.0, 0.0, 0.0, 100.0))
    slow = growth(trend=Trend(0.0, 0.0, 0.5, 0.0, 0.0, 100.0), vouched=4000.0)
    assert together(monkeypatch, trend, falling, growth()).vouched_seconds == 2000 / 6
    assert together(monkeypatch, trend, falling, slow).vouched_seconds == 2000 / 6
    alone = together(monkeypatch, trend, falling, falling)
    assert (alone.vouched_seconds, alone.verdict) == (MOST, Verdict.PASS)
    unknown = together(monkeypatch, trend, growth(vouched=None), growth(), longest=600.0)
    assert (unknown.vouched_seconds, unknown.verdict) == (0.0, Verdict.FAIL)


def test_the_first_run_that_failed_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (
        replace(growth(Verdict.FAIL, limit=limit), reason=f"Too fast for {limit}.")
        for limit in (7.0, 9.0)
    )
    found = together(monkeypatch, CALM, first, second)
    assert found.reason == "2 of 2 runs failed: Too fast for 7.0."
    assert found.limit == 7.0


def test_a_fall_for_the_worse_is_told_as_a_fall(monkeypatch: pytest.MonkeyPatch) -> None:
    trend = Trend(5.0, 4.0, 6.0, 1.0, 0.0, 100.0)
    falling = growth(trend=CALM.mirrored())
    found = together(monkeypatch, trend, falling, growth())
    assert (found.observed, found.trend) == (-5.0, trend.mirrored())


@pytest.mark.parametrize(
    ("rows", "judged"),
    [
        ((growth(), growth()), True),
        ((growth(), growth(series="other")), False),
        ((growth(), growth(labels=())), False),
        ((growth(), growth(trend=None)), False),
        ((growth(), growth(trend=replace(CALM, slope_high=np.inf))), False),
        ((growth(), replace(growth(), rule=RuleName.MAX)), False),
    ],
)
def test_a_series_must_have_been_judged_in_every_run(
    rows: tuple[Finding, ...], judged: bool
) -> None:
    found = _pooled(("queue", LABELS), [run(row) for row in rows], 100.0, 100.0)
    assert (found is not None) is judged


def test_a_series_that_a_run_judged_twice_is_not_pooled() -> None:
    runs = [run(growth(), growth()), run(growth())]
    assert _pooled(("queue", LABELS), runs, 100.0, 100.0) is None


@pytest.mark.parametrize(
    ("slope", "half", "runs", "said"),
    [
        (2.0, 3.0, 3, "9 more such runs would tell"),  # the variance: 1.2 / 3, then 2.1 / 12
        (2.0, 4.0, 3, "even 14 more such runs may not tell"),  # a tenth stays shared
        (2.0, 4.0, 1, "5 more such runs would tell"),  # 1.5 / 6: exactly half as wide
        (8.0, 3.0, 3, "9 more such runs would tell"),  # 2 from where it matters
        (-2.0, 3.0, 3, "9 more such runs would tell"),
        (12.0, 3.0, 3, "9 more such runs would tell"),
        (9.0, 4.0, 3, "even 14 more such runs may not tell"),
        (2.0, 0.5, 3, "1 more such run would tell"),
        (2.0, 2.1, 3, "1 more such run would tell"),
        (0.0, 4.0, 3, "even 14 more such runs may not tell"),
        (0.5, 0.75, 2, "5 more such runs would tell"),
    ],
)
def test_how_many_more_runs_would_tell(slope: float, half: float, runs: int, said: str) -> None:
    between = Trend(slope, slope - half, slope + half, 1.0, 0.0, 100.0)
    assert _more_runs(between, 10.0, runs) == said


def reference(trends: list[Trend]) -> tuple[float, float, float]:
    """The pooled growth, half of its interval and the resolution, written out."""
    slopes = [each.slope_per_hour for each in trends]
    variances = [
        max((each.slope_high - each.slope_low) / 3.92, each.resolution_per_hour / 4.5 / 1.4) ** 2
        for each in trends
    ]
    fixed = [1 / variance for variance in variances]
    mean = sum(a * b for a, b in zip(fixed, slopes, strict=True)) / sum(fixed)
    q = sum(a * (b - mean) ** 2 for a, b in zip(fixed, slopes, strict=True))
    scale = sum(fixed) - sum(a * a for a in fixed) / sum(fixed)
    tau = max(0.0, (q - (len(trends) - 1)) / scale)
    weights = [1 / (variance + tau) for variance in variances]
    slope = sum(a * b for a, b in zip(weights, slopes, strict=True)) / sum(weights)
    spread = sum(a * (b - slope) ** 2 for a, b in zip(weights, slopes, strict=True))
    wider = max(1.0, spread / (len(trends) - 1)) * (1 + 0.1 * (len(trends) - 1))
    reach = float(t.ppf(0.975, len(trends) - 1)) * math.sqrt(wider / sum(weights))
    if q <= float(chi2.ppf(0.95, len(trends) - 1)):  # they agree
        reach = min(reach, 1.96 * math.sqrt(max(variances)))
    seen = math.sqrt(wider / sum(1 / each.resolution_per_hour**2 for each in trends))
    return slope, reach, max(seen, slope + reach)


@pytest.mark.parametrize(
    "trends",
    [
        [trend(1.0, 1.0), trend(3.0, 1.0)],
        [trend(1.0, 1.0), trend(30.0, 2.0), trend(5.0, 0.5)],
        [trend(0.1, 1.0), trend(0.2, 3.0), trend(0.15, 2.0), trend(0.1, 1.5)],
        [trend(-50.0, 1.0, 100.0), trend(-51.0, 1.0, 50.0), trend(-49.0, 1.0)],
        [trend(1.0, 0.01, 9.0), trend(2.0, 0.01, 9.0), trend(9.0, 1.0)],
        [trend(1.0, 1.0), Trend(2.0, 2.0, 2.0, 4.0, 0.0, 100.0)],
    ],
)
@pytest.mark.parametrize("scale", [1.0, 1e-8, 1e9])
def test_the_pooled_growth_is_that_of_hartung_and_knapp(trends: list[Trend], scale: float) -> None:
    scaled = [
        Trend(
            each.slope_per_hour * scale,
            each.slope_low * scale,
            each.slope_high * scale,
            each.resolution_per_hour * scale,
            5.0 * index,
            100.0 + index,
        )
        for index, each in enumerate(trends)
    ]
    slope, reach, resolution = (value * scale for value in reference(trends))
    seen = pooled_trend(scaled)
    assert seen.slope_per_hour == pytest.approx(slope, rel=1e-9)
    assert seen.slope_low == pytest.approx(slope - reach, rel=1e-9)
    assert seen.slope_high == pytest.approx(slope + reach, rel=1e-9)
    assert seen.resolution_per_hour == pytest.approx(resolution, rel=1e-9)
    assert seen.settled_after_seconds == 5.0 * (len(trends) - 1)
    assert seen.level == 100.0 + len(trends) - 1


@pytest.mark.parametrize(
    ("settled", "longest"), [((None, None), 0.0), ((None, 0.5), 0.5), ((30.0, 20.0), 30.0)]
)
def test_all_runs_have_settled_after_the_longest_warm_up(
    settled: tuple[float | None, ...], longest: float
) -> None:
    rows = [replace(trend(1.0, 1.0), settled_after_seconds=each) for each in settled]
    assert pooled_trend(rows).settled_after_seconds == longest


@pytest.mark.parametrize(
    ("resolutions", "pooled"), [((2.0, 3.0), 1.2), ((0.002, 0.003), 0.0012), ((0.0, 0.0), 0.0)]
)
def test_what_never_moved_in_any_run_is_bounded_by_all_of_the_time(
    resolutions: tuple[float, ...], pooled: float
) -> None:
    rows = [Trend(0.0, 0.0, 0.0, each, 7.0, 10.0 * each) for each in resolutions]
    seen = pooled_trend(rows)
    assert seen.resolution_per_hour == pytest.approx(pooled)
    assert (seen.resolution_per_hour > 0) is (pooled > 0)
    assert replace(seen, resolution_per_hour=0.0) == Trend(
        0.0, 0.0, 0.0, 0.0, 0.0, 10.0 * resolutions[-1]
    )


def test_a_run_without_any_scatter_or_resolution_leaves_nothing_to_pool() -> None:
    seen = pooled_trend([Trend(0.0, 0.0, 0.0, 0.0, 0.0, 10.0), trend(5.0, 1.0)])
    assert (seen.slope_per_hour, seen.slope_low, seen.slope_high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("slopes", "errors", "between"),
    [
        ([1.0, 3.0], [1.0, 1.0], 1.0),
        ([1.0, 2.0], [1.0, 1.0], 0.0),
        ([0.0, 0.0, 6.0], [1.0, 1.0, 1.0], 11.0),
        ([5.0], [1.0], 0.0),
    ],
)
def test_the_variance_between_runs_is_that_of_dersimonian_and_laird(
    slopes: list[float], errors: list[float], between: float
) -> None:
    assert _between(np.array(slopes), np.array(errors)) == pytest.approx(between)


DAY = 86400.0
STEADY = Trend(0.0, -1.0, 1.0, 2.0, 0.0, 100.0)


def nightly(*more: Finding, vouched: float = 10 * DAY, **named: Any) -> list[Analysis]:
    """Three runs that each judged one queue."""
    return [
        run(growth(vouched=vouched, trend=STEADY), *more, started=f"2026-01-0{day}", **named)
        for day in (1, 2, 3)
    ]


def test_three_runs_are_one_analysis() -> None:
    other = Finding(RuleName.MAX, "fds", Verdict.PASS, "Fine.")
    open_ = replace(other, verdict=Verdict.INCONCLUSIVE)
    vouch = replace(open_, rule=RuleName.VOUCH, series="vouched_seconds")
    seen = pool(nightly(other, open_, vouch, warnings=("odd",)), [600.0, 600.0, 1200.0], DAY)
    assert [finding.series for finding in seen.findings] == ["fds"] * 3 + ["queue"]
    assert (seen.run.name, seen.run.seconds) == ("shop, 3 runs together", 900.0)
    assert seen.run.started == "2026-01-01"
    assert (seen.verdict, seen.vouched) == (Verdict.INCONCLUSIVE, None)
    assert seen.reason == "Fine. (3 runs, 40 min judged together)"
    assert seen.warnings == tuple(f"2026-01-0{day}: odd" for day in (1, 2, 3))


def test_runs_that_judged_no_resource_together_are_left_open() -> None:
    runs = [run(growth(trend=None)), run(growth()), run(growth())]
    seen = pool(runs, [600.0] * 3, DAY)
    assert (seen.verdict, seen.vouched) == (Verdict.INCONCLUSIVE, None)
    assert seen.reason == "No resource was judged in every run, so growth cannot be judged."
    fails = Finding(RuleName.MAX, "fds", Verdict.FAIL, "Too many.")
    assert pool([*runs, run(fails)], [600.0] * 4, DAY).verdict is Verdict.INCONCLUSIVE


def test_more_runs_together_vouch_for_longer() -> None:
    """Three runs vouch for 47 days together; 1.26 times as long takes six: the root of 1.2 / 3 by that of 1.5 / 6."""
    seen = pool(nightly(vouched=30 * DAY), [600.0] * 3, 60 * DAY)
    assert seen.vouched is not None
    assert seen.vouched.asked_seconds == 60 * DAY
    assert 60 * DAY / seen.vouched.seconds == pytest.approx(1.265, abs=1e-3)
    assert seen.vouched.rounds == 3
    assert seen.reason.startswith("Vouches for 47 days at this load: ")
    assert seen.reason.endswith(". 3 runs, 30 min judged together.")
    assert [finding.rule for finding in seen.findings] == [RuleName.GROWTH]


def test_what_runs_must_vouch_for_is_asked_of_all_together() -> None:
    seen = pool(nightly(), [600.0] * 3, 90 * DAY, 60 * DAY)
    [told] = [finding for finding in seen.findings if finding.rule is RuleName.VOUCH]
    assert (told.verdict, told.limit) == (Verdict.INCONCLUSIVE, 60 * DAY)


def test_the_first_run_names_all() -> None:
    runs = nightly()
    runs[1:] = [replace(each, run=replace(each.run, name="other")) for each in runs[1:]]
    assert pool(runs, [600.0] * 3, DAY).run.name == "shop, 3 runs together"


def test_runs_that_vouch_for_long_enough_need_no_more() -> None:
    seen = pool(nightly(vouched=1000 * DAY), [600.0] * 3, DAY)
    assert seen.verdict is Verdict.PASS
    assert seen.vouched is not None
    assert seen.vouched.rounds == 0
