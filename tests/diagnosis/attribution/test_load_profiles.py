"""Which of a run's snapshots are read as profiles, and what is said of those that cannot be."""

from __future__ import annotations

from typing import Any
from unittest import mock

import numpy as np
import pytest

from soak.diagnosis.attribution import load_profiles as module
from soak.diagnosis.attribution.load_profiles import chosen_to_read, load_profiles
from soak.snapshots import Snapshot, SnapshotKind, SnapshotStage
from tests.analysis.recordings import windows
from tests.diagnosis.writing import profile

GOOD = profile([(["main.f"], [1, 100])], ("inuse_objects", "inuse_space"))


def taken(
    time: float,
    data: bytes = GOOD,
    kind: SnapshotKind = "heap",
    stage: SnapshotStage = "steady",
    error: str | None = None,
) -> Snapshot:
    return Snapshot(time, 0.1, kind, stage, error, lambda: data)


def test_profiles_of_one_kind_under_load_have_the_requests_done_by_then() -> None:
    snapshots = [
        taken(1.0, stage="start"),
        taken(2.0, kind="allocs"),
        taken(3.0, error="timed out"),
        taken(4.0),
        taken(5.5, stage="end"),
        taken(9.0, stage="drained"),
    ]
    asked = [windows("GET /a", requests=4, seconds=20), windows("GET /b", requests=6, seconds=20)]
    profiles, said = load_profiles(snapshots, "heap", asked)
    assert [(each.time, each.requests) for each in profiles] == [(1, 10), (4, 40), (5.5, 55)]
    assert [each.profile.column("inuse_space").sum() for each in profiles] == [100, 100, 100]
    assert said == []
    drained, _ = load_profiles(snapshots, "heap", asked, ("drained",))
    assert [each.time for each in drained] == [9]


def test_without_requests_the_times_stand_for_them() -> None:
    for asked in ([], [windows(requests=0, seconds=20)]):
        profiles, _ = load_profiles([taken(4.0), taken(6.0)], "heap", asked)
        assert [each.requests for each in profiles] == [4, 6]
    assert load_profiles([], "heap", [windows()]) == ([], [])


def test_unreadable_snapshots_are_counted_and_the_last_one_s_fault_is_said() -> None:
    def torn() -> bytes:
        raise OSError("gone")

    lost = Snapshot(5.0, 0.1, "heap", "steady", None, torn)
    profiles, [said] = load_profiles(
        [taken(1.0), taken(2.0, b"<html>"), taken(3.0, b"<html>"), lost, taken(6.0)], "heap", []
    )
    assert [each.time for each in profiles] == [1, 6]
    assert said == "3 of 5 heap snapshots cannot be read, the last with: OSError: gone"


def test_profiles_without_symbols_are_read_and_what_would_help_is_said() -> None:
    with mock.patch.object(module, "read_profile") as read:
        read.side_effect = [mock.Mock(symbols=True), mock.Mock(symbols=False)]
        profiles, [said] = load_profiles([taken(1.0), taken(2.0)], "heap", [])
        assert len(profiles) == 2
        assert said.startswith("the heap snapshots name addresses and no functions: build")
        read.side_effect = [mock.Mock(symbols=False), mock.Mock(symbols=True)]
        assert load_profiles([taken(1.0), taken(2.0)], "heap", [])[1] == []


@pytest.mark.parametrize(
    ("count", "most", "size", "chosen"),
    [
        (0, 40, 10, []),
        (1, 40, 10, [0]),
        (5, 40, 10, [0, 1, 2, 3, 4]),
        (9, 5, 10, [0, 2, 4, 6, 8]),
        (9, 40, 20, [0, 2, 4, 6, 8]),
        (9, 40, 10**6, [0, 4, 8]),
        (2, 40, 10**6, [0, 1]),
        (9, 40, 0, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (200, 200, 1, list(np.round(np.linspace(0, 199, 100)))),
    ],
)
def test_as_many_snapshots_are_read_as_their_number_and_their_bytes_allow(
    count: int, most: int, size: int, chosen: Any
) -> None:
    """A hundred bytes are allowed, and the last snapshot's size stands for all."""
    snapshots = [taken(float(i), b"x" * (3 * size)) for i in range(count - 1)]
    snapshots += [taken(99.0, b"x" * size)] if count else []
    with (
        mock.patch.object(module, "MOST_READ", most),
        mock.patch.object(module, "MOST_READ_BYTES", 100),
    ):
        assert chosen_to_read(snapshots) == chosen


def test_a_last_snapshot_that_cannot_be_read_limits_no_number() -> None:
    def torn() -> bytes:
        raise OSError("gone")

    snapshots = [
        *(taken(float(i)) for i in range(8)),
        Snapshot(9.0, 0.1, "heap", "end", None, torn),
    ]
    with mock.patch.object(module, "MOST_READ_BYTES", 9):
        assert chosen_to_read(snapshots) == list(range(9))
