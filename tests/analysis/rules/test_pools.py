"""Pools: what fails a run, what is only told, and what is quiet."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.model import Analysis, Ending, Phase, Recording, RunInfo, Series, Verdict
from soak.profile import Limits
from tests.analysis.recordings import SECONDS, counter, gauge, noise, recording

MEMORY = gauge("process_resident_memory_bytes", 50e6 + noise(2e4))
LONG = 3600
SPELLINGS = [
    ("go_sql_in_use_connections", "go_sql_max_open_connections", "go_sql_idle_connections"),
    ("hikaricp_connections_active", "hikaricp_connections_max", "hikaricp_connections_idle"),
    ("hikaricp_active_connections", "hikaricp_max_connections", "hikaricp_idle_connections"),
    ("db_pool_connections_in_use", "db_pool_connections_max", "db_pool_connections_idle"),
    ("sqlalchemy_pool_checked_out", "sqlalchemy_pool_max", "sqlalchemy_pool_checked_in"),
    (
        "r2dbc_pool_acquired_connections",
        "r2dbc_pool_max_allocated_connections",
        "r2dbc_pool_idle_connections",
    ),
]


def judged(run: Recording, **limits: Any) -> Analysis:
    return analyze(run, Limits.model_validate(limits))


def busy(name: str, level: float, seconds: int = SECONDS, **labels: str) -> Series:
    return gauge(name, np.clip(np.round(level + noise(1.0, 3, seconds)), 0, None), **labels)


def pool_warnings(analysis: Analysis) -> list[str]:
    return [text for text in analysis.warnings if "connection pool" in text]


def drained(after: float) -> Recording:
    """A load of 200 s and a drain of 100 s in which `after` connections stay in use."""
    values = np.where(np.arange(SECONDS) < 200, 8.0, after)
    recorded = recording(
        MEMORY, gauge("go_sql_in_use_connections", values), gauge("go_sql_max_open_connections", 20)
    )
    return replace(recorded, phases=(Phase("steady", 0.0, 200.0), Phase("drain", 200.0, 300.0)))


@pytest.mark.parametrize(("after", "fails"), [(0.0, False), (1.0, True), (3.0, True)])
def test_connections_that_do_not_come_back_after_the_load_fail(after: float, fails: bool) -> None:
    analysis = judged(drained(after))
    told = [finding for finding in analysis.findings if "never returned" in finding.reason]
    assert bool(told) is fails
    if fails:
        assert analysis.verdict is Verdict.FAIL
        assert told[0].observed == after
        assert told[0].reason.startswith("1 connection was" if after == 1 else "3 connections were")


def test_a_connection_that_is_used_now_and_then_after_the_load_is_no_leak() -> None:
    run = drained(0.0)
    now_and_then = gauge(
        "go_sql_in_use_connections", np.where(np.arange(SECONDS) % 7 == 0, 1.0, 0.0)
    )
    assert judged(replace(run, series=(MEMORY, now_and_then))).verdict is Verdict.PASS


def test_a_maximum_that_was_never_read_is_no_maximum() -> None:
    used = gauge("go_sql_in_use_connections", np.full(SECONDS, 8.0))
    unread = gauge("go_sql_max_open_connections", np.full(SECONDS, np.nan))
    assert judged(recording(MEMORY, used, unread)).verdict is Verdict.PASS


def test_without_a_drain_nothing_is_said_of_return() -> None:
    assert judged(recording(MEMORY, gauge("go_sql_in_use_connections", 8))).verdict is Verdict.PASS


def test_a_connection_that_was_held_before_the_load_is_no_leak() -> None:
    run = drained(1.0)
    shifted = replace(run, phases=(Phase("steady", 20.0, 200.0), Phase("drain", 200.0, 300.0)))
    held = gauge(
        "go_sql_in_use_connections", np.where(np.arange(SECONDS) < 20, 1.0, run.series[1].values)
    )
    assert judged(replace(shifted, series=(MEMORY, held))).verdict is Verdict.PASS


@pytest.mark.parametrize(("used", "maximum", "idle"), SPELLINGS)
def test_a_pool_at_its_maximum_is_told_and_fails_nothing(
    used: str, maximum: str, idle: str
) -> None:
    analysis = judged(recording(MEMORY, gauge(used, 10), gauge(maximum, 10), gauge(idle, 0)))
    assert analysis.verdict is Verdict.PASS
    [told] = pool_warnings(analysis)
    assert "at its maximum of 10 in 100% of the samples" in told


def test_a_pinned_pool_says_how_often_callers_waited() -> None:
    waiting = gauge("hikaricp_connections_pending", np.arange(SECONDS) % 2, pool="orders")
    used, most = (
        gauge("hikaricp_connections_active", 10, pool="orders"),
        gauge("hikaricp_connections_max", 10, pool="orders"),
    )
    [told] = pool_warnings(judged(recording(MEMORY, used, most, waiting)))
    assert told.startswith("The connection pool of orders was at its maximum of 10")
    assert "callers waited in 50% of them" in told


def test_pools_of_different_names_are_never_mixed() -> None:
    series = [
        gauge("hikaricp_connections_active", 10, pool="a"),
        gauge("hikaricp_connections_max", 10, pool="a"),
    ]
    series += [
        gauge("hikaricp_connections_active", 10, pool="b"),
        gauge("hikaricp_connections_max", 15, pool="b"),
    ]
    [told] = pool_warnings(judged(recording(MEMORY, *series)))
    assert "pool of a was" in told


@pytest.mark.parametrize(
    ("level", "most", "told"), [(3, 500, True), (3, 15, False), (60, 100, False)]
)
def test_a_maximum_far_above_what_is_used_is_a_warning(
    level: float, most: float, told: bool
) -> None:
    analysis = judged(
        recording(
            MEMORY,
            busy("go_sql_in_use_connections", level),
            gauge("go_sql_max_open_connections", most),
        )
    )
    assert bool(pool_warnings(analysis)) is told
    assert analysis.verdict is not Verdict.FAIL
    if told:
        assert "may hold 500 connections and never used more than" in pool_warnings(analysis)[0]


def test_a_pool_that_leaks_is_not_called_too_large() -> None:
    used = gauge("go_sql_in_use_connections", np.round(np.arange(SECONDS) / 10))
    analysis = judged(recording(MEMORY, used, gauge("go_sql_max_open_connections", 500)))
    assert analysis.verdict is Verdict.FAIL
    assert pool_warnings(analysis) == []


def test_an_unlimited_pool_has_no_maximum() -> None:
    """database/sql says 0 for no limit."""
    analysis = judged(
        recording(
            MEMORY, gauge("go_sql_in_use_connections", 0), gauge("go_sql_max_open_connections", 0)
        )
    )
    assert pool_warnings(analysis) == []


def long_run(*series: Series) -> Recording:
    recorded = recording(*series, seconds=LONG, requests=[])
    return replace(recorded, run=RunInfo("test", "", LONG, Ending.COMPLETED))


@pytest.mark.parametrize(("idle", "told"), [(30, True), (4, False)])
def test_idle_connections_that_are_never_given_back(idle: float, told: bool) -> None:
    used = busy("go_sql_in_use_connections", 8, LONG)
    kept = gauge("go_sql_idle_connections", np.full(LONG, float(idle)))
    said = [text for text in judged(long_run(used, kept)).warnings if "idle" in text]
    assert bool(said) is told


def test_callers_that_gave_up_waiting_fail_the_run() -> None:
    gave_up = counter("hikaricp_connections_timeout_total", np.arange(SECONDS) // 100)
    analysis = judged(recording(MEMORY, gauge("hikaricp_connections_active", 5), gave_up))
    assert analysis.verdict is Verdict.FAIL
    assert analysis.reason.startswith("2 callers gave up waiting for a connection")
    assert (
        judged(recording(MEMORY, gave_up), max={"hikaricp_connections_timeout_total": 5}).verdict
        is Verdict.PASS
    )


def test_callers_that_gave_up_during_the_warm_up_are_forgiven() -> None:
    gave_up = counter("hikaricp_connections_timeout_total", np.minimum(np.arange(SECONDS), 20))
    assert analyze(recording(MEMORY, gave_up), Limits(), warmup=60.0).verdict is Verdict.PASS


def test_waiting_that_grows_is_judged_as_growth() -> None:
    waiting = gauge("hikaricp_pending_threads", np.round(np.arange(SECONDS) / 10))
    analysis = judged(recording(MEMORY, waiting))
    assert analysis.verdict is Verdict.FAIL
    assert analysis.reason.startswith("Callers waiting for a connection keep growing")


def test_opentelemetry_tells_use_by_a_label() -> None:
    series = [gauge("db_client_connections_usage", 10, pool="x", state="used")]
    series += [
        gauge("db_client_connections_usage", 0, pool="x", state="idle"),
        gauge("db_client_connections_max", 10, pool="x"),
    ]
    [told] = pool_warnings(judged(recording(MEMORY, *series)))
    assert "pool of x was at its maximum of 10" in told
