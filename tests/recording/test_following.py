"""A recording read by another process while it is written."""

from pathlib import Path

import pytest

from soak.errors import RecordingError
from soak.latency import Histogram
from soak.model import Event, EventKind, Sample, Scrape
from soak.recording import Recorder
from soak.recording.following import Follower
from soak.windows import EndpointWindow, GeneratorWindow, Window


def records(start: float) -> list[Scrape | Window | Event]:
    seen = EndpointWindow(
        "GET /", 3, {"timeout": 1}, 90, Histogram({200: 2}), Histogram({300: 1}), late=1, dropped=2
    )
    return [
        Event(start, EventKind.TARGET, "it ended"),
        Window(start, 1.0, 4, (seen,), GeneratorWindow(0.2, 0.3, 0.01, 5000, 3.0, 3, 1, 7)),
        Scrape("process", start, 0.1, 0.2, (Sample("process_open_fds", 30.0, (("pid", "7"),)),)),
        Scrape("process", start + 1, 0.0, 0.0, (), "refused"),
    ]


def test_each_look_gives_what_was_added_since_the_last(tmp_path: Path) -> None:
    directory = tmp_path / "run"
    recorder = Recorder(directory, {"name": "x"}, None)
    follower = Follower(directory)
    assert list(follower.new()) == []
    for round_ in range(3):
        expected = records(10.0 * round_)
        for record in expected:
            recorder.add(record)
        recorder.commit()
        assert list(follower.new()) == expected
    assert list(follower.new()) == []
    recorder.close(seconds=30.0, ended="completed")


def test_more_than_one_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soak.recording.chunks.CHUNK", 3)
    directory = tmp_path / "run"
    recorder = Recorder(directory, {"name": "x"}, None)
    for second in range(10):
        for record in records(float(second)):
            recorder.add(record)
    recorder.commit()
    windows = list(Follower(directory).new())
    assert len(windows) == 40
    assert [record.time for record in windows if isinstance(record, Window)] == [
        float(second) for second in range(10)
    ]
    recorder.close(seconds=30.0, ended="completed")


def test_a_run_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="is missing"):
        list(Follower(tmp_path).new())
