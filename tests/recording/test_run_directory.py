import errno
import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soak.errors import RecordingError, UsageError
from soak.latency import Histogram
from soak.model import Ending, Event, EventKind, Kind, Sample, Scrape
from soak.recording import (
    Recorder,
    SnapshotKeeper,
    compact,
    files,
    load_recording,
    request_windows,
)
from soak.recording import recorder as recorder_module
from soak.recording.describing import commits, facts, without_literal_secrets
from soak.snapshots import Snapshot
from soak.traces import Span, Trace
from soak.windows import EndpointWindow, Exemplar, GeneratorWindow, Window, WorkerCoverage

RUN = {
    "name": "test",
    "started": "2026-01-01T00:00:00Z",
    "phases": [{"name": "steady", "start": 0.0, "end": 100.0}],
}


def histogram(**counts: int) -> Histogram:
    return Histogram({int(bucket[1:]): count for bucket, count in counts.items()})


def window(time: float, name: str = "GET /", **failures: int) -> Window:
    seen = EndpointWindow(
        name, 10, failures, 100, histogram(b200=8, b210=2), histogram(b300=sum(failures.values()))
    )
    return Window(time, 1.0, 5, (seen,))


def scrape(time: float, *samples: Sample) -> Scrape:
    return Scrape("prometheus", time, 0.001, 0.01, samples)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "run"


def test_what_was_recorded_is_read_back(directory: Path) -> None:
    recorder = Recorder(directory, dict(RUN), "name: x\n")
    labels = (("a", "1"), ("b", 'qu"ote'))
    for time in range(5):
        gauge, counter = (
            Sample("g_bytes", time * 2.5, labels),
            Sample("c_total", float(time), kind=Kind.COUNTER),
        )
        recorder.add(scrape(float(time), gauge, counter))
        recorder.add(window(time + 1.0, timeout=time % 2))
    recorder.add(Event(3.0, EventKind.PROBE, "something"))
    recorder.close(ended="completed", seconds=5.0)
    recording = load_recording(directory)
    gauge_series, counter_series = recording.series
    assert (gauge_series.name, gauge_series.labels, gauge_series.kind) == (
        "g_bytes",
        labels,
        Kind.GAUGE,
    )
    assert counter_series.kind is Kind.COUNTER
    np.testing.assert_array_equal(gauge_series.times, [0, 1, 2, 3, 4])
    np.testing.assert_array_equal(gauge_series.values, [0, 2.5, 5, 7.5, 10])
    [windows] = recording.windows
    assert windows.requests.tolist() == [10] * 5
    assert windows.failures.tolist() == [0, 1, 0, 1, 0]
    assert windows.failure_kinds == {"timeout": 2}
    assert windows.counts.sum() == 50
    assert recording.users is not None
    assert recording.users.values.tolist() == [5] * 5
    assert recording.events == (Event(3.0, EventKind.PROBE, "something"),)
    assert recording.run.ended == "completed"
    assert recording.phases[0].end == 5.0


def test_a_full_temporary_directory_is_said_of_a_recording_that_is_packed(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    Recorder(directory, dict(RUN), None).close(ended="completed", seconds=1.0)
    compact(directory)
    monkeypatch.setattr("tempfile.mkdtemp", full)
    with pytest.raises(RecordingError, match=r"cannot be unpacked to .*: No space left on device"):
        load_recording(directory)


def test_a_run_directory_is_its_owners_alone(directory: Path) -> None:
    directory.mkdir(mode=0o755)  # as `--out` may find it
    recorder = Recorder(directory, dict(RUN), "name: x")
    recorder.add(scrape(0.0, Sample("a", 1.0)))
    recorder.commit()
    kept = SnapshotKeeper(directory, lambda _: None)
    kept.keep(Snapshot(0.0, 0.1, "heap", "steady"), b"what the target holds")
    modes = {path.name: path.stat().st_mode & 0o777 for path in directory.rglob("*")}
    assert {"run.json", "profile.yaml", "recording.sqlite", "recording.sqlite-wal"} <= modes.keys()
    assert {mode for name, mode in modes.items() if name != "snapshots"} == {0o600}
    recorder.close(ended="completed", seconds=1.0)
    compact(directory)
    assert (directory / "recording.sqlite.xz").stat().st_mode & 0o777 == 0o600
    Recorder(directory.with_name("new"), dict(RUN), None).close()
    assert directory.with_name("new").stat().st_mode & 0o777 == 0o700


def test_a_series_that_comes_and_goes_has_gaps_and_no_filled_in_values(directory: Path) -> None:
    recorder = Recorder(directory, dict(RUN), None)
    recorder.add(scrape(0.0, Sample("a", 1.0)))
    recorder.add(scrape(1.0, Sample("a", 2.0), Sample("b", 7.0)))
    recorder.add(scrape(2.0, Sample("b", 8.0)))
    recorder.add(scrape(3.0, Sample("a", 4.0)))
    recorder.close(ended="completed", seconds=4.0)
    a, b = load_recording(directory).series
    assert a.times.tolist() == [0, 1, 3]
    assert a.values.tolist() == [1, 2, 4]
    assert b.times.tolist() == [1, 2]


def test_a_lost_scrape_is_recorded_not_dropped(directory: Path) -> None:
    recorder = Recorder(directory, dict(RUN), None)
    recorder.add(scrape(0.0, Sample("a", 1.0)))
    recorder.add(Scrape("prometheus", 1.0, 0.3, 5.0, (), "no whole answer within 5 s"))
    recorder.close(ended="completed", seconds=2.0)
    [health] = load_recording(directory).sources
    assert (health.scrapes, health.failed, health.last_error) == (
        2,
        1,
        "no whole answer within 5 s",
    )
    assert health.worst_late == 0.3


def test_an_endpoint_that_was_not_asked_has_windows_with_no_requests(directory: Path) -> None:
    recorder = Recorder(directory, dict(RUN), None)
    recorder.add(window(1.0, "GET /a"))
    recorder.add(window(2.0, "GET /b"))
    recorder.close(ended="completed", seconds=2.0)
    a, b = load_recording(directory).windows
    assert (a.requests.tolist(), b.requests.tolist()) == ([10, 0], [0, 10])
    assert a.quantile(0.5) == b.quantile(0.5)


def test_a_run_that_was_killed_keeps_what_was_committed(directory: Path) -> None:
    code = f"""
import os, signal
from dataclasses import replace
from pathlib import Path
from typing import Any
from soak.model import Sample, Scrape
from soak.recording import Recorder
recorder = Recorder(Path({str(directory)!r}), {RUN!r}, None)
for time in range(100):
    recorder.add(Scrape("s", float(time), 0.0, 0.0, (Sample("a", float(time)),)))
    if time == 89: recorder.commit()
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, timeout=600)
    assert done.returncode == -signal.SIGKILL
    recording = load_recording(directory)
    assert len(recording.series[0].times) == 90
    assert recording.run.ended == "crashed"
    assert recording.run.seconds == 89.0


def test_a_running_recording_can_be_read(directory: Path) -> None:
    recorder = Recorder(directory, dict(RUN), None)
    recorder.add(scrape(0.0, Sample("a", 1.0)))
    recorder.commit()
    assert len(load_recording(directory).series) == 1
    recorder.add(scrape(1.0, Sample("a", 1.0)))
    recorder.close(ended="completed", seconds=1.0)


def test_a_full_disk_loses_nothing_from_memory(directory: Path) -> None:
    recorder = Recorder(directory, dict(RUN), None)
    recorder.add(scrape(0.0, Sample("a", 1.0)))
    recorder.commit()
    pages = (
        sqlite3.connect(directory / "recording.sqlite").execute("PRAGMA page_count").fetchone()[0]
    )
    recorder._database.execute(f"PRAGMA max_page_count={pages}")
    for time in range(1, 2000):
        recorder.add(scrape(float(time), *(Sample(f"series_{n}", 1.0) for n in range(20))))
    with pytest.raises(RecordingError, match="cannot be written: database or disk is full"):
        recorder.commit()
    recorder._database.execute("PRAGMA max_page_count=1000000")
    recorder.close(ended="completed", seconds=2000.0)
    recording = load_recording(directory)
    assert recording.sources[0].scrapes == 2000
    assert {len(series.times) for series in recording.series} == {1, 1999}


def test_a_directory_with_something_in_it_is_not_written_into(directory: Path) -> None:
    directory.mkdir()
    (directory / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match="not empty"):
        Recorder(directory, dict(RUN), None)
    assert [path.name for path in directory.iterdir()] == ["mine.txt"]


def test_what_sqlite_keeps_in_memory_is_bounded(directory: Path) -> None:
    Recorder(directory, dict(RUN), None).close()
    for resumed in (None, 1.0):
        path = directory if resumed else directory.with_name("fresh")
        recorder = Recorder(path, dict(RUN), None, resumed=resumed)
        assert recorder._database.execute("PRAGMA cache_size").fetchone() == (-256,)
        recorder.close()


def test_a_run_that_never_began_leaves_nothing(directory: Path) -> None:
    Recorder(directory, dict(RUN), "name: x\n").discard()
    assert not directory.exists()


@pytest.mark.parametrize(
    "damage", ["no run.json", "not JSON", "other version", "no database", "not a database"]
)
def test_a_damaged_run_is_refused_in_one_line(directory: Path, damage: str) -> None:
    Recorder(directory, dict(RUN), None).close(ended="completed", seconds=1.0)
    run, database = directory / "run.json", directory / "recording.sqlite"
    match damage:
        case "no run.json":
            run.unlink()
        case "not JSON":
            run.write_text("{")
        case "other version":
            run.write_text(json.dumps({"format_version": 99}))
        case "no database":
            database.unlink()
        case "not a database":
            database.write_bytes(b"x" * 5000)
    with pytest.raises(RecordingError) as caught:
        load_recording(directory)
    assert "\n" not in str(caught.value)


def test_how_the_schedule_was_kept_is_read_back(directory: Path) -> None:
    recorder = Recorder(directory, dict(RUN), None)
    for time, late in enumerate((0, 3, 1)):
        service = histogram(b100=late) if late else Histogram()
        seen = EndpointWindow(
            "GET /", 10, {}, 0, histogram(b200=10), Histogram(), service, late, late * 2
        )
        recorder.add(Window(float(time), 1.0, 5, (seen,)))
    recorder.close(ended="completed", seconds=3.0)
    [windows] = load_recording(directory).windows
    assert windows.arrivals is not None
    assert windows.arrivals.late.tolist() == [0, 3, 1]
    assert windows.arrivals.dropped.tolist() == [0, 6, 2]
    assert windows.arrivals.offsets.tolist() == [0, 0, 1, 2]
    part = windows.between(0.2, 1.6).arrivals
    assert part is not None
    assert (part.late.tolist(), part.buckets.tolist(), part.counts.tolist()) == (
        [3, 1],
        [100, 100],
        [3, 1],
    )


def test_a_recording_from_before_schedules_were_recorded_is_still_read(directory: Path) -> None:
    recorder = Recorder(directory, dict(RUN), None)
    recorder.add(window(1.0, timeout=1))
    recorder.close(ended="completed", seconds=1.0)
    with sqlite3.connect(directory / "recording.sqlite") as database:
        for column in ("service", "late", "dropped"):
            database.execute(f"ALTER TABLE requests DROP COLUMN {column}")
    database.close()
    [windows] = load_recording(directory).windows
    assert (windows.requests.tolist(), windows.failures.tolist(), windows.arrivals) == (
        [10],
        [1],
        None,
    )


def test_who_took_part_in_each_window_is_read_back(directory: Path) -> None:
    recorder = Recorder(directory, {"name": "x"}, None)
    recorder.add(replace(window(1.0), coverage=WorkerCoverage(3, 3, 1.0)))
    recorder.add(replace(window(2.0), coverage=WorkerCoverage(2, 3, 2 / 3)))
    recorder.close(ended="completed")
    coverages = load_recording(directory).coverages
    assert coverages is not None
    assert coverages.times.tolist() == [1.0, 2.0]
    assert coverages.present.tolist() == [3, 2]
    assert coverages.expected.tolist() == [3, 3]
    assert coverages.covered.tolist() == [1.0, 2 / 3]


def test_a_recording_of_one_process_has_no_worker_coverage(directory: Path) -> None:
    recorder = Recorder(directory, {"name": "x"}, None)
    recorder.add(window(1.0))
    recorder.close(ended="completed")
    assert load_recording(directory).coverages is None
    with sqlite3.connect(directory / "recording.sqlite") as database:
        for column in ("workers", "expected", "covered"):
            database.execute(f"ALTER TABLE windows DROP COLUMN {column}")
    database.close()
    assert load_recording(directory).coverages is None


HEALTH = GeneratorWindow(0.5, 0.6, 0.002, 1 << 30, 12.5, 12, 3, 14)


def test_the_generators_health_and_exemplars_are_read_back(directory: Path) -> None:
    recorder = Recorder(directory, dict(RUN), None)
    slow = Exemplar(0.5, "GET /", 2.5, "", 200, "ab" * 16)
    failed = Exemplar(1.5, "GET /'; DROP TABLE exemplars", 0.5, "timeout")
    recorder.add(replace(window(1.0), generator=HEALTH))
    recorder.add(window(2.0))
    recorder.add(
        replace(window(3.0), generator=replace(HEALTH, asked=None), exemplars=(failed, slow))
    )
    recorder.close(ended="completed", seconds=3.0)
    recording = load_recording(directory)
    assert recording.exemplars == (slow, failed)
    own = recording.generator
    assert own is not None
    np.testing.assert_array_equal(own.times, [1, 2, 3])
    np.testing.assert_array_equal(own.cpu_ratio, [0.5, np.nan, 0.5])
    np.testing.assert_array_equal(own.asked, [12.5, np.nan, np.nan])
    np.testing.assert_array_equal(own.between(1.0, 3.0).queued, [np.nan, 3])
    np.testing.assert_array_equal(own.connections, [14, np.nan, 14])
    with sqlite3.connect(
        directory / "recording.sqlite"
    ) as database:  # as the first recordings were
        database.execute("ALTER TABLE generator DROP COLUMN connections")
    database.close()
    own = load_recording(directory).generator
    assert own is not None
    assert np.isnan(own.connections).all()


def test_a_recording_from_before_the_generators_health_is_still_read(directory: Path) -> None:
    recorder = Recorder(directory, dict(RUN), None)
    recorder.add(window(1.0))
    recorder.close(ended="completed", seconds=1.0)
    assert load_recording(directory).generator is None
    with sqlite3.connect(directory / "recording.sqlite") as database:
        database.execute("DROP TABLE generator")
        database.execute("DROP TABLE exemplars")
    database.close()
    recording = load_recording(directory)
    assert (recording.generator, recording.exemplars, len(recording.windows)) == (None, (), 1)


def test_traces_are_read_back_and_an_older_recording_has_none(directory: Path) -> None:
    spans = (
        Span("a", "", "front'; --", "get /", "client", 0.0, 1.5, "stock", failed=True),
        Span("b", "a", "stock", "", "", 0.25, 1.0),
    )
    recorder = Recorder(directory, dict(RUN), None)
    recorder.add(window(1.0))
    recorder.add(Trace("ab" * 16, spans, 3))
    recorder.add(Trace("cd" * 16))
    recorder.close(ended="completed", seconds=1.0)
    assert load_recording(directory).traces == (Trace("ab" * 16, spans, 3), Trace("cd" * 16))
    with sqlite3.connect(directory / "recording.sqlite") as database:
        database.execute("DROP TABLE traces")
    database.close()
    assert load_recording(directory).traces == ()


def test_exemplars_of_a_long_run_are_thinned_evenly_and_the_slowest_stays(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MOST_EXEMPLARS", 100)
    recorder = Recorder(directory, dict(RUN), None)
    for minute in range(300):
        ten = tuple(
            Exemplar(
                60.0 * minute + n,
                "a",
                99.0 if minute == 7 and n == 3 else 1.0,
                "reset" if n % 2 else "",
            )
            for n in range(10)
        )
        recorder.add(replace(window(60.0 * minute), exemplars=ten))
        recorder.commit()
    recorder.close(ended="completed", seconds=18000.0)
    exemplars = load_recording(directory).exemplars
    assert 50 <= len(exemplars) <= 100
    assert max(exemplar.seconds for exemplar in exemplars) == 99.0
    times = np.array([exemplar.time for exemplar in exemplars])
    assert (times > 60 * 297.5).sum() == 20  # the newest are whole
    for failed in (True, False):
        older = sorted(
            exemplar.time
            for exemplar in exemplars
            if bool(exemplar.failure) == failed and exemplar.time < 60 * 290
        )
        assert np.diff(older).max() <= 4 * 18000 / 25  # and no long stretch is without


def test_windows_of_days_are_read_a_few_together(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(directory, dict(RUN), None)
    for second in range(103):
        seen = EndpointWindow("GET /", 10, {}, 100, histogram(b200=8, b210=second % 3), histogram())
        health = GeneratorWindow(0.5, 0.5, 0.001 * (second % 7), 1000 + second, 10.0, 10, 1)
        recorder.add(Window(second + 1.0, 1.0, 5, (seen,) if second % 10 else (), health))
    recorder.close(ended="completed", seconds=103.0)
    whole = load_recording(directory)
    monkeypatch.setattr(request_windows, "MOST_WINDOWS", 20)
    grouped = load_recording(directory)
    (alone,), (together,) = whole.windows, grouped.windows
    assert len(together.times) == 18
    assert together.times.tolist() == [*range(6, 103, 6), 103]
    assert together.seconds.tolist() == [6.0] * 17 + [1.0]
    for column in ("requests", "failures", "bytes"):
        assert getattr(together, column).sum() == getattr(alone, column).sum()
    for share in (0.5, 0.9, 0.99):
        assert together.quantile(share) == alone.quantile(share)
    assert len(together.quantile_by_window(0.5)) == 18
    assert together.requests.tolist()[:2] == [50, 50]
    own, single = grouped.generator, whole.generator
    assert own is not None
    assert single is not None
    assert (own.made.sum(), own.asked.sum(), own.cpu_seconds.sum()) == (1030.0, 1030.0, 51.5)
    assert own.lag.max() == single.lag.max()
    assert own.times.tolist() == together.times.tolist()
    assert own.cpu_ratio.tolist() == [0.5] * 18


def test_a_report_carries_no_secret_that_the_profile_has_as_it_is() -> None:
    text = """\
target: {url: "http://user:hunter2@127.0.0.1"}
endpoints:
  - {request: GET /, headers: {Authorization: Bearer hunter2, X-Api-Key: "hunter2", Cookie: 'id=hunter2'}}
auth: {request: POST /token, json: {password: hunter2, client_secret: hunter2}, token: $.access_token}
data: {password: "${PASSWORD}", token: "{{ row.token }}", secret: Bearer ${SECRET}}
"""
    shown = without_literal_secrets(text)
    assert "hunter2" not in shown
    for kept in ("token: $.access_token", '"${PASSWORD}"', '"{{ row.token }}"', "${SECRET}"):
        assert kept in shown
    assert shown.count("\n") == text.count("\n")


def test_a_full_disk_has_room_to_say_that_the_run_broke(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = Recorder(directory, dict(RUN), "name: x\n")
    reserve, write = recorder._reserve, files.write_run
    assert os.fstat(reserve.fileno()).st_blocks * 512 >= recorder_module.RESERVE
    assert sorted(path.name for path in directory.iterdir() if "sqlite" not in path.name) == [
        "profile.yaml",
        "run.json",
    ]

    def write_where_there_is_room(directory: Path, run: dict[str, Any]) -> None:
        if not reserve.closed:
            raise RecordingError("full")
        write(directory, run)

    monkeypatch.setattr(recorder_module, "write_run", write_where_there_is_room)
    with pytest.raises(RecordingError):
        recorder.update(phases=[])
    recorder.abandon(ended="aborted", failure="the disk is full")
    assert load_recording(directory).run.failure == "the disk is full"


def test_a_path_that_is_no_text_is_written_and_read_back(tmp_path: Path) -> None:
    directory = tmp_path / os.fsdecode(b"run\xff")
    command = ["soak", "run", "--out", str(directory)]
    Recorder(directory, RUN | {"command": command}, "name: x\n").close(ended="completed")
    assert load_recording(directory).run.ended is Ending.COMPLETED
    assert files.read_run(directory)["command"] == command


def test_the_command_can_be_pasted_into_a_shell() -> None:
    words = ["soak", "run", "--endpoint", "GET /a b", "--limit", "p99: 1s"]
    assert dict(facts({"command": words}))["command"] == shlex.join(words)


def test_a_directory_that_cannot_be_made_is_said_in_the_words_of_the_system(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordingError) as caught:
        Recorder(tmp_path / "file" / "run", {}, None)
    assert str(caught.value) == f"{tmp_path}/file/run: cannot be written: Not a directory"


@pytest.mark.parametrize("name", ["run.json", "profile.yaml", "recording.sqlite"])
def test_a_link_that_leads_out_of_a_run_is_refused_and_one_within_is_read(
    tmp_path: Path, name: str
) -> None:
    directory = tmp_path / "run"
    Recorder(directory, {"name": "test"}, "name: test").close(ended="completed", seconds=1.0)
    (directory / name).rename(directory / "kept")
    (directory / name).symlink_to("kept")
    load_recording(directory)
    (directory / name).unlink()
    (directory / "kept").rename(tmp_path / "elsewhere")
    (directory / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RecordingError, match=rf"{name}: is a link that leads out of the run"):
        load_recording(directory)


def test_a_commit_is_the_targets_only_where_something_makes_it_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.invalid", "-C", str(tmp_path)]
    for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "one"]):
        subprocess.run([*git, *words], check=True)
    monkeypatch.chdir(tmp_path)
    told = commits({"SOAK_COMMIT": " abc "}, tmp_path, starts=False)
    assert told == {"commit": "abc", "own_commit": ""}
    started = commits({}, tmp_path, starts=True)
    assert len(started["commit"]) == 12
    elsewhere = commits({}, tmp_path, starts=False)
    assert elsewhere == {"commit": "", "own_commit": started["commit"]}
    assert facts(elsewhere) == (("commit of soak's working directory", started["commit"]),)


@pytest.mark.parametrize("broken", ["_reserved", "write_run"])
def test_a_directory_that_cannot_be_written_is_left_as_it_was(
    directory: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(f"soak.recording.recorder.{broken}", full)
    with pytest.raises(RecordingError, match="cannot be written: No space left on device"):
        Recorder(directory, dict(RUN), "name: x\n")
    assert not directory.exists()
    monkeypatch.undo()
    Recorder(directory, dict(RUN), None).close(ended="completed")
    with pytest.raises(UsageError):
        Recorder(directory, dict(RUN), None)
    assert (directory / "recording.sqlite").exists(), "another run's is never touched"
