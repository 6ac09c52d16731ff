"""An analysis' charts on one shared time axis, in the JSON that BokehJS embeds.

Colours are not set here: what has one carries a tag `paint:NAME`, and the page paints it from its
style sheet, for light, dark and print. Renderers of a curve carry `curve:CHART:INDEX`, by which the
legend shows and hides them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from soak.model import (
    Analysis,
    Chart,
    Event,
    JudgedClock,
    Lead,
    Line,
    Mark,
    Phase,
    PhaseName,
    Verdict,
)
from soak.reporters.axes import label_axes
from soak.reporters.bokeh_models import Model, Plot, model, span, value_range
from soak.reporters.figure_curves import (
    draw_ahead,
    draw_curve,
    draw_part,
    has_values,
    level_line,
    read_by_pointer,
)
from soak.reporters.figure_json import packed
from soak.reporters.figure_marks import mark_edges, mark_events, mark_snapshots, shade
from soak.reporters.heat import heat_plot
from soak.reporters.request_axis import clock_of, moved_event, moved_mark, moved_phase, on_requests
from soak.reporters.wording import clean, load_began

TOGETHER = 6  # curves up to which the pointer reads all of them at once
REACH = 1.6  # a limit further off than this many times the highest value is named, not drawn: it would flatten the curves
ROOM = 4.0  # the same of a capacity, above what a stack adds up to: there the room that is left is what one looks for
#: Lengths of the run by which the first chart goes beyond its end for a forecast: up to the target where that is within
#: `FORECAST_REACH`, so that the run keeps a quarter of the picture; else `FORECAST_START`, which shows where it heads.
FORECAST_REACH, FORECAST_START = 3.0, 0.5
FORECAST_MARGIN = 0.04  # of the picture, behind the moment at which the target is reached
#: How much of what was recorded before the load is shown, as a share of the run: a target may take minutes to start.
BEFORE_LOAD = 0.02


#: What the place of a chart on the axis of requests is called after that of the chart itself.
ON_REQUESTS = "-requests"


@dataclass(frozen=True, slots=True)
class _Scene:
    """What all charts have around their curves, and the clock of their axis where that is not time."""

    phases: tuple[Phase, ...]
    events: tuple[Event, ...]
    lead: Lead | None
    marks: tuple[Mark, ...] = ()
    clock: JudgedClock | None = None

    def on(self, clock: JudgedClock) -> _Scene:
        """The same on a clock of requests."""
        return replace(
            self,
            phases=tuple(moved_phase(phase, clock) for phase in self.phases),
            events=tuple(moved_event(event, clock) for event in self.events),
            marks=tuple(moved_mark(mark, clock) for mark in self.marks),
            clock=clock,
        )


def embed(analysis: Analysis, charts: Sequence[Chart], prefix: str) -> str:
    """JSON `{docs, items, columns}` for the page's script: chart i goes into the element `prefix` + i.

    A chart whose growth was judged on a clock of requests is drawn on that, too, for the element
    beside it.
    """
    begin, end = begin_of(analysis), _end(analysis)
    reach = _range(begin, end, "time")
    ahead = ahead_of(analysis)
    scene = _Scene(analysis.phases, analysis.events, analysis.lead, analysis.marks)
    moment = _crosshair()
    plots: dict[str, Plot] = {}
    for index, chart in enumerate(charts):
        if not drawable(chart):
            continue
        place = f"{prefix}{index}"
        plots[place] = plot = _plot(index, chart, scene, reach, ahead if index == 0 else None)
        plot.tools.append(model("CrosshairTool", overlay=moment))
        clock = clock_of(chart)
        if clock is not None:
            hidden = (
                ahead if index == 0 and analysis.lead and analysis.lead.target is None else None
            )
            asked = _range(clock.at(begin), end, "requests")
            again = _plot(index, on_requests(chart, clock), scene.on(clock), asked, hidden)
            again.tools.append(model("CrosshairTool", overlay=_crosshair()))
            plots[place + ON_REQUESTS] = again
    return packed(plots)


def _range(begin: float, end: float, tag: str) -> Model:
    """The time axis of a whole run."""
    return model("Range1d", start=begin, end=end, tags=[tag])


def _crosshair() -> Model:
    """The upright line at the moment that is read; the page's script reads and moves it by its tag."""
    look = {"line_dash": [2, 4], "line_width": 1, "line_alpha": 0.6, "tags": ["paint:ink"]}
    return span(dimension="height", **look)


def drawable(chart: Chart) -> bool:
    """Whether the chart has a heat map, or any curve with a value."""
    return chart.heat is not None or any(map(has_values, chart.curves))


def ahead_of(analysis: Analysis) -> Line | None:
    """The line to draw beside the first chart's curve: a forecast as far as the chart shows it, or the steepest hidden growth."""
    lead = analysis.lead
    if lead is None or analysis.broke:
        return None
    if lead.line is None or lead.target is None:
        return lead.line
    line, end = lead.line, _end(analysis)
    lasted = end - begin_of(analysis)
    if line.end <= end + lasted * FORECAST_REACH:
        return line
    until = max(end + lasted * FORECAST_START, line.start)
    share = (until - line.start) / (line.end - line.start)
    last, low, high = (
        line.first + share * (to - line.first) for to in (line.last, line.low_last, line.high_last)
    )
    return Line(line.start, until, line.first, last, low, high)


def shows_levels(chart: Chart) -> bool:
    """Whether the levels that a growth was fitted to are drawn: only of a curve that has a chart to itself."""
    return len(chart.curves) == 1 and bool(chart.curves[0].trend and chart.curves[0].trend.levels)


def bounds_shown(chart: Chart) -> list[float]:
    """Of the chart's limit and capacity, those that lie near enough to its curves to be drawn among them."""
    if not any(map(has_values, chart.curves)):
        return []
    top = max(
        float(np.nanmax(np.abs(curve.high)))
        for curve in chart.curves
        if np.isfinite(curve.high).any()
    )
    bounds = ((chart.limit, REACH), (chart.capacity, ROOM))
    return [bound for bound, reach in bounds if bound is not None and abs(bound) <= reach * top]


def begin_of(analysis: Analysis) -> float:
    """Where the shared time axis begins, in seconds: at the start, or a little before the load of a target that starts slowly."""
    load = load_began(analysis)
    return max(0.0, load - BEFORE_LOAD * (_end(analysis) - load))


def _end(analysis: Analysis) -> float:
    """Where the shared time axis ends: the end of the run or of what was recorded, whichever is later; in seconds."""
    ends = [analysis.run.seconds, *(phase.end for phase in analysis.phases)]
    ends += [
        float(curve.times[-1])
        for chart in analysis.charts
        for curve in chart.curves
        if len(curve.times)
    ]
    return max((end for end in ends if np.isfinite(end)), default=0.0) or 1.0


def _plot(index: int, chart: Chart, scene: _Scene, reach: Model, ahead: Line | None) -> Plot:
    """One chart: shaded phases, bands, curves, fits, limit, events; transparent, to lie on the page's own colour.

    One with a forecast has a time axis of its own, which the page's script links to the others'.
    """
    unit = clean(chart.unit)
    begin, end = reach.attributes["start"], reach.attributes["end"]
    if ahead is not None and ahead.end > end:
        margin = FORECAST_MARGIN * (ahead.end - begin)
        reach = _range(begin, ahead.end + margin, "time-ahead")
    look: dict[str, Any] = {
        "height": 240
        if index == 0 or chart.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)
        else 170,
        "sizing_mode": "stretch_width",
        "min_border_left": 86,
        "min_border_right": 18,
        "background_fill_color": None,
        "border_fill_color": None,
        "outline_line_color": None,
    }
    if chart.heat is not None:
        return heat_plot(chart.heat, reach, look)
    low, high = _extent(chart, ahead)
    plot = Plot(reach, value_range(low, high), look)
    label_axes(plot, unit, scene.clock)
    for phase in (*scene.phases, *([chart.warm_up] if chart.warm_up else ())):
        shade(plot, phase)
    alone = len(chart.curves) == 1
    readers = [
        draw_part(plot, f"{index}:{number}", number, curve)
        if chart.stacked
        else draw_curve(plot, f"{index}:{number}", number, curve, alone=alone)
        for number, curve in enumerate(chart.curves)
    ]
    mode = "vline" if len(readers) <= TOGETHER else "mouse"
    read = [reader for reader in readers if reader]
    read_by_pointer(plot, read, unit, mode, scene.clock, ranges=not chart.stacked)
    for bound in bounds_shown(chart):
        plot.center.append(level_line(bound))
    if ahead is not None:
        draw_ahead(plot, ahead, scene.lead, None if scene.clock else clock_of(chart))
    mark_edges(plot, scene.marks, (low, high), scene.clock)
    mark_events(plot, scene.events, high, scene.clock)
    mark_snapshots(
        plot,
        [phase for phase in scene.phases if phase.name == PhaseName.SNAPSHOT],
        low,
        scene.clock,
    )
    return plot


def _extent(chart: Chart, ahead: Line | None) -> tuple[float, float]:
    """The lowest and highest value to show; never so close together that noise of a hundredth looks like a slope."""
    values = np.concatenate(
        [side for curve in chart.curves for side in (curve.low, curve.values, curve.high)]
    )
    values = np.append(values, bounds_shown(chart))
    if ahead is not None:
        values = np.append(values, [ahead.first, ahead.last])
    finite = values[np.isfinite(values)]
    low, high = float(finite.min()), float(finite.max())
    least = 0.1 * abs(high) or 1.0
    middle, size = (low + high) / 2, max(high - low, least) * 1.12
    bottom = middle - size / 2
    return (0.0, size) if low >= 0 > bottom else (bottom, middle + size / 2)
