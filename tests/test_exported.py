"""A recording as a table, and that `soak analyze` reads it again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from soak.cli import cli
from soak.exported import ExportTable, csv_text, parquet_bytes, table_of
from soak.formats import Options, read_recording
from soak.model import Kind, Series
from tests.analysis.recordings import counter, gauge, recording, windows

MADE = recording(
    gauge("process_resident_memory_bytes", 5e7 + np.arange(300.0) / 3),
    counter("process_cpu_seconds_total", np.arange(300.0)),
    gauge("db_pool_connections_in_use", 3, pool="a,b"),
    requests=[windows("GET /a"), windows('POST "b"', failures=5)],
)


def same(read: Series, made: Series) -> None:
    there = np.isfinite(read.values)
    assert np.array_equal(read.values[there], made.values)
    assert np.allclose(read.times[there] - read.times[0], made.times - made.times[0])
    assert read.kind is made.kind


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_exported_is_read_again_to_the_last_digit(ending: str, tmp_path: Path) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    table, file = table_of(MADE), tmp_path / f"run.{ending}"
    file.write_bytes(csv_text(table).encode() if ending == "csv" else parquet_bytes(table))
    read = {series.key: series for series in read_recording(file, Options()).series}
    for made in MADE.series:
        same(read[made.key], made)
    [failed] = [
        s for s in read.values() if s.labels == (("endpoint", 'POST "b"'),) and "error" in s.name
    ]
    assert np.allclose(failed.values[np.isfinite(failed.values)], 0.1)
    assert read["process_cpu_seconds_total"].kind is Kind.COUNTER


def test_rows_are_moments_and_an_empty_cell_is_no_value() -> None:
    odd = Series("a_bytes", np.array([0.0, 2.0]), np.array([1.5, 2.0]), source="x")
    even = Series("b_bytes", np.array([1.0, 2.0004]), np.array([7.0, np.nan]), source="x")
    made = recording(odd, even, requests=[])
    assert csv_text(table_of(made)) == (
        "time,a_bytes,b_bytes\n"
        "2026-01-01T00:00:00.000Z,1.5,\n"
        "2026-01-01T00:00:01.000Z,,7\n"
        "2026-01-01T00:00:02.000Z,2,\n"
    )
    unknown = replace(made, run=replace(made.run, started=""))
    assert csv_text(table_of(unknown)).startswith("t,a_bytes,b_bytes\n0.000,1.5,\n")
    twice = recording(odd, replace(odd, source="y"), requests=[])
    assert list(table_of(twice).columns) == ['a_bytes{source="x"}', 'a_bytes{source="y"}']
    assert csv_text(table_of(recording(requests=[]))) == "time\n"


def test_an_ending_of_no_known_format_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["export", str(tmp_path), "--out", "run.txt"])
    assert "give a file that ends in .csv or .parquet" in str(result.exception)
    result = CliRunner().invoke(cli, ["export", str(tmp_path)])
    assert "not a run directory" in str(result.exception)


def test_names_of_columns_are_no_formulas_and_have_no_control_characters() -> None:
    names = ["=cmd|calc", "+1", "-1", "@SUM", "a=b", "red\x1b[31m\x00"]
    table = ExportTable(None, np.array([0.0]), {name: np.array([-1.0]) for name in names})
    head, row = csv_text(table).splitlines()
    assert head.split(",")[:6] == ["t", "'=cmd|calc", "'+1", "'-1", "'@SUM", "a=b"]
    assert head.isprintable()
    assert row == "0.000,-1,-1,-1,-1,-1,-1"
