"""Snapshots on disk: whole or not at all, bounded, and read back without trust."""

import gzip
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.errors import RecordingError
from soak.recording import Recorder, SnapshotKeeper, load_recording
from soak.recording import snapshot_files as module
from soak.recording.snapshot_files import surplus
from soak.snapshots import Snapshot

RUN = {"name": "test"}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_what_was_taken_is_read_back_in_the_order_of_time(directory: Path) -> None:
    recorder = Recorder(directory, dict(RUN), None)
    keeper = SnapshotKeeper(directory, recorder.add)
    keeper.keep(Snapshot(12.5, 0.25, "heap", "start"), b"\x0aone")
    keeper.keep(Snapshot(13.0, 0.1, "goroutine", "start", "u: answered 404"), b"")
    keeper.keep(Snapshot(112.5, 0.25, "heap", "drained"), b"\x0atwo")
    recorder.close()
    first, failed, last = load_recording(directory).snapshots
    assert first == Snapshot(12.5, 0.25, "heap", "start")
    assert (first.read(), last.read()) == (b"\x0aone", b"\x0atwo")
    assert failed == Snapshot(13.0, 0.1, "goroutine", "start", "u: answered 404")
    files = sorted((directory / "snapshots").iterdir())
    assert [path.name for path in files] == ["00000012.500-heap.gz", "00000112.500-heap.gz"]


def test_a_recording_from_before_there_were_snapshots_loads(directory: Path) -> None:
    Recorder(directory, dict(RUN), None).close()
    with closing(sqlite3.connect(directory / "recording.sqlite")) as database:
        database.execute("DROP TABLE snapshots")
    assert load_recording(directory).snapshots == ()


def test_of_too_many_those_in_between_go_evenly_and_still_say_when(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.surplus, "__defaults__", (8, 10**9))
    recorder = Recorder(directory, dict(RUN), None)
    keeper = SnapshotKeeper(directory, recorder.add)
    for number in range(40):
        stage = "start" if number == 0 else "end" if number == 39 else "steady"
        keeper.keep(Snapshot(10.0 * number, 0.1, "heap", stage), b"x")  # type: ignore[arg-type]
    recorder.close()
    snapshots = load_recording(directory).snapshots
    kept = [snapshot.time for snapshot in snapshots if snapshot.error is None]
    assert len(snapshots) == 40
    assert len(kept) == 8
    assert (kept[0], kept[-1]) == (0.0, 390.0)
    gaps = [b - a for a, b in pairwise(kept)]
    assert max(gaps) <= 120.0
    assert all(
        snapshot.error and "a run keeps only so many" in snapshot.error
        for snapshot in snapshots
        if snapshot.time not in kept
    )


@given(
    st.lists(st.tuples(st.floats(0.1, 100), st.integers(0, 50), st.booleans()), max_size=30),
    st.integers(2, 10),
    st.integers(0, 300),
)
def test_thinning_ends_within_bounds_or_with_what_may_not_go(
    steps: list[tuple[float, int, bool]], most: int, most_bytes: int
) -> None:
    time, kept = 0.0, []
    for step, size, between in steps:
        time += step
        kept.append((time, size, between))
    ends = kept[:1] + kept[-1:]
    stay = [row for row in kept[1:-1] if not row[2]]
    while (place := surplus(kept, most, most_bytes)) is not None:
        kept.pop(place)
    within = len(kept) <= most and sum(size for _, size, _ in kept) <= most_bytes
    assert within or not any(between for _, _, between in kept[1:-1])
    assert kept[:1] + kept[-1:] == ends
    assert all(row in kept for row in stay)


def recorded(directory: Path, data: bytes, name: str | None = None) -> Snapshot:
    """A run with one snapshot whose file holds `data`, under `name` where one is given."""
    recorder = Recorder(directory, dict(RUN), None)
    SnapshotKeeper(directory, recorder.add).keep(Snapshot(1.0, 0.1, "heap", "start"), b"x")
    recorder.close()
    [path] = (directory / "snapshots").iterdir()
    path.write_bytes(data)
    if name is not None:
        with closing(sqlite3.connect(directory / "recording.sqlite")) as database:
            database.execute("UPDATE snapshots SET file = ?", (name,))
            database.commit()
    [snapshot] = load_recording(directory).snapshots
    return snapshot


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (gzip.compress(bytes(5000))[:-9], "was cut short"),
        (b"<html>", "cannot be read"),
        (gzip.compress(bytes(10**6)), "once unpacked"),
    ],
    ids=["cut", "page", "bomb"],
)
def test_a_file_that_is_damaged_or_a_bomb_says_so_when_it_is_read(
    directory: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, said: str
) -> None:
    monkeypatch.setattr(module, "MOST_UNPACKED", 10_000)
    with pytest.raises(RecordingError, match=said):
        recorded(directory, data).read()


@pytest.mark.parametrize("name", ["../profile.yaml", "/etc/passwd", "..", "gone.gz", ""])
def test_a_name_leads_to_nothing_outside_of_the_directory(directory: Path, name: str) -> None:
    snapshot = recorded(directory, gzip.compress(b"x"), name)
    assert snapshot.error is not None
    assert snapshot.read() == b""


def test_what_cannot_be_written_is_recorded_as_such_and_leaves_no_half(directory: Path) -> None:
    recorder = Recorder(directory, dict(RUN), None)
    (directory / "snapshots").write_text("a file in its place")
    with pytest.raises(RecordingError):
        SnapshotKeeper(directory, recorder.add).keep(Snapshot(1.0, 0.1, "heap", "start"), b"x")
    recorder.close()
    [snapshot] = load_recording(directory).snapshots
    assert snapshot.error is not None
    assert sorted(path.name for path in directory.iterdir()) == [
        "recording.sqlite",
        "run.json",
        "snapshots",
    ]


KILLED = """
import os, signal, sys
from pathlib import Path
from soak.recording import Recorder, SnapshotKeeper
from soak.snapshots import Snapshot
recorder = Recorder(Path(sys.argv[1]), {"name": "killed"}, None)
keeper = SnapshotKeeper(Path(sys.argv[1]), recorder.add)
keeper.keep(Snapshot(1.0, 0.1, "heap", "start"), b"first")
recorder.commit()
keeper.keep(Snapshot(2.0, 0.1, "heap", "steady"), b"second")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_run_keeps_what_was_committed(directory: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(directory)], check=False)
    assert done.returncode == -signal.SIGKILL
    recording = load_recording(directory)
    assert recording.run.ended == "crashed"
    assert [snapshot.read() for snapshot in recording.snapshots] == [b"first"]
