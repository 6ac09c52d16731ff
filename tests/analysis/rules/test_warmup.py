"""Young heaps of healthy services, as soak's snapshots measured them at 150 requests/s, and the same with a leak planted."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.rules import warmup
from soak.analysis.rules.warmup import (
    _falls,
    _garbage_untold,
    _if_warmed_up,
    _Rise,
    _rise,
    _rose,
    _since_settled,
    _unfinished_tooth,
    _worked_before,
    keeps_for_good,
    within_warmup,
)
from soak.analysis.statistics.creep import LastingGrowth
from soak.analysis.statistics.growth_input import Subject
from soak.model import (
    Finding,
    Floats,
    JudgedClock,
    Line,
    Phase,
    PhaseName,
    RuleName,
    Series,
    Trend,
    Verdict,
)
from soak.profile import Limits
from soak.snapshots import SNAPSHOT_SOURCE
from tests.analysis.recordings import gauge, recording

RECORDED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "data" / "young_heaps.json").read_text()
)
IDS = [f"{row['series']}-{row['minutes']}m" for row in RECORDED]


def judged(row: dict[str, Any], leak_per_hour: float = 0.0) -> Finding:
    """The finding of one recorded series with so much added."""
    times = np.array(row["times"])
    values = np.array(row["values"]) + np.floor(leak_per_hour * times / 3600)
    series = replace(gauge(row["series"], values, SNAPSHOT_SOURCE), times=times)
    run = recording(series, seconds=60 * row["minutes"])
    steady = Phase(PhaseName.STEADY, 2.0, 60.0 * row["minutes"])
    [finding] = [
        finding
        for finding in analyze(replace(run, phases=(steady,)), Limits()).findings
        if finding.series == row["series"]
    ]
    return finding


@pytest.mark.parametrize("row", RECORDED, ids=IDS)
def test_a_healthy_young_service_passes_and_says_what_could_hide(row: dict[str, Any]) -> None:
    finding = judged(row)
    assert finding.verdict is Verdict.PASS, finding.reason
    assert finding.trend is not None
    assert finding.trend.slope_low <= 0 < finding.trend.resolution_per_hour
    assert finding.vouched_seconds is not None
    assert finding.vouched_seconds > 2 * 60 * row["minutes"]


@pytest.mark.parametrize("row", RECORDED, ids=IDS)
def test_a_leak_of_a_tenth_of_the_level_in_the_run_never_passes(row: dict[str, Any]) -> None:
    finding = judged(row, leak_per_hour=max(0.1 * row["values"][-1], 10) * 60 / row["minutes"])
    assert finding.verdict is not Verdict.PASS, finding.reason


def beside_a_cache(entries: Floats, bound: str) -> Verdict:
    """Blocks of Python's that rise by 5% in two minutes, beside a cache that has so many entries at each snapshot."""
    times = np.linspace(1.0, 119.0, 24)
    noise = np.random.default_rng(7).normal(0, 60, 24)
    blocks = gauge("python_allocated_blocks", 200_000 + 90 * times + noise, SNAPSHOT_SOURCE)
    cache = gauge(
        "python_container_length", entries, SNAPSHOT_SOURCE, holder="shop.price", bound=bound
    )
    run = recording(*(replace(series, times=times) for series in (blocks, cache)), seconds=120)
    [finding] = [row for row in analyze(run, Limits()).findings if row.series == blocks.name]
    return finding.verdict


def test_beside_a_cache_that_keeps_all_it_gains_a_rise_is_no_warm_up() -> None:
    evenly, filling = np.linspace(0, 2000, 24), 1000 * (1 - np.exp(-np.linspace(0, 3, 24)))
    assert beside_a_cache(evenly, bound="none") is Verdict.FAIL
    assert beside_a_cache(evenly, bound="") is Verdict.INCONCLUSIVE
    assert beside_a_cache(filling, bound="none") is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("unit", [1.0, 1e-3, 1e6])
def test_what_hardly_falls_is_told_in_any_unit(unit: float) -> None:
    steps = np.tile([1.0, 1.0, -0.5], 40)
    for values, only in ((np.cumsum(np.abs(steps)), True), (np.cumsum(steps), False)):
        level = Series("x_seconds", np.arange(120.0), values * unit)
        assert _rise(prepare(recording(level), 0.0), Subject(level, "time", "seconds")).only is only


def rise(
    *thirds: float,
    level: float = 100.0,
    collected: bool = False,
    bare: bool = True,
    only: bool = False,
    **more: Any,
) -> _Rise:
    return _Rise(level, thirds, collected, bare, only, **more)


@pytest.mark.parametrize(
    ("thirds", "untold", "even"),
    [
        ((3.0, 4.0, 4.0), False, True),
        ((2.9, 4.0, 4.0), False, False),
        ((0.5, 0.5, 0.5), False, True),
        ((1.0, 2.0, 4.0), False, False),
        ((0.0, 0.0, 0.0), False, False),
        ((-1.0, 4.0, 4.0), False, False),
        ((3.0, 4.0, 4.0), True, False),
    ],
)
def test_a_rise_is_even_if_each_third_rises_about_as_fast(
    thirds: tuple[float, ...], untold: bool, even: bool
) -> None:
    assert rise(*thirds, untold=untold).even is even


@pytest.mark.parametrize(
    ("thirds", "youth", "more", "explained"),
    [
        ((30.0, 15.0, 4.0), 1.0, {}, True),
        ((30.0, 15.0, 5.0), 1.0, {}, False),
        ((15.0, 7.0, 2.0), 0.5, {}, True),
        ((15.0, 8.0, 2.0), 0.5, {}, False),
        ((3.0, 3.0, 3.0), 1.0, {}, True),
        ((3.0, 3.0, 4.0), 1.0, {}, False),
        ((12.0, 6.0, 1.0), 1.0, {"collected": True}, True),
        ((12.0, 6.0, 2.0), 1.0, {"collected": True}, False),
        ((1.0, 1.0, 2.0), 1.0, {"collected": True, "level": 81.0}, True),
        ((1.25, 1.25, 1.5), 1.0, {"collected": True, "level": 81.0}, True),
        ((1.25, 1.25, 1.5), 1.0, {"collected": True, "level": 79.0}, False),
        # What may be added before a first collection counts where it is more.
        ((4.0, 2.0, 1.0), 1.0, {"level": 10.0, "least": 8.0}, True),
        ((4.0, 2.0, 2.0), 1.0, {"level": 10.0, "least": 8.0}, False),
        ((2.0, 1.0, 0.0), 0.5, {"level": 10.0, "least": 8.0}, True),
        ((2.0, 2.0, 0.0), 0.5, {"level": 10.0, "least": 8.0}, False),
        ((-9.0, 0.0, 1.0), 0.1, {}, True),
    ],
)
def test_warm_up_explains_a_rise_by_less_than_its_share_of_the_level(
    thirds: tuple[float, ...], youth: float, more: dict[str, Any], explained: bool
) -> None:
    assert rise(*thirds, **more).explained(youth) is explained


@pytest.mark.parametrize(
    ("thirds", "youth", "more", "ended"),
    [
        ((10.0, 4.0, 1.0), 1.0, {}, True),
        ((10.0, 4.0, 1.0), 1.0, {"bare": False, "only": True}, True),
        ((10.0, 4.0, 1.0), 1.0, {"bare": True, "only": True}, True),
        ((10.0, 4.0, 1.0), 1.0, {"bare": False, "only": False}, False),
        ((10.0, 4.0, 1.0), 1.0, {"level": 75.0}, False),  # a fifth of the level is not little
        ((10.0, 4.0, 1.0), 0.5, {}, False),
        ((10.0, 4.0, 1.0), 0.5, {"level": 150.0}, False),
        ((10.0, 4.0, 1.0), 0.5, {"level": 151.0}, True),
        ((20.0, 0.0, 3.0), 1.0, {"level": 1000.0}, False),
        ((20.0, 0.0, 2.9), 1.0, {"level": 1000.0}, True),
        ((10.0, 5.0, -1.0), 1.0, {}, True),
        ((10.0, -1.0, 1.0), 1.0, {}, True),
        ((0.5, 0.0, 0.0), 1.0, {}, True),
        ((0.0, 0.0, -1.0), 1.0, {}, False),
        ((0.0, 10.0, 1.0), 1.0, {}, False),
        ((-1.0, 10.0, -2.0), 1.0, {}, False),
    ],
)
def test_a_rise_has_ended_if_it_was_little_and_slowed(
    thirds: tuple[float, ...], youth: float, more: dict[str, Any], ended: bool
) -> None:
    assert rise(*thirds, **more).ended(youth) is ended


def levels(values: Any, times: Any = None, **more: Any) -> Subject:
    """Resident memory with these values, once a second where no times are given."""
    column = np.asarray(values, np.float64)
    at = np.arange(float(len(column))) if times is None else np.asarray(times, np.float64)
    name = more.pop("name", "process_resident_memory_bytes")
    series = Series(name, at, column, more.pop("labels", ()), source=more.pop("source", "process"))
    return Subject(series, more.pop("noun", "resident memory"), more.pop("unit", "bytes"), **more)


@pytest.mark.parametrize(
    ("entries", "keeps"),
    [
        # Each third gains 40; each quarter and each half does not.
        ([0, 40, 40, 40, 80, 80, 80, 80, 80, 120], True),
        ([0, 12, 24, 36, 50, 60, 76, 90, 100, 116], True),  # 36 is nine tenths of 40
        ([0, 12, 24, 35, 50, 60, 75, 90, 100, 115], False),
        ([0, 10, 20, 33, 40, 50, 66, 70, 80, 100], True),
        ([0, 10, 20, 33, 40, 50, 66, 70, 80, 99], False),
        ([0, 40, 40, 40, 80, 80, 80, 80, 120], False),  # nine samples are too few
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 300], False),
    ],
)
def test_a_cache_keeps_for_good_what_it_gains_evenly(entries: list[float], keeps: bool) -> None:
    assert keeps_for_good(levels(entries)) is keeps


def test_how_far_each_value_is_below_the_highest_before_it() -> None:
    assert _falls(np.array([3.0, 1.0, 4.0, 2.0, 4.0])).tolist() == [0, 2, 0, 2, 0]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([100, 120, 140, 160, 110, 120, 130, 140, 150, 160], (50, 50)),
        ([100, 120, 140, 160, 110, 170, 171, 172, 173, 174], (50, 64)),
        ([100, 120, 140, 160, 110, 120, 130, 140, 150], None),  # nine samples are too few
        # A second fall of half the first one says that it is no single collection.
        ([100, 120, 140, 160, 110, 140, 115, 140, 150, 160], None),
        ([100, 120, 140, 160, 110, 140, 116, 140, 150, 160], (50, 50)),
        ([100, 140, 115, 160, 110, 120, 130, 140, 150, 160], None),
        ([100, 140, 116, 160, 110, 120, 130, 140, 150, 160], (50, 50)),
        # The fall must be half of the rise before it, and a tenth of the level.
        ([100, 140, 170, 200, 150, 160, 160, 160, 160, 170], (50, 20)),
        ([100, 140, 170, 200, 151, 160, 160, 160, 160, 171], None),
        ([1000, 1010, 1020, 1060, 960, 960, 960, 960, 960, 961], (100, 1)),
        ([1000, 1010, 1020, 1060, 961, 961, 961, 961, 961, 962], None),
        # After it, memory rises by at most three times the rise before it.
        ([100, 120, 140, 160, 110, 120, 130, 140, 150, 290], (50, 180)),
        ([100, 120, 140, 160, 110, 120, 130, 140, 150, 291], None),
        ([160, 110, 110, 110, 110, 110, 110, 110, 110, 110], (50, 0)),
        ([100, 110, 120, 130, 140, 150, 160, 170, 180, 190], None),
        ([0] * 10, None),
    ],
)
def test_memory_that_fell_back_once_may_fall_back_again(
    values: list[float], said: tuple[float, float] | None
) -> None:
    told = _unfinished_tooth(levels(values))
    if said is None:
        assert told == ""
    else:
        fell, since = said
        assert told == (
            f"Resident memory fell back by {fell} B once, as where a collector gives memory back, and has risen by "
            f"{since} B since: whether that falls back too, a run of 10 min or more would tell."
        )


def test_the_level_before_the_first_fall_is_the_median_of_a_tenth() -> None:
    """The first three of 30 values have the median 100, so the rise before the fall was 60."""
    before = [100, 90, 130, *range(131, 140), 160]
    assert _unfinished_tooth(levels([*before, *([110] * 16), 290])) != ""
    assert _unfinished_tooth(levels([*before, *([110] * 16), 291])) == ""


@pytest.mark.parametrize(
    ("total", "driven", "said"),
    [
        (2048.0, True, "Resident memory rose by 2 KiB in the first 2 min of load"),
        (0.0, True, "Resident memory rose by 0 B in the first 2 min of load"),
        (-2048.0, False, "Resident memory fell by 2 KiB within 2 min"),
        (-0.5, False, "Resident memory fell by 0.5 B within 2 min"),
    ],
)
def test_by_how_much_memory_rose_and_in_which_time(total: float, driven: bool, said: str) -> None:
    assert _rose(levels([1.0]), rise(total, 0.0, 0.0), 120.0, driven=driven) == said


STEPS = np.array([100.0, 110.0, 115.0, 118.0, 119.0, 120.0, 120.5, 121.0, 121.0, 121.0])
GROWTH = Trend(5.0, 4.0, 6.0, 7.0, 0.0, 100.0, p_no_growth=0.3)


def growth(verdict: Verdict = Verdict.FAIL, unit: str = "bytes/h", **more: Any) -> Finding:
    return Finding(
        RuleName.GROWTH,
        "process_resident_memory_bytes",
        verdict,
        "It grows.",
        unit=unit,
        trend=more.get("trend", GROWTH),
    )


def ready(subject: Subject, seconds: int = 100, **more: Any) -> Prepared:
    return replace(prepare(recording(subject.series, requests=[], seconds=seconds), 0.0), **more)


def stretched(seconds: int, steps: Any = STEPS * 1e6, **more: Any) -> Subject:
    """A level of ten steps over so many seconds."""
    return levels(np.repeat(steps, seconds // 10), **more)


def test_a_young_services_rise_is_left_open() -> None:
    subject = stretched(100)
    finding = within_warmup(ready(subject), subject, growth())
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert finding.adjustments[0].by == "warm-up"
    assert finding.reason == (
        "Resident memory rose by 20 MiB in the first 1.7 min of load, which a young service's warm-up may explain: "
        "a run of 10 min or more would tell."
    )
    finding = within_warmup(ready(subject, driven=False), subject, growth())
    assert finding.reason == (
        "Resident memory rose by 20 MiB within 1.7 min, which a young service's warm-up may explain: "
        "a recording of 10 min or more would tell."
    )


#: What a healthy Python service held (thousands of bytes) that loads tables for a minute.
TABLES = [16342, 17291, 18065, 18803, 19194, 19619, 19984, 20380, 20722, 20722, 20764, 20916, 20947, 20980, 21002, 21022,
          21060, 21099, 21126, 21180, 21190, 21190]  # fmt: skip
TAKEN = [2, 13, 23, 32, 37, 42, 47, 52, 57, 62, 67, 72, 77, 82, 87, 92, 97, 102, 107, 112, 117, 120]


def after_loading(leaked: float, settled: float | None = 54.0, hourly: float = 26e6) -> Finding:
    """What remains of a fail of the same, with so many bytes leaked each second, and growth that was fitted as `hourly`."""
    at = np.array(TAKEN, dtype=float)
    held = gauge("python_held_bytes", np.array(TABLES) * 1e3 + leaked * at, SNAPSHOT_SOURCE)
    subject = Subject(replace(held, times=at), "what Python holds", "bytes")
    lines = (line_from(2.0),)
    trend = replace(GROWTH, settled_after_seconds=settled, lines=lines, slope_per_hour=hourly)
    return within_warmup(ready(subject, seconds=121), subject, growth(trend=trend))


def line_from(start: float) -> Line:
    return Line(start, 120.0, 1.0, 2.0, 1.0, 2.0)


def test_what_a_young_service_creeps_by_once_it_has_loaded_is_warm_up() -> None:
    creeping = after_loading(0.0)
    assert creeping.verdict is Verdict.INCONCLUSIVE
    assert creeping.reason == (
        "What Python holds rose by 457 KiB in the first 2 min of load, once what filled at first was full, which a young "
        "service's warm-up may explain: a run of 10 min or more would tell."
    )
    assert after_loading(0.0, settled=None).verdict is Verdict.FAIL
    # What growth at this pace comes to in the whole stretch must be as little: a sixth of 21 MB in 2 min are 104 MB/h.
    assert after_loading(0.0, hourly=90e6).verdict is Verdict.INCONCLUSIVE
    assert after_loading(0.0, hourly=120e6).verdict is Verdict.FAIL
    # A rise by more than a sixth since then is more than warm-up explains.
    assert after_loading(60e3).verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("change", "since"),
    [
        ({"settled_after_seconds": 30.0}, 40.0),
        ({"settled_after_seconds": 30.0, "begins": 5.0}, 35.0),
        ({"settled_after_seconds": 1.0}, 20.0),  # judging begins later
        ({"settled_after_seconds": 30.0, "lines": ()}, None),
        ({"settled_after_seconds": None}, None),
    ],
)
def test_a_rise_is_looked_at_since_what_filled_was_full(change: Any, since: float | None) -> None:
    trend = replace(GROWTH, **({"lines": (line_from(10.0),)} | change))
    subject = levels(STEPS, judged_from=20.0)
    settled = _since_settled(subject, trend)
    assert (None if settled is None else settled.judged_from) == since
    assert _since_settled(subject, None) is None
    # On a clock of requests that runs at half the pace.
    clock = JudgedClock((0.0, 200.0), (0.0, 100.0), (0.0, 9.0), ("GET /a",))
    on_clock = _since_settled(replace(subject, clock=clock), trend)
    if since == 40.0:
        assert on_clock is not None
        assert on_clock.judged_from == 25.0


def test_growth_of_what_fell_in_all_is_told_as_that() -> None:
    subject = stretched(100, np.array([102, 103, 104, 105, 106, 107, 108, 109, 110, 101]) * 1e6)
    finding = within_warmup(ready(subject), subject, growth())
    assert finding.reason.startswith(
        "Resident memory fell by 977 KiB in the first 1.7 min of load, though it rises between falls, as a young "
        "service's memory may: a run of 10 min or more would tell."
    )


@pytest.mark.parametrize(
    ("unit", "of", "changed"),
    [
        ("bytes", "bytes/h", True),
        ("objects", "objects/h", True),
        ("blocks", "blocks/h", True),
        ("descriptors", "descriptors/h", False),
    ],
)
def test_warm_up_explains_memory_alone(unit: str, of: str, changed: bool) -> None:
    subject = stretched(100, unit=unit)
    finding = growth(unit=of)
    assert (within_warmup(ready(subject), subject, finding) is not finding) is changed


def test_what_passes_is_limited_or_certainly_kept_is_left_alone() -> None:
    subject = stretched(100)
    limited = replace(subject, limit=5.0)
    passed, failed = growth(Verdict.PASS), growth()
    assert within_warmup(ready(subject), subject, passed) is passed
    assert within_warmup(ready(subject), limited, failed) is failed
    assert within_warmup(ready(subject), subject, failed, kept=True) is failed


def test_the_target_of_a_file_that_had_worked_before_is_not_young() -> None:
    subject, failed = stretched(100), growth()
    requests = Series("http_requests_total", np.array([0.0, 99.0]), np.array([900.0, 1000.0]))
    old = ready(subject, driven=False, requests=requests)
    assert within_warmup(old, subject, failed) is failed


@pytest.mark.parametrize(
    ("seconds", "rise_", "verdict"),
    [
        (300, 24.0, Verdict.INCONCLUSIVE),
        (300, 26.0, Verdict.FAIL),
        (590, 0.5, Verdict.INCONCLUSIVE),
        (590, 1.0, Verdict.FAIL),
        (600, 0.0, Verdict.FAIL),
        (600, -1.0, Verdict.FAIL),
        (900, 20.0, Verdict.FAIL),
    ],
)
def test_what_warm_up_explains_fades_within_ten_minutes(
    seconds: int, rise_: float, verdict: Verdict
) -> None:
    steps = 100 + rise_ * np.array([0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1, 1, 1])
    subject = stretched(seconds, steps * 1e6)
    assert within_warmup(ready(subject, seconds), subject, growth()).verdict is verdict


TOOTH = np.array([100, 120, 140, 160, 110, 120, 130, 140, 150, 460]) * 1e6


@pytest.mark.parametrize(
    ("more", "source", "tooth"),
    [
        ({}, "process", True),
        ({"driven": False}, "process", False),
        ({}, SNAPSHOT_SOURCE, False),  # a heap just after a collection has no teeth
    ],
)
def test_a_rise_after_the_only_collection_of_a_driven_run_is_left_open(
    more: dict[str, Any], source: str, tooth: bool
) -> None:
    steps = np.where(TOOTH > 400e6, 290e6, TOOTH)
    subject = stretched(100, steps, source=source)
    finding = within_warmup(ready(subject, **more), subject, growth())
    assert ("fell back by" in finding.reason) is tooth
    assert (finding.verdict is Verdict.INCONCLUSIVE) is tooth


@pytest.mark.parametrize(("seconds", "tooth"), [(590, True), (600, False), (900, False)])
def test_after_ten_minutes_a_tooth_is_no_excuse(seconds: int, tooth: bool) -> None:
    subject = stretched(seconds, np.where(TOOTH > 400e6, 290e6, TOOTH))
    finding = within_warmup(ready(subject, seconds), subject, growth())
    assert (finding.verdict is Verdict.INCONCLUSIVE) is tooth


@pytest.mark.parametrize(("seconds", "passes"), [(3590, True), (3600, False)])
def test_after_an_hour_a_rise_is_no_creep(
    monkeypatch: pytest.MonkeyPatch, seconds: int, passes: bool
) -> None:
    monkeypatch.setattr(warmup, "lasting_growth", lambda *_: LastingGrowth(1, 1, -1, 3, 0))
    subject = stretched(seconds, source=SNAPSHOT_SOURCE)
    finding = within_warmup(ready(subject, seconds), subject, growth(Verdict.INCONCLUSIVE))
    assert (finding.verdict is Verdict.PASS) is passes


def warmed_up(
    each: _Rise, youth: float, trend: Trend | None = GROWTH, most: float = 25.0
) -> Finding:
    subject = levels(np.ones(10), np.arange(10.0) * 10 + 5)
    finding = growth(Verdict.INCONCLUSIVE, trend=trend)
    return _if_warmed_up(subject, finding, each, youth, "It rose by 1 B", most)


@pytest.mark.parametrize(("low", "lowest"), [(200.0, 120.0), (100.0, 100.0)])
def test_memory_whose_rise_has_ended_grows_at_least_as_slowly_as_its_last_third(
    low: float, lowest: float
) -> None:
    """The last third rose by 1 B in 30 s: 120 B/h."""
    finding = warmed_up(rise(10.0, 4.0, 1.0), 1.0, replace(GROWTH, slope_low=low))
    assert finding.trend == replace(GROWTH, slope_low=lowest)
    assert finding.observed is None
    assert (finding.verdict, finding.reason) == (
        Verdict.PASS,
        "It rose by 1 B, ever more slowly: it warmed up. Any growth is under 7 B/h.",
    )


@pytest.mark.parametrize(
    ("thirds", "youth", "said"),
    [
        ((1.0, -1.0, 0.0), 0.5, "ever more slowly: it warmed up"),
        ((1.0, -5.0, 0.0), 0.5, "and its rise had ended before"),
        ((1.0, -1.5, 0.0), 0.5, "and its rise had ended before"),
        ((1.0, -5.0, 0.0), 0.0, None),
        ((1.0, -5.0, 0.0), -1.0, None),
        ((10.0, 4.0, 2.0), 1.0, None),
    ],
)
def test_a_rise_ended_in_the_time_of_warm_up_or_not_at_all(
    thirds: tuple[float, ...], youth: float, said: str | None
) -> None:
    finding = warmed_up(rise(*thirds, bare=False, only=True), youth)
    if said is None:
        assert finding == growth(Verdict.INCONCLUSIVE)
    else:
        assert finding.reason == f"It rose by 1 B, {said}. Any growth is under 7 B/h."


@pytest.mark.parametrize("trend", [None, replace(GROWTH, slope_high=np.inf)])
def test_without_an_upper_bound_of_growth_nothing_has_warmed_up(trend: Trend | None) -> None:
    finding = warmed_up(rise(10.0, 4.0, 1.0), 1.0, trend)
    assert finding.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize(
    ("low", "rose", "bare", "passes"),
    [
        (0.0, 24.9, True, True),
        (-1.0, -5.0, True, True),
        (0.1, 24.9, True, False),
        (-1.0, 25.0, True, False),
        (0.0, 24.9, False, False),
    ],
)
def test_a_creep_that_leaves_no_growth_passes(
    monkeypatch: pytest.MonkeyPatch, low: float, rose: float, bare: bool, passes: bool
) -> None:
    lasting = LastingGrowth(2.0, 1.0, low, 9.0, rose)
    monkeypatch.setattr(warmup, "lasting_growth", lambda *_: lasting)
    finding = warmed_up(rise(10.0, 9.0, 8.0, level=1000.0, bare=bare), 1.0)
    if not passes:
        assert finding == growth(Verdict.INCONCLUSIVE)
        return
    assert finding.trend == replace(
        GROWTH, slope_per_hour=2.0, slope_low=low, slope_high=9.0, resolution_per_hour=9.0
    )
    assert (finding.verdict, finding.observed) == (Verdict.PASS, 2.0)
    assert finding.reason.endswith("Any growth is under 9 B/h.")


@pytest.mark.parametrize(
    ("chance", "doubt", "since", "passes"),
    [
        (0.51, None, 24.9, True),
        (0.49, None, 24.9, False),
        (0.51, "still settling", 24.9, False),
        (0.51, None, 25.1, False),
    ],
)
def test_a_small_rise_that_has_most_likely_ended_passes(
    monkeypatch: pytest.MonkeyPatch, chance: float, doubt: str | None, since: float, passes: bool
) -> None:
    """In a heap of 1 MiB a bump of 30 KB is no growth that two minutes could tell from the first requests' traces."""
    monkeypatch.setattr(warmup, "lasting_growth", lambda *_: None)
    trend = replace(GROWTH, slope_low=5.0, p_no_growth=chance, doubt=doubt)
    finding = warmed_up(rise(400.0, 0.0, since), 1.0, trend)
    assert (finding.verdict is Verdict.PASS) is passes
    if passes:
        assert finding.trend == replace(trend, slope_low=0.0)
        assert "has most likely settled" in finding.reason


def test_without_lasting_growth_nothing_is_creep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warmup, "lasting_growth", lambda *_: None)
    assert warmed_up(rise(10.0, 9.0, 8.0), 1.0) == growth(Verdict.INCONCLUSIVE)


@pytest.mark.parametrize(
    ("counted", "driven", "before"),
    [
        ([51.0, 200.0, 100.0], False, True),
        ([50.0, 100.0], False, False),
        ([51.0, 100.0], False, True),
        ([40.0, 90.0, 100.0], False, False),
        ([51.0, 100.0], True, False),
        ([5.0], False, False),
        ([np.nan, 5.0], False, False),
        ([], False, False),
        (None, False, False),
    ],
)
def test_a_target_that_had_answered_most_of_its_requests_before_had_worked_before(
    counted: list[float] | None, driven: bool, before: bool
) -> None:
    requests = None
    if counted is not None:
        requests = Series("http_requests_total", np.arange(float(len(counted))), np.array(counted))
    subject = stretched(100)
    assert _worked_before(ready(subject, driven=driven, requests=requests)) is before


@pytest.mark.parametrize(
    ("language", "collections", "untold"),
    [("Go", {}, True), ("Go", {"": 3.0}, False), ("", {}, False), ("", {"": 3.0}, False)],
)
def test_garbage_is_collected_untold_where_a_collector_is_known_and_not_counted(
    language: str, collections: dict[str, float], untold: bool
) -> None:
    subject = stretched(100)
    run = recording(subject.series)
    run = replace(run, run=replace(run.run, language=language))
    prepared = replace(prepare(run, 0.0), collections=collections)
    assert _garbage_untold(prepared, subject) is untold
    # What may be added before the first collection is known in bytes alone.
    for unit, least in (("bytes", 8 * 2.0**20), ("objects", 0.0)):
        rose = _rise(prepared, replace(subject, unit=unit))
        assert (rose.untold, rose.least) == (untold, least if untold else 0.0)


@pytest.mark.parametrize(
    ("name", "source", "collected", "bare"),
    [
        ("process_resident_memory_bytes", "process", False, False),
        ("process_resident_memory_bytes", SNAPSHOT_SOURCE, True, True),
        ("go_gc_heap_live_bytes", "app", False, True),
        ("jvm_memory_used_bytes", "app", False, False),
    ],
)
def test_what_garbage_cannot_hide(name: str, source: str, collected: bool, bare: bool) -> None:
    subject = stretched(100, STEPS, name=name, source=source)
    run = recording(subject.series)
    prepared = prepare(replace(run, run=replace(run.run, language="Go")), 0.0)
    assert _rise(prepared, subject) == _Rise(
        100.0,
        (18.0, 2.5, 0.5),
        collected,
        bare,
        only=True,
        untold=not bare,
        least=0.0 if bare else 8 * 2.0**20,
    )


def test_a_rise_is_between_the_medians_of_tenths() -> None:
    values = np.repeat([5.0, 50, 50, 7, 0, 0, 11, 0, 0, 17], 3)
    values[::3] = 1e9
    subject = levels(values)
    assert _rise(ready(subject), subject) == _Rise(
        5.0, (2.0, 4.0, 6.0), collected=False, bare=False, only=False
    )


@pytest.mark.parametrize(("values", "level"), [([7.0, 9.0] + [10.0] * 7, 7.0), ([], 0.0)])
def test_too_few_samples_show_no_rise(values: list[float], level: float) -> None:
    subject = levels(values)
    assert _rise(ready(levels(np.ones(100))), subject) == _Rise(
        level, (0.0, 0.0, 0.0), collected=False, bare=False, only=False
    )
    enough = levels([1.0] * 9 + [2.0])
    assert _rise(ready(enough), enough).thirds == (0.0, 0.0, 1.0)


@pytest.mark.parametrize(("fall", "only"), [(1.0, True), (1.25, False)])
def test_a_twentieth_of_all_rises_may_fall(fall: float, only: bool) -> None:
    values = np.cumsum([0.0, 5.0, 5.0, -fall, 5.0, 5.0, 0.0, 0.0, 0.0, 0.0])
    subject = levels(values)
    assert _rise(ready(subject), subject).only is only


def test_on_a_clock_of_requests_each_equal_stretch_of_it_counts_the_same() -> None:
    """30 points from 0 to 87, 3 apart: the medians of tenths are 3, 30, 57 and 84."""
    times = np.array([*range(9), 87.0])
    clock = JudgedClock((0.0, 87.0), (0.0, 87.0), (0.0, 87.0), ("GET /",))
    subject = levels(10 * times, times, clock=clock)
    seen = _rise(ready(levels(np.ones(100))), subject)
    assert [seen.level, *seen.thirds] == pytest.approx([30.0, 270.0, 270.0, 270.0])
    without = _rise(ready(levels(np.ones(100))), replace(subject, clock=None))
    assert (without.level, without.thirds) == (0.0, (30.0, 30.0, 810.0))
