"""Answers that are built whole, where nothing counts allocations: memory stands higher just after them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from soak.analysis.prepare.prepare import Prepared
from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.allocation_sites import AllocationSite
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects import memory_peaks, transient_memory
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import run_context
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind
from soak.diagnosis.suspects.memory_peaks import _stood_up
from soak.diagnosis.suspects.transient_memory import transient_cases
from soak.model import Finding, Floats, Kind, RuleName, Series, Verdict
from soak.windows import EndpointWindows
from tests.diagnosis.suspects.parts import (
    amount,
    context,
    counter,
    gauge,
    library,
    own,
    rising,
    signal,
    site,
    stack,
    windows,
)
from tests.diagnosis.synthetic_runs import judged, leaked, run

MIB = 2**20

SECONDS, SIZE, FLOOR = 240, 20 * 2**20, 40 * 2**20
TIMES = np.arange(1.0, SECONDS + 1)
NONE, NOTHING = np.zeros(SECONDS, dtype=np.int64), np.zeros(0, dtype=np.int64)
#: One answer in eight seconds, and none in every fourth minute.
SENT = ((TIMES % 8 == 0) & (TIMES % 120 < 90)).astype(np.int64)
WINDOWS = EndpointWindows(
    "GET /export",
    TIMES,
    np.ones(SECONDS),
    SENT,
    NONE,
    SIZE * SENT,
    np.zeros(SECONDS + 1, dtype=np.int64),
    NOTHING,
    NOTHING,
)


def stood_up(above: Floats) -> float:
    noise = np.random.default_rng(1).normal(0, 2**18, SECONDS)
    return _stood_up(
        Series("process_resident_memory_bytes", TIMES + 0.3, FLOOR + above + noise), WINDOWS, 0.0
    )


def test_memory_that_stands_higher_just_after_large_answers_held_them_whole() -> None:
    assert stood_up(1.0 * SIZE * SENT) == pytest.approx(SIZE, rel=0.1)


@pytest.mark.parametrize(
    "above",
    [
        np.zeros(SECONDS),
        0.2 * SIZE * SENT,
        np.linspace(0, 4 * SIZE, SECONDS),
        1.0 * SIZE * (TIMES % 30 < 4),
    ],
    ids=["streamed", "in pieces", "a leak", "somebody else"],
)
def test_memory_that_stands_higher_for_other_reasons_tells_nothing(above: Floats) -> None:
    assert stood_up(above) == 0.0


def test_garbage_of_a_runtime_that_counts_no_bytes_is_told_by_what_its_collections_take() -> None:
    recording = run()
    times = recording.series[0].times
    took = {
        "minor": 0.75 * leaked({"GET /c": 0.004}),
        "major": 0.25 * leaked({"GET /c": 0.004}) + 1e-4 * leaked({"GET /a": 1.0}),
    }
    gauges = [
        Series(
            "nodejs_gc_duration_seconds_sum", times, values, (("kind", kind),), kind=Kind.COUNTER
        )
        for kind, values in took.items()
    ]
    context = run_context(
        replace(recording, series=(*recording.series, *gauges)), judged(recording), 0.0
    )
    busy = Finding(
        RuleName.GC,
        "nodejs_gc_duration_seconds_count",
        Verdict.PASS,
        "It ran.",
        unit="collections/min",
        observed=150,
        limit=100,
    )
    [case] = transient_cases(replace(context, findings=(busy,)), [])
    assert case.cost is not None
    assert (case.endpoint, case.unit) == ("GET /c", "seconds")
    assert case.cost.per_request == pytest.approx(0.004, rel=0.1)
    assert transient_cases(replace(context, findings=(replace(busy, observed=90),)), []) == []


#: The counter of bytes that a run of Go allocates, and what a run of Node has instead of it.
BYTES, RESIDENT = "go_memstats_alloc_bytes_total", "process_resident_memory_bytes"
EXTERNAL = "nodejs_external_memory_bytes"


@pytest.mark.parametrize(
    ("first", "count", "seconds", "warmup", "known"),
    [
        (11, 20, 40, 0, True),
        (11, 19, 40, 0, False),
        (0, 25, 40, 5, True),  # 5 to 24
        (0, 24, 40, 5, False),
        (11, 30, 30, 0, True),  # 11 to 30
        (12, 30, 30, 0, False),
    ],
)
def test_allocated_bytes_are_known_from_twenty_samples_of_the_judged_stretch_on(
    first: int, count: int, seconds: int, warmup: int, known: bool
) -> None:
    run = context(
        counter(BYTES, np.arange(float(count)), first=first),
        requests=[windows("GET /a", [3] * 40)],
        seconds=seconds,
        warmup=warmup,
    )
    levels = transient_memory._counter(run)
    assert (levels is not None) is known
    if levels is not None:
        assert levels.times.tolist() == list(range(max(first, warmup), max(first, warmup) + 20))
        assert levels.values.tolist() == (levels.times - first).tolist()
        assert levels.requests.tolist() == (3 * levels.times).tolist()
        assert levels.borders == ()


def test_allocated_bytes_are_those_of_a_counter_that_has_values() -> None:
    missing = np.arange(20.0)
    missing[7] = np.nan
    for series in (
        gauge(BYTES, np.arange(30.0)),
        counter("go_memstats_mallocs_total", np.arange(30.0)),
        counter(BYTES, missing),
    ):
        assert transient_memory._counter(context(series)) is None
    several = context(
        counter(BYTES, missing, instance="a"), counter(BYTES, np.arange(21.0), instance="b")
    )
    levels = transient_memory._counter(several)
    assert levels is not None
    assert len(levels.times) == 21


def test_what_a_request_allocates_is_by_endpoint_and_nothing_where_it_is_not_counted() -> None:
    made = windows("GET /a", [3] * 30)
    run = context(counter(BYTES, 600.0 * np.arange(30), first=1), requests=[made])
    by_endpoint = transient_memory._by_endpoint(run)
    assert list(by_endpoint) == ["GET /a"]
    assert by_endpoint["GET /a"].per_request == pytest.approx(200.0)
    assert transient_memory._by_endpoint(context(requests=[made])) == {}


def test_garbage_is_not_looked_for_beside_whole_answers_or_leaks() -> None:
    whole, wasted = Case("GET /whole"), Case("GET /wasted")
    grown = signal(ResourceKind.HEAP)
    for found, so_far, told in (
        ([whole], [], [whole]),
        ([], [], [wasted]),
        ([], [Case("")], [wasted]),
        ([], [Case("", place=own("main.f"))], []),
        ([], [Case("", (grown,), (grown.each,))], []),
        ([whole], [Case("", (grown,), (grown.each,))], [whole]),
    ):
        with (
            mock.patch.object(transient_memory, "_whole", return_value=found),
            mock.patch.object(transient_memory, "_garbage", return_value=[wasted]),
        ):
            run = context(requests=[windows("GET /a", [1] * 30)])
            assert transient_cases(run, so_far) == told


def whole(
    requests: int = 10,
    size: float = 8 * MIB,
    allocated: float | None = None,
    piece: float | None = None,
    place: bool = True,
    rises: float | None = None,
) -> list[Case]:
    """The cases of so many answers, whose requests allocate so many bytes in such pieces (None: not counted)."""
    asked = windows("GET /a", [requests, 0], [int(requests * size), 0])
    amounts = {} if allocated is None else {"GET /a": amount("GET /a", allocated)}
    counted = [] if piece is None else [site(stack(own("main.f")))]
    held = own("main.encode", "/srv/export.go", 7) if place else None
    with (
        mock.patch.object(transient_memory, "allocation_sites", return_value=counted),
        mock.patch.object(transient_memory, "_allocator", return_value=(held, piece or 0.0)),
        mock.patch.object(transient_memory, "rises_with_answers", return_value=rises),
    ):
        return list(transient_memory._whole(context(), asked, amounts))


def test_an_answer_built_whole_is_told_with_its_size_and_the_pieces_it_is_made_of() -> None:
    [case] = whole(allocated=16 * MIB, piece=8 * MIB)
    assert case.seen == {
        EvidenceKind.BUILT_WHOLE: (
            "A request to GET /a allocates 16 MiB for an answer of 8 MiB, "
            "in pieces of 8 MiB at main.encode export.go:7."
        )
    }
    assert case.endpoint == "GET /a"
    assert case.place == own("main.encode", "/srv/export.go", 7)
    assert case.cost == Amount("GET /a", 8 * MIB, 8 * MIB, 8 * MIB)
    unplaced = "A request to GET /a allocates 16 MiB for an answer of 8 MiB."
    for made in (whole(allocated=16 * MIB, piece=8 * MIB, place=False), whole(allocated=16 * MIB)):
        assert [case.seen for case in made] == [{EvidenceKind.BUILT_WHOLE: unplaced}]


def test_memory_that_rises_with_answers_is_told_beside_what_they_allocate() -> None:
    rises = "Memory rises by 24 MiB with each answer of 8 MiB, and falls again."
    [case] = whole(rises=24 * MIB)
    assert case.seen == {EvidenceKind.PEAK_FOLLOWS: rises}
    [case] = whole(rises=24 * MIB, allocated=16 * MIB)
    assert list(case.seen) == [EvidenceKind.BUILT_WHOLE, EvidenceKind.PEAK_FOLLOWS]


def test_answers_are_whole_exactly_at_what_makes_them_large_and_whole() -> None:
    part = 0.8 * 10 * MIB
    assert whole(size=4 * MIB, allocated=9 * MIB)
    assert not whole(size=4 * MIB - 1, allocated=9 * MIB)
    assert whole(size=10 * MIB, allocated=part)
    assert not whole(size=10 * MIB, allocated=part - 1)
    assert whole(size=10 * MIB, rises=part)
    assert not whole(size=10 * MIB, rises=part - 1)
    assert whole(size=16 * MIB, allocated=16 * MIB, piece=1 * MIB)
    assert not whole(size=16 * MIB, allocated=16 * MIB, piece=1 * MIB - 1)
    assert not whole(requests=0, allocated=9 * MIB, rises=9 * MIB)
    assert not whole()


def grown(function: str, gain: float, file: str = "main.go", is_own: bool = True) -> AllocationSite:
    """A place of one stack that gains so much over 30 requests."""
    return site(stack(Frame(function, file, 1, is_own), gain=gain))


def allocator(
    size: float = 1600.0, counted: Sequence[AllocationSite] = (), **more: Any
) -> tuple[str, float]:
    place, piece = transient_memory._allocator(context(**more), counted, size)
    return place.function if place is not None else "", piece


def test_the_allocator_without_counts_is_who_held_pieces_or_builds_or_allocates_by_far_the_most() -> (
    None
):
    held = (own("main.holds"), 5.0)
    with mock.patch.object(transient_memory, "_passing", return_value=held):
        assert allocator() == ("main.holds", 5.0)
    building = site(stack(own("main.builds"), gain=3))
    with mock.patch.object(transient_memory, "_building", return_value=own("main.builds")):
        assert allocator(running=[building]) == ("main.builds", 0.0)
    first, half, less = (
        grown("main.first", 60),
        grown("main.half", 30),
        grown("main.half", 31),
    )
    other = grown("runtime.x", 500, is_own=False)
    assert allocator() == ("", 0.0)
    assert allocator(allocated=[first]) == ("main.first", 0.0)
    assert allocator(allocated=[other, first, half]) == ("main.first", 0.0)
    assert allocator(allocated=[first, less]) == ("", 0.0)


@pytest.mark.parametrize(
    ("gain", "objects", "told"),
    [
        (3000, 30, ("main.f", 100.0)),  # exactly a sixteenth of 1,600
        (2999, 30, ("", 0.0)),
        (3000, 31, ("", 0.0)),
        (3000, 0, ("", 0.0)),
        (3000, -30, ("", 0.0)),
        (6000, 15, ("main.f", 400.0)),
    ],
)
def test_the_allocator_of_counted_pieces_makes_them_a_sixteenth_of_the_answer(
    gain: float, objects: float, told: tuple[str, float]
) -> None:
    place = grown("main.f", gain)
    assert allocator(counted=[grown("main.f", objects)], allocated=[place]) == told
    assert allocator(counted=[grown("main.other", objects)], allocated=[place]) == ("", 0.0)
    assert allocator(counted=[grown("main.f", objects, file="b.go")], allocated=[place]) == (
        "",
        0.0,
    )


def test_the_allocator_of_counted_pieces_is_the_first_own_place_that_surely_gains() -> None:
    steps = 10.0 * np.arange(4.0)
    jumps = np.array([0.0, 9000.0, 0.0, 9000.0])
    unsure = AllocationSite(own("main.unsure"), steps, steps, jumps, ())
    assert not unsure.sure
    places = [
        grown("runtime.x", 9000, is_own=False),
        grown("lib.f", 9000, file="/srv/node_modules/lib/index.js"),
        unsure,
        grown("main.f", 6000),
        grown("main.g", 9000),
    ]
    counted = [site(stack(place.place, gain=30)) for place in places]
    assert allocator(counted=counted, allocated=places) == ("main.f", 200.0)


def test_pieces_that_a_snapshot_caught_are_of_the_own_place_that_held_most_of_them() -> None:
    def passing(size: float, *held: tuple[Frame, float, float | None]) -> Any:
        """Of places whose levels add up to so many bytes and objects (None: not counted)."""
        space = [site(stack(frame, gain=bytes_held / 2)) for frame, bytes_held, _ in held]
        objects = [
            site(stack(frame, gain=count / 2)) for frame, _, count in held if count is not None
        ]
        columns = {"passing_objects": objects, "passing_space": space}
        with mock.patch.object(
            transient_memory, "allocation_sites", side_effect=lambda _, column: columns[column]
        ):
            found = transient_memory._passing(context(), size)
        return (found[0].function, found[1]) if found is not None else None

    f, g = own("main.f"), own("main.g")
    assert passing(1600.0, (f, 600, 6)) == ("main.f", pytest.approx(100.0))
    assert passing(1600.0, (f, 594, 6)) is None
    assert passing(1600.0, (f, 800, 4), (g, 900, 3)) == ("main.g", pytest.approx(300.0))
    assert passing(1600.0, (g, 900, 90), (f, 800, 4)) == ("main.f", pytest.approx(200.0))
    assert passing(1600.0, (f, 200, 0.5)) == ("main.f", pytest.approx(200.0))
    assert passing(1600.0, (f, 150, None)) == ("main.f", pytest.approx(150.0))
    for other in (library("lib.f"), Frame("runtime.x")):
        assert passing(1600.0, (other, 9000, 3)) is None
    assert passing(1600.0) is None


def test_who_builds_by_far_the_most_has_a_sample_and_twice_what_the_next_one_has() -> None:
    def building(*gains: float) -> str:
        sites = [
            site(stack(Frame("stringify"), own(f"main.f{number}"), gain=gain))
            for number, gain in enumerate(gains)
        ]
        frame = transient_memory._building(context(running=sites))
        return frame.function if frame is not None else ""

    assert building(1) == "main.f0"
    assert building(0.9) == ""
    assert building(10, 20) == "main.f1"
    assert building(10, 19) == ""
    assert building(3, 3, 12) == "main.f2"
    assert building() == ""
    elsewhere = site(stack(own("main.f"), gain=9))
    assert transient_memory._building(context(running=[elsewhere])) is None


@pytest.mark.parametrize("count", [3, 4, 5, 12])
def test_the_rise_with_a_request_and_its_ratio_to_its_error_are_least_squares(count: int) -> None:
    chance = np.random.default_rng(count)
    own_requests, others = chance.integers(0, 9, (2, count)).astype(np.float64)
    risen = np.round(7 * own_requests + 3 * others + chance.normal(0, 2, count))
    columns = np.column_stack([np.ones(count), own_requests, others])
    inverse = np.linalg.inv(columns.T @ columns)
    expected = inverse @ columns.T @ risen
    slope, clear = memory_peaks._Rises(risen, own_requests, others).slope()
    assert slope == pytest.approx(expected[1])
    if count > 3:
        rest = risen - columns @ expected
        variance = rest @ rest / (count - 3)
        assert clear == pytest.approx(expected[1] / np.sqrt(variance * inverse[1, 1]))
    else:
        assert abs(clear) > 1e6


def test_a_rise_without_any_error_is_clear_and_none_at_all_is_not() -> None:
    made, nothing = np.array([1.0, 0, 2, 0, 0, 3]), np.zeros(6)
    assert memory_peaks._Rises(nothing, made, nothing).slope() == (0.0, 0.0)
    _, clear = memory_peaks._Rises(1024 * made, made, nothing).slope()
    assert clear > 1e6


#: Requests a second to the endpoint whose answers are large, and to others; and memory that rises by 50 and 7 with each.
ASKED, BESIDE = [i % 3 for i in range(40)], [i % 4 for i in range(40)]
RISING = np.cumsum([0, *(50 * own_ + 7 * other for own_, other in zip(ASKED, BESIDE, strict=True))])


def rises(
    *series: Series, asked: Sequence[int] = ASKED, beside: Sequence[int] = BESIDE
) -> float | None:
    own_windows = windows("GET /a", asked)
    run = context(*series, requests=[own_windows, windows("GET /b", beside)], seconds=len(asked))
    return memory_peaks.rises_with_answers(run, own_windows)


def test_memory_that_rises_with_each_request_to_one_endpoint_is_told_apart_from_others() -> None:
    assert rises(gauge(RESIDENT, RISING)) == pytest.approx(50.0)
    assert rises(gauge(EXTERNAL, 2 * RISING), gauge(RESIDENT, RISING)) == (pytest.approx(100.0))
    falling = gauge(EXTERNAL, -RISING)
    assert rises(falling, gauge(RESIDENT, RISING)) == pytest.approx(50.0)
    assert rises() is None
    assert rises(falling) is None


def test_a_rise_is_told_from_twenty_windows_on_in_which_requests_vary() -> None:
    for count, told in ((21, True), (20, False)):
        made = rises(
            gauge(RESIDENT, RISING[: count + 1]), asked=ASKED[:count], beside=BESIDE[:count]
        )
        assert (made is not None) is told
    assert rises(gauge(RESIDENT, RISING), asked=[2] * 40) is None


def test_a_rise_is_clear_from_five_errors_on_and_else_a_gauge_that_stood_up_tells() -> None:
    for clear, stood, told in (
        (5.0, [9.0], 7.0),
        (4.9, [0.0, 9.0, 11.0], 9.0),
        (4.9, [0.0] * 3, None),
    ):
        gauges = [gauge(RESIDENT, RISING, instance=str(number)) for number in range(3)]
        with (
            mock.patch.object(memory_peaks._Rises, "slope", return_value=(7.0, clear)),
            mock.patch.object(memory_peaks, "_stood_up", side_effect=stood),
        ):
            assert rises(*gauges) == told


def test_no_rise_is_known_without_requests() -> None:
    asked = windows("GET /a", ASKED)
    assert memory_peaks.rises_with_answers(context(gauge(RESIDENT, RISING)), asked) is None


def test_how_much_gauges_rose_together_is_unknown_where_they_fell() -> None:
    times = np.array([0.0, 1.0, 2.5, 3.0, 4.0])
    first = gauge("x", [0, 10, 20, 30, 30])
    other = Series("x", np.array([0.0, 4.0]), np.array([0.0, -40.0]))
    risen = memory_peaks._risen([first], times)
    assert risen is not None
    np.testing.assert_array_equal(risen, [np.nan, 10, 15, 5, 0])
    risen = memory_peaks._risen([first, other], times)
    assert risen is not None
    np.testing.assert_array_equal(risen, [np.nan, 0, 0, 0, np.nan])
    assert memory_peaks._risen([], times) is None
    assert memory_peaks._risen([first], times[:1]) is None
    pair = memory_peaks._risen([first], times[:2])
    assert pair is not None
    np.testing.assert_array_equal(pair, [np.nan, 10])


def stood(
    high: dict[int, float],
    answers: Sequence[int] = (10, 20, 30),
    seconds: int = 41,
    size: int = 100,
    start: float = 0.0,
    base: float = 0.0,
) -> float:
    """How high memory stood where it is at `high` at these seconds, with answers that end at others."""
    values = base * np.arange(float(seconds))
    values[list(high)] = list(high.values())
    made = np.zeros(seconds, dtype=int)
    made[[at - 1 for at in answers]] = 1
    series = gauge(RESIDENT, values)
    return _stood_up(series, windows("GET /a", made.tolist(), (size * made).tolist()), start)


def after(*answers: int, height: float = 100.0) -> dict[int, float]:
    """So high from the end of each answer for three seconds, each second by one more."""
    seconds = [answer + late for answer in answers for late in range(3)]
    return {at: height + number for number, at in enumerate(seconds)}


def test_memory_stood_as_high_as_a_tenth_of_its_high_samples_did_not_exceed() -> None:
    assert stood(after(10, 20, 30)) == pytest.approx(100.8)
    # The floor is the eighth of 41 levels that rise by one a second.
    assert stood(dict.fromkeys(after(30, 34, 38), 200.0), (30, 34, 38), base=1.0) == 192.0


def test_memory_stood_up_with_eight_high_samples_and_eight_others_at_least() -> None:
    nine = after(10, 20, 30)
    eight = {at: high for at, high in nine.items() if at != 32}
    seven = {at: high for at, high in eight.items() if at != 31}
    assert stood(eight) > 0
    assert stood(seven) == 0
    # Of 21 seconds, three after each of four answers: one that ends less than a second later leaves one fewer.
    often = after(2, 6, 10)
    assert stood(often, (2, 6, 10), seconds=20) > 0
    assert stood(often, (2, 6, 10, 14), seconds=20) > 0
    assert stood(often, (2, 6, 10, 14), seconds=19) == 0  # too few of all
    assert stood(often, (2, 6, 10, 14, 17), seconds=20) == 0


def test_one_of_twenty_high_samples_may_come_without_an_answer() -> None:
    answers = (3, 7, 11, 15, 19, 23, 27)
    high = after(*answers)
    del high[29], high[28]
    assert stood({**high, 38: 100.0}, answers) > 0  # one of 20
    del high[27]
    assert stood({**high, 38: 100.0}, answers) == 0  # one of 19


def test_memory_is_high_at_four_fifths_of_an_answer() -> None:
    assert stood(dict.fromkeys(after(10, 20, 30), 80.0)) == 80.0
    assert stood(dict.fromkeys(after(10, 20, 30), 79.0)) == 0.0


def test_an_answer_may_be_kept_for_three_seconds_after_it_began_to_be_sent() -> None:
    for late, told in ((0, 0.0), (1, 100.0), (2, 100.0), (3, 100.0), (4, 0.0)):
        high = {answer - 1 + late: 100.0 for answer in range(5, 37, 4)}
        assert stood(high, tuple(range(5, 37, 4))) == told, late


def test_only_samples_of_the_judged_stretch_with_a_value_tell_how_high_memory_stood() -> None:
    assert stood(after(10, 20, 30), start=10.0) > 0
    assert stood(after(10, 20, 30), start=11.0) > 0  # eight high ones
    assert stood(after(10, 20, 30), start=12.0) == 0
    high = dict.fromkeys(after(10, 20, 30), 100.0)
    assert stood({**high, 12: np.nan, 2: np.nan}) == 100.0
    assert stood({**high, 12: np.nan, 11: np.nan}) == 0.0


def test_memory_stood_up_needs_answers_and_the_size_of_one() -> None:
    assert stood(after(10, 20, 30), ()) == 0.0
    fine = np.arange(0.0, 20.0, 0.25)
    for high, told in ((100.0, 100.0), (60.0, 0.0)):
        values = np.where((fine > 0.2) & (fine < 2.8), high, 0.0)
        first = windows("GET /a", [1] + [0] * 19)
        assert _stood_up(Series(RESIDENT, fine, values), first, 0.0) == told
    # Before the first answer, nothing was sent.
    none_at_first = {**after(10, 20, 30), 2: 100.0}
    assert stood(none_at_first) == 0.0


BUSY = Finding(
    RuleName.GC,
    "go_gc",
    Verdict.PASS,
    "It ran 150 times a minute.",
    unit="collections/min",
    observed=150.0,
    limit=100.0,
)


@pytest.mark.parametrize(
    ("finding", "often"),
    [
        (BUSY, True),
        (replace(BUSY, observed=100.0), False),
        (replace(BUSY, observed=101.0), True),
        (replace(BUSY, observed=None), False),
        (replace(BUSY, limit=None), False),
        (replace(BUSY, rule=RuleName.GROWTH), False),
        (replace(BUSY, unit="ratio"), False),
    ],
)
def test_a_collector_runs_too_often_above_its_limit_of_collections(
    finding: Finding, often: bool
) -> None:
    assert transient_memory._too_often(finding) is often


def garbage(
    *amounts: Amount, took: Sequence[Amount] = (), findings: Sequence[Finding] = (BUSY,)
) -> list[Case]:
    with mock.patch.object(transient_memory, "_collecting", return_value=took):
        known = {each.endpoint: each for each in amounts}
        return list(transient_memory._garbage(context(findings=findings), known))


def test_garbage_is_told_of_the_endpoint_that_makes_most_of_it() -> None:
    most, less = amount("GET /a", 1024.0**2, 0.7), amount("GET /b", 9 * 1024.0**2, 0.3)
    [case] = garbage(less, most)
    assert case.seen == {
        EvidenceKind.MUCH_GARBAGE: "It ran 150 times a minute.",
        EvidenceKind.ALLOCATION: (
            "A request to GET /a allocates 1 MiB, 70% of all that is allocated, and keeps none of it."
        ),
    }
    assert (case.endpoint, case.cost, case.unit, case.place) == ("GET /a", most, "bytes", None)


def test_garbage_of_a_runtime_without_counts_is_told_by_the_time_of_its_collections() -> None:
    most, less = amount("GET /a", 0.004, 0.7), amount("GET /b", 0.009, 0.3)
    [case] = garbage(took=(less, most))
    assert case.seen[EvidenceKind.ALLOCATION] == (
        "A request to GET /a makes collections take 4 ms, 70% of all their time."
    )
    assert (case.endpoint, case.cost, case.unit) == ("GET /a", most, "seconds")


def test_garbage_is_told_exactly_at_what_makes_it_much() -> None:
    assert garbage(amount("GET /a", 2.0**19, 0.5))
    assert not garbage(amount("GET /a", 2.0**19 - 1, 0.5))
    assert not garbage(amount("GET /a", 2.0**19, 0.49))
    assert garbage(took=(amount("GET /a", 0.001, 0.5),))
    assert not garbage(took=(amount("GET /a", 0.0009, 0.5),))
    assert not garbage(took=(amount("GET /a", 0.001, 0.49),))
    # What is counted decides, though collections take their time.
    assert not garbage(amount("GET /a", 9.0), took=(amount("GET /a", 9.0),))
    assert not garbage()


def test_garbage_is_not_told_where_the_collector_is_not_busy() -> None:
    much = amount("GET /a", 2.0**20)
    assert not garbage(much, findings=())
    assert not garbage(much, findings=(replace(BUSY, observed=90.0),))
    quiet_first = (replace(BUSY, observed=90.0, reason="quiet"), BUSY)
    [case] = garbage(much, findings=quiet_first)
    assert case.seen[EvidenceKind.MUCH_GARBAGE] == BUSY.reason
    assert not garbage(took=(much,), findings=())


#: What counts the seconds of collections where bytes are not counted.
PAUSES = "nodejs_gc_duration_seconds_sum"


def test_collections_are_summed_over_their_kinds_and_are_an_endpoint_s() -> None:
    made = [windows("GET /a", [2] * 40)]
    minor = counter(PAUSES, 0.004 * np.arange(40), first=1, kind="minor")
    major = counter(PAUSES, 0.002 * np.arange(40), first=1, kind="major")
    [told] = transient_memory._collecting(context(minor, major, requests=made, seconds=40))
    assert told.endpoint == "GET /a"
    assert told.per_request == pytest.approx(0.003)
    gaps = np.array(0.002 * np.arange(40))
    gaps[5:9] = np.nan
    several = context(
        minor, counter(PAUSES, gaps, first=1, kind="major"), requests=made, seconds=40
    )
    [told] = transient_memory._collecting(several)
    assert told.per_request == pytest.approx(0.003)
    assert transient_memory._collecting(context(requests=made)) == ()
    level = gauge(PAUSES, 0.004 * np.arange(40), first=1, kind="minor")
    assert transient_memory._collecting(context(level, requests=made)) == ()
    nothing = counter(PAUSES, np.full(40, np.nan), kind="major")
    assert transient_memory._collecting(context(minor, nothing, requests=made)) == ()


@pytest.mark.parametrize(
    ("first", "count", "seconds", "warmup", "told"),
    [
        (11, 20, 40, 0, True),
        (11, 19, 40, 0, False),
        (0, 25, 40, 5, True),
        (0, 24, 40, 5, False),
        (11, 30, 30, 0, True),
        (12, 30, 30, 0, False),
    ],
)
def test_collections_tell_from_twenty_samples_of_the_judged_stretch_on(
    first: int, count: int, seconds: int, warmup: int, told: bool
) -> None:
    series = counter(PAUSES, 0.004 * np.arange(count), first=first, kind="minor")
    made = [windows("GET /a", [2] * 40)]
    run = context(series, requests=made, seconds=seconds, warmup=warmup)
    assert bool(transient_memory._collecting(run)) is told


def test_own_places_are_neither_the_runtime_s_nor_a_library_s() -> None:
    places = [
        grown("main.f", 1),
        grown("runtime.x", 1, is_own=False),
        grown("lib.f", 1, file="/srv/node_modules/lib/index.js"),
    ]
    assert transient_memory._own(places) == places[:1]


def test_the_place_of_garbage_allocates_at_least_half_of_all() -> None:
    def place(**more: Any) -> str:
        frame = transient_memory._most_allocating(context(**more))
        return frame.function if frame is not None else ""

    f, g = grown("main.f", 30), grown("main.g", 90)
    other, more, falls = (
        grown("runtime.x", 30, is_own=False),
        grown("runtime.x", 31, is_own=False),
        grown("runtime.y", -300, is_own=False),
    )
    assert place(allocated=[other, f]) == "main.f"
    assert place(allocated=[f, falls]) == "main.f"
    assert place(allocated=[more, f]) == ""
    assert place(allocated=[f, g]) == ""  # the first is the fastest where sites are in order
    assert place(allocated=[other]) == ""
    # Samples of the processor compare own places alone, and only where nothing is known of allocations.
    assert place(running=[more, f]) == "main.f"
    assert place(allocated=[more, f], running=[f]) == ""
    assert place() == ""


def test_the_estimates_of_growth_are_compared_and_not_their_bounds() -> None:
    first, second = rising("main.f", 20.0, 9.0, 90.0), rising("main.g", 10.0, 1.0, 80.0)
    assert allocator(allocated=[first, second]) == ("main.f", 0.0)
    less = rising("main.f", 19.0, 9.0, 90.0), rising("main.g", 10.0, 1.0, 80.0)
    assert allocator(allocated=less) == ("", 0.0)
    close = rising("main.f", 20.0, 19.0, 30.0), rising("main.g", 10.5, 9.0, 11.0)
    assert allocator(allocated=close) == ("", 0.0)
    counted = rising("main.f", 2.0, 1.0, 4.0)
    for slope, told in ((200.0, ("main.f", 100.0)), (199.0, ("", 0.0))):
        place = rising("main.f", slope, 50.0, 900.0)
        assert allocator(counted=[counted], allocated=[place]) == told
    # Without a count there is no piece, however small the answer.
    assert allocator(8.0, counted=[rising("main.g", 2.0, 1.0, 3.0)], allocated=[first]) == ("", 0.0)


def test_the_first_own_place_of_garbage_has_half_by_the_estimates() -> None:
    def place(*allocated: AllocationSite) -> str:
        frame = transient_memory._most_allocating(context(allocated=allocated))
        return frame.function if frame is not None else ""

    most, few = rising("main.f", 10.0, 1.0, 90.0), rising("main.g", 3.0, 2.0, 4.0)
    assert place(most, few) == "main.f"
    same = rising("runtime.x", 10.0, 9.0, 11.0, is_own=False)
    more = rising("runtime.x", 10.5, 0.5, 50.0, is_own=False)
    assert place(same, most) == "main.f"
    assert place(more, most) == ""
    falls = rising("runtime.y", -5.0, -6.0, -4.0, is_own=False)
    assert place(more, falls, most) == ""
    small = rising("main.f", 0.5, 0.4, 0.6), rising("runtime.x", 0.25, 0.2, 0.3, is_own=False)
    assert place(*small) == "main.f"


def test_the_first_window_is_as_long_as_it_says() -> None:
    """It lasts for two seconds, the others for one, and has the only answer."""
    one = windows("GET /a", [1] + [0] * 19)
    longer = replace(one, times=one.times + 1, seconds=np.array([2.0] + [1.0] * 19))
    fine = np.arange(0.0, 20.0, 0.125)
    values = np.where((fine > 0.2) & (fine < 0.9), 100.0, 0.0)
    assert np.percentile(values, 90) == 0
    values[(fine > 0.2) & (fine < 1.6)] = 100.0
    assert _stood_up(Series(RESIDENT, fine, values), longer, 0.0) == 100.0


def test_a_fall_by_less_than_one_is_a_fall() -> None:
    risen = memory_peaks._risen([gauge("x", [0, 0.5, 0.25])], np.array([0.0, 1.0, 2.0]))
    assert risen is not None
    np.testing.assert_array_equal(risen, [np.nan, 0.5, np.nan])


def test_collections_are_read_at_the_times_of_the_first_of_their_series() -> None:
    made = [windows("GET /a", [2] * 40)]
    minor = counter(PAUSES, 0.004 * np.arange(40), first=1, kind="minor")
    times = np.array([1.0, 40.0])
    major = Series(PAUSES, times, 0.002 * (times - 1), (("kind", "major"),), Kind.COUNTER)
    [told] = transient_memory._collecting(context(minor, major, requests=made, seconds=40))
    assert told.per_request == pytest.approx(0.003)
    assert transient_memory._collecting(context(major, minor, requests=made, seconds=40)) == ()
    run = context(minor, major, requests=made, seconds=40)
    with mock.patch.object(Prepared, "cuts", return_value=()) as cut:
        transient_memory._collecting(run)
    assert cut.call_args.args[0].labels == minor.labels


def test_the_collections_of_a_runtime_that_counts_what_it_allocates_are_not_read() -> None:
    for name in (
        "go_gc_duration_seconds_sum",
        "jvm_gc_collection_seconds_sum",
        "go_gc_pauses_seconds",
    ):
        pauses = counter(name, 0.004 * np.arange(40), first=1)
        run = context(pauses, requests=[windows("GET /a", [2] * 40)], seconds=40)
        assert transient_memory._collecting(run) == ()
