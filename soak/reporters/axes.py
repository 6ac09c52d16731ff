"""The axes of a chart: elapsed time below, values in suitable steps of the unit at the left."""

from __future__ import annotations

from typing import Any

from soak.model import JudgedClock
from soak.reporters.bokeh_models import Model, Plot, model

#: The look of every axis.
LOOK = {"major_label_text_font_size": "12px", "minor_tick_line_color": None}


def moment_code(name: str, clock: JudgedClock | None) -> dict[str, Any]:
    """Return a formatter's attributes to show the moment `name`: elapsed and clock time, or a number of requests."""
    if clock is None:
        return {"code": f"return soakMoment({name})"}
    columns = {
        "shown": [round(seconds, 3) for seconds in clock.judged],
        "requests": list(map(round, clock.requests)),
    }
    return {"args": columns, "code": f"return soakRequests({name}, shown, requests)"}


def label_axes(plot: Plot, unit: str, clock: JudgedClock | None = None) -> None:
    """Label the axes: below, elapsed time and time of day, or a clock's requests; at the left, steps of the unit."""
    label = {"code": "return soakTimeLabel(tick, index, ticks)"}
    below = label if clock is None else moment_code("tick", clock)
    left = {"args": {"unit": unit}, "code": "return soakTick(tick, ticks, unit)"}
    plot.x_axis |= LOOK | {
        "ticker": _moments() if clock is None else model("AdaptiveTicker", desired_num_ticks=8),
        "formatter": model("CustomJSTickFormatter", **below),
    }
    plot.y_axis |= LOOK | {
        "ticker": _steps(unit),
        "formatter": model("CustomJSTickFormatter", **left),
    }


def _moments() -> Model:
    """Return a ticker with steps of seconds and minutes, of hours, and of days."""
    minutes = {"base": 60, "mantissas": [1, 2, 5, 10, 15, 20, 30], "min_interval": 1}
    hours = {"base": 24, "mantissas": [1, 2, 4, 6, 12], "min_interval": 3600}
    days = {"base": 10, "mantissas": [1, 2, 5], "min_interval": 86400}
    tickers = [
        model("AdaptiveTicker", **minutes, max_interval=1800),
        model("AdaptiveTicker", **hours, max_interval=43200),
        model("AdaptiveTicker", **days),
    ]
    return model("CompositeTicker", tickers=tickers, desired_num_ticks=8)


def _steps(unit: str) -> Model:
    """Return a ticker with steps in powers of two for bytes, of ten for other units."""
    base, mantissas = (
        (1024, [2**power for power in range(10)]) if unit == "bytes" else (10, [1, 2, 5])
    )
    look = {"num_minor_ticks": 0, "desired_num_ticks": 5}
    return model("AdaptiveTicker", base=base, mantissas=mantissas, **look)
