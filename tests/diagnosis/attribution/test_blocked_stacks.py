"""Goroutines by the place where they wait; what grows, drawn."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from soak.diagnosis.attribution.allocation_sites import allocation_sites, where
from soak.diagnosis.attribution.blocked_stacks import (
    BLOCKED,
    BlockedGroup,
    entry,
    groups,
    waiting,
    with_leak_profile,
)
from soak.diagnosis.attribution.site_growth import ProfileSnapshot
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.go_stacks import Created
from soak.diagnosis.profiles.pprof import read_pprof
from soak.diagnosis.profiles.thread_dumps import TASK
from soak.diagnosis.suspects.flamegraph import flame_of
from soak.diagnosis.thresholds import MOST_FLAME_STACKS
from tests.diagnosis.writing import profile

SENDING = ["runtime.gopark", "runtime.chansend", "main.count", "main.(*shop).stock.func1"]
SELECTING = ["runtime.gopark", "runtime.selectgo", "main.count", "main.(*shop).stock.func1"]
READING = [
    "runtime.gopark",
    "internal/poll.runtime_pollWait",
    "net.(*conn).Read",
    "net/http.(*persistConn).readLoop",
]


def snapshots(*counts: dict[str, int]) -> list[ProfileSnapshot]:
    """Goroutines that send, select and read, at one snapshot after another."""
    stacks = {"sending": SENDING, "selecting": SELECTING, "reading": READING}
    return [
        ProfileSnapshot(
            10.0 * i,
            100.0 * i,
            read_pprof(profile([(stacks[n], [c]) for n, c in row.items()], ("goroutine",))),
        )
        for i, row in enumerate(counts)
    ]


def test_goroutines_are_grouped_by_what_they_wait_for_and_where() -> None:
    rows = [{"sending": 10 * i, "selecting": 3, "reading": 2} for i in range(1, 5)]
    first, *others = groups(snapshots(*rows))
    assert (first.blocked, first.place.function, first.entry.function) == (
        "sending to a channel",
        "main.count",
        "main.(*shop).stock.func1",
    )
    assert first.own
    assert first.site.slope[0] == pytest.approx(0.1)
    assert {(other.blocked, other.place.function, other.own) for other in others} == {
        ("in a select", "main.count", True),
        ("waiting for input or output", "net/http.(*persistConn).readLoop", False),
    }
    assert not any(other.site.sure for other in others)


def test_two_snapshots_make_no_groups() -> None:
    assert groups(snapshots({"sending": 1}, {"sending": 9})) == []


def test_gos_own_profile_of_leaks_is_proof_for_the_place_that_it_names() -> None:
    blocked = groups(snapshots(*({"sending": 10 * i, "reading": 2} for i in range(1, 5))))
    leaked = ProfileSnapshot(
        50.0, 500.0, read_pprof(profile([(SENDING, [37])], ("goroutineleak",)))
    )
    assert {group.place.function: group.proven for group in with_leak_profile(blocked, leaked)} == {
        "main.count": 37,
        "net/http.(*persistConn).readLoop": 0,
    }


@pytest.mark.parametrize(
    ("functions", "said"),
    [
        (("runtime.gopark", "runtime.chanrecv", "main.f"), "receiving from a channel"),
        (
            ("runtime.gopark", "sync.runtime_SemacquireMutex", "sync.(*Mutex).lockSlow", "main.f"),
            "at a lock",
        ),
        (("jdk.internal.misc.Unsafe.park", "Leaks.awaitReply"), "parked, at a lock or a queue"),
        (("main.busy",), "running"),
        ((), "running"),
    ],
)
def test_what_a_stack_waits_for_is_said_in_words(functions: tuple[str, ...], said: str) -> None:
    assert waiting([Frame(function) for function in functions]) == said


def test_a_library_is_nobodys_own_place() -> None:
    frames = (
        Frame("github.com/x/y.Do", "/go/pkg/mod/github.com/x/y@v1.2.3/do.go", 3, True),
        Frame("main.f", "/src/a/f.go", 9, True),
    )
    assert where(frames[1]) == "main.f f.go:9"
    stacks = [(["github.com/x/y.Do", "main.f"], [1, 1000 * i]) for i in range(1, 5)]
    blocked = [
        ProfileSnapshot(i, 10.0 * i, read_pprof(profile([row], ("inuse_objects", "inuse_space"))))
        for i, row in enumerate(stacks)
    ]
    assert [site.place.function for site in allocation_sites(blocked, "inuse_space")] == [
        "github.com/x/y.Do"
    ]


def test_what_surely_shrinks_is_in_the_flame_graph_with_its_sign_and_what_comes_and_goes_is_not() -> (
    None
):
    rows = []
    for i in range(8):
        stacks = [
            (["main.keep", "main.serve"], [1, 9_000_000 + 4_000_000 * i]),
            (["main.free", "main.serve"], [1, 19_000_000 - 2_000_000 * i]),
            (["main.buffer", "main.serve"], [1, 6_000_000 - 3_000_000 * (i % 2)]),
        ]
        rows.append(
            ProfileSnapshot(
                10.0 * i, 100.0 * i, read_pprof(profile(stacks, ("inuse_objects", "inuse_space")))
            )
        )
    flame = flame_of(allocation_sites(rows, "inuse_space"))
    assert flame is not None
    assert {box.function: (round(box.per_request), round(box.width, 2)) for box in flame.boxes} == {
        "all that changes": (20_000, 1.0),
        "main.serve": (20_000, 1.0),
        "main.keep": (40_000, 0.67),
        "main.free": (-20_000, 0.33),
    }
    assert (flame.stacks, flame.shrinking) == (2, 1)


def test_the_flame_graph_is_bounded_and_its_boxes_lie_within_one_another() -> None:
    rows = []
    for i in range(5):
        stacks = [
            ([f"main.keep{n}", f"main.serve{n % 3}", "net/http.serve"], [1, i * (n + 1) * 1000])
            for n in range(90)
        ]
        rows.append(
            ProfileSnapshot(
                10.0 * i, 100.0 * i, read_pprof(profile(stacks, ("inuse_objects", "inuse_space")))
            )
        )
    flame = flame_of(allocation_sites(rows, "inuse_space"))
    assert flame is not None
    assert flame.stacks == MOST_FLAME_STACKS
    assert len(flame.boxes) <= 1 + 1 + 3 + MOST_FLAME_STACKS
    assert flame.boxes[0].width == 1
    for box in flame.boxes[1:]:
        assert any(
            below.depth == box.depth - 1
            and below.left <= box.left + 1e-9
            and box.left + box.width <= below.left + below.width + 1e-9
            for below in flame.boxes
        )


@pytest.mark.parametrize(
    ("function", "said"),
    [(function, said) for functions, said in BLOCKED for function in functions],
)
def test_each_function_that_shows_a_wait_does_so_up_to_the_twelfth_frame(
    function: str, said: str
) -> None:
    assert waiting([Frame("main.f"), Frame(f"{function}.inner")]) == said
    assert waiting([Frame("main.f")] * 11 + [Frame(function)]) == said
    assert waiting([Frame("main.f")] * 12 + [Frame(function)]) == "running"
    other = next(row for row in BLOCKED if row[1] != said)
    assert waiting([Frame(function), Frame(other[0][0])]) == said
    assert waiting([Frame(other[0][0]), Frame(function)]) == other[1]


OWN, OUTER = Frame("main.f", "/src/f.go", 3, True), Frame("main.g", "/src/g.go", 4, True)
LIBRARY = Frame("lib.Do", "/mod/lib@v1/do.go", 5, True)
PARKED, READS = Frame("runtime.gopark"), Frame("net/http.(*conn).serve")


@pytest.mark.parametrize(
    ("frames", "outermost"),
    [
        ([PARKED, OWN, OUTER, READS], OUTER),
        ([PARKED, OWN], OWN),
        ([PARKED, LIBRARY, READS], READS),
        ([], Frame("unknown")),
    ],
)
def test_a_stack_is_entered_through_its_outermost_own_frame(
    frames: list[Frame], outermost: Frame
) -> None:
    assert entry(frames) == outermost


def taken(
    *stacks: tuple[tuple[Frame, ...], tuple[float, ...]], column: str = "goroutine"
) -> list[ProfileSnapshot]:
    """What these stacks counted at each snapshot."""

    def profile_of(at: int) -> Any:
        return SimpleNamespace(
            keys=np.arange(len(stacks), dtype=np.uint64),
            columns=((column, "count"),),
            column=lambda _: np.array([levels[at] for _, levels in stacks]),
            stack=lambda sample: stacks[sample][0],
            period=1.0,
            period_unit="",
        )

    return [
        ProfileSnapshot(10.0 * at, 100.0 * at, profile_of(at)) for at in range(len(stacks[0][1]))
    ]


def test_stacks_that_wait_alike_at_one_place_are_one_group_named_by_the_one_that_gained_most() -> (
    None
):
    line = Frame("main.f", "/src/f.go", 30, True)
    rows = (
        ((PARKED, OWN, OUTER), (5.0, 6.0, 7.0)),
        ((PARKED, Frame("lib.wait"), line, OUTER), (0.0, 10.0, 20.0)),
        ((PARKED, OWN), (0.0, 50.0, 100.0)),
        ((Frame("runtime.chansend"), OWN, OUTER), (0.0, 5.0, 10.0)),
    )
    first, second, third = groups(taken(*rows))
    assert (first.place, first.entry, first.blocked) == (OWN, OWN, "running")
    assert (second.place, second.entry, second.blocked) == (line, OUTER, "running")
    assert (third.place, third.entry, third.blocked) == (OWN, OUTER, "sending to a channel")
    assert second.site.levels.tolist() == [5, 16, 27]
    assert [stack.levels.tolist() for stack in second.site.stacks] == [[0, 10, 20], [5, 6, 7]]
    assert second.site.times.tolist() == [0, 10, 20]
    assert second.site.requests.tolist() == [0, 100, 200]
    assert (second.noun, second.proven, second.own) == ("goroutines", 0.0, True)
    assert second.blocked_at == Frame("lib.wait")


@pytest.mark.parametrize(
    ("column", "frames", "noun"),
    [
        ("goroutine", (OWN,), "goroutines"),
        ("goroutineleak", (OWN,), "goroutines"),
        ("threads", (OWN,), "threads"),
        ("threads", (OWN, Frame(TASK)), "tasks"),
        ("goroutine", (Frame(TASK), OWN), "tasks"),
    ],
)
def test_a_group_is_of_goroutines_threads_or_tasks(
    column: str, frames: tuple[Frame, ...], noun: str
) -> None:
    [group] = groups(taken((frames, (1.0, 2.0, 3.0)), column=column), column)
    assert group.noun == noun


@pytest.mark.parametrize(
    ("frames", "place", "own"),
    [
        ((PARKED, LIBRARY, OWN), OWN, True),
        ((PARKED, READS, LIBRARY), LIBRARY, False),
        ((PARKED, Frame("internal/poll.Read"), Frame("net.(*conn).Read"), READS), READS, False),
        ((PARKED, Frame("sync.(*Mutex).Lock")), PARKED, False),
        (
            (PARKED, Frame("bufio.Read"), Frame("syscall.Read"), Frame("net.lookup")),
            Frame("net.lookup"),
            False,
        ),
    ],
)
def test_a_group_is_at_its_own_code_else_at_a_library_else_at_what_tells_most(
    frames: tuple[Frame, ...], place: Frame, own: bool
) -> None:
    [group] = groups(taken((frames, (1.0, 2.0, 3.0))))
    assert (group.place, group.own) == (place, own)


def created(creator: Frame, count: int, *functions: str) -> Created:
    return Created(functions or (READS.function,), creator, count, 0)


@pytest.mark.parametrize(
    ("rows", "place"),
    [
        ([created(OWN, 3)], OWN),
        ([created(OWN, 3), created(OUTER, 4)], OUTER),
        ([created(OWN, 4), created(OUTER, 3)], OWN),
        ([created(OWN, 3), created(OUTER, 3)], OWN),
        ([created(OWN, 3, "runtime.gopark", READS.function)], READS),
        ([created(OWN, 3, "other"), created(OUTER, 1)], OUTER),
        ([created(Frame("net/http.Serve"), 3)], READS),
        ([], READS),
    ],
)
def test_a_stack_without_own_frames_is_its_creator_s(rows: list[Created], place: Frame) -> None:
    [group] = groups(taken(((PARKED, READS), (1.0, 2.0, 3.0))), created=rows)
    assert group.place == place
    assert [frame.function for frame in group.site.stacks[0].frames][:2] == [
        PARKED.function,
        READS.function,
    ]


def test_a_stack_of_a_library_keeps_its_creator() -> None:
    """Who called the library's creator is looked for in the stacks of memory."""
    creator = Frame("database/sql.(*DB).beginDC")
    [group] = groups(taken(((PARKED, READS), (1.0, 2.0, 3.0))), created=[created(creator, 3)])
    assert group.site.stacks[0].frames == (PARKED, READS, creator)
    assert not group.own


def test_a_stack_with_own_frames_stays_as_it_is() -> None:
    frames = (PARKED, OWN)
    [group] = groups(taken((frames, (1.0, 2.0, 3.0))), created=[created(OUTER, 9, OWN.function)])
    assert group.site.stacks[0].frames == frames


def test_no_leak_profile_proves_nothing_and_one_adds_up_what_it_names() -> None:
    found = groups(taken(((PARKED, OWN), (1.0, 2.0, 3.0)), ((PARKED, READS), (0.0, 9.0, 18.0))))
    assert with_leak_profile(found, None) == found
    assert [group.proven for group in with_leak_profile(found, None)] == [0.0, 0.0]
    rows = (
        ((PARKED, OWN, OUTER), (3.0,)),
        ((Frame("runtime.chansend"), LIBRARY, OWN), (4.0,)),
        ((PARKED, READS), (50.0,)),
        ((PARKED, OUTER), (60.0,)),
    )
    [leaked] = taken(*rows, column="goroutineleak")
    told: list[BlockedGroup] = with_leak_profile(found, leaked)
    assert [(group.place, group.proven) for group in told] == [(READS, 0.0), (OWN, 7.0)]
    assert cast("Any", told[1].site) is found[1].site


@pytest.mark.parametrize(
    ("most", "less"), [((0.0, 1.0, 20.0), (5.0, 15.0, 15.0)), ((0.0, 20.0, 20.0), (5.0, 0.0, 15.0))]
)
def test_a_group_of_several_files_is_named_by_the_stack_that_gained_most_in_any(
    most: tuple[float, ...], less: tuple[float, ...]
) -> None:
    """Its file as a whole gained less, by goroutines that wait for something else there."""
    elsewhere = Frame("main.f", "/src/other.go", 8, True)
    rows = (
        ((PARKED, OWN), most),
        ((Frame("runtime.chansend"), OWN), (30.0, 30.0, 15.0)),
        ((PARKED, elsewhere), less),
    )
    first, _ = groups(taken(*rows))
    assert first.place == OWN
    assert [stack.levels.tolist() for stack in first.site.stacks] == [list(most), list(less)]


def test_groups_are_ranked_by_their_growth_and_not_by_its_interval() -> None:
    rows = (
        ((Frame("main.sure", own=True),), (0.0, 900.0, 1800.0)),
        ((Frame("main.less", own=True),), (0.0, 2500.0, 1600.0)),
        ((Frame("main.most", own=True),), (0.0, 2500.0, 2000.0)),
    )
    assert [group.place.function for group in groups(taken(*rows))] == [
        *("main.most", "main.sure", "main.less")
    ]
