"""Sizing: what peaks come to, without a leak."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.rules.sizing import CLOSE, KILLED_AT, REMARKABLE
from soak.model import Event, EventKind, Finding, RuleName, Series, Verdict
from soak.profile import Limits
from tests.analysis.recordings import gauge, recording

SECONDS = 900
MIB = 2.0**20


def memory(
    level: float, scatter: float, seed: int = 4, name: str = "process_resident_memory_bytes"
) -> Series:
    return gauge(name, (level + scatter * np.random.default_rng(seed).normal(size=SECONDS)) * MIB)


def judged(*series: Series, events: Any = (), **limits: Any) -> list[Finding]:
    run = recording(*series, seconds=SECONDS, events=events)
    return [
        finding
        for finding in analyze(run, Limits.model_validate(limits)).findings
        if finding.rule is RuleName.MAX
    ]


def limit_of(mib: float, name: str = "container_spec_memory_limit_bytes") -> Series:
    return gauge(name, np.full(SECONDS, mib * MIB))


def test_peaks_far_below_the_limit_are_not_mentioned() -> None:
    series = memory(100, 1)
    peak = float(series.values.max()) / MIB
    assert judged(series, limit_of(peak / REMARKABLE + 1)) == []
    assert len(judged(series, limit_of(peak / REMARKABLE - 1))) == 1


def test_room_enough_passes_and_says_the_chance() -> None:
    [finding] = judged(memory(100, 1), limit_of(150))
    assert finding.verdict is Verdict.PASS
    assert "the chance that peaks reach it within 30 days is under 1%" in finding.reason


def test_a_limit_just_above_the_peaks_fails_and_says_what_would_do() -> None:
    series = memory(100, 5)
    [finding] = judged(series, limit_of(float(series.values.max()) / MIB + 0.2))
    assert finding.verdict is Verdict.FAIL
    assert "without a leak" in finding.reason
    assert "MiB would do, with a chance of 1%" in finding.reason
    assert finding.limit is not None
    assert finding.observed is not None
    assert finding.observed < finding.limit


def test_a_chance_that_nobody_can_be_sure_of_is_left_open() -> None:
    series = memory(100, 5)
    [finding] = judged(series, limit_of(float(series.values.max()) / MIB + 3))
    assert finding.verdict is Verdict.INCONCLUSIVE


def test_too_few_peaks_leave_open_what_is_close_and_nothing_else() -> None:
    few = memory(100, 1)
    few = replace(few, times=few.times[::15], values=few.values[::15])
    peak = float(few.values.max()) / MIB
    [finding] = judged(few, limit_of(peak / CLOSE - 1))
    assert finding.verdict is Verdict.INCONCLUSIVE
    assert "cannot be told: 60 samples are too few" in finding.reason
    assert judged(few, limit_of(peak / CLOSE + 1)) == []


def test_a_process_that_died_at_its_limit_was_given_too_little() -> None:
    series, died = (
        memory(100, 1),
        [Event(500.0, EventKind.TARGET, "the target ended by itself with code -9")],
    )
    peak = float(series.values.max()) / MIB
    [finding] = judged(series, limit_of(peak / KILLED_AT - 1), events=died)
    assert finding.verdict is Verdict.FAIL
    assert "did not survive: the limit is too small for it" in finding.reason
    [other] = judged(series, limit_of(peak / KILLED_AT + 40), events=died)
    assert other.verdict is Verdict.PASS


def test_a_limit_of_address_space_counts_and_no_limit_is_none() -> None:
    space = memory(100, 5, name="process_virtual_memory_bytes")
    top = float(space.values.max()) / MIB + 0.2
    [finding] = judged(space, limit_of(top, "process_virtual_memory_max_bytes"))
    assert (finding.series, finding.verdict) == ("process_virtual_memory_bytes", Verdict.FAIL)
    assert judged(space, limit_of(2.0**62, "process_virtual_memory_max_bytes")) == []


def test_a_maximum_of_the_profile_s_own_is_the_one_that_counts() -> None:
    [finding] = judged(
        memory(100, 5), limit_of(118), max={"process_resident_memory_bytes": "200MiB"}
    )
    assert finding.limit == 200 * MIB


@pytest.mark.parametrize(("heap", "warned"), [(500, False), (700, True)])
def test_a_heap_that_may_outgrow_the_container_is_warned_of(heap: float, warned: bool) -> None:
    """400 MiB resident, of which 250 of the heap: 150 beside it, and 700 + 150 is more than the container's 800."""
    run = recording(
        memory(400, 1),
        limit_of(800),
        gauge("jvm_memory_max_bytes", np.full(SECONDS, heap * MIB), area="heap", id="G1 Old Gen"),
        gauge("jvm_memory_max_bytes", np.full(SECONDS, -1.0), area="heap", id="G1 Eden Space"),
        gauge(
            "jvm_memory_committed_bytes", np.full(SECONDS, 250 * MIB), area="heap", id="G1 Old Gen"
        ),
        seconds=SECONDS,
    )
    said = [text for text in analyze(run, Limits()).warnings if "killed without a leak" in text]
    assert bool(said) is warned


@pytest.mark.parametrize(("allowed", "warned"), [(640, False), (660, True)])
def test_a_gomemlimit_that_the_container_has_no_room_for_is_warned_of(
    allowed: float, warned: bool
) -> None:
    """400 MiB resident, of which Go holds 300 - 50: 150 beside it, so 650 of the container's 800 are left for Go."""
    run = recording(
        memory(400, 0.01),
        limit_of(800),
        limit_of(allowed, "go_gc_gomemlimit_bytes"),
        limit_of(300, "go_memstats_sys_bytes"),
        limit_of(50, "go_memstats_heap_released_bytes"),
        seconds=SECONDS,
    )
    said = [text for text in analyze(run, Limits()).warnings if "GOMEMLIMIT" in text]
    assert bool(said) is warned
    assert all("GOMEMLIMIT of 650 MiB at most would fit" in text for text in said)


def test_no_gomemlimit_is_none() -> None:
    run = recording(
        memory(400, 0.01),
        limit_of(800),
        limit_of(2.0**63 / MIB, "go_gc_gomemlimit_bytes"),
        limit_of(300, "go_memstats_sys_bytes"),
        seconds=SECONDS,
    )
    assert not any("GOMEMLIMIT" in text for text in analyze(run, Limits()).warnings)


def sessions(maximum: float, server: str = "postgres", limit: float = 1000) -> list[str]:
    """10 sessions and their server, 55 MiB of their own: 5 MiB each, beside 600 MiB in all."""
    run = recording(
        *(
            gauge(name, np.full(SECONDS, value), instance=server)
            for name, value in (
                ("process_children", 10.0),
                ("process_unique_memory_bytes", 55 * MIB),
                ("process_resident_memory_bytes", 600 * MIB),
                ("container_spec_memory_limit_bytes", limit * MIB),
            )
        ),
        gauge("hikaricp_max_connections", np.full(SECONDS, maximum), pool="orders"),
        gauge("pg_settings_max_connections", np.full(SECONDS, 100.0)),
        seconds=SECONDS,
    )
    return [text for text in analyze(run, Limits()).warnings if "The pool may open" in text]


def test_a_pool_whose_sessions_the_database_has_no_memory_for_is_warned_of() -> None:
    assert sessions(90) == []
    [said] = sessions(92)
    assert (
        "of which each takes 5 MiB at PostgreSQL: with all of them it needs 1,010 MiB, more than its 1,000 MiB"
        in said
    )
    # Workers of a service that have a pool each are no sessions of a database.
    assert sessions(92, server="gunicorn") == []


def test_a_pool_larger_than_the_database_accepts_is_warned_of() -> None:
    assert sessions(100, limit=5000) == []
    [said] = sessions(101, limit=5000)
    assert (
        said
        == "The pool may open 101 connections, and PostgreSQL accepts 100 (max_connections): some will be refused"
    )
