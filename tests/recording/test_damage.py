"""A damaged recording is refused in one line that names file and table, or read: never a traceback, never much memory."""

import json
import random
import sqlite3
import time
from pathlib import Path

import pytest

from soak.analysis import analyze
from soak.errors import RecordingError
from soak.latency import Histogram
from soak.model import Event, EventKind, Kind, Sample, Scrape
from soak.profile import Limits
from soak.recording import Recorder, load_recording, profile_text
from soak.recording.chunks import pack_older
from soak.recording.files import is_under_way
from soak.recording.snapshot_files import KeptSnapshot
from soak.recording.validation import COLUMNS, LARGEST_COUNT, LONGEST_SECONDS
from soak.reporters.json import render
from soak.snapshots import Snapshot
from soak.traces import Span, Trace
from soak.windows import EndpointWindow, Exemplar, GeneratorWindow, Window, WorkerCoverage

RUN = {
    "name": "test",
    "started": "2026-01-01T00:00:00Z",
    "phases": [{"name": "steady", "start": 0.0, "end": 60.0}],
}


def recorded(directory: Path) -> Path:
    """A run with rows in every table, half of its scrapes and windows in blocks."""
    recorder = Recorder(directory, dict(RUN), "name: x\n")
    for second in range(60):
        samples = (
            Sample("process_resident_memory_bytes", 1e8 + second, (("pid", "1"),)),
            Sample("c_total", second, kind=Kind.COUNTER),
        )
        recorder.add(Scrape("prometheus", float(second), 0.001, 0.01, samples))
        served = EndpointWindow(
            "GET /", 10, {"timeout": 1}, 100, Histogram({200: 9}), Histogram({300: 1})
        )
        health = GeneratorWindow(0.1, 0.1, 0.01, 10**7, 10.0, 10, 0, 2)
        exemplars = (Exemplar(float(second), "GET /", 0.2, "", 200, "a" * 32),)
        recorder.add(
            Window(second + 1.0, 1.0, 5, (served,), health, exemplars, WorkerCoverage(1, 1, 1.0))
        )
    recorder.commit()
    pack_older(recorder._database, most_rows=60)
    recorder.add(Event(3.0, EventKind.WARNING, "something"))
    recorder.add(Trace("a" * 32, (Span("1", "", "api", "GET /", "server", 0.0, 0.2),)))
    recorder.add(KeptSnapshot(Snapshot(1.0, 0.1, "heap", "start"), "000000000001.000-heap.gz"))
    recorder.close(ended="completed", seconds=60.0)
    return directory


def judged(directory: Path) -> str:
    """What reading and judging give: `read`, or the refusal."""
    try:
        recording = load_recording(directory)
    except RecordingError as error:
        return str(error)
    render(analyze(recording, Limits()))
    return "read"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return recorded(tmp_path / "run")


def test_the_recording_itself_is_read(directory: Path) -> None:
    assert judged(directory) == "read"


WRONG: list[object] = ["soon", b"\x01\x02\x03", -1, None, 1e308, 2**60]


@pytest.mark.parametrize(
    "table",
    [
        pytest.param(table, marks=() if table == "scrapes" else pytest.mark.thorough)
        for table in COLUMNS
    ],
)
def test_every_value_of_every_table_is_checked(directory: Path, table: str) -> None:
    original = (directory / "recording.sqlite").read_bytes()
    refused = 0
    for column in COLUMNS[table]:
        for value in WRONG:
            (directory / "recording.sqlite").write_bytes(original)
            database = sqlite3.connect(directory / "recording.sqlite")
            try:
                with database:
                    last = f"(SELECT max(rowid) FROM {table})"
                    database.execute(
                        f'UPDATE {table} SET "{column}" = ? WHERE rowid = {last}', (value,)
                    )
            except sqlite3.Error:
                continue  # the database itself refuses the value
            finally:
                database.close()
            said = judged(directory)
            if said != "read":
                refused += 1
                assert said.startswith(f"{directory / 'recording.sqlite'}: ")
                assert "damaged: table" in said
                assert "\n" not in said
    assert refused


@pytest.mark.parametrize(
    ("seconds", "count", "fits"),
    [
        (LONGEST_SECONDS, LARGEST_COUNT, True),
        (LONGEST_SECONDS + 1, 1, False),
        (1.0, LARGEST_COUNT + 1, False),
    ],
)
def test_the_largest_time_and_count(
    directory: Path, seconds: float, count: int, fits: bool
) -> None:
    with sqlite3.connect(directory / "recording.sqlite") as database:
        database.execute("UPDATE scrapes SET took = ? WHERE rowid = 60", (seconds,))
        database.execute("UPDATE requests SET bytes = ? WHERE rowid = 60", (count,))
    assert ("damaged" not in judged(directory)) == fits


@pytest.mark.thorough
def test_bytes_changed_at_random(directory: Path) -> None:
    path = directory / "recording.sqlite"
    original = path.read_bytes()
    chance = random.Random(7)
    outcomes: dict[str, int] = {}
    for _ in range(100):
        damaged = bytearray(original)
        for _ in range(chance.choice([1, 4, 64])):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        if chance.random() < 0.1:
            del damaged[chance.randrange(len(damaged)) :]
        path.write_bytes(damaged)
        began = time.process_time()
        said = judged(directory)
        assert time.process_time() - began < 20
        assert said == "read" or said.startswith(str(directory))
        outcomes["read" if said == "read" else "refused"] = (
            outcomes.get("read" if said == "read" else "refused", 0) + 1
        )
    assert outcomes["refused"] > 10


@pytest.mark.parametrize(
    "change",
    [
        {"seconds": "long"},
        {"seconds": -1},
        {"seconds": 1e300},
        {"name": 3},
        {"started": []},
        {"ended": {}},
        {"phases": {}},
        {"phases": [3]},
        {"phases": [{"name": "steady"}]},
        {"phases": [{"name": "steady", "start": "0", "end": 1}]},
        {"format_version": "one"},
    ],
)
def test_every_entry_of_run_json_is_checked(directory: Path, change: dict[str, object]) -> None:
    run = json.loads((directory / "run.json").read_text()) | change
    (directory / "run.json").write_text(json.dumps(run))
    assert "run.json" in judged(directory)


def test_a_deeply_nested_run_json(directory: Path) -> None:
    (directory / "run.json").write_text("[" * 100_000)
    assert judged(directory).endswith("run.json: not valid JSON")


def test_a_profile_that_is_not_utf8(directory: Path) -> None:
    (directory / "profile.yaml").write_bytes(b"name: \xff\xfe")
    with pytest.raises(RecordingError, match=r"profile\.yaml: cannot be read: it is not UTF-8"):
        profile_text(directory)


def test_a_run_under_way_is_told_from_one_that_crashed(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run", dict(RUN), None)
    recorder.add(Scrape("prometheus", 1.0, 0.0, 0.0, (Sample("a", 1.0),)))
    recorder.commit()
    assert is_under_way(tmp_path / "run")
    recording = load_recording(tmp_path / "run")
    assert recording.run.ended == "running"
    assert "is still under way" in analyze(recording, Limits()).reason
    recorder.close(seconds=1.0)
    assert not is_under_way(tmp_path / "run")
    assert load_recording(tmp_path / "run").run.ended == "crashed"
