"""What a request to each endpoint keeps: found where it can be, and refused where it cannot."""

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.diagnosis.attribution.attribution import attribute
from soak.diagnosis.attribution.request_counts import mix_at
from soak.diagnosis.attribution.retained_level import retained_levels
from soak.model import Floats
from soak.windows import EndpointWindows
from tests.bench.simulated_services import (
    LEAKS,
    Form,
    Setting,
    as_count,
    as_live_heap,
    as_resident,
    counts_by_code,
    service,
    windows_of,
)

WEIGHTS = np.array([15.0, 12, 10, 10, 6, 4, 2, 1])
SECONDS = 240


def driven(
    seed: int = 1, *, coded: bool = True, seconds: int = SECONDS
) -> tuple[tuple[EndpointWindows, ...], Floats]:
    """Windows of one second each, and requests done by the end of each, (n, k)."""
    counts = counts_by_code(np.random.default_rng(seed), WEIGHTS, 60, seconds, coded=coded)
    return windows_of(counts), np.cumsum(counts, axis=0).astype(np.float64)


def at(windows: tuple[EndpointWindows, ...]) -> Floats:
    return windows[0].times


@pytest.mark.parametrize("contributors", range(8))
def test_a_leak_of_whole_things_is_found_exactly_however_rare_its_endpoint(
    contributors: int,
) -> None:
    windows, done = driven()
    told = attribute(
        at(windows),
        20 + 2 * done[:, contributors],
        windows,
        key="fds",
        unit="descriptors",
        integer=True,
    )
    assert [amount.endpoint for amount in told.contributors] == [f"GET /{contributors}"]
    assert told.contributors[0].per_request == pytest.approx(2, rel=0.02)
    assert told.contributors[0].share == pytest.approx(1, abs=0.02)
    assert told.contributors[0].low - 1e-9 <= 2 <= told.contributors[0].high + 1e-9
    assert (told.refused, told.every, told.per_hour.value) == (None, None, 0)


def test_two_leaks_at_once_are_both_found_with_their_amounts() -> None:
    windows, done = driven()
    level = (
        5e7
        + 16384 * done[:, 3]
        + 65536 * done[:, 5]
        + np.random.default_rng(0).normal(0, 1e5, SECONDS)
    )
    told = attribute(at(windows), level, windows, key="heap", unit="bytes")
    costs = {amount.endpoint: amount.per_request for amount in told.contributors}
    assert costs == {
        "GET /3": pytest.approx(16384, rel=0.1),
        "GET /5": pytest.approx(65536, rel=0.1),
    }


def test_what_every_request_costs_alike_is_told_so_with_the_doubt_that_it_may_be_time() -> None:
    windows, done = driven()
    level = 4096 * done.sum(axis=1) + np.random.default_rng(0).normal(0, 1e4, SECONDS)
    told = attribute(at(windows), level, windows, key="heap", unit="bytes")
    assert told.every is not None
    assert told.every.per_request == pytest.approx(4096, rel=0.05)
    assert told.every.share == pytest.approx(1, abs=0.1)
    assert {amount.per_request for amount in told.amounts} == {told.every.per_request}
    assert "with time" in (told.doubt or "")
    assert told.per_hour.low == 0
    assert told.per_hour.high > 4096 * 60 * 3600 * 0.9


def test_growth_after_the_load_is_time_s() -> None:
    windows, _ = driven()
    times = np.append(at(windows), SECONDS + np.arange(1.0, 41))
    told = attribute(times, 7.0 * times, windows, key="heap", unit="bytes")
    assert told.per_hour.value == pytest.approx(7 * 3600, rel=0.01)
    assert told.per_hour.low > 0
    assert (told.contributors, told.every, told.doubt) == ((), None, None)


def test_each_life_of_a_process_begins_at_a_level_of_its_own() -> None:
    windows, done = driven()
    level = 20 + done[:, 4]
    level[100:] -= level[100] - 20
    told = attribute(
        at(windows), level, windows, key="fds", unit="descriptors", integer=True, borders=(100.5,)
    )
    assert [(amount.endpoint, round(amount.per_request, 2)) for amount in told.contributors] == [
        ("GET /4", 1.0)
    ]
    blind = attribute(at(windows), level, windows, key="fds", unit="descriptors", integer=True)
    assert [round(amount.per_request, 2) for amount in blind.contributors] != [1.0]


def test_the_steps_of_a_flow_count_as_one_unit() -> None:
    windows, done = driven()
    names = ["cart / POST /cart", "cart / GET /cart/{id}", *(f"GET /{i}" for i in range(7))]
    steps = windows_of(
        np.diff(np.column_stack([done[:, 0], done[:, 0], done[:, 1:]]), axis=0, prepend=0).astype(
            np.int64
        )
    )
    named = tuple(
        EndpointWindows(
            name,
            step.times,
            step.seconds,
            step.requests,
            step.failures,
            step.bytes,
            step.offsets,
            step.buckets,
            step.counts,
        )
        for name, step in zip(names, steps, strict=True)
    )
    assert mix_at(at(windows), named).names[0] == "cart"
    told = attribute(at(windows), done[:, 0], named, key="fds", unit="descriptors", integer=True)
    assert [(amount.endpoint, round(amount.per_request, 2)) for amount in told.contributors] == [
        ("cart", 1.0)
    ]


def test_a_mix_that_never_varied_is_refused_with_what_would_vary_it() -> None:
    steady = np.tile(np.array([20, 10, 5]), (600, 1))
    windows = windows_of(steady)
    told = attribute(
        at(windows), np.cumsum(steady[:, 2]).astype(float), windows, key="fds", unit="descriptors"
    )
    assert told.amounts == ()
    assert "attribute: true" in (told.refused or "")


def test_growth_that_fits_several_endpoints_is_refused_with_a_longer_run() -> None:
    windows, done = driven(seconds=60)
    few = slice(None, None, 4)
    noise = np.random.default_rng(3).normal(0, 3e5, 60)
    told = attribute(
        at(windows)[few],
        (16384 * done[:, 6] + noise + 3e4 * np.arange(60))[few],
        windows,
        key="h",
        unit="bytes",
    )
    assert told.contributors == ()
    assert told.refused is None or "by too little to tell" in told.refused


@pytest.mark.parametrize("count", [0, 3])
def test_hardly_any_points_are_refused(count: int) -> None:
    windows, done = driven()
    told = attribute(at(windows)[:count], done[:count, 0], windows, key="fds", unit="descriptors")
    assert "too few" in (told.refused or "")


def test_without_requests_it_is_refused() -> None:
    times = np.arange(50.0)
    assert "no requests" in (
        attribute(times, times, (), key="fds", unit="descriptors").refused or ""
    )


def test_what_is_no_number_or_never_moves_is_no_leak() -> None:
    windows, done = driven()
    holes = np.where(np.arange(SECONDS) % 7 == 0, np.nan, done[:, 2])
    assert [
        contributor.endpoint
        for contributor in attribute(
            at(windows), holes, windows, key="x", unit="bytes"
        ).contributors
    ] == ["GET /2"]
    flat = attribute(at(windows), np.full(SECONDS, 7.0), windows, key="x", unit="bytes")
    assert (flat.contributors, flat.refused, {amount.per_request for amount in flat.amounts}) == (
        (),
        None,
        {0.0},
    )


def test_the_same_recording_is_told_apart_the_same_way_again() -> None:
    run_once = service(as_resident, "two", 5)
    assert run_once.attribution() == run_once.attribution()


def test_a_live_heap_s_steps_are_dated_by_the_collections_that_found_them() -> None:
    simulated = service(as_live_heap, "one", 1, Setting(seconds=(240, 241)))
    times, levels = retained_levels(
        prepare(simulated.recording, 0.0), simulated.recording.series[0]
    )
    moments = np.unique(simulated.recording.series[1].values) - 1.7e9
    assert len(levels) == len(times)
    apart = times[:, None] - moments[None, :]
    offset = np.median(apart[np.arange(len(times)), np.abs(apart - 0.5).argmin(axis=1)])
    assert np.abs(times[:, None] - moments[None, :] - offset).min(axis=1).max() < 0.3


@pytest.mark.parametrize("form", [as_count, as_live_heap, as_resident])
def test_no_simulated_service_accuses_an_innocent_endpoint(form: Form) -> None:
    """A taste of `make bench-attribution`."""
    wrong = 0
    for leak in LEAKS[:2]:
        for seed in range(3):
            simulated = service(form, leak, 7000 + seed)
            contributors = {f"GET /{i}" for i in np.flatnonzero(simulated.amounts)}
            wrong += bool(
                {amount.endpoint for amount in simulated.attribution().contributors} - contributors
            )
    assert wrong <= 1
