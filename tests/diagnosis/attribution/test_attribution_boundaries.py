"""Either side of the thresholds of attribution and of growth over snapshots, in literal values."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis import thresholds
from soak.diagnosis.attribution import allocation_sites as sites_module
from soak.diagnosis.attribution import attribution, levels, request_clock, signals
from soak.diagnosis.attribution.allocation_sites import AllocationSite, allocation_sites
from soak.diagnosis.attribution.attribution import Amount, Attribution, attribute
from soak.diagnosis.attribution.load_profiles import chosen_to_read
from soak.diagnosis.attribution.request_counts import Mix
from soak.diagnosis.attribution.signals import Signal
from soak.diagnosis.attribution.site_growth import ProfileSnapshot, accumulation_log_odds, lasting
from soak.diagnosis.profiles.frames import Frame
from soak.model import Floats, Series
from tests.boundaries import pins


def site(levels: Floats, period: float = 0.0) -> AllocationSite:
    steps = np.arange(float(len(levels)))
    return AllocationSite(Frame("main.f", "main.go", 1, True), steps, steps, levels, (), period)


@pins(thresholds, "ACCUMULATION_LOG_ODDS")
def test_a_few_samples_accumulate_at_log_odds_of_three() -> None:
    scattered = site(np.array([0.0, 3.0, 0.0, 3.0, 0.0, 3.0]), period=1.0)
    for log_odds, sure in ((3.1, True), (2.9, False)):
        with mock.patch.object(sites_module, "accumulation_log_odds", return_value=log_odds):
            assert scattered.sure is sure


@pins(thresholds, "LEAST_SAMPLES")
def test_three_sampled_objects_are_compared_with_chance() -> None:
    requests = np.arange(5.0)
    assert math.isfinite(accumulation_log_odds(requests, np.array([0.0, 1.0, 1.0, 2.0, 3.0])))
    assert accumulation_log_odds(requests, np.array([0.0, 1.0, 1.0, 2.0, 2.0])) == -math.inf


@pins(thresholds, "LEAST_SNAPSHOTS")
def test_three_snapshots_after_the_first_show_what_stayed() -> None:
    assert lasting(np.array([0.0, 5.0, 7.0, 6.0])) == 5.0
    assert lasting(np.array([0.0, 5.0, 7.0])) == 0.0


@pins(thresholds, "LEAST_SNAPSHOTS")
def test_three_samples_make_a_level() -> None:
    prepared = cast("Any", SimpleNamespace(requests=None, cuts=lambda _: ()))
    for count, known in ((3, True), (2, False)):
        samples = np.arange(float(count))
        with mock.patch.object(levels, "retained_levels", return_value=(samples, samples)):
            assert (levels.levels_of(prepared, Series("x", samples, samples)) is not None) is known


@pins(thresholds, "BEYOND_ONE_PLACE")
def test_the_heap_as_a_whole_is_a_signal_when_it_grows_a_tenth_faster_than_its_fastest_place() -> (
    None
):
    memory = [cast("Signal", SimpleNamespace(what=ResourceKind.MEMORY))]
    for beside, named in ((11.0, True), (9.0, False)):
        places = [site(100.0 * np.arange(4.0)), site(beside * np.arange(4.0))]
        with mock.patch.object(
            signals, "attribute_by_endpoint", return_value=Attribution("x", "bytes", ())
        ):
            assert bool(signals._total_signal(cast("Any", None), places, memory)) is named


@pins(thresholds, "MOST_STACKS")
def test_the_400_stacks_that_moved_most_are_read() -> None:
    def profile(number: int) -> Any:
        return SimpleNamespace(
            keys=np.arange(600, dtype=np.uint64),
            columns=(("inuse_space", "bytes"),),
            column=lambda _: np.arange(600.0) * number,
            stack=lambda sample: (Frame(f"main.f{sample}", "main.go", 1, True),),
            period=1.0,
            period_unit="bytes",
        )

    snapshots = [
        ProfileSnapshot(float(number), float(number), profile(number)) for number in range(3)
    ]
    sites = allocation_sites(snapshots, "inuse_space")
    assert len(sites) == 400
    assert {site.place.function for site in sites} == {
        f"main.f{number}" for number in range(200, 600)
    }


@pins(thresholds, "MOST_READ", "MOST_READ_BYTES")
def test_40_snapshots_or_64_mib_of_them_are_read_the_first_and_last_always() -> None:
    def chosen(count: int, size: int) -> list[int]:
        return chosen_to_read(
            [cast("Any", SimpleNamespace(read=lambda: range(size))) for _ in range(count)]
        )

    assert len(chosen(40, 1)) == 40
    assert len(chosen(90, 1)) == 40
    assert len(chosen(90, 6 * 2**20)) == 10
    assert chosen(90, 2**30) == [0, 44, 89]


def refused(points: int, sameness: float) -> str:
    """Why a level of so many points is not attributed, under two endpoints whose counts are so much alike."""
    times = np.arange(float(points))
    two = Mix(("a", "b"), np.column_stack([times, times**2]))
    with (
        mock.patch.object(attribution, "mix_at", return_value=two),
        mock.patch.object(Mix, "sameness", return_value=sameness),
        mock.patch.object(attribution, "fit_subsets"),
        mock.patch.object(attribution, "_told", return_value=Attribution("x", "bytes", ())),
    ):
        return attribute(times, times, (), key="x", unit="bytes").refused or ""


@pins(thresholds, "SPARE_POINTS")
def test_two_endpoints_need_eight_points() -> None:
    assert "8 are needed" in refused(points=7, sameness=1.0)
    assert not refused(points=8, sameness=1.0)


@pins(thresholds, "MOST_INFLATION")
def test_endpoints_are_told_apart_up_to_a_variance_inflation_of_3000() -> None:
    assert not refused(points=20, sameness=2990.0)
    assert "the mix of traffic was always the same" in refused(points=20, sameness=3010.0)


@pins(thresholds, "LOW_PERCENTILE", "HIGH_PERCENTILE")
def test_an_interval_holds_95_of_100() -> None:
    assert attribution._interval(np.arange(1001.0)[None]) == ([25.0], [975.0])


@pins(thresholds, "UNEVEN_TOTAL")
def test_time_is_told_from_requests_that_come_unevenly_by_a_fiftieth_of_their_range() -> None:
    times = np.arange(1000.0)
    uneven = np.where(
        (times >= 50) & (times < 950), (-1.0) ** times, 0.0
    )  # scatters by sqrt(0.9) around a line
    for share, apart in ((0.021, True), (0.019, False)):
        total = times + share * 999 / math.sqrt(0.9) * uneven
        assert Mix(("a",), total[:, None]).total_apart(times) is apart


@pins(thresholds, "WALL_CLOCK_SHARE")
def test_a_request_clock_goes_on_with_a_fiftieth_of_the_wall_clock_while_no_request_comes() -> None:
    counts = Mix(("a",), np.array([[0.0], [0.0], [10.0]]))
    prepared = cast("Any", SimpleNamespace(recording=SimpleNamespace(windows=())))
    with mock.patch.object(request_clock, "mix_at", return_value=counts):
        hands = request_clock._due(
            prepared, [Amount("a", 1.0, 0.9, 1.1, 1.0)], np.array([0.0, 50.0, 100.0])
        )
    assert hands.tolist() == pytest.approx([0.0, 1.0, 100.0])
