"""A chart as a short table, for users of a screen reader: moments of the run down, curves or latencies across."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from soak.model import Chart, Curve, HeatMap
from soak.reporters import wording
from soak.units import show_duration, show_number

#: Maximum rows and columns of a table.
ROWS, COLUMNS = 8, 6


@dataclass(frozen=True)
class ChartRow:
    """A moment, and the value of each column then."""

    time: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class ChartTable:
    """A chart's table: the names of its columns, and its rows; both empty if nothing was recorded."""

    columns: tuple[str, ...] = ()
    rows: tuple[ChartRow, ...] = ()


def table_of(chart: Chart) -> ChartTable:
    """Return a few moments of the run with the values of the first curves, or with the numbers of requests by latency."""
    if chart.heat is not None:
        return _heat_table(chart.heat)
    curves = [curve for curve in chart.curves[:COLUMNS] if len(curve.times)]
    if not curves:
        return ChartTable()
    times = np.unique(np.linspace(0, len(curves[0].times) - 1, ROWS).astype(int))
    moments = [float(curves[0].times[index]) for index in times]
    rows = (
        ChartRow(show_duration(moment), tuple(_at(curve, moment, chart.unit) for curve in curves))
        for moment in moments
    )
    return ChartTable(tuple(wording.clean(curve.label) for curve in curves), tuple(rows))


def _at(curve: Curve, moment: float, unit: str) -> str:
    index = min(int(np.searchsorted(curve.times, moment)), len(curve.times) - 1)
    return wording.amount(float(curve.values[index]), unit) or "no value"


def _heat_table(heat: HeatMap) -> ChartTable:
    """Return the requests by time and latency, with both grouped into few intervals."""
    bands = [part for part in np.array_split(np.arange(heat.counts.shape[0]), COLUMNS) if len(part)]
    stretches = [
        part for part in np.array_split(np.arange(heat.counts.shape[1]), ROWS) if len(part)
    ]
    latencies = np.geomspace(heat.low, heat.high, heat.counts.shape[0] + 1)
    times = np.linspace(heat.start, heat.end, heat.counts.shape[1] + 1)
    columns = tuple(
        f"{show_duration(latencies[band[0]])} to {show_duration(latencies[band[-1] + 1])}"
        for band in bands
    )
    rows = tuple(
        ChartRow(
            f"{show_duration(times[part[0]])} to {show_duration(times[part[-1] + 1])}",
            tuple(show_number(int(heat.counts[np.ix_(band, part)].sum())) for band in bands),
        )
        for part in stretches
    )
    return ChartTable(columns, rows)
