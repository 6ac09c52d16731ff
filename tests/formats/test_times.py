"""Times as tools and people write them: always to seconds, or refused with what to say."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from soak.errors import InputError
from soak.formats import Options, read_recording, recording_of
from soak.formats.content import Content
from soak.formats.time_column import MOST_APART
from soak.formats.times import from_numbers
from soak.model import Recording

START = datetime(2025, 7, 31, 22, 13, 20, tzinfo=UTC)
SECONDS = (0, 15, 30)
MOMENTS = [START + timedelta(seconds=second) for second in SECONDS]


def read(header: str, cells: list[object], **options: object) -> Recording:
    rows = "".join(f'"{cell}",{place}\n' for place, cell in enumerate(cells))
    content = Content(Path("a.csv"), f'"{header}",rss\n{rows}'.encode())
    return recording_of(content, Options(**options))  # type: ignore[arg-type]


def times(header: str, cells: list[object]) -> list[float]:
    return read(header, cells).series[0].times.tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    "written",
    [
        "%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)",
        "%Y-%m-%d %H:%M:%S.000000000 +0000 UTC",
        "%Y-%m-%d %H:%M:%S.000000000 +0000 UTC m=+0.003",
        "%Y-%m-%d %H:%M:%S UTC",
        "%Y-%m-%d %H:%M:%S.000000+00",
        "%Y%m%dT%H%M%SZ",
        "%Y%m%d%H%M%S",
        "%m/%d/%Y %I:%M:%S %p",
    ],
)
def test_dates_as_programs_print_them(written: str) -> None:
    recording = read("time", [moment.strftime(written) for moment in MOMENTS])
    assert recording.series[0].times.tolist() == list(SECONDS)
    assert recording.run.started == "2025-07-31T22:13:20Z"


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (lambda unix: f"{25569 + unix / 86400:.8f}", "days since 1900"),
        (lambda unix: unix * 10**7 + 621355968000000000, "100 ns"),
        (lambda unix: unix * 10**7 + 116444736000000000, "100 ns"),
    ],
    ids=["Excel", ".NET", "Windows"],
)
def test_counts_of_spreadsheets_and_windows(of: object, said: str) -> None:
    cells: list[object] = [of(int(moment.timestamp())) for moment in MOMENTS]  # type: ignore[operator]
    recording = read("time", cells)
    np.testing.assert_allclose(recording.series[0].times, SECONDS, atol=2e-3)
    assert said in recording.events[0].text


@pytest.mark.parametrize(
    ("apart", "seconds"), [(0.05, 0.05 * 86400), (0.0501, 0.0501)], ids=["days", "seconds"]
)
def test_how_close_together_days_of_a_spreadsheet_are(apart: float, seconds: float) -> None:
    times, _ = from_numbers(np.asarray(45_869 + np.arange(5) * apart, dtype=np.float64))
    np.testing.assert_allclose(np.diff(times), seconds, rtol=1e-4)


@pytest.mark.parametrize(
    "cells",
    [
        ["0 days 00:00:00", "0 days 00:00:15", "0 days 00:00:30"],
        ["23:59:45", "1 day, 0:00:00", "1 day, 0:00:15"],
        ["0s", "15s", "30s"],
        ["59m45s", "1h0m0s", "1h0m15s"],
        ["0ms", "15000ms", "30000ms"],
    ],
)
def test_durations(cells: list[object]) -> None:
    assert times("elapsed", cells) == list(SECONDS)


@pytest.mark.parametrize(
    ("header", "factor"),
    [
        ("seconds", 1),
        ("minutes", 60),
        ("Time (min)", 60),
        ("hours", 3600),
        ("Time [h]", 3600),
        ("elapsed_h", 3600),
        ("Wall time", 1),
        ("TIME_SINCE_START", 1),
        ("unix_ts", 1),
        ("Zeit (ms)", 1e-3),
    ],
)
def test_names_of_a_time_column_and_their_units(header: str, factor: float) -> None:
    assert times(header, [0, 1, 2]) == pytest.approx([0, factor, 2 * factor])


def test_a_latency_is_no_time_column() -> None:
    with pytest.raises(InputError, match="no time column"):
        read("response_time_ms", [3, 5, 4])


@pytest.mark.parametrize("header", ["time", "timestamp", "ts", "elapsed"])
def test_relative_times_of_an_unknown_unit(header: str) -> None:
    assert "is taken to be in seconds" in read(header, [0, 15, 30]).events[0].text
    read(header, [0, MOST_APART - 1, 2 * MOST_APART - 2])
    with pytest.raises(InputError, match=f"1,000 apart.*--unit {header}=ms"):
        read(header, [0, MOST_APART, 2 * MOST_APART])
    far: list[object] = [0, 15e6, 30e6, 150e6]
    with pytest.raises(InputError, match=f"--unit {header}=ms"):
        read(header, far)
    assert read(header, far, units={header: "us"}).series[0].times.tolist() == [0, 15, 30, 150]


def test_whole_minutes_need_a_step() -> None:
    cells: list[object] = [f"7/31/25 22:{13 + place // 4}" for place in range(12)]
    with pytest.raises(InputError, match="--step 15s, since the times are whole minutes"):
        read("time", cells)
    recording = read("time", cells, step=15.0)
    assert np.diff(recording.series[0].times).tolist() == [15.0] * 11
    assert "15 s apart, as --step says: time is too coarse" in recording.events[0].text


def test_a_step_that_is_not_needed_is_said() -> None:
    recording = read("t", [0, 15, 30], step=5.0)
    assert recording.series[0].times.tolist() == [0, 15, 30]
    assert "--step is not needed" in recording.events[0].text


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (
            "export.jsonl",
            '{"metric":{"__name__":"a"},"values":[1,2],"timestamps":[1754000000000,1754000000000000000]}\n',
            "a: 1.754e\\+18 ms is no time",
        ),
        (
            "pidstat.txt",
            (
                "Linux 6.8.0 (host) \t08/01/2025 \t_x86_64_\t(2 CPU)\n\n"
                "# Time        UID       PID     VSZ     RSS   %MEM  Command\n"
                "1754000000     1000      4711  900000  5000   2.50  app\n"
                "# Time        UID       PID     VSZ     RSS   %MEM  Command\n"
                "1754000000000000     1000      4711  900000  5000   2.50  app\n"
            ),
            "several units",
        ),
    ],
)
def test_damaged_times_are_refused_with_the_file(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InputError, match=f"{name}: .*{said}"):
        read_recording(path, Options())
