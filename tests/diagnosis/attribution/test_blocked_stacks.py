"""Goroutines by the place where they wait; what grows, drawn."""

from __future__ import annotations

import pytest

from soak.diagnosis.attribution.allocation_sites import allocation_sites, where
from soak.diagnosis.attribution.blocked_stacks import groups, waiting, with_leak_profile
from soak.diagnosis.attribution.site_growth import ProfileSnapshot
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.pprof import read_pprof
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
