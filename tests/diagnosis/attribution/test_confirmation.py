"""A second load after a rest: what is a leak, what a high-water mark, and what tells neither."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.diagnosis.attribution.confirmation import (
    Confirmation,
    ConfirmationOutcome,
    Rest,
    _at_rest,
    _held,
    _off,
    _per_request,
    _requests,
    confirmation,
    confirmations,
    with_confirmations,
)
from soak.model import (
    Analysis,
    Finding,
    Floats,
    Phase,
    Recording,
    RuleName,
    RunInfo,
    Trend,
    Verdict,
)
from soak.profile import Limits
from soak.snapshots import Snapshot, SnapshotStage
from tests.analysis.recordings import counter, gauge, noise, recording, windows
from tests.diagnosis.writing import profile

LOAD, DRAIN, AGAIN = 200, 20, 60
SECONDS = LOAD + DRAIN + AGAIN + DRAIN
EDGES = np.cumsum([0, LOAD, DRAIN, AGAIN, DRAIN])
PHASES = tuple(
    Phase(name, float(a), float(b))
    for name, a, b in zip(
        ("steady", "drain", "confirm", "confirm-drain"), EDGES[:-1], EDGES[1:], strict=True
    )
)
EACH = 1000.0


@pytest.mark.parametrize(
    ("before", "after", "error", "expected"),
    [
        (0.0, 3000.0, 0.0, ConfirmationOutcome.LEAK),
        (0.0, 2200.0, 100.0, ConfirmationOutcome.LEAK),
        (0.0, 0.0, 0.0, ConfirmationOutcome.HIGH_WATER),
        (0.0, -900.0, 100.0, ConfirmationOutcome.HIGH_WATER),
        (0.0, 3000.0, 2000.0, ConfirmationOutcome.UNCLEAR),
        (0.0, 1200.0, 0.0, ConfirmationOutcome.UNCLEAR),
        (0.0, 0.0, 1000.0, ConfirmationOutcome.UNCLEAR),
    ],
)
def test_the_second_rise_is_weighed_against_the_first(
    before: float, after: float, error: float, expected: ConfirmationOutcome
) -> None:
    second = confirmation("x", "bytes", 1.0, Rest(before, error), Rest(after, 0.0), 3000)
    assert second.outcome is expected
    assert second.low <= second.second <= second.high
    assert "3,000 requests" in second.reason


def test_hardly_any_requests_tell_nothing() -> None:
    assert (
        confirmation("x", "bytes", 1.0, Rest(0, 0), Rest(0, 0), 5).outcome
        is ConfirmationOutcome.UNCLEAR
    )
    assert (
        confirmation("x", "bytes", 0.0, Rest(0, 0), Rest(9, 0), 500).outcome
        is ConfirmationOutcome.UNCLEAR
    )


def made() -> Floats:
    """Requests so far: 50 a second while there is load."""
    times = np.arange(SECONDS)
    loaded = (times < LOAD) | ((times >= EDGES[2]) & (times < EDGES[3]))
    return np.cumsum(np.where(loaded, 50.0, 0.0))


def run(memory: Floats, *snapshots: Snapshot) -> Recording:
    asked = windows(seconds=SECONDS)
    requests = np.diff(made(), prepend=0.0).astype(np.int64)
    recorded = recording(
        gauge("process_resident_memory_bytes", memory),
        requests=[replace(asked, requests=requests)],
        seconds=SECONDS,
    )
    return replace(recorded, phases=PHASES, snapshots=snapshots)


def test_a_leak_goes_on_where_it_stopped() -> None:
    run_again = run(50e6 + EACH * made() + noise(2e3, seconds=SECONDS))
    analysis = analyze(run_again, Limits())
    [confirmed] = confirmations(run_again, analysis)
    assert confirmed.outcome is ConfirmationOutcome.LEAK
    assert confirmed.requests == 50 * AGAIN
    assert confirmed.first == pytest.approx(EACH, rel=0.05)
    assert confirmed.second == pytest.approx(EACH, rel=0.05)
    [told] = [
        finding
        for finding in with_confirmations(run_again, analysis).findings
        if finding.rule == "growth"
    ]
    assert told.reason.endswith("a leak.")


def test_a_level_that_only_the_first_load_raised_is_a_high_water_mark() -> None:
    """Growth that would fail, and does not go on: verdict and reason stay, and what the second load told is added."""
    run_again = run(50e6 + EACH * np.minimum(made(), 50 * LOAD) + noise(2e3, seconds=SECONDS))
    analysis = with_confirmations(run_again, analyze(run_again, Limits()))
    [confirmed] = confirmations(run_again, analysis)
    assert confirmed.outcome is ConfirmationOutcome.HIGH_WATER
    [told] = [finding for finding in analysis.findings if finding.rule == "growth"]
    assert "keeps growing" in told.reason
    assert "a high-water mark, and no leak" in told.reason


def test_without_a_second_load_or_growth_there_is_nothing_to_tell() -> None:
    run_again = run(50e6 + EACH * made() + noise(2e3, seconds=SECONDS))
    once = replace(run_again, phases=PHASES[:2])
    assert confirmations(once, analyze(once, Limits())) == ()
    steady = run(50e6 + noise(2e3, seconds=SECONDS))
    assert confirmations(steady, analyze(steady, Limits())) == ()


def heap(at: float, stage: SnapshotStage, total: int) -> Snapshot:
    columns = ("inuse_objects", "inuse_space")
    data = profile(
        [(["main.remember"], [1, total // 2]), (["main.serve"], [1, total - total // 2])], columns
    )
    return Snapshot(at, 0.1, "heap", stage, read=lambda: data)


@pytest.mark.parametrize(
    ("again", "expected"),
    [(130_000_000, ConfirmationOutcome.LEAK), (100_100_000, ConfirmationOutcome.HIGH_WATER)],
)
def test_the_heap_is_told_by_its_snapshots(again: int, expected: ConfirmationOutcome) -> None:
    run_again = run(
        50e6 + noise(2e3, seconds=SECONDS),
        heap(0.0, "start", 1_000_000),
        heap(220.0, "drained", 101_000_000),
        heap(299.0, "confirmed", again),
    )
    [confirmed] = confirmations(run_again, analyze(run_again, Limits()))
    assert (confirmed.key, confirmed.unit, confirmed.outcome) == ("heap", "bytes", expected)
    assert confirmed.first == pytest.approx(10_000, rel=0.01)


def test_a_snapshot_that_cannot_be_read_tells_nothing() -> None:
    torn = Snapshot(220.0, 0.1, "heap", "drained", read=lambda: b"<html>")
    memory = 50e6 + noise(2e3, seconds=SECONDS)
    run_again = run(memory, heap(0.0, "start", 10**6), torn, heap(299.0, "confirmed", 10**8))
    assert confirmations(run_again, analyze(run_again, Limits())) == ()


TWICE = (
    ("steady", 200),
    ("drain", 20),
    ("repeat", 60),
    ("repeat-drain", 20),
    ("confirm", 60),
    ("confirm-drain", 20),
)


@pytest.mark.parametrize(("repeated", "keys"), [(EACH, "append"), (0.0, "cardinality")])
def test_growth_with_every_request_is_told_from_growth_with_new_keys(
    repeated: float, keys: str
) -> None:
    edges = np.cumsum([0, *(seconds for _, seconds in TWICE)])
    phases = tuple(
        Phase(name, float(edges[i]), float(edges[i + 1])) for i, (name, _) in enumerate(TWICE)
    )
    times = np.arange(edges[-1])
    each = {"steady": EACH, "repeat": repeated, "confirm": EACH}
    rates, kept = np.zeros(len(times)), np.zeros(len(times))
    for phase in phases:
        inside = (times >= phase.start) & (times < phase.end) & (phase.name in each)
        rates[inside], kept[inside] = 50, 50 * each.get(phase.name, 0.0)
    seconds = len(times)
    memory = gauge(
        "process_resident_memory_bytes", 50e6 + np.cumsum(kept) + noise(2e3, seconds=seconds)
    )
    asked = replace(windows(seconds=seconds), requests=rates.astype(np.int64))
    run_again = replace(recording(memory, requests=[asked], seconds=seconds), phases=phases)
    [confirmed] = confirmations(run_again, analyze(run_again, Limits()))
    assert confirmed.outcome is ConfirmationOutcome.LEAK
    assert confirmed.second == pytest.approx(EACH, rel=0.05)
    assert confirmed.keys == keys
    assert ("with every request" in confirmed.reason) is (keys == "append")


def test_kinds_that_hold_no_amounts_are_passed_over() -> None:
    stages: tuple[SnapshotStage, ...] = ("start", "drained", "confirmed")
    taken = [Snapshot(100.0 * at, 0.1, "v8snapshot", stage) for at, stage in enumerate(stages)]
    run_again = run(50e6 + noise(2e3, seconds=SECONDS), *taken)
    assert confirmations(run_again, analyze(run_again, Limits())) == ()


@pytest.mark.parametrize(
    ("slope", "rate", "each"),
    [
        (3600.0, 2.0, 0.5),
        (3600.0, 0.0, None),
        (3600.0, 0.5, 2.0),
        (0.0, 2.0, None),
        (-1.0, 2.0, None),
    ],
)
def test_growth_a_request_is_known_of_growth_under_load_alone(
    slope: float, rate: float, each: float | None
) -> None:
    grows = Trend(slope, slope, slope, 1.0, 0.0, 9.0)
    finding = Finding(RuleName.GROWTH, "x_bytes", Verdict.FAIL, "It grows.", trend=grows)
    assert _per_request(finding, rate) == each
    assert _per_request(replace(finding, verdict=Verdict.PASS), rate) is None
    assert _per_request(replace(finding, rule=RuleName.MAX), rate) is None


LEAK, HIGH_WATER, UNCLEAR = ConfirmationOutcome


@pytest.mark.parametrize(
    ("first", "rise", "error", "requests", "outcome"),
    [
        (2.0, 20.0, 0.0, 20, LEAK),
        (2.0, 19.0, 0.0, 20, UNCLEAR),
        (2.0, 30.0, 5.0, 20, LEAK),
        (2.0, 29.0, 5.0, 20, UNCLEAR),
        (2.0, 10.0, 0.0, 20, HIGH_WATER),
        (2.0, 11.0, 0.0, 20, UNCLEAR),
        (2.0, 0.0, 5.0, 20, HIGH_WATER),
        (2.0, 1.0, 5.0, 20, UNCLEAR),
        (2.0, 20.0, 0.0, 10, LEAK),
        (2.0, 20.0, 0.0, 9, UNCLEAR),
        (2.0, 0.0, 0.0, 9, UNCLEAR),
        (0.5, 20.0, 0.0, 20, LEAK),
        (0.5, 0.0, 0.0, 20, HIGH_WATER),
        (0.0, 20.0, 0.0, 20, UNCLEAR),
        (-1.0, 20.0, 0.0, 20, UNCLEAR),
    ],
)
def test_surely_half_of_the_first_growth_is_a_leak_and_surely_a_quarter_is_none(
    first: float, rise: float, error: float, requests: int, outcome: ConfirmationOutcome
) -> None:
    after = Rest(100.0 + rise, 0.6 * error)
    told = confirmation("x", "bytes", first, Rest(100.0, 0.8 * error), after, requests)
    assert told.outcome is outcome
    assert (told.first, told.second, told.requests) == (first, rise / requests, requests)
    assert told.low == pytest.approx((rise - 2 * error) / requests)
    assert told.high == pytest.approx((rise + 2 * error) / requests)


def test_without_requests_a_rise_stands_for_one() -> None:
    told = confirmation("x", "bytes", 1.0, Rest(5.0, 0.0), Rest(8.0, 0.0), 0)
    assert (told.second, told.outcome) == (3.0, UNCLEAR)
    assert confirmation("x", "bytes", 1.0, Rest(5.0, 0.0), Rest(8.0, 0.0), 1).second == 3.0
    assert confirmation("x", "bytes", 1.0, Rest(5.0, 0.0), Rest(8.0, 0.0), 2).second == 1.5


@pytest.mark.parametrize(
    ("outcome", "repeated", "keys"),
    [
        (LEAK, None, ""),
        (LEAK, UNCLEAR, ""),
        (LEAK, LEAK, "append"),
        (LEAK, HIGH_WATER, "cardinality"),
        (HIGH_WATER, LEAK, ""),
        (HIGH_WATER, HIGH_WATER, ""),
        (UNCLEAR, LEAK, ""),
        (UNCLEAR, None, ""),
    ],
)
def test_what_a_leak_grows_with_is_known_of_a_leak_after_a_repeated_load_that_told(
    outcome: ConfirmationOutcome, repeated: ConfirmationOutcome | None, keys: str
) -> None:
    told = Confirmation("x", "bytes", outcome, 1.0, 1.0, 1.0, 1.0, 50, "said", repeated)
    assert told.keys == keys


def test_growth_a_request_needs_a_trend_that_is_a_number() -> None:
    finding = Finding(RuleName.GROWTH, "x_bytes", Verdict.FAIL, "It grows.")
    assert _per_request(finding, 2.0) is None
    for slope in (np.nan, np.inf):
        endless = replace(finding, trend=Trend(slope, slope, slope, 1.0, 0.0, 9.0))
        assert _per_request(endless, 2.0) is None
    doubtful = replace(finding, verdict=Verdict.INCONCLUSIVE)
    slow = replace(doubtful, trend=Trend(0.5, 0.5, 0.5, 1.0, 0.0, 9.0))
    assert _per_request(slow, 1.0) == 0.5 / 3600
    assert _per_request(slow, -1.0) is None


REST = Phase("drain", 10.0, 30.0)
NAME = "process_resident_memory_bytes"


def resting(values: Any, **labels: str) -> Recording:
    return recording(gauge(NAME, np.array(values, dtype=np.float64), **labels), seconds=60)


def test_a_level_at_rest_is_that_of_the_later_half_both_ends_included() -> None:
    values = np.full(60, 1000.0)
    values[20:31] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15]
    assert _at_rest(resting(values), NAME, (), REST) == Rest(6.0, 3 * 1.4826)
    values[25] = np.nan  # of the ten left, 5 and 7 are in the middle
    assert _at_rest(resting(values), NAME, (), REST) == Rest(6.0, 3 * 1.4826)
    values[20] = np.inf
    assert _at_rest(resting(values), NAME, (), REST) == Rest(7.0, 3 * 1.4826)


def test_two_samples_of_a_rest_make_a_level() -> None:
    values = np.full(60, np.nan)
    values[29] = 4.0
    assert _at_rest(resting(values), NAME, (), REST) is None
    values[22] = 6.0
    assert _at_rest(resting(values), NAME, (), REST) == Rest(5.0, 1.4826)


def test_a_level_at_rest_is_of_the_gauge_with_these_labels() -> None:
    run_again = resting(np.full(60, 7.0), instance="a")
    labels = (("instance", "a"),)
    assert _at_rest(run_again, NAME, labels, REST) == Rest(7.0, 0.0)
    assert _at_rest(run_again, NAME, (), REST) is None
    assert _at_rest(run_again, "x", labels, REST) is None
    assert _at_rest(run_again, NAME, labels, None) is None
    counted = replace(run_again, series=(counter(NAME, np.arange(60.0)),))
    assert _at_rest(counted, NAME, (), REST) is None


@pytest.mark.parametrize(
    ("rise", "period", "error"),
    [
        (100.0, 4.0, 20.0),
        (-100.0, 4.0, 20.0),
        (3.0, 4.0, 4.0),
        (0.0, 4.0, 4.0),
        (9.0, 4.0, 6.0),
        (100.0, 0.0, 0.0),
    ],
)
def test_the_error_of_a_rise_is_that_of_its_samples_at_least_one(
    rise: float, period: float, error: float
) -> None:
    assert _off(rise, period) == error


def test_requests_of_a_phase_are_those_of_all_endpoints() -> None:
    asked = [windows("GET /a", requests=3, seconds=60), windows("GET /b", requests=5, seconds=60)]
    run_again = recording(requests=asked, seconds=60)
    assert _requests(run_again, Phase("steady", 10.0, 20.0)) == 80
    assert _requests(run_again, None) == 0


def test_the_first_snapshot_of_a_kind_and_stage_that_did_not_fail_is_held() -> None:
    late, early = heap(230.0, "drained", 700), heap(220.0, "drained", 500)
    failed = replace(early, time=1.0, error="timed out")
    other = heap(2.0, "start", 300)
    held = _held((failed, other, early, late), "heap", "drained")
    assert held is not None
    assert (held.time, held.total, held.period) == (220.0, 500.0, 524288.0)
    assert _held((failed, other), "heap", "drained") is None
    assert _held((early,), "allocs", "drained") is None
    waiting = Snapshot(
        3.0, 0.1, "goroutine", "start", read=lambda: profile([(["main.f"], [4])], ("goroutine",))
    )
    counted = _held((waiting,), "goroutine", "start")
    assert counted is not None
    assert (counted.total, counted.period) == (4.0, 0.0)


def told_of(recorded: Recording, *findings: Finding) -> tuple[Confirmation, ...]:
    analysis = Analysis(RunInfo("n"), Verdict.FAIL, "It grows.", findings)
    return confirmations(recorded, analysis)


GROWING = Finding(
    RuleName.GROWTH,
    NAME,
    Verdict.FAIL,
    "It grows.",
    unit="bytes/h",
    trend=Trend(3600 * 50 * EACH, 0.0, 0.0, 1.0, 0.0, 9.0),
)


def test_series_are_told_one_by_one_and_those_that_do_not_grow_are_passed_over() -> None:
    run_again = run(50e6 + EACH * made())
    steady, other = replace(GROWING, verdict=Verdict.PASS), replace(GROWING, series="other_bytes")
    [told] = told_of(run_again, steady, other, GROWING)
    assert (told.key, told.unit) == (NAME, "bytes")
    assert told.first == pytest.approx(EACH)
    assert told.second == pytest.approx(EACH)
    assert (told.outcome, told.repeated, told.keys) == (LEAK, None, "")


def test_the_reason_of_another_rule_s_finding_stays() -> None:
    run_again = run(50e6 + EACH * made())
    limit = replace(GROWING, rule=RuleName.MAX)
    analysis = Analysis(RunInfo("n"), Verdict.FAIL, "It grows.", (limit, GROWING))
    first, second = with_confirmations(run_again, analysis).findings
    assert first is limit
    assert second.reason.startswith("It grows. The same load again, 3,000 requests after a rest,")
    assert [(each.by, each.after) for each in second.adjustments] == [("second load", Verdict.FAIL)]


@pytest.mark.parametrize("missing", range(4))
def test_all_four_phases_are_needed(missing: int) -> None:
    run_again = run(50e6 + EACH * made())
    assert told_of(run_again, GROWING)
    phases = tuple(phase for i, phase in enumerate(PHASES) if i != missing)
    assert told_of(replace(run_again, phases=phases), GROWING) == ()


def heaps(start: int, drained: int, confirmed: int, repeated: int | None = None) -> Recording:
    """A run with these totals; its first load made 10,000 requests, and its second 3,000."""
    taken = [
        heap(0.0, "start", start),
        heap(220.0, "drained", drained),
        *([] if repeated is None else [heap(250.0, "repeated", repeated)]),
        heap(299.0, "confirmed", confirmed),
    ]
    return run(50e6 + noise(2e3, seconds=SECONDS), *taken)


MANY = 524288


def test_the_growth_of_a_heap_must_exceed_two_errors_of_its_sampling() -> None:
    """Of 4 samples the error is 2 of them."""
    assert told_of(heaps(MANY, 5 * MANY, 9 * MANY)) == ()
    [told] = told_of(heaps(MANY, 5 * MANY + 8, 9 * MANY))
    assert told.first == pytest.approx((4 * MANY + 8) / 10_000)
    assert told.second == pytest.approx((4 * MANY - 8) / 3000)
    assert told.high - told.low == pytest.approx(4 * 2 * MANY / 3000, rel=1e-4)


def test_what_a_repeated_load_left_is_the_rest_before_the_second() -> None:
    [told] = told_of(heaps(0, 100 * MANY, 236 * MANY, repeated=200 * MANY))
    assert told.second == pytest.approx(36 * MANY / 3000)
    # Of 100 samples the error is ten, of 36 it is six.
    assert told.high - told.low == pytest.approx(4 * np.hypot(10, 6) * MANY / 3000)
    assert told.repeated is UNCLEAR  # no load of that name was recorded


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_heap_needs_its_snapshots_at_the_start_and_at_both_rests(missing: int) -> None:
    whole = heaps(0, 100 * MANY, 236 * MANY)
    assert len(told_of(whole)) == 1
    fewer = tuple(each for i, each in enumerate(whole.snapshots) if i != missing)
    assert told_of(replace(whole, snapshots=fewer)) == ()


def test_kinds_of_snapshots_that_tell_nothing_do_not_end_the_search() -> None:
    def waiting(at: float, stage: SnapshotStage, count: int) -> Snapshot:
        data = profile([(["main.f"], [count])], ("goroutine",))
        return Snapshot(at, 0.1, "goroutine", stage, read=lambda: data)

    whole = heaps(0, 100 * MANY, 236 * MANY)
    fewer = tuple(each for each in whole.snapshots if each.stage != "drained")
    groups = (
        waiting(0.0, "start", 0),
        waiting(220.0, "drained", 100),
        waiting(299.0, "confirmed", 130),
    )
    [told] = told_of(replace(whole, snapshots=(*fewer, *groups)))
    assert (told.key, told.unit, told.outcome) == ("goroutine", "goroutines", LEAK)
    assert (told.first, told.second, told.low, told.high) == (0.01, 0.01, 0.01, 0.01)


def test_without_requests_in_the_first_load_a_heap_tells_nothing() -> None:
    whole = heaps(0, 100 * MANY, 236 * MANY)
    idle = tuple(
        replace(each, requests=np.where(np.arange(SECONDS) < LOAD, 0, each.requests))
        for each in whole.windows
    )
    assert told_of(replace(whole, windows=idle)) == ()


@pytest.mark.parametrize(("start", "end", "rate"), [(10.2, 10.7, 100.0), (10.5, 10.5, 50e9)])
def test_growth_a_request_is_by_the_rate_of_the_steady_phase(
    start: float, end: float, rate: float
) -> None:
    run_again = run(50e6 + EACH * made())
    phases = Phase("steady", start, end), *PHASES[1:]
    [told] = told_of(replace(run_again, phases=phases), GROWING)
    assert told.first == pytest.approx(50 * EACH / rate)


@pytest.mark.parametrize("rest", [1, 3])
def test_a_series_needs_samples_at_both_rests(rest: int) -> None:
    memory = 50e6 + EACH * made()
    memory[EDGES[rest] : EDGES[rest + 1] + 1] = np.nan
    assert told_of(run(memory), GROWING) == ()
