"""report.html: the whole report in one file that needs no network, the verdict first, the charts below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from soak.model import Analysis, Chart, Curve, Finding, Phase, Verdict
from soak.reporters import capacity, figures, sparkline, wording
from soak.reporters.chart_table import ChartTable, table_of
from soak.reporters.figure_curves import COLOURS, has_values
from soak.reporters.figure_marks import AFTER, AT_NO_MOMENT, BEFORE
from soak.reporters.knee import knee
from soak.reporters.page_parts import chart_data, chart_library, environment, own_script, page_file
from soak.reporters.request_axis import clock_of
from soak.units import show_duration

PLACE = "chart-"
#: A suspect with less than this share of the first one's confidence is folded.
UNLIKELY = 0.5
#: The order of charts on the page, by their group; further groups follow.
GROUPS = (
    "Load and errors",
    "Latency",
    "Memory",
    "Descriptors, threads and other counts",
    "Pools",
    "Garbage collection and CPU",
    "Load generator",
)


@dataclass(frozen=True)
class Entry:
    """A curve in a chart's legend: its name, its colour in the style sheet, its growth, the tag of its renderers."""

    name: str
    colour: int
    dashed: bool
    fit: str
    key: str


@dataclass(frozen=True)
class ChartPanel:
    """The page's texts around a chart; `place` is the id of its element, empty if there is nothing to draw.

    `unit` is what is counted, empty if the axis shows the unit. `fitted` says whether a growth is
    drawn, `warm_up` whether a warm-up was left out of it. `judged_by` are the endpoints whose requests
    were the clock that the growth was judged on, empty if that was time.
    """

    title: str
    unit: str
    verdict: Verdict | None
    bounds: str
    place: str
    entries: tuple[Entry, ...]
    fitted: bool
    number: int
    open: bool
    table: ChartTable
    judged_by: str
    stacked: bool
    warm_up: bool


def render(analysis: Analysis, *, live: bool = False) -> str:
    """Render one HTML document; all text from the target is escaped by the template, or data within JSON.

    A `live` page reloads itself from its server.
    """
    moving: list[Chart] = []
    still: list[Chart] = []
    for chart in sorted(analysis.charts, key=_urgency):
        (still if _never_moves(chart) else moving).append(chart)
    charts = _lead_first(analysis, moving, still)
    findings = wording.worst_first(analysis.findings)
    unpassed = [finding for finding in findings if finding.verdict is not Verdict.PASS]
    worst = _told_first(analysis, unpassed)
    told = wording.series(worst) if worst and not analysis.broke else ""
    panels = [panel_of(index, chart, "" if index else told) for index, chart in enumerate(charts)]
    groups: dict[str, list[ChartPanel]] = {}
    for chart, panel in zip(charts[1:], panels[1:], strict=True):
        groups.setdefault(wording.clean(chart.group) or "Other", []).append(panel)
    first = analysis.suspects[0].confidence if analysis.suspects else 0.0
    return (
        environment()
        .get_template("report.html")
        .render(
            analysis=analysis,
            knee=knee(analysis.capacity) if analysis.capacity else "",
            steps=capacity.rows(analysis.capacity) if analysis.capacity else [],
            step_header=capacity.HEADER,
            run=analysis.run,
            open_findings=unpassed,
            worst=worst,
            passes=[finding for finding in findings if finding.verdict is Verdict.PASS],
            panels=panels,
            level=level,
            adds=adds(analysis),
            sparks={
                wording.clean(c.series): sparkline.path(c)
                for chart in analysis.charts
                for c in chart.curves
                if c.series
            },
            lead=panels[0] if panels else None,
            ahead=lead_wording(analysis),
            groups=sorted(groups.items(), key=lambda item: _place(item[0])),
            still=[pair for chart in still for pair in _values(chart)],
            likely=[
                suspect for suspect in analysis.suspects if suspect.confidence >= UNLIKELY * first
            ],
            unlikely=[
                suspect for suspect in analysis.suspects if suspect.confidence < UNLIKELY * first
            ],
            has_levels=any(figures.shows_levels(chart) for chart in charts),
            has_moments=any(
                event.kind not in AT_NO_MOMENT and event.time >= figures.begin_of(analysis)
                for event in analysis.events
            ),
            phases=[_phase(phase) for phase in _shaded(analysis.phases)],
            library=chart_library() if charts else "",
            tables=own_script(page_file("sort.js") + page_file("flame.js")),
            script=own_script(page_file("report.js") + page_file("explore.js")),
            live=own_script(page_file("live.js")) if live else "",
            charts=chart_data(figures.embed(analysis, charts, PLACE)) if charts else "",
        )
    )


def waiting(name: str) -> str:
    """Render the page of a run that was not judged yet; it turns into the live report by itself."""
    text: str = (
        environment()
        .get_template("waiting.html")
        .render(name=name, live=own_script(page_file("live.js")))
    )
    return text


def _lead_first(analysis: Analysis, moving: list[Chart], still: list[Chart]) -> list[Chart]:
    """Return the charts to draw: the one with the leading series first, taken out of `still` if it never moved.

    For a run that broke, the load comes first: it shows how long there was any.
    """
    leading = analysis.lead.series if analysis.lead else None

    def leads(chart: Chart) -> bool:
        if analysis.broke:
            return chart.group == GROUPS[0]
        return leading in {curve.series for curve in chart.curves}

    first = next(filter(leads, (*moving, *still)), None)
    if first is None:
        return moving
    if first in still:
        still.remove(first)
    return [first, *(chart for chart in moving if chart is not first)]


def _told_first(analysis: Analysis, unpassed: Sequence[Finding]) -> Finding | None:
    """Return the finding shown next to the first chart: the one of its curve, unless another verdict is worse."""
    leading = wording.clean(analysis.lead.series) if analysis.lead else None
    worst = next(iter(unpassed), None)
    alike = (finding for finding in unpassed if worst and finding.verdict is worst.verdict)
    return next((finding for finding in alike if wording.series(finding) == leading), worst)


def lead_wording(analysis: Analysis) -> str:
    """Return what the dotted line of the first chart is: `forecast: its capacity of 512 MiB in 4 days`; empty without one."""
    lead = analysis.lead
    if lead is None or lead.line is None or analysis.broke:
        return ""
    line = lead.line
    unit = next(
        (
            chart.unit
            for chart in analysis.charts
            for curve in chart.curves
            if curve.series == lead.series
        ),
        "",
    )
    if lead.target is None:
        hours = (line.end - line.start) / 3600
        steepest = (line.last - line.first) / hours if hours else 0.0
        return f"steepest growth that could hide here: {wording.signed(steepest, unit)}"
    target = wording.amount(lead.target, unit)
    what = (
        f"twice as much, {target},"
        if not lead.capacity
        else f"its capacity of {target}"
        if lead.target
        else "none left"
    )
    return f"forecast: {what} in {show_duration(line.end - line.start)}"


def _place(group: str) -> int:
    """Return the position of a group of charts on the page."""
    return GROUPS.index(group) if group in GROUPS else len(GROUPS)


def level(finding: Finding) -> str:
    """Return the fitted level at the end, or what was observed if nothing was fitted."""
    unit, trend = wording.brief(wording.slope_unit(finding)), finding.trend
    if trend is None:
        return wording.observed(finding, wording.brief(finding.unit))
    counted = not unit and math.isfinite(trend.level)  # counts are rounded: a hundredth is noise
    return wording.amount(round(trend.level, 2) + 0.0 if counted else trend.level, unit)


def adds(analysis: Analysis) -> dict[str, str]:
    """Return what a request to each endpoint adds at the first place in the table that it grows; empty if unknown."""
    if analysis.places is None:
        return {}
    each: dict[str, str] = {}
    for row in analysis.places.rows:
        for name, amount in zip(analysis.places.endpoints, row.amounts, strict=True):
            if amount and math.isfinite(amount):
                each.setdefault(name, wording.counted(amount, row.unit))
    return each


def _urgency(chart: Chart) -> int:
    """Return a chart's rank by its verdict: failing first, unjudged last."""
    return (
        len(wording.WORST_FIRST)
        if chart.verdict is None
        else wording.WORST_FIRST.index(chart.verdict)
    )


def panel_of(index: int, chart: Chart, told: str = "") -> ChartPanel:
    """Return the texts around a chart; the growth of the series `told` is left out, because it is shown directly above."""
    shown = figures.bounds_shown(chart)
    bounds = [
        f"{word} {wording.amount(bound, chart.unit)}{'' if bound in shown else ', beyond the chart'}"
        for word, bound in (("limit", chart.limit), ("capacity", chart.capacity))
        if wording.amount(bound, chart.unit)
    ]
    entries = tuple(
        _entry(index, number, curve, chart.unit, told) for number, curve in enumerate(chart.curves)
    )
    place = f"{PLACE}{index}" if figures.drawable(chart) else ""
    fitted = any(curve.trend and curve.trend.lines for curve in chart.curves)
    counted = (
        wording.clean(chart.unit) if wording.brief(chart.unit) != chart.unit else ""
    )  # an axis shows MiB, ms or % itself
    open_ = index == 0 or chart.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)
    title = wording.clean(chart.title)
    clock = clock_of(chart)
    judged_by = wording.listed(clock.endpoints) if clock else ""
    return ChartPanel(
        title,
        counted,
        chart.verdict,
        ", ".join(bounds),
        place,
        entries,
        fitted,
        index,
        open_,
        table_of(chart),
        judged_by,
        chart.stacked,
        chart.warm_up is not None,
    )


def _never_moves(chart: Chart) -> bool:
    """Return True if every curve is constant, and its verdict neither fails nor is open."""
    return (
        chart.verdict in (None, Verdict.PASS)
        and chart.heat is None
        and all(_constant(curve) for curve in chart.curves)
    )


def _constant(curve: Curve) -> bool:
    low, high = (values[np.isfinite(values)] for values in (curve.low, curve.high))
    return len(low) > 0 and float(low.min()) == float(high.max())


def _values(chart: Chart) -> list[tuple[str, str]]:
    """Return each curve of a constant chart, with its value."""
    several = len(chart.curves) > 1
    return [
        (
            wording.clean(f"{chart.title}, {curve.label}" if several else chart.title),
            wording.counted(float(curve.values[np.isfinite(curve.values)][0]), chart.unit),
        )
        for curve in chart.curves
    ]


def _entry(index: int, number: int, curve: Curve, unit: str, told: str) -> Entry:
    """Return one curve's entry in the legend."""
    fit = wording.growth_and_interval(curve.trend, unit) if has_values(curve) else "no values"
    if told and curve.series and wording.clean(curve.series) == told:
        fit = ""
    colour, dashed = number % COLOURS, number >= COLOURS
    return Entry(wording.clean(curve.label), colour, dashed, fit, f"curve:{index}:{number}")


def _shaded(phases: Sequence[Phase]) -> list[Phase]:
    """Return the times that were not judged; several phases after the load are combined into one."""
    before = [phase for phase in phases if phase.name in BEFORE]
    after = [phase for phase in phases if phase.name in AFTER]
    return before + (
        after if len(after) < 2 else [Phase("after the load", after[0].start, after[-1].end)]
    )


def _phase(phase: Phase) -> str:
    """Describe a shaded time: `warm-up 1 min to 30 min`."""
    name = "warm-up" if phase.name == "warmup" else phase.name
    return f"{name} {show_duration(phase.start)} to {show_duration(phase.end)}"
