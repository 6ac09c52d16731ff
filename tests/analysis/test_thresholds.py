"""Either side of the thresholds of the analysis, in literal values; and that each of these tests notices a moved threshold."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from soak.analysis import thresholds, vouch
from soak.analysis.prepare.gc_accounting import with_few_collections
from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules import growth, more_time, overload
from soak.analysis.rules.resident_memory import _alone, _in_the_light, _kept, _measures_all
from soak.analysis.rules.warmup import keeps_for_good, within_warmup
from soak.analysis.statistics import model_averaging
from soak.analysis.statistics import trend as trend_module
from soak.analysis.statistics.creep import lasting_growth
from soak.analysis.statistics.grain import grain_of
from soak.analysis.statistics.growth_input import LevelPoints, Subject
from soak.analysis.statistics.level_shift import goes_on_in_steps, level_shift
from soak.analysis.statistics.load_covariates import peak_connections
from soak.analysis.statistics.model_averaging import ModelAverage
from soak.analysis.statistics.plateau import _moves, first_fall_end, plateau_begin
from soak.analysis.statistics.process_lives import split
from soak.analysis.statistics.random_effects import shared_error
from soak.analysis.statistics.step_processes import _without_spikes, flickers
from soak.catalog.python import HELD_MEMORY
from soak.model import Finding, Floats, JudgedClock, Kind, RuleName, Series, Trend, Verdict
from soak.snapshots import SNAPSHOT_SOURCE
from soak.windows import EndpointWindows
from tests.analysis.prepare import test_snapshot_masking
from tests.analysis.recordings import gauge, recording, windows
from tests.analysis.rules import test_other_programs
from tests.boundaries import BOUNDARY_TESTS, notices, nudged, pins, thresholds_of

RSS, LIVE, IN_USE = (
    "process_resident_memory_bytes",
    "go_gc_heap_live_bytes",
    "go_memstats_heap_inuse_bytes",
)
TAKEN = "go_memstats_sys_bytes"
FAIL, PASS, OPEN = Verdict.FAIL, Verdict.PASS, Verdict.INCONCLUSIVE
#: Those of masking stand beside it.
REGISTERED = (test_snapshot_masking, test_other_programs)
MIB = 2.0**20


def subject(values: Any = 100.0, name: str = RSS, **more: Any) -> Subject:
    return Subject(gauge(name, np.asarray(values, np.float64)), "resident memory", "bytes", **more)


def rate(low: float, high: float, p: float = 0.0, level: float = 100.0, **more: Any) -> Trend:
    return Trend((low + high) / 2, low, high, 0.1, 0.0, level, p_no_growth=p, **more)


def by_default(trend: Trend, *, certain: bool) -> Verdict:
    """The verdict of growth that must not reach half of 100 bytes within 100 hours: above 0.5 bytes an hour."""
    return growth._by_default(subject(np.full(300, 100.0)), trend, certain, 100 * 3600.0)[0]


@pins(thresholds, "GROWS_BY")
def test_growth_by_half_within_the_time_to_survive_is_too_much() -> None:
    assert by_default(rate(0.51, 0.6), certain=True) is FAIL
    assert by_default(rate(0.49, 0.6), certain=True) is OPEN
    assert by_default(rate(0.40, 0.49), certain=True) is PASS
    assert by_default(rate(0.40, 0.51), certain=True) is OPEN


@pins(thresholds, "SUSPICIOUS")
def test_a_level_is_steady_where_no_growth_is_likelier_than_growth() -> None:
    assert by_default(rate(-1.0, 1.0, 0.51), certain=False) is PASS
    assert by_default(rate(-1.0, 1.0, 0.49), certain=False) is OPEN


@pins(thresholds, "SURELY_SETTLED")
def test_a_slope_wholly_above_what_matters_is_steady_only_where_that_is_nearly_sure() -> None:
    assert by_default(rate(0.6, 1.0, 0.985), certain=False) is OPEN
    assert by_default(rate(0.6, 1.0, 0.995), certain=False) is PASS


def test_what_rose_before_it_settled_is_not_called_steady() -> None:
    for low, said in ((0.6, "rose at first, and has settled"), (-0.1, "is steady")):
        _, reason, _ = growth._by_default(
            subject(np.full(300, 100.0)), rate(low, 1.0, 0.995), False, 100 * 3600.0
        )
        assert f"{said}: any growth is under" in reason


@pins(thresholds, "CERTAIN")
def test_growth_is_certain_below_a_chance_of_15_percent() -> None:
    for chance, verdict in ((0.14, FAIL), (0.16, OPEN)):
        with mock.patch.object(growth, "fit_trend", lambda _, p=chance: rate(1.0, 2.0, p)):
            assert (
                growth.judge_growth([subject(np.full(300, 100.0))], 100 * 3600.0)[0].verdict
                is verdict
            )


@pins(thresholds, "CANNOT_TELL", "SETTLING")
def test_what_cannot_be_decided_is_open_and_what_settles_passes() -> None:
    assert by_default(rate(-1.0, 1.0, thresholds.CANNOT_TELL), certain=False) is OPEN
    assert 0.15 < thresholds.CANNOT_TELL < 0.5
    assert by_default(rate(-1.0, 1.0, thresholds.SETTLING), certain=False) is PASS


@pins(thresholds, "SHARED_ERROR")
def test_a_week_of_nights_is_not_seven_times_as_good_as_one() -> None:
    assert 1.55 < shared_error(7) < 1.65


@pins(thresholds, "STEPS_LONGER", "FILLING_LONGER")
def test_too_few_steps_take_twice_as_long_again_and_a_filling_cache_longer() -> None:
    none: Any = None
    for more, lengths in (({"jumpy": True}, 3.0), ({"saturates": True}, 4.0)):
        seen = {"jumpy": False, "saturates": False, **more}
        average = ModelAverage(0.2, none, (), np.zeros(9), seen["jumpy"], 1.0, seen["saturates"])
        fit = trend_module._Fit(average, 1.0, 100.0, 0.0)
        longer = trend_module._doubt(fit, 0.2, 1.0, 1.0).more_seconds
        assert longer == pytest.approx((lengths - 1) * 100.0)


@pins(thresholds, "EDGE_LONGER", "MOST_LONGER")
def test_an_edge_takes_as_long_again_at_least_and_nine_times_at_most() -> None:
    for half, lengths in ((1.1, 1.0), (2.8, 1.0), (2.9, 1.0336), (31.0, 8.868), (32.0, 9.0)):
        assert more_time.more_seconds(rate(1.0 - half, 1.0 + half), [0.0], 100.0) == pytest.approx(
            100.0 * lengths, rel=1e-3
        )


@pins(thresholds, "HOLLOW_LONGER", "HOLLOW_MARGIN", "HOPELESS")
def test_a_hollow_pass_takes_as_long_again_at_least_and_is_given_up_beyond_reach() -> None:
    for shortfall, lengths in ((1.2, 1.0), (1.4, 1.44), (2.0, 4.5), (6.08, 9.0)):
        longer = vouch._more_seconds(200.0 / shortfall, 100.0)
        assert longer == pytest.approx(100.0 * lengths)
    assert vouch._more_seconds(200.0 / 6.09, 100.0) is None


def noisy(count: int, seed: int = 4) -> Floats:
    return 1e6 + np.random.default_rng(seed).normal(0, 1e3, count)


@pins(thresholds, "FEWEST_SAMPLES")
def test_nine_samples_are_too_few_and_ten_are_not() -> None:
    for count, few in ((9, True), (10, False)):
        assert ("too few" in str(trend_module._fit_trend(subject(noisy(count))).doubt)) is few


@pins(thresholds, "FEWEST_POINTS")
def test_four_points_are_too_few_and_five_are_not() -> None:
    for count, few in ((4, True), (5, False)):
        lives = split(subject(noisy(40)))
        reduced = (lives, [life.only(np.arange(len(life.times)) < count) for life in lives])
        with mock.patch.object(trend_module, "level_points", return_value=reduced):
            assert (trend_module._fit_trend(subject(noisy(40))).slope_high == np.inf) is few


@pins(thresholds, "RESOLVED_AT")
def test_a_resolution_is_four_and_a_half_standard_errors() -> None:
    trend = trend_module._fit_trend(subject(noisy(600)))
    errors = (trend.slope_high - trend.slope_low) / 3.92
    assert trend.settled_after_seconds == 0
    assert trend.resolution_per_hour / errors == pytest.approx(4.5, rel=0.02)


def young(seconds: int, levels: list[float], source: str = "process") -> Verdict:
    """A failing rise of memory in a run of so many seconds, whose deciles have these levels."""
    series = replace(gauge(RSS, np.repeat(levels, seconds // 10)), source=source)
    finding = Finding(RuleName.GROWTH, RSS, FAIL, "It grows.", unit="bytes/h")
    prepared = prepare(recording(series, seconds=seconds), 0.0)
    return within_warmup(prepared, Subject(series, "resident memory", "bytes"), finding).verdict


def risen(*thirds: float) -> list[float]:
    """Ten levels that begin at 100 and rise by these amounts a third."""
    first, second, last = thirds
    a, b, c = 100 + first, 100 + first + second, 100 + first + second + last
    return [100, 100, 100, a, a, a, b, b, b, c]


def kept(*thirds: float) -> bool:
    """Whether a count that rises by these amounts a third surely keeps what it gains."""
    entries = np.interp(np.arange(301), [0, 100, 200, 300], np.cumsum([0, *thirds]))
    return keeps_for_good(subject(entries, "python_container_length"))


@pins(thresholds, "KEPT_ENTRIES", "KEPT_EVENLY")
def test_a_cache_that_gains_a_hundred_entries_as_fast_late_as_early_keeps_them() -> None:
    assert kept(34, 34, 34)
    assert not kept(33, 33, 33)
    assert kept(100, 95, 91)
    assert not kept(100, 95, 89)


@pins(thresholds, "WORKED_BEFORE")
def test_a_file_is_of_a_young_service_unless_most_requests_came_before_it() -> None:
    memory = gauge(RSS, np.repeat([100.0, 104.0, 106.0, 107.0, 107.5, 108.0], 20))
    finding = Finding(RuleName.GROWTH, RSS, FAIL, "It grows.", unit="bytes/h")
    verdicts = []
    for before in (None, 0.0, 99.0, 101.0):
        total = replace(
            gauge("http_requests_total", (before or 0) + np.linspace(0, 100, 120)),
            kind=Kind.COUNTER,
        )
        done = () if before is None else (total,)
        file = replace(recording(memory, *done, seconds=120), phases=(), windows=(), users=None)
        verdicts.append(
            within_warmup(
                prepare(file, 0.0), Subject(memory, "resident memory", "bytes"), finding
            ).verdict
        )
    assert verdicts == [OPEN, OPEN, OPEN, FAIL]


@pins(thresholds, "WARMUP_SECONDS", "WARMUP_RISE")
def test_a_rise_by_half_of_the_youth_that_is_left_may_be_warm_up() -> None:
    # At 540 of 600 seconds a tenth of the youth is left: a rise by 5%.
    assert young(540, risen(4.5, 0, 0)) is OPEN
    assert young(540, risen(5.5, 0, 0)) is FAIL


def garbage(
    language: str, level: float, rise: float, *more: Series, unit: str = "bytes"
) -> Verdict:
    """A fail of resident memory (MiB) that rises evenly over 60 s of a process in this language."""
    memory = gauge(RSS, MIB * np.linspace(level, level + rise, 60))
    finding = Finding(RuleName.GROWTH, RSS, FAIL, "It grows.", unit=f"{unit}/h")
    run = recording(memory, *more, seconds=60)
    prepared = prepare(replace(run, run=replace(run.run, language=language)), 0.0)
    return within_warmup(prepared, Subject(memory, "resident memory", unit), finding).verdict


@pins(thresholds, "FIRST_COLLECTION")
def test_before_the_first_collection_garbage_rises_evenly() -> None:
    # Nine tenths of the youth are left; from the middle of the first decile to that of the last 91.5% of the rise are seen.
    assert garbage("Go", 7, 7.7) is OPEN
    assert garbage("Go", 7, 8.1) is FAIL
    assert garbage("Go", 7, 7.7, unit="objects") is FAIL  # so many bytes are no number of objects
    assert garbage("Java", 200, 90) is OPEN
    assert garbage("Java", 200, 110) is FAIL


def test_an_even_rise_is_no_garbage_where_collections_are_counted_or_nothing_is_collected() -> None:
    collected = gauge("go_gc_cycles_total_gc_cycles_total", np.arange(60.0) // 5)
    counted = replace(collected, kind=Kind.COUNTER)
    assert garbage("Go", 7, 1.3) is OPEN
    assert garbage("Go", 7, 1.3, counted) is FAIL
    assert garbage("Python", 7, 1.3) is FAIL
    assert garbage("", 7, 1.3) is FAIL


def collected_once(before: float, fall: float, after: float) -> Verdict:
    """A fail of resident memory that rises, falls back once, and rises again, all from a level of 100."""
    up = np.linspace(0, before, 40)
    values = 100 + np.concatenate([np.zeros(12), up, before - fall + np.linspace(0, after, 48)])
    return young(120, values.tolist())


@pins(thresholds, "FELL_BACK", "FELL_BACK_LEAST", "NEXT_RISE")
def test_a_rise_after_a_collection_tells_nothing_until_it_is_three_times_the_one_before() -> None:
    assert collected_once(60, 60, 175) is OPEN
    assert collected_once(60, 60, 185) is FAIL
    assert collected_once(60, 31, 150) is OPEN
    assert collected_once(60, 29, 150) is FAIL
    assert collected_once(18, 10.5, 50) is OPEN
    assert collected_once(18, 9.5, 50) is FAIL
    # Where collections come again and again, what they leave tells.
    teeth = np.tile(np.linspace(0.0, 30.0, 20), 6) + 0.5 * np.arange(120)
    assert young(120, (100 + teeth).tolist()) is FAIL


@pins(thresholds, "WARMUP_EVEN_RISE")
def test_an_even_rise_by_a_tenth_of_the_youth_that_is_left_may_be_warm_up() -> None:
    assert young(540, risen(0.3, 0.3, 0.3)) is OPEN
    assert young(540, risen(0.37, 0.37, 0.37)) is FAIL


@pins(thresholds, "LIVE_RISE", "LIVE_EVEN_RISE")
def test_a_heap_after_a_collection_may_rise_by_less() -> None:
    assert young(540, risen(1.8, 0, 0), SNAPSHOT_SOURCE) is OPEN
    assert young(540, risen(2.2, 0, 0), SNAPSHOT_SOURCE) is FAIL
    assert young(540, risen(0.15, 0.15, 0.15), SNAPSHOT_SOURCE) is OPEN
    assert young(540, risen(0.19, 0.19, 0.19), SNAPSHOT_SOURCE) is FAIL


def warmed_up(*thirds: float, source: str = SNAPSHOT_SOURCE, falls: float = 0.0) -> Verdict:
    """An open verdict on memory that rises by these amounts a third, and falls in all by a share of what it rises."""
    values = np.repeat(risen(*thirds), 54)
    values[100] -= falls * sum(thirds)
    series = replace(gauge(RSS, values), source=source)
    finding = Finding(
        RuleName.GROWTH, RSS, OPEN, "It may grow.", unit="bytes/h", trend=rate(0.5, 1.0)
    )
    prepared = prepare(recording(series, seconds=540), 0.0)
    return within_warmup(prepared, Subject(series, "the heap", "bytes"), finding).verdict


@pins(thresholds, "SETTLED_THIRD")
def test_open_memory_that_has_warmed_up_passes() -> None:
    assert warmed_up(1.0, 0.1, 0.14, source="process") is PASS
    assert warmed_up(1.0, 0.1, 0.16, source="process") is OPEN
    assert warmed_up(1.9, 0.1, 0.14, source="process") is OPEN  # more than warm-up explains


@pins(thresholds, "SETTLED_HALF")
def test_a_rise_has_not_ended_where_a_line_through_the_last_half_still_rises() -> None:
    assert warmed_up(1.0, 0.23, 0.14, source="process") is PASS
    assert warmed_up(1.0, 0.27, 0.14, source="process") is OPEN


def stepped_up(by: float, *, source: str = SNAPSHOT_SOURCE, stepwise: bool = True) -> Verdict:
    """An open verdict on memory at 100 MiB that rises in two steps, the last of them late, as a trend of few steps or not."""
    values = 2.0**20 * np.repeat([100.0, 100.0 + by / 2, 100.0 + by], [250, 200, 90])
    series = replace(gauge(RSS, values), source=source)
    trend = replace(rate(5e5, 1e6), stepwise=stepwise)
    finding = Finding(RuleName.GROWTH, RSS, OPEN, "It may grow.", unit="bytes/h", trend=trend)
    prepared = prepare(recording(series, seconds=540), 0.0)
    return within_warmup(prepared, Subject(series, "the heap", "bytes"), finding).verdict


def test_a_few_steps_may_rise_as_much_as_a_creep() -> None:
    assert stepped_up(2.4) is PASS
    assert stepped_up(2.6) is OPEN
    assert stepped_up(2.4, stepwise=False) is OPEN
    assert stepped_up(2.4, source="process") is OPEN


def creeping(times: Floats, rises: float, leaks: float = 0.0, scale: float = 2.0**20) -> Finding:
    """An open verdict on a heap at 100 after collections that rises by `rises` in its last two thirds, and `leaks` a span.

    All are in `scale` bytes.
    """
    ages = np.maximum(times - times[0], 1.0)
    creep = np.log(ages) * rises / np.log(10.0 / 3.0)
    noise = 0.001 * np.random.default_rng(5).standard_normal(len(times))
    values = 100 + creep + leaks * ages / ages[-1] + noise
    series = replace(gauge(RSS, scale * values), times=times, source=SNAPSHOT_SOURCE)
    trend = rate(0.5 * scale, 1.0 * scale)
    finding = Finding(RuleName.GROWTH, RSS, OPEN, "It may grow.", unit="bytes/h", trend=trend)
    prepared = prepare(recording(series, seconds=int(times[-1])), 0.0)
    return within_warmup(prepared, Subject(series, "the heap", "bytes"), finding)


@pins(thresholds, "CREEP_RISE")
def test_a_heap_that_creeps_as_the_logarithm_of_its_age_passes() -> None:
    times = np.linspace(0, 540, 541)
    assert creeping(times, 2.5).verdict is PASS  # by 2.3 from a level of 107
    assert creeping(times, 3.2).verdict is OPEN  # by 2.9 from a level of 109


@pins(thresholds, "CREEP_LEAST")
def test_a_small_heap_may_creep_as_one_of_four_mebibytes() -> None:
    times = np.linspace(0, 540, 541)
    mebibyte = 2.0**20 / 100  # of a level of 1 MiB, the rise is at most 2.5% of 4 MiB
    assert creeping(times, 10.5, scale=mebibyte).verdict is PASS
    assert creeping(times, 13.0, scale=mebibyte).verdict is OPEN


@pins(thresholds, "THREAD_CACHE")
def test_what_python_holds_may_creep_by_what_malloc_keeps_for_each_thread() -> None:
    times = np.linspace(0, 540, 541)
    threads = gauge("process_threads", np.full(541, 4.0))

    def held(rises: float, name: str = HELD_MEMORY, *beside: Series) -> Verdict:
        values = 2.0**20 * (20 + rises * (times > 300))
        series = replace(gauge(name, values), times=times, source=SNAPSHOT_SOURCE)
        trend = replace(rate(1.0, 2.0), stepwise=True)
        finding = Finding(RuleName.GROWTH, name, OPEN, "It may grow.", unit="bytes/h", trend=trend)
        prepared = prepare(recording(series, *beside, seconds=541), 0.0)
        return within_warmup(prepared, Subject(series, "memory", "bytes"), finding).verdict

    assert held(0.90, HELD_MEMORY, threads) is PASS  # of 4 times 234.5 KiB
    assert held(0.93, HELD_MEMORY, threads) is OPEN
    assert held(0.90) is OPEN
    assert held(0.90, "jvm_live_classes_bytes", threads) is OPEN


def test_growth_beside_a_creep_stays_open_and_what_is_left_is_bounded() -> None:
    times = np.linspace(0, 540, 541)
    assert creeping(times, 1.0, leaks=0.05).verdict is OPEN
    trend = creeping(times, 1.0).trend
    assert trend is not None
    assert trend.slope_low <= 0
    assert 0.0005 < trend.slope_high / 2**20 * 540 / 3600 < 0.005  # beside noise of 0.001


@pins(thresholds, "CREEP_SECONDS")
def test_a_heap_may_creep_for_an_hour() -> None:
    for seconds, verdict in ((3500, PASS), (3700, OPEN)):
        assert creeping(np.linspace(0, seconds, 600), 1.0).verdict is verdict


@pins(thresholds, "CREEP_BEGINS")
def test_creep_is_told_from_growth_after_the_first_tenth() -> None:
    times = np.linspace(0, 540, 541)
    for start, lasts in ((0.09, False), (0.11, True)):
        # What jumps within the first tenth is no creep, nor growth; what does later hides whether there is any.
        values = np.where(times < start * 540, 90.0, 100.0) + 0.01 * times
        growth = lasting_growth(times, values + 0.01 * np.sin(times))
        assert growth is not None
        assert (growth.low <= 0) is lasts


@pins(thresholds, "FLICKER", "FLICKER_BACK")
def test_a_count_that_is_down_at_its_lowest_again_has_gained_nothing() -> None:
    def life(*values: float) -> LevelPoints:
        return LevelPoints(np.arange(len(values), dtype=float), np.array(values), 0.0)

    assert flickers([life(2, 3, 2, 3, 4, 3, 2, 4, 2)])
    assert not flickers([life(2, 3, 2, 3, 5, 3, 2, 4, 2)])
    assert not flickers([life(2, 3, 2, 3, 4, 3, 2, 4, 3)])
    assert flickers([life(2, 3, 2, 3, 4, 3, 2, 4, 2, 2, 3, 2)])


def keeps_its_level(*parts: tuple[int, int]) -> bool:
    """Whether a count does of which each of six parts is so often at 36, and then at 37; the first dips to 30 and back."""
    counts = np.concatenate([[36.0] * usual + [37.0] * more for usual, more in parts])
    counts[0] = 30.0
    return flickers([LevelPoints(np.arange(len(counts), dtype=float), counts, 0.0)])


@pins(thresholds, "LEVEL_PARTS", "LEVEL_SAMPLES", "LEVEL_SHARE")
def test_a_count_that_is_mostly_at_one_level_in_each_sixth_has_gained_nothing() -> None:
    assert keeps_its_level((6, 1), *[(6, 0)] * 5)
    assert not keeps_its_level((6, 0), *[(6, 0)] * 4, (5, 0))
    assert not keeps_its_level((5, 1), *[(6, 0)] * 4, (3, 3))
    assert keeps_its_level((9, 1), *[(10, 0)] * 4, (6, 4))
    assert not keeps_its_level((9, 1), *[(10, 0)] * 4, (5, 5))
    assert not keeps_its_level(*[(10, 0)] * 5, (9, 1))  # it was never so high before


@pins(thresholds, "FALL_SHARE", "FALL_HEIGHT")
def test_a_first_fall_ends_in_the_first_quarter_and_is_of_twice_what_follows() -> None:
    times = np.arange(200.0)
    later = 30 + (times % 2)

    def fallen(height: float, until: float) -> float | None:
        return first_fall_end(times, later + np.where(times < until, height, 0.0))

    assert fallen(2.1, 40) == 40.0
    assert fallen(1.9, 40) is None
    assert fallen(50.0, 49) == 49.0
    assert fallen(50.0, 52) is None


@pins(thresholds, "HARDLY_FALLS")
def test_what_garbage_does_not_hide_has_warmed_up_likewise() -> None:
    # What falls once rises by as much again: 0.053 / (1 + 0.053) of all rises are falls.
    assert warmed_up(1.0, 0.1, 0.14, source="process", falls=0.051) is PASS
    assert warmed_up(1.0, 0.1, 0.14, source="process", falls=0.055) is OPEN


def test_thirds_are_of_the_clock_that_growth_is_judged_on() -> None:
    # A tenth of the samples lie in the first half of the clock: by samples the rise slows down, by
    # the clock it is even.
    times = np.concatenate([np.linspace(0, 270, 40), np.linspace(271, 540, 360)])
    series = replace(gauge(RSS, 100 + times / 100), times=times)
    finding = Finding(RuleName.GROWTH, RSS, FAIL, "It grows.", unit="bytes/h")
    prepared = prepare(recording(series, seconds=540), 0.0)
    subject = Subject(series, "resident memory", "bytes")
    assert within_warmup(prepared, subject, finding).verdict is OPEN
    clock = JudgedClock((0.0, 540.0), (0.0, 540.0), (0.0, 100.0), ("GET /a",))
    assert within_warmup(prepared, replace(subject, clock=clock), finding).verdict is FAIL


@pins(thresholds, "EVEN_THIRDS")
def test_a_rise_is_even_where_the_slowest_third_has_three_quarters_of_the_fastest() -> None:
    assert young(540, risen(1.0, 1.0, 0.76)) is FAIL
    assert young(540, risen(1.0, 1.0, 0.74)) is OPEN


def collected(verdict: Verdict, ran: float, rises: dict[str, float], name: str = IN_USE) -> Verdict:
    """What few full collections leave of a finding, where series of level 100 rise by so much from first to last quarter."""
    columns = [gauge(series, np.repeat([100.0, 100 + rise], 150)) for series, rise in rises.items()]
    finding = Finding(
        RuleName.GROWTH, name, verdict, "It is judged.", unit="bytes/h", trend=rate(0.5, 1.0)
    )
    return with_few_collections(finding, "the heap", columns, {"": ran}, 3600.0).verdict


@pins(thresholds, "FEWEST_COLLECTIONS")
def test_growth_of_memory_fails_from_two_full_collections_on() -> None:
    assert collected(FAIL, 1, {IN_USE: 50}) is OPEN
    assert collected(FAIL, 2, {IN_USE: 50}) is FAIL


@pins(thresholds, "FEW_COLLECTIONS")
def test_a_rising_heap_passes_from_five_full_collections_on() -> None:
    assert collected(PASS, 4, {IN_USE: 50}) is OPEN
    assert collected(PASS, 5, {IN_USE: 50}) is PASS


@pins(thresholds, "HEAP_RISES")
def test_a_heap_with_few_collections_rises_from_a_tenth_on() -> None:
    assert collected(PASS, 3, {IN_USE: 9}) is PASS
    assert collected(PASS, 3, {IN_USE: 11}) is OPEN


@pins(thresholds, "BY_HEAP")
def test_a_heap_explains_a_process_from_half_of_its_rise_on() -> None:
    assert collected(FAIL, 1, {RSS: 100, IN_USE: 45}, RSS) is FAIL
    assert collected(FAIL, 1, {RSS: 100, IN_USE: 55}, RSS) is OPEN


def beside(resident: float, taken: float) -> Verdict:
    """Failing resident memory of this level (MiB) above a steady heap, beside what Go took from the system (MiB)."""
    rss, system = gauge(RSS, np.full(300, resident * MIB)), gauge(TAKEN, np.full(300, taken * MIB))
    prepared = prepare(recording(rss, system, gauge(LIVE, 1e6)), 0.0)
    own = Subject(rss, "resident memory", "bytes")
    steep = rate(1e9, 2e9, level=resident * MIB)
    finding = Finding(RuleName.GROWTH, RSS, FAIL, "It grows.", unit="bytes/h", trend=steep)
    heap = replace(finding, series=LIVE, verdict=PASS)
    return _in_the_light(prepared, own, finding, heap, lambda _: heap).verdict


@pins(thresholds, "OUTSIDE_HEAP")
def test_a_process_has_a_mebibyte_beside_what_its_runtime_took() -> None:
    assert beside(50.9, 50) is PASS
    assert beside(51.1, 50) is FAIL


@pins(thresholds, "LEAST_OF_PROCESS")
def test_a_heap_explains_its_process_alone_from_a_third_of_the_memory_on() -> None:
    whole = subject(np.full(300, 300e6))
    for own, measured in ((101e6, True), (99e6, False)):
        after = gauge("process_resident_after_gc_bytes", np.full(300, own))
        prepared = prepare(recording(whole.series, after), 0.0)
        assert _measures_all(prepared, whole) is measured


@pins(thresholds, "COMPANION_RISE")
def test_a_companion_is_steady_up_to_a_twentieth() -> None:
    for rise, kept in ((1.04, True), (1.06, False)):
        assert (
            _kept(gauge(TAKEN, np.repeat([100.0, 100 * rise], 150)), subject(np.zeros(300))) is kept
        )


@pins(thresholds, "RESIDENT_ALONE", "RESIDENT_ALONE_AT_FIRST", "RESIDENT_ALONE_SECONDS")
def test_resident_memory_may_rise_by_half_at_first_and_by_a_tenth_after_an_hour() -> None:
    assert [_alone(seconds) for seconds in (0.0, 1800.0, 3600.0, 7200.0)] == pytest.approx(
        [0.5, 0.3, 0.1, 0.1]
    )


def overloaded(first: float, last: float, timed_out: int = 0) -> bool:
    """Whether a target is overloaded whose requests in flight go from one level to another, with timeouts in a hundred."""
    requests: EndpointWindows = windows(requests=100, failures=timed_out)
    kinds = {"timed out": timed_out * 300} if timed_out else {}
    prepared = prepare(recording(requests=[replace(requests, failure_kinds=kinds)]), 0.0)
    waiting = np.repeat([first, (first + last) / 2, last], 100)
    with mock.patch.object(overload, "_in_flight", return_value=waiting):
        return overload.overload_of(prepared) is not None


@pins(thresholds, "IN_FLIGHT_FACTOR", "IN_FLIGHT_MORE")
def test_a_target_is_overloaded_from_twice_and_five_more_requests_in_flight_on() -> None:
    assert not overloaded(10, 19)
    assert overloaded(10, 21)
    assert not overloaded(2, 6.5)
    assert overloaded(2, 7.5)


@pins(thresholds, "MOSTLY_TIMEOUTS")
def test_a_target_is_overloaded_where_more_than_half_of_the_requests_time_out() -> None:
    assert not overloaded(0, 0, 49)
    assert overloaded(0, 0, 51)


def life(values: Any) -> LevelPoints:
    times = np.arange(float(len(values)))
    return split(Subject(Series(RSS, times, np.asarray(values, np.float64)), "x", "bytes"))[0]


@pins(thresholds, "PEAK_CONNECTIONS")
def test_a_level_may_follow_connections_that_rise_by_half() -> None:
    for last, follows in ((14.9, False), (15.1, True)):
        connections = gauge("soak_load_connections", np.linspace(10, last, 300))
        assert (peak_connections([life(noisy(300))], connections) is not None) is follows


def blocks(*lengths: int) -> Floats:
    """Blocks of ten: of each pair of numbers, so many that take so many values one after another (1: it stands still)."""
    rows: list[float] = []
    for values in lengths:
        rows += [float(index % values) for index in range(10)]
    return np.array(rows)


@pins(thresholds, "ROUNDED_VALUES")
def test_a_rounded_series_takes_a_fifth_as_many_values_as_samples_at_most() -> None:
    for count, rounded in ((19, True), (22, False)):
        rising = np.concatenate(
            (np.arange(float(count)), np.zeros(30 - count % 30 if count < 30 else 0))
        )[:30]
        assert grain_of(np.concatenate((rising, np.zeros(70))))[1] is rounded


@pins(thresholds, "ROUNDED_REPEATED", "ROUNDED_BLOCK")
def test_a_rounded_series_stands_still_in_more_than_half_of_its_blocks_of_ten() -> None:
    assert grain_of(blocks(2, 1, 2, 1, 1, 2, 1, 1, 2, 1))[1]
    assert not grain_of(blocks(2, 1, 2, 1, 1, 2, 1, 2, 2, 1))[1]


@pins(thresholds, "ROUNDED_MULTIPLE")
def test_a_rounded_series_keeps_to_its_grain_within_a_thousandth() -> None:
    for off, rounded in ((0.9e-3, True), (1.1e-3, False)):
        values = blocks(1, 1, 1, 1, 1, 1, 1, 1, 1, 2)
        values[95] = 5 + off
        assert grain_of(values)[1] is rounded


def in_blocks(*levels: float, each: int = 2) -> Floats:
    """Samples whose 48 blocks have these levels."""
    return np.repeat(levels, each)


def shifted(*levels: tuple[int, float], each: int = 2) -> int:
    """In how many steps a level shifted that had each of these levels for so many blocks; 0 where it did not."""
    values = in_blocks(*(level for count, level in levels for _ in range(count)), each=each)
    shift = level_shift(np.arange(float(len(values))), values)
    return 0 if shift is None else shift.steps


@pins(thresholds, "SHIFT_BLOCKS")
def test_a_shift_is_looked_for_in_96_samples_or_more() -> None:
    for count, detected in ((95, False), (96, True)):
        values = np.repeat([100.0, 200.0], 48)[-count:]
        assert (level_shift(np.arange(float(count)), values) is not None) is detected


@pins(thresholds, "SHIFT_FEWEST")
def test_a_level_has_three_blocks_beside_the_one_of_its_step() -> None:
    assert shifted((3, 100), (45, 200)) == 1
    assert shifted((2, 100), (46, 200)) == 0


@pins(thresholds, "SHIFT_HEIGHT", "SHIFT_SCATTER")
def test_a_step_is_higher_than_six_times_a_fiftieth_of_the_range() -> None:
    assert shifted((16, 1), (16, 101), (16, 116)) == 2
    assert shifted((16, 1), (16, 101), (16, 114)) == 0


@pins(thresholds, "SHIFT_SHARE")
def test_a_step_is_higher_than_a_tenth_of_the_first_level() -> None:
    assert shifted((24, 1000), (24, 1105)) == 1
    assert shifted((24, 1000), (24, 1095)) == 0


@pins(thresholds, "SHIFTS_AT_MOST")
def test_four_steps_are_a_staircase() -> None:
    assert shifted((12, 100), (12, 200), (12, 300), (12, 400)) == 3
    assert shifted((9, 100), (9, 200), (10, 300), (10, 400), (10, 500)) == 0


def goes_on(*levels: tuple[int, float]) -> bool:
    """Whether a level that stands at each of these for so many blocks may go on in steps."""
    values = in_blocks(*(value for blocks, value in levels for _ in range(blocks)))
    return goes_on_in_steps(np.arange(float(len(values))), values)


@pins(thresholds, "STEPS_AT_LEAST", "STEP_DUE")
def test_three_steps_up_may_go_on_until_the_next_would_have_come() -> None:
    assert goes_on((12, 100), (12, 110), (12, 120), (12, 130))
    assert not goes_on((16, 100), (16, 110), (16, 120))
    assert goes_on((9, 100), (8, 110), (8, 120), (23, 130))
    assert not goes_on((8, 100), (8, 110), (7, 120), (25, 130))
    assert not goes_on((12, 100), (12, 110), (12, 105), (12, 130))  # and never down


@pins(thresholds, "SHIFT_FLAT")
def test_a_level_bends_by_a_quarter_of_the_step_at_most() -> None:
    for bend, detected in ((22.5, True), (27.0, False)):
        scattered = 100 + 3.4 * (-1.0) ** np.arange(24)
        values = in_blocks(*([0.0] * 16), *([bend] * 8), *scattered)
        assert (level_shift(np.arange(96.0), values) is not None) is detected


def stands_still(*levels: float, each: int = 2) -> bool:
    values = in_blocks(*levels, each=each)
    return plateau_begin(np.arange(float(len(values))), values) is not None


def risen_to(flat: Iterable[float], before: int) -> list[float]:
    """A level that falls from 1 to 0, rises to 100 within six blocks, and then is as it is told."""
    return [*np.linspace(1, 0, before), *np.linspace(15, 90, 6), *flat]


@pins(thresholds, "PLATEAU_BLOCKS")
def test_a_standstill_is_looked_for_in_96_samples_or_more() -> None:
    values = in_blocks(*risen_to([100.0] * 20, 22))
    assert plateau_begin(np.arange(96.0), values) is not None
    assert plateau_begin(np.arange(95.0), values[1:]) is None


@pins(thresholds, "PLATEAU_STARTS")
def test_a_count_s_rise_begins_where_it_leaves_its_lowest_tenth() -> None:
    """Threads that grew by a few of twenty early on, by the others within 20 s, and then stood still for 30 s."""

    def stood_still(early: float) -> bool:
        values = np.concatenate(
            [[50.0] * 5, [50.0 + early] * 25, np.linspace(55, 70, 20), [70.0] * 30]
        )
        return plateau_begin(np.arange(80.0), values, counted=True) is not None

    assert stood_still(1.9)
    assert not stood_still(2.1)


def test_of_a_count_half_as_many_samples_show_a_standstill() -> None:
    values = np.concatenate([np.linspace(50, 70, 12), [70.0] * 36])
    assert plateau_begin(np.arange(48.0), values, counted=True) is not None
    assert plateau_begin(np.arange(47.0), values[1:], counted=True) is None
    assert plateau_begin(np.arange(48.0), values) is None
    assert plateau_begin(np.arange(48.0), values[::-1], counted=True) is None


@pins(thresholds, "PLATEAU_SHARE")
def test_a_standstill_lasts_for_a_quarter_of_the_stretch() -> None:
    assert stands_still(*risen_to([100.0] * 12, 30))
    assert not stands_still(*risen_to([100.0] * 11, 31))


@pins(thresholds, "PLATEAU_RISE")
def test_the_rise_before_a_standstill_is_fifteen_times_its_scatter() -> None:
    for scatter, detected in ((6.4, True), (7.0, False)):
        assert stands_still(*risen_to(100 + scatter * (-1.0) ** np.arange(20), 22)) is detected


@pins(thresholds, "PLATEAU_HEIGHT")
def test_the_rise_before_a_standstill_is_two_fifths_of_the_range() -> None:
    for height, detected in ((41.0, True), (39.0, False)):
        assert (
            stands_still(
                *([100.0] * 14),
                *np.linspace(100, 0, 8),
                *np.linspace(5, height - 3, 6),
                *([height] * 20),
            )
            is detected
        )


@pins(thresholds, "PLATEAU_DROP")
def test_a_fall_by_three_tenths_of_the_range_ends_a_rise() -> None:
    for drop, detected in ((31.0, True), (29.0, False)):
        assert (
            stands_still(
                *np.linspace(0, 60, 24), 60 - drop, *np.linspace(62, 98, 5), *([100.0] * 18)
            )
            is detected
        )


@pins(thresholds, "PLATEAU_RISES")
def test_a_plateau_rises_from_one_and_a_half_standard_errors_on() -> None:
    when = np.arange(20.0)
    x = when - when.mean()
    rest = (-1.0) ** np.arange(20)
    rest = rest - rest.mean() - x * (x @ rest) / (x @ x)
    error = np.sqrt(rest @ rest / 18 / (x @ x))
    assert not _moves(when, 100 + rest + 1.4 * error * x, 10.0)
    assert _moves(when, 100 + rest + 1.6 * error * x, 10.0)


def despiked(values: Floats, at: int) -> bool:
    return bool(_without_spikes(values)[at] != values[at])


@pins(thresholds, "SPIKE_WINDOW")
def test_spikes_are_looked_for_in_28_samples_or_more() -> None:
    for count, detected in ((27, False), (28, True)):
        values = np.random.default_rng(2).normal(size=count)
        values[14] = 500.0
        assert despiked(values, 14) is detected


@pins(thresholds, "SPIKE_HEIGHT")
def test_a_spike_is_eight_times_the_usual_distance_away() -> None:
    values = np.random.default_rng(2).normal(size=400)
    around = np.median(
        np.lib.stride_tricks.sliding_window_view(np.pad(values, 3, mode="edge"), 7), axis=1
    )
    usual = 1.4826 * np.median(np.abs(values - around))
    for height, detected in ((7.6, False), (8.4, True)):
        values[200] = around[200] + height * usual
        assert despiked(values, 200) is detected


@pins(thresholds, "SPIKES_AT_MOST")
def test_a_tenth_of_the_samples_are_spikes_at_most() -> None:
    for every, detected in ((11, True), (9, False)):
        values = np.random.default_rng(2).normal(size=396)
        values[4::every] = 500.0
        assert despiked(values, 4) is detected


def saturates(slow: float, curve: float, straight: float, growing: float) -> bool:
    """Whether a series whose explanations have this log evidence saturates slowly: a late shape, curves, lines, any growth."""
    nothing = np.array([0.0])
    candidates: Any = SimpleNamespace(
        paces=slice(0, 1),
        steps=slice(9, 10),
        shape_late=nothing == 0,
        endless=nothing == 1,
        shape_prior=nothing,
    )
    tally: Any = SimpleNamespace(
        stays=[np.array([curve]), np.array([slow])],
        stays_made=[((), 0), ((), None)],
        grows=[(np.array([straight]), None), (np.array([growing]), None)],
    )
    return model_averaging._saturates([tally], candidates)


@pins(thresholds, "SLOW_SATURATION")
def test_a_slow_saturation_is_implausible_by_39_tenths() -> None:
    assert saturates(slow=10.0, curve=-50.0, straight=4.0, growing=4.0)
    assert not saturates(slow=10.0, curve=-50.0, straight=4.2, growing=4.2)


@pins(thresholds, "BENDS")
def test_a_series_bends_that_a_curve_explains_better_than_a_line_by_two() -> None:
    assert saturates(slow=-50.0, curve=10.0, straight=7.9, growing=10.0)
    assert not saturates(slow=-50.0, curve=10.0, straight=8.1, growing=10.0)


@pins(thresholds, "BETTER_THAN_SATURATION")
def test_a_series_grows_that_growth_explains_better_than_a_curve_by_six() -> None:
    assert saturates(slow=-50.0, curve=10.0, straight=0.0, growing=15.9)
    assert not saturates(slow=-50.0, curve=10.0, straight=0.0, growing=16.1)


def test_every_threshold_has_a_boundary_test() -> None:
    pinned = {name for module, name in BOUNDARY_TESTS if module == thresholds.__name__}
    assert pinned == thresholds_of(thresholds).keys()


#: Where a quarter more or less is not what tells: a place between two other thresholds; and levels shorter than four blocks,
#: which the comparison of eighths refuses before.
BETWEEN = {
    "CANNOT_TELL": (0.1, 0.55),
    "SETTLING": (0.45,),
    "SHIFT_FEWEST": (5,),
    "STEP_DUE": (0.9, 0.98),
}


@pytest.mark.parametrize(
    "name", sorted(name for module, name in BOUNDARY_TESTS if module == thresholds.__name__)
)
def test_a_threshold_moved_by_a_quarter_is_noticed(name: str) -> None:
    for value in BETWEEN.get(name, nudged(thresholds_of(thresholds)[name])):
        assert notices(thresholds, name, value), (
            f"{name} may be {value} and no boundary test notices"
        )
