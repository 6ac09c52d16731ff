"""What a request to each endpoint keeps: found where it can be, and refused where it cannot."""

from typing import Any
from unittest import mock

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.diagnosis.attribution import attribution as module
from soak.diagnosis.attribution.attribution import (
    EVERY,
    Amount,
    Attribution,
    _thinned,
    _told,
    attribute,
)
from soak.diagnosis.attribution.request_counts import Mix, mix_at
from soak.diagnosis.attribution.retained_level import retained_levels
from soak.diagnosis.attribution.subset_regression import SubsetFit
from soak.growth_views import NO_RATE, HourlyRate
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


def test_contributors_surely_keep_a_fair_share_the_largest_first() -> None:
    amounts = (
        Amount("small", 1.0, 0.5, 2.0, 0.05),
        Amount("unsure", 9.0, 0.0, 20.0, 0.4),
        Amount("falling", 9.0, -1.0, 20.0, 0.4),
        Amount("large", 2.0, 1e-9, 3.0, 0.5),
        Amount("hardly", 1.0, 0.5, 2.0, 0.049),
        Amount("middle", 2.0, 1.5, 3.0, 0.2),
    )
    told = Attribution("x", "bytes", amounts)
    assert [each.endpoint for each in told.contributors] == ["large", "middle", "small"]
    assert Amount("a", 9.0, 8.0, 10.0).share == 0.0  # unless it is said


def fit_of(*amounts: float, drawn: list[tuple[float, float]]) -> SubsetFit:
    """A fit whose drawn amounts lie evenly between each pair: 2.5% of them below a fortieth of the way."""
    return SubsetFit(np.array(amounts), np.array([np.linspace(*ends, 1001) for ends in drawn]))


def near(value: float) -> Any:
    return pytest.approx(value)


#: 100 requests to a and 20 to b within two hours.
MIX = Mix(("a", "b"), np.array([[10.0, 5.0], [30.0, 10.0], [110.0, 25.0]]))
TIMES = np.array([3600.0, 9000.0, 10800.0])


def told_of(fit: SubsetFit, *, with_time: bool) -> Attribution:
    return _told(key="x", unit="bytes", mix=MIX, times=TIMES, fit=fit, with_time=with_time)


def test_an_endpoint_s_amount_is_its_own_and_that_of_every_request() -> None:
    drawn = [(1.0, 3.0), (0.0, 1.0), (-0.1, 0.9), (-0.005, 0.035)]
    told = told_of(fit_of(2.0, 0.25, 0.5, 0.01, drawn=drawn), with_time=True)
    gained = 2.5 * 100 + 0.75 * 20 + 36 * 2
    assert told == Attribution(
        "x",
        "bytes",
        (
            Amount("a", 2.5, near(0.9 + 3 * 0.025), near(0.9 + 3 * 0.975), 250 / gained),
            Amount("b", 0.75, near(-0.1 + 2 * 0.025), near(-0.1 + 2 * 0.975), 15 / gained),
        ),
        HourlyRate(36.0, near(3600 * -0.004), near(3600 * 0.034)),
    )


def test_what_every_request_keeps_may_be_time_where_that_is_not_told_apart() -> None:
    drawn = [(0.0, 1.0), (0.0, 1.0), (1.0, 3.0), (0.0, 0.02)]
    apart = told_of(fit_of(0.0, 0.0, 2.0, 0.01, drawn=drawn), with_time=True)
    assert apart.every == Amount(EVERY, 2.0, near(1.05), near(2.95), 240 / (240 + 72))
    assert apart.doubt is None
    assert apart.per_hour == HourlyRate(36.0, near(1.8), near(70.2))
    alike = told_of(fit_of(0.0, 0.0, 2.0, drawn=drawn[:3]), with_time=False)
    assert alike.every == Amount(EVERY, 2.0, near(1.05), near(2.95), 1.0)
    assert alike.doubt == module._OR_TIME
    assert alike.per_hour == HourlyRate(0.0, 0.0, near(2.95 * 120 / 2))


@pytest.mark.parametrize(
    ("own", "alike", "time", "refused"),
    [
        ((1.0, 3.0), (0.0, 0.0), (0.0, 0.0), False),  # a contributor
        ((-0.01, 3.0), (0.0, 0.0), (0.0, 0.0), False),
        ((0.0, 0.0), (1.0, 3.0), (0.0, 0.0), False),  # every request
        ((0.0, 0.0), (0.0, 0.0), (1.0, 3.0), False),  # time
        ((0.0, 0.0), (0.0, 0.0), (0.0, 0.0), False),  # nothing grows
        ((0.0, 0.0), (-0.2, 3.0), (0.0, 0.0), False),  # nothing surely grows
    ],
)
def test_growth_that_is_somebody_s_or_none_is_not_refused(
    own: tuple[float, float],
    alike: tuple[float, float],
    time: tuple[float, float],
    refused: bool,
) -> None:
    middle = [sum(ends) / 2 for ends in (own, (0.0, 0.0), alike, time)]
    drawn = [own, (0.0, 0.0), alike, time]
    plain = fit_of(*middle, drawn=drawn)
    for size in (1.0, 1e-6):
        told = told_of(SubsetFit(plain.amounts * size, plain.drawn * size), with_time=True)
        assert (told.refused is not None) is refused


@pytest.mark.parametrize(("step", "with_time"), [(1, True), (2, True), (2, False)])
def test_growth_that_one_of_two_surely_makes_is_refused(step: int, with_time: bool) -> None:
    """Half of the explanations give it to one, the other half to the other: the sum is sure, and neither of them."""
    turns = np.arange(1000) // 500
    first, other = 2.0 * turns, 2.0 * (1 - turns)
    rows = {
        1: [first, 0 * first, 0 * first, other / 10],
        2: [first, 5 * other, 0 * first, 0 * first],
    }
    fit = SubsetFit(np.array([1.0, 0.5, 0.0, 0.0]), np.array(rows[step]))
    for size in (1.0, 1e-6):
        told = told_of(SubsetFit(fit.amounts * size, fit.drawn * size), with_time=with_time)
        assert (told.refused, told.amounts) == (module._TOO_LITTLE, ())


def test_what_falls_with_time_by_more_than_requests_add_does_not_grow() -> None:
    """3 bytes are added through one endpoint or the other, and within two hours 4 or 2 go."""
    turns = np.arange(1000) // 500
    for hourly, refused in ((-2.0, False), (-1.0, True)):
        rows = [0.03 * turns, 0.15 * (1 - turns), 0 * turns, np.full(1000, hourly / 3600)]
        told = told_of(SubsetFit(np.zeros(4), np.array(rows)), with_time=True)
        assert (told.refused is not None) is refused


def test_the_shares_of_small_amounts_are_those_of_large_ones() -> None:
    drawn = [(1.0, 3.0), (0.0, 1.0), (0.1, 0.9), (0.005, 0.035)]
    plain = fit_of(2.0, 0.25, 0.5, 0.01, drawn=drawn)
    large = told_of(plain, with_time=True)
    small = told_of(SubsetFit(plain.amounts * 1e-6, plain.drawn * 1e-6), with_time=True)
    assert large.every is not None
    assert small.every is not None
    assert small.every.share == pytest.approx(large.every.share)
    assert [each.share for each in small.amounts] == pytest.approx(
        [each.share for each in large.amounts]
    )
    assert [each.endpoint for each in small.contributors] == ["a"]


def test_a_fit_of_nothing_has_shares_of_nothing() -> None:
    told = told_of(fit_of(0.0, 0.0, 0.0, drawn=[(0.0, 0.0)] * 3), with_time=False)
    assert [amount.share for amount in told.amounts] == [0.0, 0.0]
    assert (told.per_hour, told.every, told.refused) == (NO_RATE, None, None)


@pytest.mark.parametrize(
    ("points", "lengths", "kept"),
    [
        (4, (4,), [[0], [1], [2], [3]]),
        (4, (5,), [[0, 1], [2, 3], [4]]),
        (4, (8,), [[0, 1], [2, 3], [4, 5], [6, 7]]),
        (4, (9,), [[0, 1, 2], [3, 4, 5], [6, 7, 8]]),
        (4, (3, 5), [[0, 1], [2], [3, 4], [5, 6], [7]]),
    ],
)
def test_more_points_are_averaged_in_blocks_of_one_life(
    points: int, lengths: tuple[int, ...], kept: list[list[int]]
) -> None:
    n = sum(lengths)
    times, levels = np.arange(float(n)) ** 2, np.arange(float(n)) ** 3
    columns = np.column_stack([times * 2, levels - 5])
    lives = np.repeat(np.arange(len(lengths)), lengths)
    with mock.patch.object(module, "MOST_POINTS", points):
        thin = _thinned(times, levels, columns, lives)
    for part, whole in zip(thin, (times, levels, columns, lives), strict=True):
        blocks = np.array([whole[block].mean(axis=0) for block in kept])
        assert part == pytest.approx(blocks)


@pytest.mark.parametrize("apart", [True, False])
def test_a_level_is_fitted_on_each_count_on_their_total_and_on_time_if_that_is_apart(
    apart: bool,
) -> None:
    times = np.arange(10.0, 30.0)
    mix = Mix(("a", "b"), np.column_stack([times, times**2]))
    fit: Any = mock.Mock(return_value="fitted")
    with (
        mock.patch.object(module, "mix_at", return_value=mix),
        mock.patch.object(module, "fit_subsets", fit),
        mock.patch.object(module, "_told", return_value="told") as told,
        mock.patch.object(Mix, "sameness", return_value=1.0),
        mock.patch.object(Mix, "total_apart", return_value=apart),
    ):
        borders = (25.0, 12.5)
        result: Any = attribute(
            times, 3 * times, (), key="x", unit="bytes", integer=apart, borders=borders
        )
    assert result == "told"
    assert told.call_args.kwargs == {"with_time": apart}
    at, levels, columns, lives = fit.call_args.args
    assert at.tolist() == times.tolist()
    assert levels.tolist() == (3 * times).tolist()
    expected = [times, times**2, times + times**2, *([times - 10] if apart else [])]
    assert columns.tolist() == np.column_stack(expected).tolist()
    assert lives.tolist() == [0] * 3 + [1] * 12 + [2] * 5
    assert fit.call_args.kwargs == {"integer": apart}


def test_a_refusal_has_neither_amounts_nor_rates() -> None:
    windows, done = driven()
    told = attribute(at(windows)[:3], done[:3, 0], windows, key="fds", unit="descriptors")
    assert told == Attribution("fds", "descriptors", (), refused=told.refused)
    assert told.refused == "3 points are too few to tell endpoints apart: 13 are needed"
    assert not told.contributors


@pytest.mark.parametrize(
    ("points", "sameness", "refused"),
    [(8, 3000.0, False), (7, 3000.0, True), (8, 3000.1, True)],
)
def test_just_enough_points_of_endpoints_that_are_just_apart_are_fitted(
    points: int, sameness: float, refused: bool
) -> None:
    times = np.arange(float(points))
    with (
        mock.patch.object(
            module, "mix_at", return_value=Mix(("a", "b"), np.column_stack([times, times**2]))
        ),
        mock.patch.object(module, "fit_subsets") as fitted,
        mock.patch.object(module, "_told", return_value=Attribution("x", "bytes", ())),
        mock.patch.object(Mix, "sameness", return_value=sameness),
    ):
        told = attribute(times=times, levels=times, windows=(), key="x", unit="bytes")
    assert (told.refused is not None, fitted.called) == (refused, not refused)
    if not refused:
        assert fitted.call_args.kwargs == {"integer": False}
