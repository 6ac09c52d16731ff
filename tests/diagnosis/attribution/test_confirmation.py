"""A second load after a rest: what is a leak, what a high-water mark, and what tells neither."""

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis import analyze
from soak.diagnosis.attribution.confirmation import (
    ConfirmationOutcome,
    Rest,
    _per_request,
    confirmation,
    confirmations,
    with_confirmations,
)
from soak.model import Finding, Floats, Phase, Recording, RuleName, Trend, Verdict
from soak.profile import Limits
from soak.snapshots import Snapshot, SnapshotStage
from tests.analysis.recordings import gauge, noise, recording, windows
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
