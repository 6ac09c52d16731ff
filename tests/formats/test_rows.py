"""Rows of several processes, whether or not they share a time, and processes that follow one another."""

from pathlib import Path

import numpy as np
import pytest

from soak.analysis import analyze
from soak.formats import Options, read_recording, recording_of
from soak.formats.content import Content
from soak.model import Recording, RuleName, Verdict
from soak.profile import Limits
from tests.formats.samples import leak

TIMES, LEAK = leak()
FLAT = leak(slope=0.0)[1]


def read(header: str, rows: list[str]) -> Recording:
    return recording_of(Content(Path("a.csv"), "\n".join([header, *rows, ""]).encode()), Options())


def notes(recording: Recording) -> str:
    return "\n".join(event.text for event in recording.events)


def turns(names: tuple[str, str], later: float) -> list[str]:
    return [
        f"{time + offset},{name},{value:.0f}"
        for time, first, second in zip(TIMES, LEAK, FLAT, strict=True)
        for name, value, offset in ((names[0], first, 0.0), (names[1], second, later))
    ]


@pytest.mark.parametrize("column", ["pid", "name", "pod", "Process Name"])
@pytest.mark.parametrize("later", [0.2, 7.0])
def test_processes_that_take_turns_are_told_apart(column: str, later: float) -> None:
    names = ("101", "202") if column == "pid" else ("a", "b")
    recording = read(f"time,{column},rss_bytes", turns(names, later))
    assert [len(series.times) for series in recording.series] == [len(TIMES)] * 2
    assert f"rows take turns by {column}" in notes(recording)


def test_a_state_is_no_process() -> None:
    recording = read("time,state,rss_bytes", turns(("idle", "busy"), 7.0))
    assert [series.name for series in recording.series] == ["rss_bytes"]
    assert "left out, since it is text: state" in notes(recording)


@pytest.mark.parametrize(
    ("column", "names"), [("pid", ("101", "202")), ("pod", ("web-1", "web-2"))]
)
def test_a_process_that_follows_another_is_a_restart(column: str, names: tuple[str, str]) -> None:
    half = len(TIMES) // 2
    rows = [
        f"{time:.0f},{names[place >= half]},{LEAK[place % half]:.0f}"
        for place, time in enumerate(TIMES)
    ]
    recording = read(f"time,{column},rss_bytes", rows)
    assert f"{column} changes, and so the process was replaced" in notes(recording)
    analysis = analyze(recording, Limits(), judge_unknown=True)
    assert analysis.verdict is Verdict.FAIL
    [restart] = [finding for finding in analysis.findings if finding.rule is RuleName.RESTART]
    assert "replaced once (after 30 min)" in restart.reason
    [growth] = [finding for finding in analysis.findings if finding.rule is RuleName.GROWTH]
    assert growth.trend is not None
    assert growth.trend.slope_low < 144e6 < growth.trend.slope_high


@pytest.mark.parametrize("rows_each", [7, 8])
def test_an_identity_of_few_rows_is_no_life(rows_each: int) -> None:
    rows = [
        f"{place * 15},{place // rows_each},{200 + place % 3}" for place in range(4 * rows_each)
    ]
    assert ("was replaced" in notes(read("t,pid,rss_bytes", rows))) == (rows_each == 8)


def test_a_name_that_all_rows_share_names_the_series() -> None:
    rows = [
        f"{place * 15},process_open_fds,{pod},{7 + place}" for place in range(9) for pod in "ab"
    ]
    recording = read("time,metric,pod,value", rows)
    assert [series.key for series in recording.series] == [
        'process_open_fds{pod="a"}',
        'process_open_fds{pod="b"}',
    ]


RISING = np.cumsum(np.random.default_rng(5).poisson(300, len(TIMES)))
CLOCK = TIMES - TIMES[0]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("connections_accepted", RISING),
        ("sessions_created", RISING),
        ("cache_hits", RISING),
        ("io_bytes", RISING),
        ("TotalAlloc", RISING),
        ("messages", RISING + 10_000_000),
        ("process_uptime", CLOCK),
        ("started_ago_h", np.round(CLOCK / 3600 + 3, 2)),
        ("seq_nr", np.arange(len(TIMES))[::-1]),
    ],
)
def test_totals_clocks_and_indexes_are_no_resources(header: str, column: object) -> None:
    rows = [
        f"{time},{value},{flat:.0f}"
        for time, value, flat in zip(TIMES, column, FLAT, strict=True)  # type: ignore[call-overload]
    ]
    recording = read(f"t,{header},rss_bytes", rows)
    judged = {series.name for series in recording.series if series.key not in recording.shown_only}
    assert judged == {"rss_bytes"}
    assert header in notes(recording)


def test_a_resource_that_counts_processes_tells_no_rows_apart() -> None:
    rows = [f"{place * 15},{7 + place % 2},{100 + place % 5}" for place in range(40)]
    recording = read("t,process_open_fds,worker_threads", rows)
    assert [series.key for series in recording.series] == ["process_open_fds", "worker_threads"]


@pytest.mark.parametrize(("rows", "left"), [(9, {"1"}), (10, {"1", "2"})])
def test_processes_that_come_and_go_are_left_out_and_counted(
    tmp_path: Path, rows: int, left: set[str]
) -> None:
    """A table of all processes of a machine has hundreds that live for a few samples."""
    path = tmp_path / "processes.csv"
    lines = [
        f"{i},{pid},{1000 + i % 3}" for i in range(30) for pid in (1, 2) if pid == 1 or i < rows
    ]
    path.write_text("\n".join(["time,pid,rss_kb", *lines, ""]))
    recording = read_recording(path)
    assert {dict(series.labels)["pid"] for series in recording.series} == left
    said = " ".join(event.text for event in recording.events)
    assert ("1 of 2 were seen in fewer than 10 rows and are left out, such as 2" in said) == (
        rows < 10
    )


def test_a_file_in_which_nothing_lives_long_is_no_pass(tmp_path: Path) -> None:
    path = tmp_path / "processes.csv"
    lines = [f"{i},{pid},{1000 + i % 3}" for i in range(6) for pid in (1, 2)]
    path.write_text("\n".join(["time,pid,rss_kb", *lines, ""]))
    recording = read_recording(path)
    assert len(recording.series) == 2
    assert analyze(recording, Limits(), judge_unknown=True).verdict is Verdict.INCONCLUSIVE
