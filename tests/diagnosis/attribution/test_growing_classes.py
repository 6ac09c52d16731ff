"""Classes of a JVM of which requests leave objects are told from those that fill, move or stand still."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from soak.catalog.jvm import GROWING_CLASSES, LIVE_CLASSES
from soak.diagnosis.attribution.allocation_sites import AllocationSite, Stack
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.growing_classes import GrowingClasses, growing_classes, places_of
from soak.diagnosis.attribution.levels import Levels, attribute_by_endpoint
from soak.diagnosis.attribution.snapshot_series import with_snapshot_series
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.thresholds import ENTRY_MOST
from soak.model import Event, EventKind, Floats, Kind, Recording, Series
from soak.pipeline import judge
from soak.snapshots import SNAPSHOT_SOURCE, Snapshot
from tests.diagnosis.attribution.test_snapshot_series import PROFILE
from tests.diagnosis.synthetic_runs import leaked, requests, run

TIMES = np.arange(20, 240, 10)
SIZE = 40
#: What a young service has besides: strings that move, a cache that fills and is full, classes that stand still.
NOISE = np.random.default_rng(5)
USUAL: dict[str, Floats] = {
    "java.lang.String": 30_000 + NOISE.normal(0, 40, len(TIMES)).round(),
    "[B": 40_000 + NOISE.normal(0, 200, len(TIMES)).round(),
    "shop.Settings": np.full(len(TIMES), 12.0),
    "shop.Cached": (900 * (1 - np.exp(-TIMES / 40.0))).round(),
}


def grown(costs: Mapping[str, float]) -> Floats:
    """How many objects of a class there are at each snapshot, of which requests leave so many."""
    return leaked(costs)[TIMES - 1].round()


def recorded(
    classes: Mapping[str, Floats], libraries: Sequence[str] = (), *, varied: bool = True
) -> Recording:
    snapshots = []
    for row, time in enumerate(TIMES.tolist()):
        rows = [
            f"{number}:  {levels[row]:.0f}  {SIZE * levels[row]:.0f}  {name}"
            for number, (name, levels) in enumerate({**USUAL, **classes}.items(), 1)
        ]
        data = json.dumps({"histogram": "\n".join(rows), "libraries": list(libraries)}).encode()
        snapshots.append(
            Snapshot(float(time), 0.1, "classes", "steady", None, partial(bytes, data))
        )
    mix = (Event(0.0, EventKind.MIX, "varied"),) if varied else ()
    return replace(run(snapshots=False), series=(), snapshots=tuple(snapshots), events=mix)


def found(classes: Mapping[str, Floats], *, varied: bool = True) -> GrowingClasses | None:
    return growing_classes(recorded(classes, varied=varied))


def test_classes_that_follow_one_endpoint_s_requests_are_named_with_it() -> None:
    growing = found(
        {"shop.Order": grown({"POST /b": 1}), "java.util.HashMap$Node": grown({"POST /b": 3})}
    )
    assert growing is not None
    assert growing.endpoint == "POST /b"
    assert growing.own == ("shop.Order",)
    assert growing.each == pytest.approx(
        {"java.util.HashMap$Node": 3.0, "shop.Order": 1.0}, rel=0.01
    )
    each = np.ptp(growing.bytes) / np.ptp(grown({"POST /b": 1}))
    assert each == pytest.approx(4 * SIZE, rel=0.01)
    assert growing.series.labels == (("endpoint", "POST /b"),)


def test_strings_and_arrays_that_move_count_with_what_the_same_requests_add() -> None:
    order = grown({"POST /b": 1})
    text = USUAL["java.lang.String"] + 4 * order + grown({"GET /a": 0.3})
    growing = found({"shop.Order": order, "java.lang.String": text})
    assert growing is not None
    assert growing.each["java.lang.String"] == pytest.approx(4.0, rel=0.1)
    assert list(growing.each) == ["java.lang.String", "shop.Order"]


@pytest.mark.parametrize(
    "levels",
    [
        np.full(len(TIMES), 500.0),
        (3000 * (1 - np.exp(-TIMES / 60.0))).round(),  # a cache that fills
        np.minimum(grown({"POST /b": 1}), 1500.0),  # one that is full
        grown({"POST /b": 0.01}),  # a few dozen
        grown({"POST /b": 1.7}) + 400 * (np.arange(len(TIMES)) // 2 % 2),  # by chance about along
        grown({"POST /b": 1}) * (1 - 0.5 * (np.arange(len(TIMES)) % 2)),  # emptied now and then
        (TIMES * 20.0),  # with time
        grown(dict.fromkeys(requests(), 1.0)),  # with every request, as with time
    ],
)
def test_what_follows_no_requests_is_none(levels: Floats) -> None:
    assert found({"shop.Kept": levels}) is None
    assert found({}) is None


def test_samples_of_a_bounded_histogram_are_none() -> None:
    sample = "com.codahale.metrics.WeightedSnapshot$WeightedSample"
    assert found({sample: grown({"POST /b": 1})}) is None


def test_a_mix_that_was_not_varied_or_few_snapshots_tell_nothing() -> None:
    classes = {"shop.Order": grown({"POST /b": 1})}
    assert found(classes, varied=False) is None
    recording = recorded(classes)
    assert growing_classes(replace(recording, snapshots=recording.snapshots[:8])) is not None
    assert growing_classes(replace(recording, snapshots=recording.snapshots[:7])) is None
    broken = tuple(
        replace(snapshot, read=partial(bytes, b"{}")) for snapshot in recording.snapshots
    )
    assert growing_classes(replace(recording, snapshots=broken)) is None


def test_a_library_s_class_is_not_the_target_s_own_and_a_lambda_comes_last() -> None:
    order = grown({"POST /b": 1})
    classes = {
        "shop.Api$$Lambda/0x7f": 2 * order,
        "shop.Order": order,
        "vendor.Entry": order,
    }
    growing = growing_classes(recorded(classes, ["vendor"]))
    assert growing is not None
    assert growing.own == ("shop.Order", "shop.Api$$Lambda.0x7f")


def test_what_requests_leave_is_a_series_that_fails_while_the_heap_around_it_moves() -> None:
    recording = with_snapshot_series(recorded({"shop.Order": grown({"POST /b": 1})}))
    [series] = [each for each in recording.series if each.name == "jvm_growing_classes_bytes"]
    assert len(series.times) == len(TIMES)
    analysis = judge(recorded({"shop.Order": grown({"POST /b": 1})}), PROFILE)
    [finding] = [each for each in analysis.findings if each.series == series.name]
    assert finding.verdict.value == "fail"
    [suspect] = analysis.suspects
    assert (suspect.endpoint, suspect.place.function) == ("POST /b", "shop.Order")
    assert suspect.per_request == pytest.approx(SIZE, rel=0.05)


def place_with(levels: list[float], line: int) -> AllocationSite:
    frame = Frame("shop.Main.keep", "", line, True)
    values = np.array(levels)
    stack = Stack((Frame("byte[]"), frame), values)
    times = np.arange(float(len(levels)))
    return AllocationSite(frame, times, times, values, (stack,))


def test_a_cache_that_was_full_early_is_no_place_beside_one_that_gains_on() -> None:
    classes = GrowingClasses("PUT /a", {"byte[]": 1.0}, (), np.zeros(1), np.zeros(1))
    full = place_with([0.0, 2.0, 4.0, 4.0, 4.1, 4.0, 3.9, 4.0, 4.0], 25)
    gains = place_with([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], 57)
    # Of 10 it gained 2.6 in the last half, or 2.4.
    fair = place_with([0.0, 4.0, 5.0, 6.0, 7.4, 8.5, 9.0, 9.5, 10.0], 31)
    less = place_with([0.0, 4.0, 5.0, 6.0, 7.6, 8.5, 9.0, 9.5, 10.0], 32)
    assert places_of([full, gains, fair, less], classes) == [gains, fair]
    assert places_of([full], classes) == []


def test_what_classes_leave_may_be_as_much_as_the_heap_gains_when_caches_are_full() -> None:
    """Two objects of 60 B for each request refer to texts of 400 B, which other requests make as well."""
    times = np.arange(0.0, 120.0, 5.0)
    seconds = np.arange(1.0, 121.0)
    done = 20.0 * times
    exact = Levels(times, 60.0 * done, done, endpoint="PUT /a")
    windows = (
        SimpleNamespace(
            endpoint="PUT /a", times=seconds, seconds=np.ones(120), requests=np.full(120, 20.0)
        ),
        SimpleNamespace(
            endpoint="GET /b", times=seconds, seconds=np.ones(120), requests=np.full(120, 9.0)
        ),
    )
    heap = 9e6 + 460.0 * done + np.minimum(1e5 * times, 2e6)  # full at 20 s
    whole = Series(LIVE_CLASSES, times, heap, (), Kind.GAUGE, SNAPSHOT_SOURCE)
    prepared: Any = SimpleNamespace(
        windows=lambda: windows,
        recording=SimpleNamespace(windows=windows),
        named=lambda name: [whole] if name == LIVE_CLASSES else [],
        judged_from=0.0,
        cuts=lambda _: [],
    )

    def amount(key: str) -> Amount:
        return attribute_by_endpoint(prepared, exact, key, "bytes").amounts[0]

    assert amount(GROWING_CLASSES).per_request == pytest.approx(60.0)
    assert amount(GROWING_CLASSES).high == pytest.approx(460.0, rel=0.02)
    assert amount("nodejs_growing_entries_bytes").high == pytest.approx(60.0 * ENTRY_MOST)
    prepared.named = lambda _: []
    assert amount(GROWING_CLASSES).high == pytest.approx(60.0)
