"""What lies behind and beside the curves of a figure: stretches that were not judged, events, snapshots."""

from __future__ import annotations

from collections.abc import Sequence

from bokeh.models import BoxAnnotation, ColumnDataSource, CustomJSHover, HoverTool, Scatter, VSpan
from bokeh.plotting import figure

from soak.model import Event, JudgedClock, Phase
from soak.reporters.axes import moment_code
from soak.reporters.figure_curves import draw_glyph
from soak.reporters.wording import clean

BEFORE = {
    "ramp": 0.5,
    "warmup": 0.28,
    "gap": 0.5,
}  # stretches that were not judged, and how dark they are
AFTER = {"drain": 0.5, "repeat": 0.28, "repeat-drain": 0.5, "confirm": 0.28, "confirm-drain": 0.5}
SHADED = BEFORE | AFTER
MOST_TICKS = 200  # snapshots marked in a chart; of more, every second, third and so on


def shade(plot: figure, phase: Phase) -> None:
    """A stretch that was not judged, or in which the level had not settled, behind everything."""
    if phase.name in SHADED:
        look = {
            "fill_alpha": SHADED[phase.name],
            "line_color": None,
            "level": "image",
            "tags": ["paint:shade"],
        }
        plot.add_layout(BoxAnnotation(left=phase.start, right=phase.end, **look))


def mark_events(plot: figure, events: Sequence[Event], clock: JudgedClock | None) -> None:
    """What happened once, as upright lines that say so under the pointer."""
    if not events:
        return
    columns = {
        "t": [event.time for event in events],
        "kind": [clean(event.kind) for event in events],
        "text": [clean(event.text) for event in events],
    }
    glyph = VSpan(x="t", line_width=1.5, line_dash=[2, 2], tags=["paint:event"])
    drawn = draw_glyph(plot, ColumnDataSource(columns), glyph, {"name": "events"})
    formatters = {"@t": CustomJSHover(**moment_code("value", clock))}
    rows = [("event", "@kind"), ("", "@text"), ("time", "@t{custom}")]
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=rows, formatters=formatters))


def mark_snapshots(
    plot: figure, taken: Sequence[Phase], low: float, clock: JudgedClock | None
) -> None:
    """A tick at the bottom for each snapshot: the samples there were left out of judging."""
    if not taken:
        return
    few = taken[:: -(-len(taken) // MOST_TICKS)]
    columns = {"t": [snapshot.start for snapshot in few], "y": [low] * len(few)}
    glyph = Scatter(x="t", y="y", marker="triangle", size=9, tags=["paint:event"])
    drawn = draw_glyph(plot, ColumnDataSource(columns), glyph, {"name": "snapshots"})
    elapsed = CustomJSHover(**moment_code("value", clock))
    rows = [("snapshot at", "@t{custom}"), ("", "samples there are left out of trends")]
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=rows, formatters={"@t": elapsed}))
