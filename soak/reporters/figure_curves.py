"""Curves in a figure: values with their band, fitted growth, the forecast, and the tooltip."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soak.model import Curve, JudgedClock, Lead, Line, Trend
from soak.reporters.axes import moment_code
from soak.reporters.bokeh_models import (
    Model,
    Plot,
    column,
    constant,
    data_source,
    model,
    name_of,
    span,
)
from soak.reporters.request_axis import drawn

COLOURS = 8  # curve colours in the style sheet; further curves repeat them, dashed
FEW = 40  # curves with fewer points have markers, so that even a single point shows


def has_values(curve: Curve) -> bool:
    """Return True if the curve has any value."""
    return bool(np.isfinite(curve.values).any())


def draw_curve(plot: Plot, key: str, number: int, curve: Curve, *, alone: bool) -> Model | None:
    """Draw one curve with its band and fit; return the renderer for the tooltip, None if it has no value."""
    if not has_values(curve):
        return None
    paint, source, tags = _prepared(key, number, curve)
    for band in _bands(curve, source):
        plot.draw(band, _area(0.2, paint), **tags)
    dash = [6, 2] if number >= COLOURS else []
    reader = plot.draw(source, _line("v", 1.6, dash, paint), **tags)
    if np.isfinite(curve.values).sum() < FEW:
        plot.draw(source, _points("v", 7, paint), **tags)
    if curve.trend:
        _fit(plot, curve.trend, tags, "paint:ink" if alone else paint)
        if alone:
            _levels(plot, curve.trend, tags)
    return reader


def draw_part(plot: Plot, key: str, number: int, part: Curve) -> Model | None:
    """Draw one part of a stack as an area on the parts below it; return the renderer for the tooltip."""
    if not has_values(part):
        return None
    paint, source, tags = _prepared(key, number, part)
    plot.draw(source, _area(0.35, paint), **tags)
    reader = plot.draw(source, _line("hi", 1.2, [], paint), **tags)
    if len(part.times) < FEW:
        plot.draw(source, _points("hi", 5, paint), **tags)
    return reader


def _bands(curve: Curve, whole: Model) -> Iterable[Model]:
    """Yield the band from lowest to highest value, one piece between each two gaps."""
    known = np.isfinite(curve.low) & np.isfinite(curve.high)
    if known.all():
        yield whole
        return
    edges = np.flatnonzero(np.diff(np.concatenate(([0], known.astype(np.int8), [0]))))
    columns = {"t": curve.times, "lo": curve.low, "hi": curve.high}
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        yield data_source({name: _floats(values[first:last]) for name, values in columns.items()})


def _prepared(key: str, number: int, curve: Curve) -> tuple[str, Model, dict[str, Any]]:
    """Return a curve's colour as a tag, its points, and the attributes that identify its glyphs."""
    columns = {"t": curve.times, "v": curve.values, "lo": curve.low, "hi": curve.high}
    source = data_source({name: _floats(values) for name, values in columns.items()})
    tags = {"tags": [f"curve:{key}"], "name": name_of(curve.label)}
    return f"paint:c{number % COLOURS}", source, tags


def _floats(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Convert to single precision: seven figures are enough for a picture, at half the size."""
    return np.asarray(values, dtype=np.float32)


def _fit(plot: Plot, trend: Trend, tags: dict[str, Any], paint: str) -> None:
    """Draw the fitted level of each segment between restarts, as judged, with the fan of its 95% interval."""
    for line in trend.lines:
        source = _line_source(line, trend.clock)
        plot.draw(source, _area(0.16, paint), **tags)
        plot.draw(source, _line("v", 2.5, [8, 4], paint), **tags)


def _levels(plot: Plot, trend: Trend, tags: dict[str, Any]) -> None:
    """Draw the fitted levels as points, such as the floor below a sawtooth, which the curve alone does not show."""
    if not trend.levels:
        return
    times, levels = np.array(trend.levels).T
    if trend.clock is not None:
        times = trend.clock.time_of(times)
    source = data_source({"t": _floats(times), "f": _floats(levels)})
    look = {"line_color": constant(None), "fill_alpha": constant(0.6)}
    plot.draw(source, _points("f", 4, "paint:ink", **look), **tags)


def _line_source(line: Line, clock: JudgedClock | None) -> Model:
    """Return a fitted line with its interval as columns."""
    columns = zip(("t", "v", "lo", "hi"), drawn(line, clock), strict=True)
    return data_source({name: _floats(values) for name, values in columns})


def draw_ahead(plot: Plot, line: Line, lead: Lead | None, clock: JudgedClock | None) -> None:
    """Draw the forecast with its fan, and its target if within the chart; or the steepest growth that could hide."""
    forecast = lead is not None and lead.target is not None
    source = _line_source(line, None if forecast else clock)
    tags = {"tags": ["ahead"], "name": "ahead"}
    plot.draw(source, _area(0.16, "paint:verdict"), **tags)
    plot.draw(source, _line("v", 2, [2, 4], "paint:verdict"), **tags)
    if lead is not None and forecast and line.last == lead.target:
        plot.center.append(level_line(lead.target))


def level_line(value: float) -> Model:
    """Return a dotted line at a limit, a capacity or a forecast's target."""
    look = {"line_dash": [2, 3], "line_width": 2, "tags": ["paint:limit"]}
    return span(location=value, dimension="width", **look)


def _area(alpha: float, paint: str) -> Model:
    """Return the area between the lowest and the highest value."""
    look = {"fill_alpha": alpha, "tags": [paint]}
    return model("VArea", x=column("t"), y1=column("lo"), y2=column("hi"), **look)


def _line(values: str, width: float, dash: list[int], paint: str) -> Model:
    """Return a line through the values of a column."""
    look = {"line_width": width, "line_dash": dash, "tags": [paint]}
    return model("Line", x=column("t"), y=column(values), **look)


def _points(values: str, size: int, paint: str, **look: Any) -> Model:
    """Return points at the values of a column."""
    return model(
        "Scatter", x=column("t"), y=column(values), size=constant(size), tags=[paint], **look
    )


def read_by_pointer(
    plot: Plot,
    readers: list[Model],
    unit: str,
    mode: str,
    clock: JudgedClock | None,
    *,
    ranges: bool = True,
) -> None:
    """Add the tooltip: series, value, extremes (if `ranges`) and time. Bokeh shows `$name` as plain text."""
    shown = model("CustomJSHover", args={"unit": unit}, code="return soakShow(value, unit)")
    formatters = {
        "@v": shown,
        "@lo": shown,
        "@hi": shown,
        "@t": model("CustomJSHover", **moment_code("value", clock)),
    }
    extremes = ("range", "@lo{custom} to @hi{custom}")
    rows = [
        ("series", "$name"),
        ("value", "@v{custom}"),
        *([extremes] if ranges else []),
        ("requests" if clock else "time", "@t{custom}"),
    ]
    look = {"mode": mode, "tooltips": rows, "formatters": formatters}
    plot.tools.append(model("HoverTool", renderers=readers, **look))
