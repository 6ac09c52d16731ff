"""Curves in a figure: values with their band, fitted growth, the forecast, and what the pointer reads of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from bokeh.models import (
    ColumnDataSource,
    CustomJSHover,
    Glyph,
    GlyphRenderer,
    HoverTool,
    Scatter,
    Span,
    VArea,
)
from bokeh.models import Line as LineGlyph
from bokeh.plotting import figure
from numpy.typing import NDArray

from soak.model import Curve, JudgedClock, Lead, Line, Trend
from soak.reporters.axes import moment_code
from soak.reporters.request_axis import drawn
from soak.reporters.wording import clean

COLOURS = 8  # curve colours in the style sheet; further curves repeat them, dashed
FEW = 40  # points below which each is marked, so that even one shows


def has_values(curve: Curve) -> bool:
    """Whether the curve has a value at all."""
    return bool(np.isfinite(curve.values).any())


def draw_curve(
    plot: figure, key: str, number: int, curve: Curve, *, alone: bool
) -> GlyphRenderer | None:
    """One curve with its band and fit; gives the renderer that the pointer reads, None where there is no value."""
    if not has_values(curve):
        return None
    paint, source, tags = _prepared(key, number, curve)
    for band in _bands(curve, source):
        draw_glyph(plot, band, VArea(x="t", y1="lo", y2="hi", fill_alpha=0.2, tags=[paint]), tags)
    dash = [6, 2] if number >= COLOURS else []
    reader = draw_glyph(
        plot, source, LineGlyph(x="t", y="v", line_width=1.6, line_dash=dash, tags=[paint]), tags
    )
    if np.isfinite(curve.values).sum() < FEW:
        draw_glyph(plot, source, Scatter(x="t", y="v", size=7, tags=[paint]), tags)
    if curve.trend:
        _fit(plot, curve.trend, tags, "paint:ink" if alone else paint)
        if alone:
            _levels(plot, curve.trend, tags)
    return reader


def draw_part(plot: figure, key: str, number: int, part: Curve) -> GlyphRenderer | None:
    """One part of a stack: an area on the parts below it, and its size for the pointer to read."""
    if not has_values(part):
        return None
    paint, source, tags = _prepared(key, number, part)
    draw_glyph(plot, source, VArea(x="t", y1="lo", y2="hi", fill_alpha=0.35, tags=[paint]), tags)
    edge = LineGlyph(x="t", y="hi", line_width=1.2, tags=[paint])
    reader = draw_glyph(plot, source, edge, tags)
    if len(part.times) < FEW:
        draw_glyph(plot, source, Scatter(x="t", y="hi", size=5, tags=[paint]), tags)
    return reader


def _bands(curve: Curve, whole: ColumnDataSource) -> Iterable[ColumnDataSource]:
    """The band from lowest to highest, one piece between each two gaps."""
    known = np.isfinite(curve.low) & np.isfinite(curve.high)
    if known.all():
        yield whole
        return
    edges = np.flatnonzero(np.diff(np.concatenate(([0], known.astype(np.int8), [0]))))
    columns = {"t": curve.times, "lo": curve.low, "hi": curve.high}
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        yield ColumnDataSource(
            {name: _floats(column[first:last]) for name, column in columns.items()}
        )


def _prepared(key: str, number: int, curve: Curve) -> tuple[str, ColumnDataSource, dict[str, Any]]:
    """A curve's colour as a tag, its points, and what tells its glyphs from those of others."""
    columns = {"t": curve.times, "v": curve.values, "lo": curve.low, "hi": curve.high}
    source = ColumnDataSource({name: _floats(column) for name, column in columns.items()})
    tags = {"tags": [f"curve:{key}"], "name": clean(curve.label)[:200] or "unnamed"}
    return f"paint:c{number % COLOURS}", source, tags


def _floats(column: NDArray[np.float64]) -> NDArray[np.float32]:
    """Seven figures are enough for a picture, and half the size."""
    return np.asarray(column, dtype=np.float32)


def _fit(plot: figure, trend: Trend, tags: dict[str, Any], paint: str) -> None:
    """The fitted level of each stretch between restarts, as it was judged, with the fan of its 95% interval."""
    for line in trend.lines:
        source = _line_source(line, trend.clock)
        draw_glyph(
            plot, source, VArea(x="t", y1="lo", y2="hi", fill_alpha=0.16, tags=[paint]), tags
        )
        draw_glyph(
            plot,
            source,
            LineGlyph(x="t", y="v", line_width=2.5, line_dash=[8, 4], tags=[paint]),
            tags,
        )


def _levels(plot: figure, trend: Trend, tags: dict[str, Any]) -> None:
    """The levels that were fitted, as points: the floor beneath a saw, which the curve alone does not show."""
    if not trend.levels:
        return
    times, levels = np.array(trend.levels).T
    if trend.clock is not None:
        times = trend.clock.time_of(times)
    source = ColumnDataSource({"t": _floats(times), "f": _floats(levels)})
    look = {"size": 4, "line_color": None, "fill_alpha": 0.6, "tags": ["paint:ink"]}
    draw_glyph(plot, source, Scatter(x="t", y="f", **look), tags)


def _line_source(line: Line, clock: JudgedClock | None) -> ColumnDataSource:
    """A fitted line with its interval as columns."""
    columns = zip(("t", "v", "lo", "hi"), drawn(line, clock), strict=True)
    return ColumnDataSource({name: _floats(column) for name, column in columns})


def draw_ahead(plot: figure, line: Line, lead: Lead | None, clock: JudgedClock | None) -> None:
    """The forecast with its fan, and its target where it is reached in sight; or the steepest growth that could hide."""
    forecast = lead is not None and lead.target is not None
    source = _line_source(line, None if forecast else clock)
    tags = {"tags": ["ahead"], "name": "ahead"}
    draw_glyph(
        plot, source, VArea(x="t", y1="lo", y2="hi", fill_alpha=0.16, tags=["paint:verdict"]), tags
    )
    draw_glyph(
        plot,
        source,
        LineGlyph(x="t", y="v", line_width=2, line_dash=[2, 4], tags=["paint:verdict"]),
        tags,
    )
    if lead is not None and forecast and line.last == lead.target:
        plot.add_layout(
            Span(
                location=lead.target,
                dimension="width",
                line_dash=[2, 3],
                line_width=2,
                tags=["paint:limit"],
            )
        )


def draw_glyph(
    plot: figure, source: ColumnDataSource, glyph: Glyph, tags: dict[str, Any]
) -> GlyphRenderer:
    """A glyph and nothing beside it: bokeh's own shorthands add copies for selections, which the page has none of."""
    drawn: GlyphRenderer = plot.add_glyph(
        source, glyph, nonselection_glyph=None, muted_glyph=None, **tags
    )
    return drawn


def read_by_pointer(
    plot: figure,
    readers: list[GlyphRenderer],
    unit: str,
    mode: str,
    clock: JudgedClock | None,
    *,
    ranges: bool = True,
) -> None:
    """What the pointer tells: series, value, extremes (of `ranges`) and time. `$name` is shown as text, whatever it holds."""
    shown = CustomJSHover(args={"unit": unit}, code="return soakShow(value, unit)")
    formatters = {
        "@v": shown,
        "@lo": shown,
        "@hi": shown,
        "@t": CustomJSHover(**moment_code("value", clock)),
    }
    extremes = ("range", "@lo{custom} to @hi{custom}")
    rows = [
        ("series", "$name"),
        ("value", "@v{custom}"),
        *([extremes] if ranges else []),
        ("requests" if clock else "time", "@t{custom}"),
    ]
    look = {"mode": mode, "line_policy": "nearest", "tooltips": rows, "formatters": formatters}
    plot.add_tools(HoverTool(renderers=readers, **look))
