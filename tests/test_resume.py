"""A run that is gone on with: what is left of it, when it is refused, what is recorded, and how it is judged."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from soak.errors import ExitCode, RecordingError, UsageError
from soak.latency import Histogram, bucket_of
from soak.load.plan.schedule import Schedule, ScheduleSegment, segments_after
from soak.model import PhaseName, Sample, Scrape
from soak.recording import Recorder, load_recording, progress_of
from soak.resume import phases_of, resumption_of
from soak.windows import EndpointWindow, GeneratorWindow, Window
from tests.cli.calling import run

STARTED = "2026-01-01T00:00:00+00:00"
PROFILE = "name: gap\ntarget: {url: http://127.0.0.1:8080}\nload: {rate: 100/s, duration: 600s}\nendpoints: [GET /]\n"


def record(
    recorder: Recorder,
    first: int,
    last: int,
    *,
    leak: float = 0.0,
    level: float = 50e6,
    born: float = 1e9,
) -> None:
    """A scrape and a window every second of [first, last)."""
    for second in range(first, last):
        memory = level + leak * (second - first) + 1e4 * ((second * 7919) % 13)
        samples = (
            Sample("process_resident_memory_bytes", memory),
            Sample("process_start_time_seconds", born),
        )
        recorder.add(Scrape("process", float(second), 0.0, 0.0, samples))
        seen = EndpointWindow("GET /", 100, {}, 100, Histogram({bucket_of(0.01): 100}), Histogram())
        recorder.add(
            Window(
                second + 1.0,
                1.0,
                3,
                (seen,),
                GeneratorWindow(0.2, 0.2, 0.01, 100 << 20, 100.0, 100, 0),
            )
        )


def begun(directory: Path, **how: float) -> Path:
    """A run of 600 s of load that crashed after 300 s."""
    phases = [{"name": "steady", "start": 0.0, "end": 600.0}]
    recorder = Recorder(directory, {"name": "gap", "started": STARTED, "phases": phases}, PROFILE)
    record(recorder, 0, 300, **how)
    recorder.close()
    return directory


def gone_on(directory: Path, gap: int, **how: float) -> Path:
    """The same, gone on with after so many seconds more, to its end."""
    recorder = Recorder(directory, {"started": STARTED}, None, resumed=300.0 + gap)
    record(recorder, 300 + gap, 600 + gap, **how)
    phases = phases_of([(0.0, 300.0), (300.0 + gap, 600.0 + gap)], 0.0)
    recorder.close(phases=phases, ended="completed", seconds=600.0 + gap)
    return directory


def test_what_is_left_of_a_load_goes_on_exactly_where_it_ended() -> None:
    pieces = (
        ScheduleSegment(60, 0, 100),
        ScheduleSegment(600, 100, 100, 50, 240),
        ScheduleSegment(60, 100, 20),
    )
    whole = Schedule(pieces)
    for done in (0.0, 25.0, 60.0, 133.0, 659.5, 700.0):
        rest = Schedule(segments_after(pieces, done))
        assert rest.total == pytest.approx(whole.total - done)
        for moment in (0.0, 1.0, 10.0, 19.0):
            assert rest.rate_at(moment) == pytest.approx(whole.rate_at(done + moment))
        assert rest.count(15.0) == pytest.approx(whole.count(done + 15.0) - whole.count(done))
        due = rest.due(10.0)
        assert due is not None
        assert due + done == pytest.approx(whole.due(whole.count(done) + 10.0), abs=1e-6)
    assert segments_after(pieces, 720.0) == ()


def test_phases_of_stretches_of_load_have_a_gap_between_each_two() -> None:
    def row(name: str, start: float, end: float) -> dict[str, object]:
        return {"name": name, "start": start, "end": end}

    assert phases_of([(5.0, 105.0)], 10.0) == [row("ramp", 5, 15), row("steady", 15, 105)]
    cut_in_the_ramp = phases_of([(5.0, 10.0), (50.0, 80.0), (90.0, 100.0)], 10.0)
    assert cut_in_the_ramp[:2] == [row("ramp", 5, 55), row("steady", 55, 100)]
    assert cut_in_the_ramp[2:] == [row("gap", 10, 50), row("gap", 80, 90)]


def test_the_clock_goes_on_by_the_time_that_passed_and_never_backwards(tmp_path: Path) -> None:
    directory = begun(tmp_path / "run")
    later = datetime(2026, 1, 1, 1, 0, tzinfo=UTC)
    resumed = resumption_of(directory, 600.0, later)
    assert (resumed.now, resumed.done, resumed.made, resumed.stretches) == (
        3600.0,
        300.0,
        30_000,
        ((0.0, 300.0),),
    )
    set_back = datetime(2025, 12, 31, tzinfo=UTC)
    assert resumption_of(directory, 600.0, set_back).now == 301.0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ended": "completed"}, "the run is complete"),
        ({"ended": "early"}, "the run is complete"),
        ({"phases": []}, "no load yet"),
        ({"format_version": 99}, "format_version 99"),
    ],
)
def test_a_run_that_cannot_go_on_is_refused_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, object], reason: str
) -> None:
    directory = begun(tmp_path / "run")
    facts = json.loads((directory / "run.json").read_text())
    (directory / "run.json").write_text(json.dumps(facts | change))
    before = (directory / "run.json").read_bytes()
    code, _, err = run(capsys, "run", "--resume", str(directory))
    assert code in (ExitCode.USAGE, ExitCode.BROKEN)
    assert reason in err
    assert "Traceback" not in err
    assert (directory / "run.json").read_bytes() == before


def test_a_run_under_way_or_with_its_load_made_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recorder = Recorder(tmp_path / "live", {"name": "gap", "started": STARTED}, PROFILE)
    code, _, err = run(capsys, "run", "--resume", str(tmp_path / "live"))
    assert (code, "still under way" in err) == (ExitCode.USAGE, True)
    recorder.close()
    with pytest.raises(UsageError, match="its load is complete"):
        resumption_of(begun(tmp_path / "run"), 300.5)
    code, _, err = run(capsys, "run", "--resume", str(tmp_path / "run"), "--rate", "5/s")
    assert (code, "goes with --json" in err) == (ExitCode.USAGE, True)
    code, _, err = run(capsys, "run", "--resume", str(tmp_path / "nothing"))
    assert (code, "not a run directory" in err) == (ExitCode.USAGE, True)


def test_a_run_that_could_not_go_on_is_as_it_was(tmp_path: Path) -> None:
    directory = begun(tmp_path / "run")
    before = (directory / "run.json").read_bytes()
    recorder = Recorder(directory, {"started": STARTED}, None, resumed=900.0)
    assert (directory / "run.json").read_bytes() != before
    recorder.discard()
    assert (directory / "run.json").read_bytes() == before
    assert len(load_recording(directory).series) == 2


def test_records_go_on_in_the_same_series(tmp_path: Path) -> None:
    directory = gone_on(begun(tmp_path / "run"), 1000)
    recording = load_recording(directory)
    assert [series.name for series in recording.series] == [
        "process_resident_memory_bytes",
        "process_start_time_seconds",
    ]
    assert all(len(series.times) == 600 for series in recording.series)
    assert [len(window.times) for window in recording.windows] == [600]
    assert [phase.name for phase in recording.phases] == [PhaseName.STEADY, PhaseName.GAP]
    assert progress_of(directory).requests == 60_000
    assert json.loads((directory / "run.json").read_text())["resumed"] == [
        {"seconds": 1300.0, "started": STARTED}
    ]


def test_a_damaged_recording_is_not_gone_on_with(tmp_path: Path) -> None:
    directory = begun(tmp_path / "run")
    path = directory / "recording.sqlite"
    path.write_bytes(path.read_bytes()[:4096] + b"\x00" * 8192)
    with pytest.raises(RecordingError, match=r"recording\.sqlite"):
        resumption_of(directory, 600.0)


@pytest.mark.parametrize("gap", [30, 3000])
@pytest.mark.parametrize(
    ("before", "after", "code"),
    [
        ({}, {}, ExitCode.PASS),  # the same process, as it was
        ({}, {"level": 30e6, "born": 2e9}, ExitCode.PASS),  # replaced while the run stood still
        ({}, {"level": 80e6, "born": 2e9}, ExitCode.PASS),  # a step across the gap is no growth
        ({"leak": 2e4}, {"leak": 2e4, "level": 56e6}, ExitCode.FAIL),
        (
            {"leak": 2e4},
            {"leak": 2e4, "born": 2e9},
            ExitCode.FAIL,
        ),  # the leak begins anew with the process
    ],
)
def test_a_gap_is_judged_around_and_never_across(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    gap: int,
    before: dict[str, float],
    after: dict[str, float],
    code: ExitCode,
) -> None:
    directory = gone_on(begun(tmp_path / "run", **before), gap, **after)
    exit_code, out, _ = run(capsys, "report", str(directory), "--format", "terminal")
    assert exit_code == code, out
    assert "was resumed: nothing is known of that time" in " ".join(out.split())
    assert "did not survive" not in out
