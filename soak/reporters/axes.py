"""The axes of a chart: elapsed time below, values in a unit's own steps at the left."""

from __future__ import annotations

from typing import Any

from bokeh.models import AdaptiveTicker, CompositeTicker, CustomJSTickFormatter, Ticker
from bokeh.plotting import figure

from soak.model import JudgedClock


def moment_code(name: str, clock: JudgedClock | None) -> dict[str, Any]:
    """What a formatter needs to show the moment in the variable `name`: elapsed and by the clock, or a count of requests."""
    if clock is None:
        return {"code": f"return soakMoment({name})"}
    columns = {
        "shown": [round(seconds, 3) for seconds in clock.judged],
        "requests": list(map(round, clock.requests)),
    }
    return {"args": columns, "code": f"return soakRequests({name}, shown, requests)"}


def label_axes(plot: figure, unit: str, clock: JudgedClock | None = None) -> None:
    """Elapsed time and time of day below, or the requests of a clock; the unit's own steps at the left."""
    minutes = AdaptiveTicker(
        mantissas=[1, 2, 5, 10, 15, 30], base=60, min_interval=1, max_interval=1800
    )
    hours = AdaptiveTicker(
        mantissas=[1, 2, 4, 6, 12], base=24, min_interval=3600, max_interval=43200
    )
    days = AdaptiveTicker(mantissas=[1, 2, 5], base=10, min_interval=86400)
    plot.xaxis.ticker = CompositeTicker(tickers=[minutes, hours, days], desired_num_ticks=8)
    if clock is not None:
        plot.xaxis.ticker = AdaptiveTicker(desired_num_ticks=8)
    label = {"code": "return soakTimeLabel(tick, index, ticks)"}
    plot.xaxis.formatter = CustomJSTickFormatter(
        **(label if clock is None else moment_code("tick", clock))
    )
    plot.yaxis.ticker = _steps(unit)
    plot.yaxis.formatter = CustomJSTickFormatter(
        args={"unit": unit}, code="return soakTick(tick, ticks, unit)"
    )
    for axis in (*plot.xaxis, *plot.yaxis):
        axis.update(minor_tick_line_color=None, major_label_text_font_size="12px")
    plot.xgrid.grid_line_color = None


def _steps(unit: str) -> Ticker:
    """Powers of two for bytes, of ten for all else."""
    if unit == "bytes":
        powers = [2**power for power in range(10)]
        return AdaptiveTicker(base=1024, mantissas=powers, num_minor_ticks=0, desired_num_ticks=5)
    return AdaptiveTicker(base=10, mantissas=[1, 2, 5], num_minor_ticks=0, desired_num_ticks=5)
