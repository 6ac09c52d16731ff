"""Recordings made by others: CSV files and answers of Prometheus's query_range."""

from __future__ import annotations

import gzip
import json
import re
import warnings
from io import BufferedIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from soak.errors import InputError
from soak.model import Event, EventKind, Floats, Kind, Labels, Recording, RunInfo, Series, label_pairs

if TYPE_CHECKING:
    import pandas as pd

_COLUMN = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{(.*)\}")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')


def import_recording(path: Path) -> Recording:
    """A Recording from a CSV file or a query_range answer, told apart by their first character, gzipped where named .gz.

    InputError says what is wrong.
    """
    try:
        with _opened(path) as file:
            head = file.read(4096)
    except (OSError, EOFError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: cannot be read: {why.lower()}") from None
    if b"\0" in head:
        raise InputError(
            f"{path}: a binary file; expected CSV with a column t or time, or a Prometheus query_range answer"
        )
    return _from_json(path) if head.lstrip()[:1] in (b"{", b"[") else _from_csv(path)


def _opened(path: Path) -> BufferedIOBase:
    """The file, decompressed where its name ends in .gz."""
    return gzip.open(path) if path.suffix == ".gz" else path.open("rb")


def _from_csv(path: Path) -> Recording:
    """Columns `t` (seconds) or `time` (ISO 8601), every other a series named as Prometheus would."""
    import pandas as pd  # noqa: PLC0415 - a third of a second that only this verb should pay

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a row longer than the header
            frame = pd.read_csv(path, skipinitialspace=True, encoding="utf-8-sig", index_col=False, low_memory=False)
    except pd.errors.EmptyDataError:
        raise InputError(f"{path}: the file is empty") from None
    except (pd.errors.ParserError, pd.errors.ParserWarning, UnicodeDecodeError, ValueError, OSError, EOFError) as error:
        raise InputError(f"{path}: not valid CSV: {str(error).strip().splitlines()[-1]}") from None
    frame.columns = [str(column).strip() for column in frame.columns]
    if not len(frame):
        raise InputError(f"{path}: has a header but no rows")
    times = _times(path, frame)
    columns = [column for column in frame.columns if column not in ("t", "time")]
    if not columns:
        raise InputError(f"{path}: has no column besides the time; every other column would be a series")
    order, said = _rising(times)
    series = []
    for column in columns:
        values = _numbers(path, frame, column)
        name, labels = _column_name(path, column)
        series.append(Series(name, times[order], values[order], labels, kind_of(name), "csv"))
    return _recording(path, tuple(series), said)


def _times(path: Path, frame: pd.DataFrame) -> Floats:
    import pandas as pd  # noqa: PLC0415 - as above

    found = [column for column in ("t", "time") if column in frame.columns]
    if not found:
        names = ", ".join(frame.columns[:6])
        raise InputError(f"{path}: no time column: name one t (seconds) or time (ISO 8601); there is {names}")
    column = found[0]
    if column == "t" or pd.api.types.is_numeric_dtype(frame[column]):
        times: Floats = _numbers(path, frame, column)
    else:
        parsed = pd.to_datetime(frame[column], utc=True, errors="coerce", format="ISO8601")
        times = np.asarray((parsed - parsed.min()).dt.total_seconds(), dtype=np.float64)
    wrong = np.flatnonzero(~np.isfinite(times))
    if len(wrong):
        given = frame[column].iloc[wrong[0]]
        said = "is empty" if pd.isna(given) else f"not a time: {str(given)!r}"
        raise InputError(f"{path}:{wrong[0] + 2}: column {column}: {said}")
    return times


def _numbers(path: Path, frame: pd.DataFrame, column: str) -> Floats:
    """A column as numbers, NaN where empty; InputError names the first line that holds something else."""
    import pandas as pd  # noqa: PLC0415 - as above

    if pd.api.types.is_bool_dtype(frame[column]) or not pd.api.types.is_numeric_dtype(frame[column]):
        numbers = pd.to_numeric(frame[column], errors="coerce")
        wrong = np.flatnonzero((numbers.isna() & frame[column].notna()).to_numpy())
        if len(wrong):
            raise InputError(
                f"{path}:{wrong[0] + 2}: column {column}: not a number: {str(frame[column].iloc[wrong[0]])!r}"
            )
        return numbers.to_numpy(dtype=np.float64)
    return frame[column].to_numpy(dtype=np.float64)


def _rising(times: Floats) -> tuple[Any, str]:
    """The order in which times rise, each once (the last row of a time counts), and a sentence if that changed anything."""
    order = np.argsort(times, kind="stable")
    last = np.append(np.diff(times[order]) > 0, True)
    swapped, doubled = bool((np.diff(times) < 0).any()), int((~last).sum())
    said = []
    if swapped:
        said.append("rows were out of order in time and have been sorted")
    if doubled:
        said.append(f"{doubled:,} rows shared a time with another, and only the last of each counts")
    return order[last], "; ".join(said)


def _column_name(path: Path, column: str) -> tuple[str, Labels]:
    match = _COLUMN.fullmatch(column)
    if not match:
        return column, ()
    labels, position = {}, 0
    while position < len(match[2]):
        label = _LABEL.match(match[2], position)
        if label is None:
            raise InputError(f'{path}: column {column}: labels are written as name{{label="value"}}')
        labels[label[1]] = re.sub(r"\\(.)", r"\1", label[2])
        position = label.end()
    return match[1], label_pairs(labels)


def _from_json(path: Path) -> Recording:
    """The answer of Prometheus's /api/v1/query_range (https://prometheus.io/docs/prometheus/latest/querying/api/)."""
    try:
        with _opened(path) as file:
            answer = json.load(file)
    except (ValueError, RecursionError, OSError, EOFError) as error:
        raise InputError(f"{path}: not valid JSON: {error}") from None
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict) or data.get("resultType") != "matrix" or not isinstance(data.get("result"), list):
        said = f" ({answer['error']})" if isinstance(answer, dict) and "error" in answer else ""
        raise InputError(f"{path}: not a query_range answer: expected data.resultType to be matrix{said}")
    series, notes, origin = [], set(), None
    try:
        for entry in data["result"]:
            labels = {str(key): str(value) for key, value in entry["metric"].items()}
            name = labels.pop("__name__", "value")
            table = np.array(
                [(float(time), float(value)) for time, value in entry["values"]], dtype=np.float64
            ).reshape(-1, 2)
            if not np.isfinite(table[:, 0]).all():
                raise ValueError("a time that is not a number")  # noqa: TRY301 - one place says what is wrong
            order, said = _rising(table[:, 0])
            notes |= {said} if said else set()
            if len(order):
                origin = min(origin, table[order[0], 0]) if origin is not None else table[order[0], 0]
            series.append((name, table[order], labels))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: not a query_range answer: {type(error).__name__}: {error}") from None
    if origin is None:
        raise InputError(f"{path}: the answer holds no samples; was the query or its range wrong?")
    found = tuple(
        Series(name, table[:, 0] - origin, table[:, 1], label_pairs(labels), kind_of(name), "json")
        for name, table, labels in series
    )
    return _recording(path, found, "; ".join(sorted(notes)))


def kind_of(name: str) -> Kind:
    """A name's kind by Prometheus's convention: counters end in `_total`, the counts and sums of a summary likewise."""
    counts = name.endswith(("_total", "_seconds_count", "_seconds_sum")) and not name.startswith("nodejs_active_")
    return Kind.COUNTER if counts else Kind.GAUGE


def _recording(path: Path, series: tuple[Series, ...], said: str) -> Recording:
    seen: set[str] = set()
    for one in series:
        if one.key in seen:
            raise InputError(f"{path}: {one.key} is there twice")
        seen.add(one.key)
    spans = [float(one.times[-1]) for one in series if len(one.times)]
    firsts = [float(one.times[0]) for one in series if len(one.times)]
    seconds = max(spans) - min(firsts) if spans else 0.0
    events = (Event(0.0, EventKind.WARNING, f"{path.name}: {said}"),) if said else ()
    return Recording(RunInfo(path.stem, "", seconds), series, events=events)
