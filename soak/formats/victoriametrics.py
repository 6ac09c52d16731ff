"""Read JSON lines of VictoriaMetrics' /api/v1/export (https://docs.victoriametrics.com/).

Each line is a series, with times in milliseconds.
"""

from __future__ import annotations

import json

import numpy as np

from soak.errors import OTHER_SHAPE
from soak.formats.content import CUT_SHORT, Content
from soak.formats.format import Format, Options, RawSeries, Reading, refuse
from soak.formats.times import MOST_SECONDS


def read(content: Content, options: Options) -> Reading:
    """Read an export; several lines of the same series are joined."""
    points: dict[
        tuple[str, tuple[tuple[str, str], ...]], list[tuple[list[float], list[float]]]
    ] = {}
    lines = [(number, line) for number, line in enumerate(content.lines, 1) if line.strip()]
    notes = []
    for place, (number, line) in enumerate(lines):
        try:
            entry = json.loads(line)
            labels = {str(name): str(value) for name, value in entry["metric"].items()}
            name = labels.pop("__name__", "value")
            times = [float(time) for time in entry["timestamps"]]
            values = [float("nan") if value is None else float(value) for value in entry["values"]]
            if len(times) != len(values) or not np.isfinite(times).all():
                raise ValueError(f"{len(times)} timestamps for {len(values)} values")
        except OTHER_SHAPE as error:
            if place and place == len(lines) - 1 and content.is_cut:
                notes.append(CUT_SHORT)
                continue
            raise refuse(
                content, f"not a line of /api/v1/export: {type(error).__name__}: {error}", number
            ) from None
        points.setdefault((name, tuple(sorted(labels.items()))), []).append((times, values))
    reading = Reading(notes=notes)
    for (name, pairs), pieces in points.items():
        every = np.array([time for times, _ in pieces for time in times], dtype=np.float64)
        # The export's times are always milliseconds, even if they are near 1970.
        seconds = every / 1e3
        if len(every) and np.abs(seconds).max() > MOST_SECONDS:
            raise refuse(content, f"{name}: {every[np.abs(every).argmax()]:g} ms is no time")
        column = np.array([value for _, several in pieces for value in several], dtype=np.float64)
        reading.series.append(RawSeries(name, seconds, column, dict(pairs)))
    return reading


def _recognises(content: Content) -> bool:
    first = content.head.lstrip()
    return (
        first.startswith("{")
        and '"metric"' in first
        and '"timestamps"' in first
        and '"values"' in first
    )


FORMAT = Format(
    "VictoriaMetrics JSON lines",
    "curl SERVER/api/v1/export -d 'match[]=…'",
    _recognises,
    read,
    by_lines=False,
)
