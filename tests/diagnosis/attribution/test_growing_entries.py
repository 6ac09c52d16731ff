"""Entries of a Python service's containers of which requests leave some are told from caches that fill, expire or are swept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from soak.catalog import node
from soak.catalog.jvm import GROWING_CLASSES
from soak.catalog.python import CONTAINER_LENGTH, ENTRY_BYTES, GROWING_ENTRIES, HELD_MEMORY
from soak.diagnosis import thresholds
from soak.diagnosis.attribution import growing_entries as module
from soak.diagnosis.attribution.levels import Levels, _all_of_it
from soak.diagnosis.attribution.snapshot_series import with_snapshot_series
from soak.model import Event, EventKind, Floats, Kind, Recording, Series, Verdict
from soak.pipeline import judge
from soak.snapshots import SNAPSHOT_SOURCE
from tests.boundaries import pins
from tests.diagnosis.attribution.test_snapshot_series import PROFILE
from tests.diagnosis.synthetic_runs import leaked, run

TIMES = np.arange(20.0, 240.0, 10.0)
#: What a service has besides: a cache that fills, buckets that are swept, sessions that expire.
USUAL: dict[str, Floats] = {
    "shop.PAGES": (900 * (1 - np.exp(-TIMES / 40))).round(),
    "shop.LIMITER.buckets": (30 * TIMES) % 2000,
    "shop.SESSIONS": 300 + np.random.default_rng(5).normal(0, 20, len(TIMES)).round(),
}


def grown(costs: Mapping[str, float]) -> Floats:
    return np.asarray(leaked(costs)[TIMES.astype(int) - 1].round())


def gauge(name: str, values: Floats, **labels: str) -> Series:
    return Series(
        name, TIMES[: len(values)], values, tuple(labels.items()), Kind.GAUGE, SNAPSHOT_SOURCE
    )


def counted(
    containers: Mapping[str, Floats], entry: float = 0.0, held: Floats | None = None
) -> list[Series]:
    rows = [
        gauge(CONTAINER_LENGTH, values, holder=holder)
        for holder, values in {**USUAL, **containers}.items()
    ]
    rows += [
        gauge(ENTRY_BYTES, np.full(len(TIMES), entry), holder=name) for name in containers if entry
    ]
    return rows if held is None else [*rows, gauge(HELD_MEMORY, held)]


def growing_entries(recording: Recording, counted: list[Series]) -> Series | None:
    """The only series, if there is one."""
    found = module.growing_entries(recording, counted)
    assert len(found) <= 1
    return found[0] if found else None


def recorded(*, varied: bool = True) -> Recording:
    mix = (Event(0.0, EventKind.MIX, "varied"),) if varied else ()
    return replace(run(snapshots=False), series=(), events=mix)


def each(series: Series | None) -> float:
    """How many bytes each POST /b leaves."""
    assert series is not None
    return float(np.ptp(series.values) / np.ptp(grown({"POST /b": 1})))


def test_entries_that_follow_one_endpoint_s_requests_are_bytes_through_it() -> None:
    found = growing_entries(recorded(), counted({"shop.AUDIT": grown({"POST /b": 1})}, entry=500.0))
    assert found is not None
    assert (found.name, found.labels) == (GROWING_ENTRIES, (("endpoint", "POST /b"),))
    assert each(found) == pytest.approx(500.0)


def test_caches_sessions_and_buckets_are_none_and_neither_is_what_all_requests_leave() -> None:
    assert growing_entries(recorded(), counted({})) is None
    every = {"GET /a": 1.0, "POST /b": 1.0, "GET /c": 1.0}
    assert growing_entries(recorded(), counted({"shop.ALL": grown(every)})) is None


def test_a_container_that_is_known_to_be_bounded_leaves_nothing_however_long_it_fills() -> None:
    """A ring of the last 10,000 events, with one for each request, is not full in two minutes."""
    audit = grown({"POST /b": 1})
    for bound, told in (("10000", False), ("none", True)):
        rows = [gauge(CONTAINER_LENGTH, audit, holder="shop.LAST", bound=bound)]
        assert (growing_entries(recorded(), rows) is not None) is told


def test_nothing_is_told_where_the_mix_was_not_varied_or_snapshots_are_few() -> None:
    audit = {"shop.AUDIT": grown({"POST /b": 1})}
    assert growing_entries(recorded(varied=False), counted(audit)) is None
    for many, known in ((7, False), (9, True)):
        rows = [gauge(CONTAINER_LENGTH, grown({"POST /b": 1})[:many], holder="shop.AUDIT")]
        assert (growing_entries(recorded(), rows) is not None) == known


def test_an_entry_that_some_requests_leave_counts_as_well() -> None:
    """A third of them, as chance has it: its scatter is that of a binomial count."""
    made = np.diff(grown({"POST /b": 1}), prepend=0.0)
    some = np.random.default_rng(2).binomial(made.astype(int), 0.33).cumsum().astype(float)
    found = growing_entries(recorded(), counted({"shop.PENDING": some}, entry=300.0))
    assert each(found) == pytest.approx(100.0, rel=0.1)


def test_an_entry_holds_no_less_than_these_requests_add_to_all_that_is_held() -> None:
    audit = {"shop.AUDIT": grown({"POST /b": 1})}
    held = 2e7 + grown({"POST /b": 900.0, "GET /a": 40.0})
    assert each(growing_entries(recorded(), counted(audit, 500.0, held))) == pytest.approx(
        900, rel=0.02
    )
    assert each(growing_entries(recorded(), counted(audit, 1500.0, held))) == pytest.approx(1500)


def test_an_unmeasured_entry_holds_what_all_that_is_held_rises_by_with_it_and_64_bytes_at_least() -> (
    None
):
    audit = {"shop.AUDIT": grown({"POST /b": 1})}
    noise = np.random.default_rng(4).normal(0, 6e6, len(TIMES))
    held = 9e7 + grown({"POST /b": 2000.0}) + noise
    assert 64 < each(growing_entries(recorded(), counted(audit, held=held))) < 6000
    assert each(growing_entries(recorded(), counted(audit))) == pytest.approx(64.0)
    assert each(
        growing_entries(recorded(), counted(audit, held=9e7 - grown({"POST /b": 9.0})))
    ) == pytest.approx(64.0)


def test_a_registry_fails_by_its_entries_where_memory_is_too_noisy() -> None:
    series = counted({"shop.AUDIT": grown({"POST /b": 1})}, entry=500.0)
    recording = with_snapshot_series(replace(recorded(), series=tuple(series)))
    added = growing_entries(recording, series)
    assert added is not None
    analysis = judge(replace(recording, series=(*recording.series, added)), PROFILE)
    [finding] = [each for each in analysis.findings if each.series == GROWING_ENTRIES]
    assert finding.verdict is Verdict.FAIL
    assert "What requests leave in Python's containers keeps growing" in finding.reason


def test_entries_of_node_s_containers_are_told_by_its_live_heap() -> None:
    audit = grown({"POST /b": 1})
    rows = [
        gauge(node.CONTAINER_LENGTH, audit, holder="Map 3"),
        gauge(node.LIVE_HEAP, 1e7 + 700.0 * audit),
    ]
    found = growing_entries(recorded(), rows)
    assert found is not None
    assert (found.name, found.labels) == (node.GROWING_ENTRIES, (("endpoint", "POST /b"),))
    assert each(found) == pytest.approx(700.0, rel=0.02)


@pins(thresholds, "ENTRY_LEAST", "ENTRY_MOST")
def test_the_amount_of_entries_is_as_wide_as_what_is_not_known_of_them() -> None:
    levels = Levels(TIMES, 500.0 * TIMES, TIMES, endpoint="POST /b")
    [exact], [entries] = (
        _all_of_it("POST /b", TIMES, levels, key, "bytes").amounts
        for key in (GROWING_CLASSES, GROWING_ENTRIES)
    )
    assert (exact.low, exact.high) == pytest.approx((500.0, 500.0))
    assert (entries.per_request, entries.low, entries.high) == pytest.approx((500.0, 375.0, 1250.0))
