"""Pools: what fails a run, what is only told, and what is quiet."""

from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.rules import pools
from soak.analysis.rules.overload import Overload, held_by_backlog
from soak.analysis.rules.pools import (
    _beside,
    _gave_up,
    _judged,
    _kept_for_ever,
    _not_returned,
    _pinned,
)
from soak.analysis.rules.rule import RuleInput
from soak.catalog.metrics import PoolNames
from soak.model import (
    Analysis,
    Ending,
    Finding,
    Kind,
    Phase,
    PhaseName,
    Recording,
    RuleName,
    RunInfo,
    Series,
    Verdict,
)
from soak.profile import Limits
from soak.units import show_number
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


def test_connections_that_an_overloaded_target_still_needs_are_not_called_lost() -> None:
    name = "go_sql_in_use_connections"
    finding = Finding(
        RuleName.GROWTH,
        name,
        Verdict.FAIL,
        "2 connections were still in use: they were never returned.",
    )
    assert held_by_backlog(finding, None) is finding
    overload = Overload(first=2.0, last=1300.0, answered=7.5, timeouts=0.94)
    told = held_by_backlog(finding, overload)
    assert told.verdict is Verdict.INCONCLUSIVE
    assert told.reason == (
        "2 connections were still in use, perhaps for requests that still waited: the target was overloaded: "
        "94% of the requests got no answer in time; it answered 7.5 requests/s; a rate below that would tell."
    )
    run = drained(3.0)
    with mock.patch.object(pools, "overload_of", return_value=overload):
        verdicts = {each.verdict for each in judged(run).findings if each.series == name}
    assert Verdict.FAIL not in verdicts


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
        assert "may hold 500 connections, of which polls saw at most" in pool_warnings(analysis)[0]


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


GO = PoolNames(
    used="go_sql_in_use_connections",
    maximum="go_sql_max_open_connections",
    idle="go_sql_idle_connections",
    waits="go_sql_wait_count_total",
)
HIKARI = PoolNames(
    used="hikaricp_connections_active",
    maximum="hikaricp_connections_max",
    waiting="hikaricp_connections_pending",
    waits="no_such_counter",
)


def at(name: str, times: Any, values: Any, kind: Kind = Kind.GAUGE, **labels: str) -> Series:
    column = np.broadcast_to(np.asarray(values, np.float64), (len(times),))
    return Series(name, np.asarray(times, np.float64), column, tuple(labels.items()), kind)


def prepared(*series: Series, **more: Any) -> Prepared:
    """A load from 10 s to 20 s and a drain until 40 s, with these series as they are."""
    run = recording(MEMORY, requests=[], seconds=40)
    phases = (Phase("steady", 10.0, 20.0), Phase("drain", 20.0, 40.0))
    made = prepare(replace(run, phases=phases), 0.0)
    given: dict[str, Any] = {"series": series, "start": 10.0, "end": 20.0}
    return replace(made, **(given | more))


def still_used(
    times: list[float], values: list[float], maximum: float | None = None
) -> tuple[float, float] | None:
    """The usual number of connections, and the number that never returned; None where all returned."""
    used = at("go_sql_in_use_connections", times, values)
    most = [at("go_sql_max_open_connections", times, maximum)] if maximum else []
    found = list(_not_returned(prepared(used, *most), GO, used))
    if not found:
        return None
    [finding] = found
    assert finding.limit is not None
    assert finding.observed is not None
    assert (finding.verdict, finding.unit) == (Verdict.FAIL, "connections")
    many = (
        "1 connection was" if finding.observed == 1 else f"{finding.observed:.0f} connections were"
    )
    they = "it was" if finding.observed == 1 else "they were"
    assert finding.reason == (
        f"{many} still in use when the load had ended: {they} never returned."
    )
    return finding.limit, finding.observed


@pytest.mark.parametrize(
    ("times", "values", "held"),
    [
        ([30, 35, 40], [2, 3, 2], (0.0, 2.0)),
        ([20, 25, 29.9, 30, 35, 40, 41], [0, 0, 0, 2, 2, 3, 0], (0.0, 2.0)),
        ([29.9, 35, 40], [2, 2, 2], None),
        ([30, 35, 40.1], [2, 2, 2], None),
        ([30, 31, 35, 40], [2, np.nan, np.nan, 2], None),
        ([30, 31, 35, 40], [2, np.nan, 2, 2], (0.0, 2.0)),
        ([5, 9, 10, 30, 35, 40], [3, 1, 0, 2, 2, 2], (1.0, 2.0)),
        ([5, 9, 10, 30, 35, 40], [3, 2, 0, 2, 2, 2], None),
        ([30, 35, 40], [1, 1, 1], (0.0, 1.0)),
        ([30, 35, 40], [0, 1, 1], None),
        ([], [], None),
    ],
)
def test_connections_in_use_throughout_the_later_half_of_the_drain_did_not_return(
    times: list[float], values: list[float], held: tuple[float, float] | None
) -> None:
    assert still_used(times, values) == held


@pytest.mark.parametrize(
    ("early", "maximum", "held"),
    [
        (2, 20.0, None),
        (2, 4.0, None),
        (2, 3.0, (0.0, 2.0)),  # it may be used up
        (2, None, (0.0, 2.0)),
        (1, 20.0, (0.0, 2.0)),
        (3, 20.0, (0.0, 2.0)),  # so many were busy
    ],
)
def test_a_connection_that_is_taken_for_good_as_the_load_begins_is_not_lost(
    early: float, maximum: float | None, held: tuple[float, float] | None
) -> None:
    """It listens, or holds a leader's lock: in use from the beginning on, in a pool that is far from used up."""
    assert still_used([5, 12, 16, 25, 30, 35, 40], [0, early, 5, 5, 2, 2, 2], maximum) == held


def test_all_pools_are_looked_at_for_connections_that_did_not_return() -> None:
    used = [at(name, [30, 35, 40], 2) for name in (GO.used, HIKARI.used)]
    made = prepared()
    run = replace(made, recording=replace(made.recording, series=tuple(used)))
    found = [finding.series for finding in pools.pool_findings(RuleInput(run, Limits()))]
    assert found == [GO.used, HIKARI.used]


def test_without_a_drain_no_connection_is_said_not_to_have_returned() -> None:
    made = prepared()
    alone = replace(made, recording=replace(made.recording, phases=made.recording.phases[:1]))
    used = at("go_sql_in_use_connections", [30, 35, 40], 2)
    assert list(_not_returned(alone, GO, used)) == []


@pytest.mark.parametrize(
    ("values", "kind", "gave_up"),
    [
        ([0, 1, 3, 3], Kind.COUNTER, 3.0),
        ([5, 2, 4, 4], Kind.COUNTER, 4.0),  # a fall is a restart from 0
        ([3, 4, 4, 4], Kind.COUNTER, 1.0),
        ([3, 2.5, 2.5, 2.5], Kind.COUNTER, 2.5),
        ([0, np.nan, 3, 4], Kind.COUNTER, 4.0),
        ([3, 3, 3, 3], Kind.COUNTER, None),
        ([0, 1, 3, 3], Kind.GAUGE, None),
        ([np.nan, np.nan, 3, np.nan], Kind.COUNTER, None),
        ([np.nan] * 4, Kind.COUNTER, None),
    ],
)
def test_callers_that_gave_up_are_counted_in_the_judged_stretch(
    values: list[float], kind: Kind, gave_up: float | None
) -> None:
    times = [11, 12, 13, 18, 20, 21]
    counter_ = at("waits", times, [0 if kind is Kind.COUNTER else 9, *values, 99], kind)
    found = list(_gave_up(prepared(judged_from=12.0), counter_))
    assert [finding.observed for finding in found] == ([] if gave_up is None else [gave_up])
    for finding in found:
        callers = "1 caller" if gave_up == 1 else f"{gave_up:.0f} callers"
        assert finding.reason.startswith(f"{callers} gave up waiting for a connection")
        assert (finding.limit, finding.unit, finding.verdict) == (0.0, "callers", Verdict.FAIL)


def test_a_counter_of_callers_that_gave_up_with_a_limit_of_its_own_is_left_to_it() -> None:
    counters = [
        counter(name, np.arange(SECONDS))
        for name in ("hikaricp_connections_timeout_total", "hikaricp_connection_timeout_total")
    ]
    run = prepare(recording(*counters), 0.0)
    limits = Limits.model_validate({"max": {"hikaricp_connections_timeout_total": 5}})
    found = [finding.series for finding in pools.pool_findings(RuleInput(run, limits))]
    assert found == ["hikaricp_connection_timeout_total"]


def warned(
    used: Any, most: Any, *more: Series, findings: Any = (), since: float = 0.0, count: int = 40
) -> list[str]:
    times = np.arange(1.0, count + 1)
    rows = (at(GO.used, times, used), at(GO.maximum, times, most), *more)
    run = prepared(*rows, start=0.0, judged_from=since, end=40.0)
    return list(pools.pool_warnings(RuleInput(run, Limits()), findings))


def test_fewer_than_ten_samples_say_nothing_of_a_pool() -> None:
    assert warned(10, 10, count=9) == []
    assert len(warned(10, 10, count=10)) == 1
    assert warned(10, 10, since=32.0) == []
    assert len(warned(10, 10, since=31.0)) == 1


def test_a_pool_of_few_samples_does_not_hide_the_next() -> None:
    times = np.arange(1.0, 41.0)
    few = at(GO.used, times[:5], 10, pool="a")
    others = (at(GO.used, times, 10, pool="b"), at(GO.maximum, times, 10, pool="b"))
    run = prepared(few, *others, start=0.0, judged_from=0.0, end=40.0)
    [said] = pools.pool_warnings(RuleInput(run, Limits()), ())
    assert said.startswith("The connection pool of b was at its maximum")


TOO_LARGE = (
    "connections, of which polls saw at most 1 in use: a smaller maximum protects the database"
)


@pytest.mark.parametrize(
    ("most", "told"),
    [
        (0.0, False),
        (1000.0, True),
        (2.0**31 - 2, True),
        (2.0**31 - 1, False),  # the largest integer is no maximum
        (2.0**31, False),
        (np.nan, False),
    ],
)
def test_the_largest_integer_is_no_maximum(most: float, told: bool) -> None:
    said = warned(1, most)
    assert bool(said) is told
    if told:
        assert said == [f"The connection pool may hold {show_number(most)} {TOO_LARGE}"]


def test_a_quarter_of_a_maximum_of_twenty_or_more_is_use_enough() -> None:
    assert warned(1, 19) == []
    assert len(warned(1, 20)) == 1
    assert warned(25, 100) == []
    assert len(warned(24, 100)) == 1


def test_a_pool_of_one_connection_is_pinned_too() -> None:
    assert warned(1, 1) == [
        (
            "The connection pool was at its maximum of 1 in 100% of the samples: "
            "the pool, and not the service, may set the pace"
        )
    ]


def test_a_pool_is_not_too_large_if_it_was_used_before_judging_began() -> None:
    used = np.where(np.arange(40) < 2, 30.0, 1.0)
    assert warned(used, 100, since=10.0) == []
    used[:2] = np.nan
    assert len(warned(used, 100, since=10.0)) == 1


def test_a_pool_with_a_finding_is_not_called_too_large() -> None:
    passed = Finding(RuleName.GROWTH, GO.used, Verdict.PASS, "It is steady.")
    opened = replace(passed, verdict=Verdict.INCONCLUSIVE)
    other = replace(opened, labels=(("pool", "b"),))
    assert len(warned(1, 100, findings=[passed, other])) == 1
    assert warned(1, 100, findings=[opened]) == []
    assert warned(1, 100, findings=[passed, opened]) == []


def pinned(taken: Any, most: float, *series: Series, pool: PoolNames = HIKARI, **more: Any) -> Any:
    run = prepared(*series, judged_from=10.0, **more)
    return list(_pinned(run, pool, (), " of orders", np.asarray(taken, np.float64), most))


AT_MOST = "The connection pool of orders was at its maximum of 10 in"
PACE = ": the pool, and not the service, may set the pace"
QUEUE = "hikaricp_connections_pending"


@pytest.mark.parametrize(
    ("taken", "series", "said"),
    [
        ([10] * 19 + [9], (), f"{AT_MOST} 95% of the samples{PACE}"),
        ([11] * 20, (), f"{AT_MOST} 100% of the samples{PACE}"),
        ([10] * 18 + [9], (), None),
        (
            [10] * 20,
            (at(QUEUE, [9, 10, 11, 12, 13], [9, 1, 0, 2, 0]),),
            f"{AT_MOST} 100% of the samples, and callers waited in 50% of them{PACE}",
        ),
        ([10] * 20, (at(QUEUE, [10, 11], 0),), f"{AT_MOST} 100% of the samples{PACE}"),
        ([10] * 20, (at(QUEUE, [8, 9], 5),), f"{AT_MOST} 100% of the samples{PACE}"),
        ([10] * 20, (at(QUEUE, [10, 11], np.nan),), f"{AT_MOST} 100% of the samples{PACE}"),
        ([10] * 20, (at(QUEUE, [10, 11], 5, pool="b"),), f"{AT_MOST} 100% of the samples{PACE}"),
        (
            [10] * 20,
            (at("no_such_counter", [10, 11, 12, 13], [1, 0, 0, 0]),),
            f"{AT_MOST} 100% of the samples, and callers waited in 25% of them{PACE}",
        ),
    ],
)
def test_how_often_a_pinned_pool_was_at_its_maximum_and_callers_waited(
    taken: list[float], series: tuple[Series, ...], said: str | None
) -> None:
    assert pinned(taken, 10.0, *series) == ([] if said is None else [said])


IDLE_TIMES = [0.0, 900.0, *np.linspace(901, 1800, 10).tolist()]


def idle_for_ever(
    late: Any = 10.0,
    busy: Any = (99.0, 99.0, 3.0, 10.0),
    times: Any = IDLE_TIMES,
    pool: PoolNames = GO,
    **more: Any,
) -> list[str]:
    values = [0.0, 0.0, *np.broadcast_to(np.asarray(late, np.float64), len(times) - 2)]
    given: dict[str, Any] = {"start": 0.0, "judged_from": 0.0, "end": 1800.0}
    run = prepared(at(GO.idle, times, values), **(given | more))
    return list(_kept_for_ever(run, pool, (), " of orders", np.asarray(busy, np.float64)))


KEPT = (
    "The connection pool of orders kept at least 10 connections idle: "
    "an idle timeout of some minutes would give them back"
)


def test_ten_idle_connections_in_the_last_quarter_of_an_hour_are_kept_for_ever() -> None:
    assert idle_for_ever() == [KEPT]
    assert idle_for_ever([10.0] * 9 + [15.0]) == [KEPT]
    assert idle_for_ever([9.0] + [10.0] * 9) == []
    assert idle_for_ever(9.0, busy=(3.0, 3.0)) == []
    assert idle_for_ever(pool=HIKARI) == []  # which has no series of idle connections here
    assert idle_for_ever(times=[time - 1 for time in IDLE_TIMES]) == []  # one is too early
    assert idle_for_ever([np.nan] + [10.0] * 9) == []  # nine are too few


def test_idle_connections_that_are_needed_at_times_are_not_kept_for_ever() -> None:
    assert idle_for_ever(busy=(99.0, 99.0, 10.0, 3.0)) == [KEPT]
    assert idle_for_ever(busy=(0.0, 0.0, 3.0, 11.0)) == []
    assert idle_for_ever(busy=(0.0, 0.0, 11.0, 3.0)) == []


def test_idle_connections_of_less_than_half_an_hour_are_not_advised_on() -> None:
    assert idle_for_ever(judged_from=1.0) == []
    assert idle_for_ever(judged_from=-1.0) == [KEPT]


@pytest.mark.parametrize(("resumed", "told"), [(900.0, True), (901.0, False)])
def test_idle_connections_are_advised_on_where_the_last_quarter_of_an_hour_has_no_gap(
    resumed: float, told: bool
) -> None:
    gaps = (Phase(PhaseName.GAP, 100.0, 200.0), Phase(PhaseName.GAP, 800.0, resumed))
    assert bool(idle_for_ever(gaps=gaps)) is told


def test_a_pool_s_series_are_those_of_its_own_labels_with_a_value() -> None:
    unread, other = at(GO.idle, [1, 2], np.nan), at(GO.idle, [1, 2], 5, pool="b")
    own = at(GO.idle, [1, 2], [np.nan, 5])
    assert _beside(prepared(unread, other, own), GO, GO.idle, ()) is own
    assert _beside(prepared(unread, other), GO, GO.idle, ()) is None
    assert _beside(prepared(unread, other), GO, GO.idle, (("pool", "b"),)) is other


def test_judged_values_are_the_known_ones_since_judging_began() -> None:
    series = at(GO.used, [9, 10, 11, 12], [1, 2, np.nan, 4])
    assert _judged(prepared(judged_from=10.0), series).tolist() == [2.0, 4.0]
