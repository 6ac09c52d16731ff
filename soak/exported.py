"""Export a recording as one table, a row per moment and a column per series, as CSV text or Parquet.

`soak analyze` reads both formats.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from soak.analysis.prepare.prepare import request_series
from soak.errors import UsageError
from soak.model import Floats, Recording, Series, series_key
from soak.printable import clean


@dataclass(frozen=True, slots=True, eq=False)
class ExportTable:
    """Columns of length n: rising `times` in seconds since the run's start, and each series, NaN where it has no value.

    `started` is when the run began, in UTC, None if unknown.
    """

    started: datetime | None
    times: Floats
    columns: dict[str, Floats]

    def moments(self) -> list[datetime]:
        """Return the times in UTC, to the millisecond."""
        assert self.started is not None
        return [
            self.started + timedelta(milliseconds=round(1000 * seconds))
            for seconds in self.times.tolist()
        ]


def table_of(recording: Recording) -> ExportTable:
    """Return everything that was sampled (counters as counted), and the series derived from request windows."""
    several = [
        series for series in (*recording.series, *request_series(recording)) if len(series.times)
    ]
    # Rounded to the millisecond, so that a window and a scrape of the same moment share a row.
    rounded = [np.round(series.times, 3) for series in several]
    times = np.unique(np.concatenate(rounded)) if rounded else np.empty(0)
    columns: dict[str, Floats] = {}
    for name, series, moments in zip(_names(several), several, rounded, strict=True):
        column = np.full(len(times), np.nan)
        column[np.searchsorted(times, moments)] = series.values
        columns[name] = column
    return ExportTable(recording.run.started_at, times, columns)


def _names(several: list[Series]) -> Iterator[str]:
    """Yield the name of each column; a name that occurs in two sources gets a `source` label."""
    often = Counter(series.key for series in several)
    for series in several:
        own = (
            series.labels if often[series.key] == 1 else (*series.labels, ("source", series.source))
        )
        yield series_key(series.name, tuple((name, _escaped(value)) for name, value in own))


def _escaped(value: str) -> str:
    """Escape a label's value as Prometheus does."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def csv_text(table: ExportTable) -> str:
    """Return CSV with a column `time` (ISO 8601, UTC), or `t` (seconds) without a start; missing values are empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [_harmless(name) for name in table.columns]
    writer.writerow(["t" if table.started is None else "time", *names])
    if table.started is None:
        first = [f"{seconds:.3f}" for seconds in table.times.tolist()]
    else:
        first = [
            moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            for moment in table.moments()
        ]
    cells = [[_cell(value) for value in column.tolist()] for column in table.columns.values()]
    writer.writerows(zip(first, *cells, strict=True))
    return text.getvalue()


def _harmless(name: str) -> str:
    """Remove control characters, and put an apostrophe before a name that a spreadsheet would evaluate."""
    name = clean(name)
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) else name


def _cell(value: float) -> str:
    """Format a number exactly, a whole one without a decimal point; empty for NaN."""
    return "" if math.isnan(value) else repr(int(value)) if value.is_integer() else repr(value)


def parquet_bytes(table: ExportTable) -> bytes:
    """Return the same table as Parquet (`time` or `t`, then doubles); raise UsageError if pyarrow is not installed."""
    try:
        import pyarrow as pa  # noqa: PLC0415 - an extra
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        raise UsageError("Parquet needs pyarrow: pip install 'soak-harness[parquet]'") from None
    first = (
        {"t": pa.array(table.times)}
        if table.started is None
        else {"time": pa.array(table.moments(), pa.timestamp("ms", tz="UTC"))}
    )
    columns = {name: pa.array(column, from_pandas=True) for name, column in table.columns.items()}
    sink = io.BytesIO()
    parquet.write_table(pa.table(first | columns), sink)
    return sink.getvalue()
