"""Pools that are a risk without leaking, and who opened them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import numpy as np
import pytest

from soak.catalog.metrics import POOLS, ResourceKind
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects import pool_risks
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind as E
from soak.model import Series
from tests.diagnosis.suspects.parts import context, gauge, library, own, signal

USED, MOST, IDLE = (
    "go_sql_in_use_connections",
    "go_sql_max_open_connections",
    "go_sql_idle_connections",
)
OPENS, FILLS = Frame("database/sql.OpenDB"), Frame("database/sql.(*DB).Query")


def pool(
    used: Any = 1.0, most: float | None = None, idle: Any = None, count: int = 31, **labels: str
) -> list[Series]:
    """A pool's series, each constant or with these values."""
    told = {USED: used, MOST: most, IDLE: idle}
    return [
        gauge(name, np.broadcast_to(np.asarray(values, dtype=np.float64), (count,)), 0.0, **labels)
        for name, values in told.items()
        if values is not None
    ]


def risks(*series: Series, **more: Any) -> list[tuple[E, str, str]]:
    return list(pool_risks._risks(context(*series, **more)))


def test_a_pool_far_larger_than_its_use_is_told_with_both_numbers() -> None:
    assert risks(*pool(used=[*[1.0] * 30, 9.0], most=100)) == [
        (
            E.POOL_TOO_LARGE,
            "The pool may hold 100 connections, of which polls saw at most 9 in use.",
            MOST,
        )
    ]


@pytest.mark.parametrize(
    ("used", "most", "told"),
    [
        (9.0, 100, True),
        (9.0, 99, False),
        (10.0, 100, False),
        (9.9, 100, True),
        (1.0, 2**31 - 2, True),
        (1.0, 2**31 - 1, False),
    ],
)
def test_a_pool_is_too_large_exactly_from_these_sizes_on(
    used: float, most: float, told: bool
) -> None:
    assert bool(risks(*pool(used=used, most=most))) is told


def test_the_maximum_that_counts_is_the_last_one() -> None:
    size = [*[500.0] * 30, 50.0]
    series = [*pool(used=1.0), gauge(MOST, size)]
    assert risks(*series) == []
    assert risks(*pool(used=1.0), gauge(MOST, size[::-1])) != []
    assert risks(*pool(used=1.0)) == []
    [(_, words, _)] = risks(*pool(used=20.0), gauge(MOST, [50.0] * 30 + [500.0]))
    assert words == "The pool may hold 500 connections, of which polls saw at most 20 in use."


def test_connections_that_are_always_idle_are_told_with_the_most_in_use() -> None:
    idle = [*[36.0] * 30, 30.0]
    assert risks(*pool(used=[*[1.0] * 30, 3.0], idle=idle)) == [
        (E.IDLE_KEPT, "30 connections were always idle, and at most 3 in use.", IDLE)
    ]


@pytest.mark.parametrize(
    ("used", "idle", "told"),
    [
        (5.0, 20.0, True),  # exactly four fifths of 25
        (5.5, 20.0, False),
        (0.0, 20.0, True),
        (0.0, 19.0, False),
        (20.0, 80.0, True),
        (21.0, 80.0, False),
        # Where use varies, it counts by its mean: 5, and 25 in all.
        ([0.0] * 15 + [5.0] + [10.0] * 15, 20.0, True),
        # The most that there were in all: 50 idle ones and one in use.
        (1.0, [50.0] + [40.0] * 30, False),
        (1.0, [49.0] + [40.0] * 30, True),
    ],
)
def test_connections_are_idle_exactly_from_twenty_and_four_fifths_of_all_on(
    used: Any, idle: Any, told: bool
) -> None:
    assert bool(risks(*pool(used=used, idle=idle))) is told


def test_the_mean_use_is_that_of_the_samples_with_idle_ones() -> None:
    used = [*[1.0] * 21, *[90.0] * 10]
    series = [*pool(used=used), gauge(IDLE, [30.0] * 21)]
    assert [kind for kind, _, _ in risks(*series)] == [E.IDLE_KEPT]
    assert risks(*pool(used=used), gauge(IDLE, [30.0] * 31)) == []


def test_thirty_samples_of_the_judged_stretch_tell_of_a_pool() -> None:
    series = pool(most=100, count=30)
    assert risks(*series)
    assert not risks(*pool(most=100, count=29))
    assert not risks(*series, warmup=1.0)
    missing = np.ones(31)
    missing[3] = np.nan
    assert risks(*pool(used=missing, most=100))
    missing[4] = np.nan
    assert not risks(*pool(used=missing, most=100))


def test_each_pool_is_judged_by_itself() -> None:
    few, large = pool(most=100, count=29, db="a"), pool(most=200, db="b")
    small = pool(used=50.0, most=100, db="c")
    assert [words for _, words, _ in risks(*few, *small, *large)] == [
        "The pool may hold 200 connections, of which polls saw at most 1 in use."
    ]


def named(
    opened: list[float], used: list[float], idle: Sequence[float] = ()
) -> tuple[str, list[float]]:
    """The series that shows idle connections, and their number, of a pool that may publish the open ones."""
    names = "db_pool_connections_in_use", "db_pool_connections_open", "db_pool_connections_idle"
    rows = [
        gauge(name, values)
        for name, values in zip(names, (used, opened, idle), strict=True)
        if values
    ]
    [known] = [each for each in POOLS if each.opened == names[1]]
    told, values = pool_risks._idle(context(*rows), known, np.array(used), ())
    return told, values.tolist()


def test_idle_connections_are_those_published_or_else_the_open_ones_that_are_not_used() -> None:
    assert named([9, 9, 9], [1, 2, 3], [4, 4, 4]) == ("db_pool_connections_idle", [4, 4, 4])
    assert named([9, 9, 9], [1, 2, 3]) == ("db_pool_connections_open", [8, 7, 6])
    assert named([9, 9], [1, 2, 3]) == ("db_pool_connections_open", [])
    assert named([], [1, 2, 3]) == ("db_pool_connections_open", [])


def test_a_library_that_publishes_neither_has_no_idle_connections() -> None:
    used = np.array([1.0, 2.0])
    for published, told in (("", ""), ("idle", "idle")):
        bare = replace(POOLS[0], idle=published, opened="")
        name, values = pool_risks._idle(context(), bare, used, ())
        assert (name, len(values)) == (told, 0)
    opened = replace(POOLS[0], idle="", opened="open")
    name, values = pool_risks._idle(context(gauge("open", [9.0, 9.0])), opened, used, ())
    assert (name, values.tolist()) == ("open", [8.0, 7.0])


def test_the_values_of_a_pool_are_those_with_its_own_labels_in_the_judged_stretch() -> None:
    series = gauge(IDLE, [1.0, np.nan, 3.0, 4.0], 0.0, db="a")
    other = gauge(IDLE, [9.0] * 4, 0.0, db="b")
    go = POOLS[0]
    run = context(other, series)
    assert pool_risks._values(run, go, IDLE, (("db", "a"),)).tolist() == [1.0, 3.0, 4.0]
    assert pool_risks._values(run, go, IDLE, (("db", "c"),)).tolist() == []
    late = context(series, warmup=2.0)
    assert pool_risks._values(late, go, IDLE, (("db", "a"),)).tolist() == [3.0, 4.0]


def test_pools_at_risk_are_one_case_unless_connections_leak() -> None:
    large = context(*pool(most=100, idle=30.0))
    words = {
        E.POOL_TOO_LARGE: "The pool may hold 100 connections, of which polls saw at most 1 in use.",
        E.IDLE_KEPT: "30 connections were always idle, and at most 1 in use.",
    }
    [case] = pool_risks.risk_cases(large, [])
    assert (case.endpoint, case.seen, case.place) == ("", words, Frame(MOST))
    other = signal(ResourceKind.HEAP)
    assert len(pool_risks.risk_cases(large, [Case("", (other,), (other.each,))])) == 1
    leak = signal(ResourceKind.POOL, unit="connections")
    assert pool_risks.risk_cases(large, [Case(""), Case("", (leak,), (leak.each,))]) == []
    assert pool_risks.risk_cases(context(*pool(most=99)), []) == []
    with mock.patch.object(pool_risks, "_opened_at", return_value=own("main.open")):
        [case] = pool_risks.risk_cases(large, [])
    assert case.place == own("main.open")


def held(*samples: tuple[tuple[Frame, ...], float]) -> Any:
    """A heap snapshot that holds so many bytes by stacks."""
    profile = SimpleNamespace(
        column=lambda name: {"inuse_space": np.array([size for _, size in samples])}[name],
        stack=lambda sample: samples[sample][0],
    )
    return SimpleNamespace(profile=profile)


def opened_at(*snapshots: Any, language: str = "Go") -> str:
    frame = pool_risks._opened_at(context(heaps=cast("Any", snapshots), language=language))
    return frame.function if frame is not None else ""


def test_the_opener_is_the_own_function_whose_connections_hold_most_at_the_end() -> None:
    f, g = own("main.f"), own("main.g")
    first = held(((OPENS, g), 900.0))
    last = held(
        ((OPENS, f), 20.0),
        ((OPENS, g), 30.0),
        ((FILLS, f, g), 11.0),
        ((Frame("runtime.mapassign"), f), 900.0),
        ((OPENS, library("lib.open")), 900.0),
        ((OPENS, Frame("runtime.main")), 900.0),
    )
    assert opened_at(first, last) == "main.f"
    assert opened_at(last, first) == "main.g"
    assert opened_at(first, held(((OPENS, f), 900.0)), held(((OPENS, g), 1.0))) == "main.g"
    assert opened_at() == ""
    assert opened_at(held(((OPENS, f), 0.0))) == ""
    assert opened_at(held(((OPENS, f), 1.0))) == "main.f"
    assert opened_at(held(((OPENS, f), 9.0), ((OPENS, g), 9.0), ((OPENS, g), -5.0))) == "main.f"


def test_in_other_runtimes_only_who_makes_the_pool_counts() -> None:
    f = own("main.f")
    assert opened_at(held(((FILLS, f), 9.0))) == "main.f"
    assert opened_at(held(((FILLS, f), 9.0)), language="Python") == ""
    assert opened_at(held(((OPENS, f), 9.0)), language="Python") == "main.f"
