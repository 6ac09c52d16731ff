"""Prepared recordings of a few rows, for tests that call the parts of a rule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from soak.analysis.prepare.asked_load import AskedLoad
from soak.analysis.prepare.merged_requests import merged
from soak.analysis.prepare.prepare import Prepared
from soak.model import Phase, Recording, RunInfo, Series
from soak.windows import EndpointWindows, GeneratorWindows


def column(values: ArrayLike, count: int) -> Any:
    """These values, or one for all rows."""
    return np.broadcast_to(np.asarray(values, np.float64), (count,)).copy()


def rows(
    requests: Sequence[int],
    failures: ArrayLike = 0,
    *,
    times: ArrayLike | None = None,
    seconds: ArrayLike = 1.0,
    endpoint: str = "GET /",
    kinds: dict[str, int] | None = None,
) -> EndpointWindows:
    """Windows of so many requests each, one after the other unless told otherwise; of latencies nothing is known."""
    count = len(requests)
    lengths = column(seconds, count)
    ends = np.cumsum(lengths) if times is None else column(times, count)
    made, none = np.asarray(requests, np.int64), np.zeros(0, np.int64)
    failed = column(failures, count).astype(np.int64)
    offsets = np.zeros(count + 1, np.int64)
    return EndpointWindows(
        endpoint, ends, lengths, made, failed, made, offsets, none, none, kinds or {}
    )


def own_rows(
    asked: ArrayLike,
    made: ArrayLike,
    *,
    users: ArrayLike = np.nan,
    seconds: ArrayLike = 1.0,
    count: int = 30,
    busy: ArrayLike = np.nan,
    processors: ArrayLike = np.nan,
) -> GeneratorWindows:
    """Windows of a generator with time to spare, one after the other."""
    lengths, named = column(seconds, count), (0.1, 0.1, 0.0, 1e8, asked, made, 0.0, np.nan, users)
    columns = (column(each, count) for each in (*named, np.nan, busy, processors))
    return GeneratorWindows(np.cumsum(lengths), lengths, *columns)


def prepared(
    *windows: EndpointWindows,
    series: Sequence[Series] = (),
    end: float = 30.0,
    judged_from: float = 0.0,
    start: float = 0.0,
    driven: bool = True,
    asked: AskedLoad | None = None,
    gaps: Sequence[Phase] = (),
    masked: Sequence[Phase] = (),
    **recorded: Any,
) -> Prepared:
    """A run of 30 s that is judged throughout unless told otherwise; `recorded` are more fields of its recording."""
    return Prepared(
        Recording(RunInfo("test"), tuple(series), windows, **recorded),
        tuple(series),
        start,
        end,
        judged_from,
        {},
        None,
        driven,
        asked=asked or AskedLoad(),
        gaps=tuple(gaps),
        masked=tuple(masked),
        requests_of_all=merged(windows) if windows else None,
    )
