"""An analysis' charts on one shared time axis, in the JSON that BokehJS embeds.

Colours are not set here: coloured models carry a tag `paint:NAME`, and the page paints them from
its style sheet, for light, dark and print. Renderers of a curve carry `curve:CHART:INDEX`, by which
the legend shows and hides them.
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

TOGETHER = 6  # up to this many curves, the tooltip shows all at once
REACH = 1.6  # a limit above this many times the highest value is only named: drawing it would flatten the curves
ROOM = 4.0  # the same for a capacity and the sum of a stack, whose free room is of interest
#: How far the first chart extends beyond the end for a forecast, in lengths of the run: up to the
#: target if it is within `FORECAST_REACH`, so that the run keeps a quarter of the picture; else
#: `FORECAST_START`.
FORECAST_REACH, FORECAST_START = 3.0, 0.5
FORECAST_MARGIN = 0.04  # share of the picture after the moment at which the target is reached
#: Share of the run shown before the load began: a target may take minutes to start.
BEFORE_LOAD = 0.02


#: Suffix of the element for a chart on the axis of requests.
ON_REQUESTS = "-requests"


@dataclass(frozen=True, slots=True)
class _Scene:
    """Everything around the curves of all charts, and the axis' clock if it does not show time."""

    phases: tuple[Phase, ...]
    events: tuple[Event, ...]
    lead: Lead | None
    marks: tuple[Mark, ...] = ()
    clock: JudgedClock | None = None

    def on(self, clock: JudgedClock) -> _Scene:
        """Return the same scene on a clock of requests."""
        return replace(
            self,
            phases=tuple(moved_phase(phase, clock) for phase in self.phases),
            events=tuple(moved_event(event, clock) for event in self.events),
            marks=tuple(moved_mark(mark, clock) for mark in self.marks),
            clock=clock,
        )


def embed(analysis: Analysis, charts: Sequence[Chart], prefix: str) -> str:
    """Return JSON `{docs, items, columns}` for the page's script: chart i goes into the element `prefix` + i.

    A chart whose growth was judged on a clock of requests is also drawn on that clock, for an element
    whose name ends in ON_REQUESTS.
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
    """Return the axis range of a whole run."""
    return model("Range1d", start=begin, end=end, tags=[tag])


def _crosshair() -> Model:
    """Return the vertical line at the moment that is read; the page's script finds it by its tag and moves it."""
    look = {"line_dash": [2, 4], "line_width": 1, "line_alpha": 0.6, "tags": ["paint:ink"]}
    return span(dimension="height", **look)


def drawable(chart: Chart) -> bool:
    """Return True if the chart has a heat map, or any curve with a value."""
    return chart.heat is not None or any(map(has_values, chart.curves))


def ahead_of(analysis: Analysis) -> Line | None:
    """Return the line that continues the first chart's curve: a forecast as far as shown, or the steepest hidden growth."""
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
    """Return True if the fitted levels are drawn: only if a curve has a chart to itself."""
    return len(chart.curves) == 1 and bool(chart.curves[0].trend and chart.curves[0].trend.levels)


def bounds_shown(chart: Chart) -> list[float]:
    """Return the chart's limit and capacity, without those too far from its curves to be drawn."""
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
    """Return the start of the shared time axis in seconds: 0, or shortly before the load if the target starts slowly."""
    load = load_began(analysis)
    return max(0.0, load - BEFORE_LOAD * (_end(analysis) - load))


def _end(analysis: Analysis) -> float:
    """Return the end of the shared time axis in seconds: the end of the run or of the recording, whichever is later."""
    ends = [analysis.run.seconds, *(phase.end for phase in analysis.phases)]
    ends += [
        float(curve.times[-1])
        for chart in analysis.charts
        for curve in chart.curves
        if len(curve.times)
    ]
    return max((end for end in ends if np.isfinite(end)), default=0.0) or 1.0


def _plot(index: int, chart: Chart, scene: _Scene, reach: Model, ahead: Line | None) -> Plot:
    """Draw one chart: shaded phases, bands, curves, fits, limit, events; the background is transparent.

    A chart with a forecast has a time axis of its own, which the page's script links to the others'.
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
    """Return the lowest and highest value to show; in this range, noise of 1% does not look like a slope."""
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
