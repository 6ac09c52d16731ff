import json
from pathlib import Path

import numpy as np
import pytest

from soak.errors import InputError
from soak.formats import read_recording
from soak.model import Kind


def csv(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "series.csv"
    path.write_text(text)
    return path


def test_seconds_and_names(tmp_path: Path) -> None:
    recording = read_recording(
        csv(tmp_path, 't,a_bytes,"go_goroutines{pod=""x""}",n_total\n0,1,5,1\n1,,6,2\n2,3,7,3\n')
    )
    a, goroutines, counter = recording.series
    np.testing.assert_array_equal(a.values, [1, np.nan, 3])
    assert (goroutines.name, goroutines.labels) == ("go_goroutines", (("pod", "x"),))
    assert counter.kind is Kind.COUNTER
    assert recording.run.seconds == 2


def test_iso_times_start_at_zero(tmp_path: Path) -> None:
    text = "time,a\n2026-01-01T00:00:00Z,1\n2026-01-01T00:00:01.5Z,2\n2026-01-01T01:00:10+01:00,3\n"
    assert read_recording(csv(tmp_path, text)).series[0].times.tolist() == [0.0, 1.5, 10.0]


def test_rows_are_put_in_order_once_and_said_so(tmp_path: Path) -> None:
    recording = read_recording(csv(tmp_path, "t,a\n2,20\n0,0\n1,10\n1,11\n"))
    assert recording.series[0].times.tolist() == [0, 1, 2]
    assert recording.series[0].values.tolist() == [0, 11, 20]
    [event] = recording.events
    assert event.kind == "warning"
    assert "out of order" in event.text
    assert "1 rows shared a time" in event.text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "the file is empty"),
        (
            "a,b\n1,2\n",
            "no time column: name it with --time COLUMN, or say how far apart the rows are with --step 15s; there is a, b",
        ),
        ("t\n1\n", "no column besides the time"),
        ("t,a\n", "has a header but no rows"),
        ("t,a\n0,1\n1,full\n", "series.csv:3: column a: not a number: 'full'"),
        ("t,a\n0,1\nsoon,2\n", "series.csv:3: column t: not a number: 'soon'"),
        ("t,a\n0,1\n,2\n", "series.csv:3: column t: is empty"),
        ("time,a\nyesterday,1\n", "series.csv:2: column time: not a time: 'yesterday'"),
        ("t,a\n0,1,2,3\n", "not valid CSV"),
        ('t,"a{x}"\n0,1\n', "labels are written as"),
        ("\x00\x01", "a binary file"),
        ("{}", "has a header but no rows"),
        ("{", "not valid JSON"),
        ('{"status":"error","error":"bad query"}', "(bad query)"),
        ('{"data":{"resultType":"matrix","result":[]}}', "the answer holds no samples"),
        (
            '{"data":{"resultType":"matrix","result":[{"metric":{}}]}}',
            "the answer holds no samples; was the query or its range wrong?",
        ),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line(
    tmp_path: Path, text: str, expected: str
) -> None:
    with pytest.raises(InputError) as caught:
        read_recording(csv(tmp_path, text))
    assert "series.csv" in str(caught.value)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_recording(tmp_path / "nowhere.csv")


def test_an_answer_of_query_range(tmp_path: Path) -> None:
    result = [
        {
            "metric": {"__name__": "go_goroutines", "pod": pod},
            "values": [[1700000000 + 15 * n, str(n)] for n in range(4)],
        }
        for pod in ("x", "y")
    ]
    path = csv(
        tmp_path,
        json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}),
    )
    x, y = read_recording(path).series
    assert x.labels == (("pod", "x"),)
    assert y.labels == (("pod", "y"),)
    assert x.times.tolist() == [0, 15, 30, 45]
