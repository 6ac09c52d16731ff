"""report.html: the whole story in one file that needs no network, the verdict first, the charts below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from bokeh.resources import Resources
from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from soak.model import Analysis, Chart, Curve, Phase, Verdict
from soak.reporters import capacity, figures, wording
from soak.reporters.knee import knee
from soak.units import show_duration, show_number, show_ratio

PLACE = "chart-"
#: A suspect that is less sure than this share of the first one is folded away.
UNLIKELY = 0.5
#: Rows and columns of a chart's hidden table, for those who hear the page.
TABLE_ROWS, TABLE_CURVES = 8, 6


@dataclass(frozen=True)
class Entry:
    """A curve in a chart's legend: its name, its colour in the style sheet, its growth, the tag of its renderers."""

    name: str
    colour: int
    dashed: bool
    fit: str
    key: str


@dataclass(frozen=True)
class Row:
    """A row of a chart's hidden table: when, and each curve's value then."""

    time: str
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Panel:
    """A chart's surroundings on the page; `place` is the id of its element, empty where there is nothing to draw.

    `unit` is what is counted, empty where the axis says it; `fitted` is whether a growth is drawn.
    """

    title: str
    unit: str
    verdict: Verdict | None
    limit: str
    place: str
    entries: tuple[Entry, ...]
    fitted: bool
    number: int
    open: bool
    rows: tuple[Row, ...]


def render(analysis: Analysis, *, live: bool = False) -> str:
    """One HTML document; every text that came from the target is escaped by the template, or data within JSON.

    A `live` one renews itself from the server that it came from.
    """
    moving: list[Chart] = []
    still: list[Chart] = []
    for chart in sorted(analysis.charts, key=_urgency):
        (still if _never_moves(chart) else moving).append(chart)
    charts = moving
    panels = [panel_of(index, chart) for index, chart in enumerate(charts)]
    groups: dict[str, list[Panel]] = {}
    for chart, panel in zip(charts[1:], panels[1:], strict=True):
        groups.setdefault(wording.clean(chart.group) or "Other", []).append(panel)
    first = analysis.suspects[0].confidence if analysis.suspects else 0.0
    findings = wording.worst_first(analysis.findings)
    return (
        environment()
        .get_template("report.html")
        .render(
            analysis=analysis,
            knee=knee(analysis.capacity) if analysis.capacity else "",
            steps=capacity.rows(analysis.capacity) if analysis.capacity else [],
            step_header=capacity.HEADER,
            run=analysis.run,
            open_findings=[finding for finding in findings if finding.verdict is not Verdict.PASS],
            passes=[finding for finding in findings if finding.verdict is Verdict.PASS],
            panels=panels,
            lead=panels[0] if panels else None,
            groups=list(groups.items()),
            still=[pair for chart in still for pair in _values(chart)],
            likely=[suspect for suspect in analysis.suspects if suspect.confidence >= UNLIKELY * first],
            unlikely=[suspect for suspect in analysis.suspects if suspect.confidence < UNLIKELY * first],
            phases=[_phase(phase) for phase in _shaded(analysis.phases)],
            bokeh=bokeh_script() if charts else "",
            sort=own_script(page_file("sort.js")),
            script=own_script(page_file("report.js")),
            live=own_script(page_file("live.js")) if live else "",
            charts=chart_data(figures.embed(analysis, charts, PLACE)) if charts else "",
        )
    )


def waiting(name: str) -> str:
    """The page of a run that was not judged yet; it becomes the live report by itself."""
    text: str = environment().get_template("waiting.html").render(name=name, live=own_script(page_file("live.js")))
    return text


def _urgency(chart: Chart) -> int:
    """Charts that fail first, those that nobody judged last."""
    return len(wording.WORST_FIRST) if chart.verdict is None else wording.WORST_FIRST.index(chart.verdict)


def panel_of(index: int, chart: Chart) -> Panel:
    """What is written around a chart."""
    limit = wording.amount(chart.limit, chart.unit)
    if limit and not figures.limit_shown(chart):
        limit += ", beyond the chart"
    entries = tuple(_entry(index, number, curve, chart.unit) for number, curve in enumerate(chart.curves))
    place = f"{PLACE}{index}" if figures.drawable(chart) else ""
    fitted = any(curve.trend and curve.trend.lines for curve in chart.curves)
    counted = wording.clean(chart.unit) if wording.brief(chart.unit) != chart.unit else ""  # an axis says MiB, ms or %
    open_ = index == 0 or chart.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)
    title = wording.clean(chart.title)
    return Panel(title, counted, chart.verdict, limit, place, entries, fitted, index, open_, tuple(_rows(chart)))


def _never_moves(chart: Chart) -> bool:
    """Whether every curve keeps one value throughout, and nothing is open or failing about it."""
    return chart.verdict in (None, Verdict.PASS) and all(_constant(curve) for curve in chart.curves)


def _constant(curve: Curve) -> bool:
    low, high = (values[np.isfinite(values)] for values in (curve.low, curve.high))
    return len(low) > 0 and float(low.min()) == float(high.max())


def _values(chart: Chart) -> list[tuple[str, str]]:
    """Each curve of a chart that never moves, with its value."""
    several = len(chart.curves) > 1
    return [
        (
            wording.clean(f"{chart.title}, {curve.label}" if several else chart.title),
            wording.amount(float(curve.values[np.isfinite(curve.values)][0]), chart.unit),
        )
        for curve in chart.curves
    ]


def _rows(chart: Chart) -> list[Row]:
    """A few moments of the run with the values of the first curves."""
    curves = [curve for curve in chart.curves[:TABLE_CURVES] if len(curve.times)]
    if not curves:
        return []
    times = np.unique(np.linspace(0, len(curves[0].times) - 1, TABLE_ROWS).astype(int))
    moments = [float(curves[0].times[index]) for index in times]
    return [Row(show_duration(moment), tuple(_at(curve, moment, chart.unit) for curve in curves)) for moment in moments]


def _at(curve: Curve, moment: float, unit: str) -> str:
    index = min(int(np.searchsorted(curve.times, moment)), len(curve.times) - 1)
    return wording.amount(float(curve.values[index]), unit) or "no value"


def _entry(index: int, number: int, curve: Curve, unit: str) -> Entry:
    """One curve in the legend."""
    fit = wording.growth_and_interval(curve.trend, unit) if figures.has_values(curve) else "no values"
    colour, dashed = number % figures.COLOURS, number >= figures.COLOURS
    return Entry(wording.clean(curve.label), colour, dashed, fit, f"curve:{index}:{number}")


def _shaded(phases: Sequence[Phase]) -> list[Phase]:
    """The stretches that were not judged; what follows the load as one, where it is more than a drain."""
    before = [phase for phase in phases if phase.name in figures.BEFORE]
    after = [phase for phase in phases if phase.name in figures.AFTER]
    return before + (after if len(after) < 2 else [Phase("after the load", after[0].start, after[-1].end)])


def _phase(phase: Phase) -> str:
    """`warm-up 1 min to 30 min`: a shaded stretch in words."""
    name = "warm-up" if phase.name == "warmup" else phase.name
    return f"{name} {show_duration(phase.start)} to {show_duration(phase.end)}"


def own_script(text: str) -> Markup:
    """Our own JavaScript, kept from ending its element early."""
    return Markup(text.replace("</script", "<\\/script").replace("<!--", "<\\!--"))  # noqa: S704 - our own


def bokeh_script() -> Markup:
    """The library that draws the charts, whole."""
    return own_script(Resources(mode="inline", components=["bokeh"], minified=True).js_raw[0])


def chart_data(text: str) -> Markup:
    """JSON within a script element: no character is left in it that HTML knows."""
    inert = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(inert)  # noqa: S704 - what could end the element is gone


def page_file(name: str) -> str:
    """A file that belongs to the page."""
    return (files("soak.reporters") / "page" / name).read_text("utf-8")


@cache
def environment() -> Environment:
    """The template's environment: everything escaped, and a name that does not exist is an error."""
    made = Environment(
        loader=FunctionLoader(page_file),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = Markup(page_file("report.css"))  # noqa: S704 - our own
    made.globals.update(wording=wording, marks=wording.MARK, style=style)
    made.filters.update(clean=wording.clean, number=show_number, ratio=show_ratio, duration=show_duration)
    return made
