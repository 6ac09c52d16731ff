"""Which series the growth rule judges, and what it is told of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.rules.rule import RuleInput
from soak.analysis.rules.subjects import (
    _is_aside,
    _pages,
    _process_memory,
    _said_better,
    _said_by_snapshots,
    _subject,
    _too_few,
    judged_subjects,
    never_dropped,
)
from soak.analysis.statistics.growth_input import Subject
from soak.catalog.metrics import metric_of, unknown_metric
from soak.model import Kind, Phase, PhaseName, Series
from soak.profile import Limits
from soak.snapshots import SNAPSHOT_SOURCE
from tests.analysis.recordings import recording

RSS, FDS = "process_resident_memory_bytes", "process_open_fds"
LIVE, COLLECTED, ALLOCATED = (
    "go_gc_heap_live_bytes",
    "go_heap_after_gc_bytes",
    "go_memstats_heap_alloc_bytes",
)
TAKEN = "go_memstats_sys_bytes"  # only shown
LIVE_DATA, JVM = "jvm_gc_live_data_size_bytes", "jvm_memory_used_bytes"
LIMIT, GO_LIMIT = "container_spec_memory_limit_bytes", "go_gc_gomemlimit_bytes"


def at(name: str, values: Any = (1.0, 2.0, 3.0), source: str = "app", **labels: str) -> Series:
    column = np.asarray(values, np.float64)
    times = np.arange(float(len(column)))
    return Series(name, times, column, tuple(labels.items()), source=source)


def ready(*series: Series, **more: Any) -> Prepared:
    return replace(prepare(recording(*series, requests=[]), 0.0), series=series, **more)


def judged(
    *series: Series, unknown: bool = False, growth: dict[str, str] | None = None, **more: Any
) -> dict[str, float | None]:
    """The limits of what is judged, by series."""
    limits = Limits.model_validate({"growth": growth or {}})
    asked = RuleInput(ready(*series, **more), limits, judge_unknown=unknown)
    return {key: subject.limit for key, subject in judged_subjects(asked).items()}


def test_resources_of_the_catalog_are_judged() -> None:
    assert list(judged(at(RSS), at(TAKEN), at("app_things"), at(FDS))) == [RSS, FDS]


def test_a_limit_has_any_series_judged() -> None:
    limits = {TAKEN: "5/h", "app_*": "7/h", RSS: "9/h"}
    seen = judged(at(RSS), at(TAKEN), at("app_things"), at("app_others"), growth=limits)
    assert seen == {RSS: 9.0, TAKEN: 5.0, "app_things": 7.0, "app_others": 7.0}


def test_what_another_series_measures_better_is_not_judged() -> None:
    assert list(judged(at(ALLOCATED), at(LIVE))) == [LIVE]
    assert list(judged(at(ALLOCATED), at(LIVE, [0.0, 0.0, 0.5]))) == [LIVE]
    assert list(judged(at(ALLOCATED), at(LIVE, [0.0, 0.0, 0.0]))) == [ALLOCATED, LIVE]
    assert len(judged(at(ALLOCATED, instance="a"), at(LIVE, instance="b"))) == 2


def test_a_control_group_that_contains_another_is_not_judged() -> None:
    inner, outer = (at("container_memory_working_set_bytes", id=name) for name in ("/a/b", "/a"))
    assert list(judged(outer, inner)) == [inner.key]


@pytest.mark.parametrize(("count", "few"), [(9, True), (10, False)])
def test_snapshots_must_give_ten_levels(count: int, few: bool) -> None:
    values = [1.0] * count + [np.nan] * 5
    series = at(COLLECTED, values, SNAPSHOT_SOURCE)
    assert _too_few(series) is few
    assert (COLLECTED in judged(series)) is not few
    assert _too_few(replace(series, source="app")) is False


def test_what_an_exporter_publishes_of_itself_is_not_judged() -> None:
    own, mark = at(RSS, source="redis"), at("redis_exporter_build_info", source="redis")
    other = at(RSS, source="app", instance="b")
    assert list(judged(own, mark, other)) == [other.key]
    assert _pages(ready(own, mark, other)) == {
        "redis": {RSS, "redis_exporter_build_info"},
        "app": {RSS},
    }


def test_unknown_series_of_a_file_are_judged_if_that_was_asked_for() -> None:
    series = (at(RSS), at("app_things"), at("app_things_max"), at(TAKEN))
    assert list(judged(*series)) == [RSS]
    assert list(judged(*series, unknown=True)) == [RSS, "app_things"]
    assert judged(*series, unknown=True, growth={"app_things": "7/h"}) == {
        RSS: None,
        "app_things": 7.0,
    }


def test_what_is_only_shown_elsewhere_is_judged_where_a_file_holds_nothing_better() -> None:
    assert list(judged(at(TAKEN), unknown=True)) == [TAKEN]
    assert list(judged(at(TAKEN))) == []
    assert judged(at(TAKEN), unknown=True, growth={TAKEN: "7/h"}) == {TAKEN: 7.0}
    assert list(judged(at(TAKEN), at("app_things"), unknown=True)) == ["app_things"]


def test_series_that_no_leak_can_use_up_are_not_judged() -> None:
    price, things = at("price"), at("things")
    prepared = ready(price, things)
    only = replace(prepared.recording, shown_only=frozenset({"price"}))
    asked = RuleInput(replace(prepared, recording=only), Limits(), judge_unknown=True)
    assert list(judged_subjects(asked)) == ["things"]


def test_a_live_heap_that_stood_still_is_left_to_snapshots_unless_it_has_a_limit() -> None:
    still, exact = at(LIVE, [5.0] * 10), at(COLLECTED, np.arange(10.0), SNAPSHOT_SOURCE)
    assert list(judged(still, exact)) == [COLLECTED]
    assert judged(still, exact, growth={LIVE: "7/h"}) == {LIVE: 7.0, COLLECTED: None}


@pytest.mark.parametrize(
    ("values", "beside", "said"),
    [
        ([1.0, 5.0, 5.0, np.nan], at(COLLECTED), True),
        ([1.0, 5.0, 5.5, np.nan], at(COLLECTED), False),
        ([1.0, 5.0, 5.5, 5.0], at(COLLECTED), True),
        ([1.0, np.nan, np.nan], at(COLLECTED), False),
        ([1.0, 5.0, 5.0], at(COLLECTED, instance="b"), False),
        ([1.0, 5.0, 5.0], at("nodejs_heap_live_bytes"), False),
    ],
)
def test_only_a_live_heap_that_is_mostly_at_its_lowest_beside_its_own_snapshots_says_nothing(
    values: list[float], beside: Series, said: bool
) -> None:
    own = Subject(at(LIVE, values), "the live heap", "bytes", judged_from=1.0)
    others = [own, Subject(beside, "a heap", "bytes")]
    assert _said_by_snapshots(own, others) is said
    assert _said_by_snapshots(replace(own, series=at("other", values)), others) is False


@pytest.mark.parametrize(
    ("collections", "series", "better"),
    [
        ({"": 1.0}, at(LIVE_DATA), True),  # only full collections update it, and none ran
        ({"": 2.0}, at(LIVE_DATA), False),
        ({}, at(LIVE_DATA), False),
        ({"": 1.0}, at(JVM, area="heap"), False),
        ({"": 2.0}, at(JVM, area="heap"), True),
        ({"": 1.0}, at(ALLOCATED), True),
    ],
)
def test_a_heap_that_only_full_collections_measure_is_better_where_they_ran(
    collections: dict[str, float], series: Series, better: bool
) -> None:
    metric = metric_of(series.name, series.labels)
    assert metric is not None
    beside = (at(LIVE_DATA), at(LIVE)) if series.name != LIVE_DATA else ()
    prepared = ready(series, *beside, collections=collections)
    assert _said_better(prepared, metric, series) is better


@pytest.mark.parametrize(
    ("traced", "better"),
    [
        ([5.0] * 10, True),
        ([5.0] * 4 + [np.nan] * 6, False),
        ([np.nan] * 9 + [5.0], True),
        ([5.0] * 4 + [0.0] * 6, False),
    ],
)
def test_a_series_that_ended_early_says_nothing_better(traced: list[float], better: bool) -> None:
    """Tracing that stopped: the count of blocks is what is left to judge."""
    blocks = at("python_allocated_blocks", [1.0] * 10)
    metric = metric_of(blocks.name)
    assert metric is not None
    prepared = ready(blocks, at("python_traced_memory_bytes", traced))
    assert _said_better(prepared, metric, blocks) is better


@pytest.mark.parametrize(
    ("name", "aside"),
    [
        ("things", False),
        ("things_max", True),
        ("things_limit", True),
        ("things_max_bytes", True),
        ("things_max_fds", True),
        ("things_limit_bytes", True),
        ("things_max_connections", True),
        ("http_requests", True),
        ("load_users", True),
        ("max_things", False),
        ("counted", True),
        ("gauged", False),
    ],
)
def test_load_counters_and_capacities_are_no_resources(name: str, aside: bool) -> None:
    counted = replace(at("counted"), kind=Kind.COUNTER)
    prepared = ready(counted, at("gauged"))
    assert _is_aside(prepared, at(name)) is aside


def test_what_a_growth_rule_is_told_of_a_series() -> None:
    gaps = (Phase(PhaseName.GAP, 1.0, 2.0),)
    requests = at("http_requests_total")
    series = at(RSS, [5.0, 7.0, 9.0], instance="a")
    connections = at("load_connections")
    prepared = ready(
        series,
        at(LIMIT, [800.0], instance="a"),
        at("machine_memory_bytes", [700.0]),
        at(LIVE, instance="b"),
        at(ALLOCATED, instance="a"),
        connections,
        judged_from=1.0,
        restarts={"a": (2.0,)},
        requests=requests,
        gaps=gaps,
    )
    metric = metric_of(RSS)
    assert metric is not None
    seen = _subject(prepared, series, metric, 7.0)
    assert (seen.series, seen.noun, seen.unit) == (series, "resident memory of a", "bytes")
    assert (seen.integer, seen.judged_from, seen.borders) == (False, 1.0, (2.0,))
    assert (seen.requests, seen.limit, seen.capacity) == (requests, 7.0, 700.0)
    assert seen.floor is prepared.series[4]
    assert (seen.capacity_noun, seen.process_memory, seen.gaps) == ("memory", 9.0, (2.0,))
    assert (seen.falls, seen.connections) == (False, None)
    plain = _subject(ready(at(FDS)), at(FDS), metric_of(FDS) or metric, None)
    assert (plain.noun, plain.capacity_noun, plain.capacity) == (
        "open descriptors",
        "descriptors",
        None,
    )
    assert plain.floor is None


def test_a_series_whose_fall_is_for_the_worse_is_judged_upside_down() -> None:
    free = at("pool_free_bytes", [9.0, 8.0, 6.0])
    seen = _subject(ready(free), free, unknown_metric(free.name), None)
    assert (seen.falls, seen.capacity) == (True, 0.0)
    assert seen.series.values.tolist() == [-9.0, -8.0, -6.0]


def test_the_memory_of_a_process_is_its_own_last_resident_memory() -> None:
    prepared = ready(
        at(RSS, [np.nan], instance="a"),
        at(RSS, [5.0, 7.0], instance="b"),
        at(RSS, [3.0, np.nan]),
    )
    memory = [_process_memory(prepared, instance) for instance in ("a", "b", "c", "")]
    assert memory == [0.0, 7.0, 0.0, 3.0]


def test_entries_of_caches_without_bounds_are_never_dropped() -> None:
    entries = at("python_container_length", holder="shop.price", bound="none")
    bounded = at("python_container_length", holder="shop.tax", bound="100")
    [seen] = never_dropped(ready(entries, bounded, at(RSS)))
    assert (seen.series, seen.limit) == (entries, None)
