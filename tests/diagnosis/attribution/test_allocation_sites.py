"""Stacks by place: which frame is the target's own, what a place gained, and which place alone gained anything."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import numpy as np
import pytest
from scipy import stats

from soak.diagnosis.attribution import allocation_sites as module
from soak.diagnosis.attribution.allocation_sites import (
    NAMELESS,
    AllocationSite,
    Stack,
    allocation_sites,
    calls,
    is_library,
    only_gaining,
    own_frames,
    place_at,
    place_of,
    where,
)
from soak.diagnosis.attribution.site_growth import ProfileSnapshot
from soak.diagnosis.profiles.frames import Frame
from soak.model import Place

MAIN, OTHER = Frame("main.keep", "/src/main.go", 9, True), Frame("main.b", "/src/b.go", 4, True)
LIBRARY = Frame("lib.Grow", "/go/mod/lib@v1.2.3/grow.go", 7, True)
RUNTIME = Frame("runtime.mapassign", "/usr/go/map.go", 3)
READS = Frame("net/http.(*conn).readRequest", "/usr/go/server.go", 3)


def site(
    levels: list[float],
    period: float = 0.0,
    place: Frame = MAIN,
    stacks: tuple[Stack, ...] = (),
) -> AllocationSite:
    steps = np.arange(float(len(levels)))
    return AllocationSite(place, steps, steps, np.array(levels), stacks, period)


def stack(*frames: Frame, levels: tuple[float, ...]) -> Stack:
    return Stack(frames, np.array(levels))


@pytest.mark.parametrize(
    ("start", "called"),
    [
        ("main.keep", True),
        ("main.", True),
        ("keep", False),
        ("/src/main", True),
        ("src/", False),
        ("/src/main.go#main.keep", True),
        ("/src/main.go#main.b", False),
        ("/mod/", True),
        ("mod/", False),
        ("/nowhere/", False),
    ],
)
def test_a_call_is_known_by_the_beginning_of_its_function_or_file_or_by_a_folder(
    start: str, called: bool
) -> None:
    assert calls([RUNTIME, LIBRARY, MAIN], [start]) is called
    assert calls([RUNTIME, LIBRARY, MAIN], ["nothing", start]) is called
    assert not calls([], [start])
    assert not calls([MAIN], [])


@pytest.mark.parametrize(
    ("file", "library"),
    [
        ("/go/mod/lib@v1.2.3/grow.go", True),
        ("/src/vendor/lib/grow.go", True),
        ("/app/node_modules/x/index.js", True),
        ("/usr/lib/python3/site-packages/x.py", True),
        ("/usr/lib/python3/dist-packages/x.py", True),
        ("/src/vendors.go", False),
        ("/src/a@version.go", False),
        ("", False),
    ],
)
def test_a_library_is_what_a_package_manager_installed(file: str, library: bool) -> None:
    assert is_library(Frame("f", file)) is library


def test_own_frames_are_those_of_neither_a_runtime_nor_a_library() -> None:
    assert own_frames([RUNTIME, LIBRARY, OTHER, MAIN, RUNTIME]) == [OTHER, MAIN]
    assert own_frames([RUNTIME, LIBRARY]) == []


@pytest.mark.parametrize(
    ("frames", "place"),
    [
        ([RUNTIME, LIBRARY, OTHER, MAIN], OTHER),
        ([RUNTIME, LIBRARY, RUNTIME], LIBRARY),
        ([RUNTIME, READS], RUNTIME),
        ([], Frame("unknown")),
    ],
)
def test_a_place_is_the_innermost_own_frame_else_a_library_s_else_any(
    frames: list[Frame], place: Frame
) -> None:
    assert place_of(frames) == place


def test_a_nameless_function_is_known_by_the_named_one_around_it_in_its_file() -> None:
    nameless = Frame(NAMELESS, "/src/main.go", 12, True)
    outer = Frame("serve", "/src/main.go", 30, True)
    assert place_of([RUNTIME, nameless, OTHER, nameless, MAIN, outer]) == MAIN
    assert place_of([nameless, OTHER]) == nameless
    assert place_of([OTHER, nameless, MAIN]) == OTHER


@pytest.mark.parametrize(
    ("file", "shown"),
    [("/src/a/leaks.go", "leaks.go"), ("C:\\src\\a.cs", "a.cs"), ("x.py", "x.py"), ("", "")],
)
def test_a_place_is_shown_without_its_folders(file: str, shown: str) -> None:
    assert place_at(Frame("f", file, 41)) == Place("f", shown, 41)
    assert where(Frame("f", file, 41)) == str(Place("f", shown, 41))


def test_the_slope_of_a_place_has_its_interval_with_the_error_of_sampling() -> None:
    levels = [5.0, 9.0, 8.0, 14.0]
    line = stats.linregress(np.arange(4), levels)
    for period in (0.0, 3.0):
        sampled = abs(line.slope) * period / 3
        half = stats.t.ppf(0.975, 2) * np.sqrt(line.stderr**2 + sampled)
        assert site(levels, period).slope == pytest.approx(
            (line.slope, line.slope - half, line.slope + half)
        )


@pytest.mark.parametrize(
    ("slope", "period", "log_odds", "sure"),
    [
        ((2.0, 1.0, 3.0), 8.0, -9.0, True),
        ((2.0, 1.0, 3.0), 0.0, 9.0, True),
        ((2.0, 0.0, 4.0), 8.0, -9.0, False),
        ((2.0, 0.0, 4.0), 8.0, 3.0, True),
        ((2.0, -1.0, 5.0), 8.0, 2.9, False),
        ((2.0, -1.0, 5.0), 1.0, 9.0, True),
        ((2.0, -1.0, 5.0), 0.5, 9.0, True),
        ((2.0, -1.0, 5.0), 0.0, 9.0, False),
        ((0.5, -1.0, 2.0), 8.0, 9.0, True),
        ((0.0, -1.0, 1.0), 8.0, 9.0, False),
        ((-1.0, -2.0, 1.0), 8.0, 9.0, False),
        ((1.0, 0.5, 1.5), 8.0, -9.0, True),
        ((0.0, 0.0, 0.0), 0.0, 9.0, False),
        ((2.0, 0.0, 4.0), 0.0, 9.0, False),
        ((2.0, -0.5, 4.5), 0.0, 9.0, False),
    ],
)
def test_a_place_grows_surely_by_its_interval_or_because_its_sampled_objects_stayed(
    slope: tuple[float, float, float], period: float, log_odds: float, sure: bool
) -> None:
    place = site([0.0, 16.0, 24.0], period)
    place.__dict__["slope"] = slope
    with mock.patch.object(module, "accumulation_log_odds", return_value=log_odds) as asked:
        assert place.sure is sure
    for call in asked.call_args_list:
        assert call.args[1].tolist() == [0, 16 / period, 24 / period]


def test_what_was_gained_through_a_function_is_counted_by_the_stacks_that_gained() -> None:
    stacks = (
        stack(MAIN, levels=(10.0, 99.0, 16.0)),
        stack(MAIN, READS, levels=(1.0, 0.0, 3.0)),
        stack(OTHER, READS, levels=(9.0, 9.0, 1.0)),
        stack(OTHER, levels=(4.0, 8.0, 4.0)),
        stack(OTHER, levels=(0.0, 0.0, 0.5)),
        stack(MAIN, READS, levels=(1.0, 1.0, 0.5)),
    )
    place = site([0.0, 0.0, 0.0], stacks=stacks)
    assert place.gained(["net/http."]) == 2.0
    assert place.gained(["main."]) == 8.5
    assert place.through(["net/http."]) == pytest.approx(2 / 8.5)
    assert place.through(["nothing"]) == 0.0
    assert site([0.0], stacks=stacks[2:4]).through(["main."]) == 0.0
    assert site([0.0], stacks=stacks[4:5]).through(["main."]) == 1.0
    steps = np.arange(3.0)
    assert AllocationSite(MAIN, steps, steps, steps, ()).period == 0.0  # unless it is said


def snapshots(
    *stacks: tuple[tuple[Frame, ...], tuple[float, ...]],
    column: str = "inuse_space",
    periods: tuple[float, ...] = (512.0,) * 9,
    unit: str = "bytes",
    requests: tuple[float, ...] = (0.0, 10.0, 20.0, 30.0, 40.0),
) -> list[ProfileSnapshot]:
    """What these stacks hold at each snapshot, ten seconds apart."""

    def taken(at: int) -> ProfileSnapshot:
        profile = SimpleNamespace(
            keys=np.arange(50, 50 + len(stacks), dtype=np.uint64),
            columns=((column, unit),),
            column=lambda _: np.array([levels[at] for _, levels in stacks]),
            stack=lambda sample: stacks[sample][0],
            period=periods[at],
            period_unit=unit,
        )
        return ProfileSnapshot(10.0 * at, requests[at], cast("Any", profile))

    return [taken(at) for at in range(len(stacks[0][1]))]


def test_functions_without_a_name_are_places_of_their_own_by_the_line_at_which_they_begin() -> None:
    """The handlers of an Express service are arrow functions in one file."""
    first, second = (Frame(NAMELESS, "/src/app.js", line, True) for line in (31, 32))
    rows = (
        ((first,), (0.0, 9.0, 4.0)),
        ((RUNTIME, second), (0.0, 10.0, 20.0)),
        ((second,), (0.0, 1.0, 2.0)),
    )
    found = allocation_sites(snapshots(*rows), "inuse_space")
    assert [(each.place, each.levels.tolist()) for each in found] == [
        (second, [0, 11, 22]),
        (first, [0, 9, 4]),
    ]


def test_stacks_of_one_place_are_added_and_named_by_the_one_that_gained_most() -> None:
    deeper = Frame("main.keep", "/src/main.go", 33, True)
    elsewhere = Frame("main.keep", "/src/other.go", 5, True)
    rows = (
        ((MAIN,), (5.0, 60.0, 7.0)),
        ((deeper, RUNTIME), (0.0, 10.0, 20.0)),
        ((RUNTIME, MAIN), (9.0, 5.0, 1.0)),
        ((elsewhere,), (0.0, 40.0, 80.0)),
    )
    first, second = allocation_sites(snapshots(*rows), "inuse_space")
    assert (first.place, first.levels.tolist()) == (elsewhere, [0, 40, 80])
    assert (second.place, second.levels.tolist()) == (deeper, [14, 75, 28])
    assert [each.levels.tolist() for each in second.stacks] == [
        [0, 10, 20],
        [5, 60, 7],
        [9, 5, 1],
    ]
    assert second.times.tolist() == [0, 10, 20]
    assert second.requests.tolist() == [0, 10, 20]
    assert (first.period, second.period) == (512, 512)


def test_increments_are_added_up() -> None:
    rows = (((MAIN,), (1.0, 2.0, 3.0)), ((OTHER,), (9.0, 1.0, 0.0)))
    first, second = allocation_sites(snapshots(*rows), "inuse_space", added=True)
    assert (first.levels.tolist(), second.levels.tolist()) == ([1, 3, 6], [9, 10, 10])
    first, second = allocation_sites(snapshots=snapshots(*rows), column="inuse_space")
    assert (first.levels.tolist(), second.levels.tolist()) == ([1, 2, 3], [9, 1, 0])


def test_snapshots_without_the_column_are_left_out() -> None:
    rows = (((MAIN,), (1.0, 2.0, 3.0, 4.0)),)
    taken, others = snapshots(*rows), snapshots(*rows, column="goroutine")
    mixed = [taken[0], others[1], taken[2], taken[3]]
    [only] = allocation_sites(mixed, "inuse_space")
    assert (only.times.tolist(), only.levels.tolist()) == ([0, 20, 30], [1, 3, 4])
    assert allocation_sites([*taken[:2], *others[2:]], "inuse_space") == []
    assert allocation_sites([], "inuse_space") == []


@pytest.mark.parametrize(("step", "known"), [(0.0, 0), (0.5, 1), (1.0, 1), (2.0, 1)])
def test_growth_a_request_needs_requests(step: float, known: int) -> None:
    requests = (5.0, 5.0, 5.0 + step)
    taken = snapshots(((MAIN,), (1.0, 2.0, 3.0)), requests=requests)
    assert len(allocation_sites(taken, "inuse_space")) == known


def test_the_stacks_that_went_furthest_from_where_they_began_are_kept() -> None:
    rows = (
        ((OTHER,), (900.0, 900.0, 901.0)),
        ((LIBRARY,), (0.0, 3.0, 1.0)),
        ((MAIN,), (7.0, 7.0, 2.0)),
        ((RUNTIME,), (9.0, 5.0, 9.0)),
    )
    for most, kept in ((1, {MAIN}), (2, {MAIN, RUNTIME}), (3, {MAIN, RUNTIME, LIBRARY})):
        with mock.patch.object(module, "MOST_STACKS", most):
            assert {
                each.place for each in allocation_sites(snapshots(*rows), "inuse_space")
            } == kept
    farther = ((OTHER,), (5.0, 0.0, 10.0)), ((MAIN,), (0.0, 7.0, 0.0))
    with mock.patch.object(module, "MOST_STACKS", 1):
        [only] = allocation_sites(snapshots(*farther), "inuse_space")
    assert only.place == MAIN


def test_what_a_profile_itself_allocates_is_passed_over_and_what_follows_is_not() -> None:
    rows = (
        ((RUNTIME, Frame("runtime/pprof.writeHeap")), (0.0, 90.0, 99.0)),
        ((Frame("net/http/pprof.Index"), MAIN), (0.0, 80.0, 88.0)),
        ((OTHER,), (1.0, 2.0, 3.0)),
    )
    [only] = allocation_sites(snapshots(*rows), "inuse_space")
    assert only.place == OTHER


@pytest.mark.parametrize(
    ("column", "unit", "period"),
    [
        ("inuse_space", "bytes", 3.0),
        ("alloc_space", "bytes", 3.0),
        ("inuse_space", "count", 0.0),
        ("inuse_objects", "bytes", 0.0),
    ],
)
def test_bytes_are_sampled_once_in_the_last_snapshot_s_period(
    column: str, unit: str, period: float
) -> None:
    row = ((MAIN,), (1.0, 2.0, 3.0, 4.0))
    taken = snapshots(row, column=column, unit=unit, periods=(9.0, 8.0, 7.0, 3.0))
    assert allocation_sites(taken, column)[0].period == period


def gaining(*lasted: float, place: Frame = MAIN, period: float = 8.0) -> AllocationSite:
    """A place with these numbers of samples at each of its snapshots."""
    levels = tuple(period * each for each in lasted)
    return site(list(levels), period, place, (stack(place, levels=levels),))


KEPT = gaining(0, 0, 3, 3, 4)


@pytest.mark.parametrize(
    ("places", "named"),
    [
        ([KEPT], KEPT),
        ([gaining(0, 0, 1, 0, 1, place=OTHER), KEPT], KEPT),
        ([KEPT, gaining(0, 0, 1, 1, 1, place=OTHER)], KEPT),
        ([KEPT, gaining(0, 0, 2, 2, 2, place=OTHER)], None),
        ([KEPT, gaining(0, 0, 0, 0, place=OTHER), gaining(1, 1, 1, 1, place=RUNTIME)], KEPT),
        ([KEPT, gaining(5, 0, 0, 0, 0, place=OTHER), gaining(0, 1, 2, 2, 2, place=OTHER)], None),
        ([gaining(0, 0, 3, 3, 4, place=RUNTIME)], None),
        ([gaining(0, 0, 3, 3, 4, place=RUNTIME), gaining(0, 0, 1, 1, 1)], None),
        ([gaining(0, 0, 0, 0, 0)], None),
        ([], None),
    ],
)
def test_the_only_own_place_whose_samples_stayed_is_named(
    places: list[AllocationSite], named: AllocationSite | None
) -> None:
    assert only_gaining(places) is named


def test_samples_of_a_larger_period_count_as_fewer() -> None:
    few = site([0.0, 8.0, 8.0, 8.0], 10.0, MAIN)
    assert only_gaining([few]) is None
    enough = site([0.0, 9.0, 9.0, 9.0], 10.0, MAIN)
    assert only_gaining([enough]) is enough
    less = site([0.0, 0.5, 0.5, 0.5], 0.5, MAIN)
    assert only_gaining([less]) is less


def test_places_that_are_counted_exactly_neither_are_named_nor_stand_against_another() -> None:
    exact = site([0.0, 90.0, 90.0, 90.0], 0.0, OTHER)
    assert only_gaining([exact]) is None
    assert only_gaining([exact, KEPT]) is KEPT


def test_what_a_server_makes_from_a_request_s_head_stands_against_no_other_place() -> None:
    levels = (0.0, 80.0, 80.0, 80.0)
    partly = site(
        list(levels),
        8.0,
        OTHER,
        (
            stack(OTHER, READS, levels=(0.0, 8.0, 8.0, 8.0)),
            stack(OTHER, levels=(0.0, 72.0, 72.0, 72.0)),
        ),
    )
    whole = site(list(levels), 8.0, OTHER, (stack(OTHER, READS, levels=levels),))
    for of_server in (partly, whole):
        assert only_gaining([of_server]) is None
        assert only_gaining([of_server, KEPT]) is KEPT
