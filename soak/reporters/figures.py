"""An analysis' charts as bokeh figures on one shared time axis, in the JSON that BokehJS embeds.

Colours are not set here: what has one carries a tag `paint:NAME`, and the page paints it from its style sheet, for
light, dark and print. Renderers of a curve carry `curve:CHART:INDEX`, by which the legend shows and hides them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from bokeh.document import Document
from bokeh.models import (
    BoxAnnotation,
    BoxZoomTool,
    ColumnDataSource,
    CrosshairTool,
    CustomJSHover,
    Glyph,
    GlyphRenderer,
    HoverTool,
    Range1d,
    Scatter,
    Span,
    VArea,
    VSpan,
    WheelZoomTool,
)
from bokeh.models import Line as LineGlyph
from bokeh.plotting import figure
from numpy.typing import NDArray

from soak.model import Analysis, Chart, Curve, Event, Lead, Line, Phase, Trend, Verdict
from soak.reporters.axes import label_axes
from soak.reporters.figure_json import packed
from soak.reporters.heat import heat_figure
from soak.reporters.wording import clean

COLOURS = 8  # curve colours in the style sheet; further curves repeat them, dashed
BEFORE = {"ramp": 0.5, "warmup": 0.28, "gap": 0.5}  # stretches that were not judged, and how dark they are
AFTER = {"drain": 0.5, "repeat": 0.28, "repeat-drain": 0.5, "confirm": 0.28, "confirm-drain": 0.5}
SHADED = BEFORE | AFTER
MOST_TICKS = 200  # snapshots marked in a chart; of more, every second, third and so on
FEW = 40  # points below which each is marked, so that even one shows
TOGETHER = 6  # curves up to which the pointer reads all of them at once
REACH = (
    1.6  # a limit further off than this many times the highest value is named, not drawn: it would flatten the curves
)
#: Lengths of the run by which the first chart goes beyond its end for a forecast: up to the target where that is within
#: `FORECAST_REACH`, so that the run keeps a quarter of the picture; else `FORECAST_START`, which shows where it heads.
FORECAST_REACH, FORECAST_START = 3.0, 0.5
FORECAST_MARGIN = 0.04  # of the picture, behind the moment at which the target is reached


def embed(analysis: Analysis, charts: Sequence[Chart], prefix: str) -> str:
    """JSON `{docs, items, columns}` for the page's script: chart i goes into the element `prefix` + i."""
    document = Document()
    span = Range1d(0, _end(analysis), tags=["time"])
    span.reset_start, span.reset_end = span.start, span.end
    ahead = ahead_of(analysis)
    figures = {
        index: _figure(index, chart, analysis, span, ahead if index == 0 else None)
        for index, chart in enumerate(charts)
        if drawable(chart)
    }
    moment = Span(dimension="height", line_dash="dotted", line_width=1, line_alpha=0.6, tags=["paint:ink"])
    for plot in figures.values():
        plot.add_tools(CrosshairTool(overlay=moment))
    with document.models.freeze():  # else each root walks all models anew
        for plot in figures.values():
            document.add_root(plot)
    places = {plot.id: f"{prefix}{index}" for index, plot in figures.items()}
    items = [{"docid": "charts", "roots": places, "root_ids": list(places)}]
    return packed({"docs": {"charts": document.to_json(deferred=False)}, "items": items})


def drawable(chart: Chart) -> bool:
    """Whether the chart has a heat map, or any curve with a value."""
    return chart.heat is not None or any(map(has_values, chart.curves))


def has_values(curve: Curve) -> bool:
    """Whether the curve has a value at all."""
    return bool(np.isfinite(curve.values).any())


def ahead_of(analysis: Analysis) -> Line | None:
    """The line to draw beside the first chart's curve: a forecast as far as the chart shows it, or the steepest hidden growth."""
    lead = analysis.lead
    if lead is None or lead.line is None or lead.target is None:
        return lead.line if lead else None
    line, end = lead.line, _end(analysis)
    if line.end <= end * (1 + FORECAST_REACH):
        return line
    until = max(end * (1 + FORECAST_START), line.start)
    share = (until - line.start) / (line.end - line.start)
    last, low, high = (line.first + share * (to - line.first) for to in (line.last, line.low_last, line.high_last))
    return Line(line.start, until, line.first, last, low, high)


def limit_shown(chart: Chart) -> bool:
    """Whether the chart's limit lies near enough to its curves to be drawn among them."""
    if chart.limit is None or not any(map(has_values, chart.curves)):
        return False
    top = max(float(np.nanmax(np.abs(curve.high))) for curve in chart.curves if np.isfinite(curve.high).any())
    return bool(abs(chart.limit) <= REACH * top)


def _end(analysis: Analysis) -> float:
    """Where the shared time axis ends: the end of the run or of what was recorded, whichever is later; in seconds."""
    ends = [analysis.run.seconds, *(phase.end for phase in analysis.phases)]
    ends += [float(curve.times[-1]) for chart in analysis.charts for curve in chart.curves if len(curve.times)]
    return max((end for end in ends if np.isfinite(end)), default=0.0) or 1.0


def _figure(index: int, chart: Chart, analysis: Analysis, span: Range1d, ahead: Line | None) -> figure:
    """One chart: shaded phases, bands, curves, fits, limit, events; transparent, to lie on the page's own colour.

    One with a forecast has a time axis of its own, which the page's script links to the others'.
    """
    unit = clean(chart.unit)
    if ahead is not None and ahead.end > span.end:
        span = Range1d(0, ahead.end * (1 + FORECAST_MARGIN), tags=["time-ahead"])
    look: dict[str, Any] = {
        "height": 240 if index == 0 or chart.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE) else 170,
        "sizing_mode": "stretch_width",
        "tools": [BoxZoomTool(dimensions="width"), WheelZoomTool(dimensions="width", modifiers="ctrl")],
        "toolbar_location": None,
        "min_border_left": 86,
        "min_border_right": 18,
        "background_fill_color": None,
        "border_fill_color": None,
        "outline_line_color": None,
    }
    if chart.heat is not None:
        return heat_figure(chart.heat, span, look)
    low, high = _extent(chart, ahead)
    plot = figure(x_range=span, y_range=Range1d(low, high), **look)
    label_axes(plot, unit)
    for phase in (*analysis.phases, *([chart.warm_up] if chart.warm_up else ())):
        _shade(plot, phase)
    readers = [_curve(plot, f"{index}:{number}", number, curve, chart) for number, curve in enumerate(chart.curves)]
    _read(plot, [reader for reader in readers if reader], unit, "vline" if len(readers) <= TOGETHER else "mouse")
    if limit_shown(chart):
        line = {"line_dash": [2, 3], "line_width": 2, "tags": ["paint:limit"]}
        plot.add_layout(Span(location=chart.limit, dimension="width", **line))
    if ahead is not None:
        _ahead(plot, ahead, analysis.lead)
    _events(plot, analysis.events)
    _snapshots(plot, [phase for phase in analysis.phases if phase.name == "snapshot"], low)
    return plot


def _extent(chart: Chart, ahead: Line | None) -> tuple[float, float]:
    """The lowest and highest value to show; never so close together that noise of a hundredth looks like a slope."""
    values = np.concatenate([side for curve in chart.curves for side in (curve.low, curve.values, curve.high)])
    if chart.limit is not None and limit_shown(chart):
        values = np.append(values, chart.limit)
    if ahead is not None:
        values = np.append(values, [ahead.first, ahead.last])
    finite = values[np.isfinite(values)]
    low, high = float(finite.min()), float(finite.max())
    least = 0.1 * abs(high) or 1.0
    middle, size = (low + high) / 2, max(high - low, least) * 1.12
    bottom = middle - size / 2
    return (0.0, size) if low >= 0 > bottom else (bottom, middle + size / 2)


def _shade(plot: figure, phase: Phase) -> None:
    """A stretch that was not judged, or in which the level had not settled, behind everything."""
    if phase.name in SHADED:
        look = {"fill_alpha": SHADED[phase.name], "line_color": None, "level": "image", "tags": ["paint:shade"]}
        plot.add_layout(BoxAnnotation(left=phase.start, right=phase.end, **look))


def _curve(plot: figure, key: str, number: int, curve: Curve, chart: Chart) -> GlyphRenderer | None:
    """One curve with its band and fit; gives the renderer that the pointer reads, None where there is no value."""
    if not has_values(curve):
        return None
    paint = f"paint:c{number % COLOURS}"
    columns = {"t": curve.times, "v": curve.values, "lo": curve.low, "hi": curve.high}
    source = ColumnDataSource({name: _floats(column) for name, column in columns.items()})
    tags = {"tags": [f"curve:{key}"], "name": clean(curve.label)[:200] or "unnamed"}
    for band in _bands(curve, source):
        _draw(plot, band, VArea(x="t", y1="lo", y2="hi", fill_alpha=0.2, tags=[paint]), tags)
    dash = [6, 2] if number >= COLOURS else []
    reader = _draw(plot, source, LineGlyph(x="t", y="v", line_width=1.6, line_dash=dash, tags=[paint]), tags)
    if np.isfinite(curve.values).sum() < FEW:
        _draw(plot, source, Scatter(x="t", y="v", size=7, tags=[paint]), tags)
    if curve.trend:
        _fit(plot, curve.trend, tags, "paint:ink" if len(chart.curves) == 1 else paint)
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
        yield ColumnDataSource({name: _floats(column[first:last]) for name, column in columns.items()})


def _floats(column: NDArray[np.float64]) -> NDArray[np.float32]:
    """Seven figures are enough for a picture, and half the size."""
    return np.asarray(column, dtype=np.float32)


def _fit(plot: figure, trend: Trend, tags: dict[str, Any], paint: str) -> None:
    """The fitted level of each stretch between restarts, with the fan of its 95% interval."""
    for line in trend.lines:
        levels = {"v": [line.first, line.last], "lo": [line.first, line.low_last], "hi": [line.first, line.high_last]}
        source = ColumnDataSource({"t": [line.start, line.end], **levels})
        _draw(plot, source, VArea(x="t", y1="lo", y2="hi", fill_alpha=0.16, tags=[paint]), tags)
        _draw(plot, source, LineGlyph(x="t", y="v", line_width=2.5, line_dash=[8, 4], tags=[paint]), tags)


def _ahead(plot: figure, line: Line, lead: Lead | None) -> None:
    """The forecast with its fan, and its target where it is reached in sight; or the steepest growth that could hide."""
    levels = {"v": [line.first, line.last], "lo": [line.first, line.low_last], "hi": [line.first, line.high_last]}
    source = ColumnDataSource({"t": [line.start, line.end], **levels})
    tags = {"tags": ["ahead"], "name": "ahead"}
    _draw(plot, source, VArea(x="t", y1="lo", y2="hi", fill_alpha=0.16, tags=["paint:verdict"]), tags)
    _draw(plot, source, LineGlyph(x="t", y="v", line_width=2, line_dash=[2, 4], tags=["paint:verdict"]), tags)
    if lead is not None and lead.target is not None and line.last == lead.target:
        plot.add_layout(
            Span(location=lead.target, dimension="width", line_dash=[2, 3], line_width=2, tags=["paint:limit"])
        )


def _draw(plot: figure, source: ColumnDataSource, glyph: Glyph, tags: dict[str, Any]) -> GlyphRenderer:
    """A glyph and nothing beside it: bokeh's own shorthands add copies for selections, which the page has none of."""
    drawn: GlyphRenderer = plot.add_glyph(source, glyph, nonselection_glyph=None, muted_glyph=None, **tags)
    return drawn


def _read(plot: figure, readers: list[GlyphRenderer], unit: str, mode: str) -> None:
    """What the pointer tells: series, value, extremes and time. `$name` is shown as text, whatever it holds."""
    shown = CustomJSHover(args={"unit": unit}, code="return soakShow(value, unit)")
    formatters = {"@v": shown, "@lo": shown, "@hi": shown, "@t": CustomJSHover(code="return soakElapsed(value)")}
    extremes = ("range", "@lo{custom} to @hi{custom}")
    rows = [("series", "$name"), ("value", "@v{custom}"), extremes, ("time", "@t{custom}")]
    look = {"mode": mode, "line_policy": "nearest", "tooltips": rows, "formatters": formatters}
    plot.add_tools(HoverTool(renderers=readers, **look))


def _events(plot: figure, events: Sequence[Event]) -> None:
    """What happened once, as upright lines that say so under the pointer."""
    if not events:
        return
    columns = {
        "t": [event.time for event in events],
        "kind": [clean(event.kind) for event in events],
        "text": [clean(event.text) for event in events],
    }
    glyph = VSpan(x="t", line_width=1.5, line_dash=[2, 2], tags=["paint:event"])
    drawn = _draw(plot, ColumnDataSource(columns), glyph, {"name": "events"})
    formatters = {"@t": CustomJSHover(code="return soakElapsed(value)")}
    rows = [("event", "@kind"), ("", "@text"), ("time", "@t{custom}")]
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=rows, formatters=formatters))


def _snapshots(plot: figure, taken: Sequence[Phase], low: float) -> None:
    """A tick at the bottom for each snapshot: the samples there were left out of judging."""
    if not taken:
        return
    few = taken[:: -(-len(taken) // MOST_TICKS)]
    columns = {"t": [snapshot.start for snapshot in few], "y": [low] * len(few)}
    glyph = Scatter(x="t", y="y", marker="triangle", size=9, tags=["paint:event"])
    drawn = _draw(plot, ColumnDataSource(columns), glyph, {"name": "snapshots"})
    elapsed = CustomJSHover(code="return soakElapsed(value)")
    rows = [("snapshot at", "@t{custom}"), ("", "samples there are left out of trends")]
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=rows, formatters={"@t": elapsed}))
