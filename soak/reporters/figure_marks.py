"""What lies behind and beside the curves of a figure: stretches that were not judged, events, snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from bokeh.models import (
    BoxAnnotation,
    ColumnDataSource,
    CustomJSHover,
    Glyph,
    HoverTool,
    Scatter,
    Segment,
    VSpan,
)
from bokeh.models import Text as TextGlyph
from bokeh.plotting import figure

from soak.model import Event, EventKind, JudgedClock, Mark, MarkKind, Phase
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
#: Events with their name beside their line, at most: more would lie on one another. What the whole run was like is no moment.
NAMED = (
    EventKind.RESTART,
    EventKind.OOM,
    EventKind.ABORT,
    EventKind.RESUMED,
    EventKind.EXIT_CODE,
)
MOST_NAMES = 12
AT_NO_MOMENT = (EventKind.SCRAPING, EventKind.VIEW)
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


def mark_events(
    plot: figure, events: Sequence[Event], high: float, clock: JudgedClock | None
) -> None:
    """What happened once, as upright lines that say so under the pointer, and beside them where it is of weight."""
    events = [event for event in events if event.kind not in AT_NO_MOMENT]
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
    named = [event for event in events if event.kind in NAMED][:MOST_NAMES]
    if named:
        columns = {
            "t": [event.time for event in named],
            "y": [high] * len(named),
            "kind": [clean(event.kind) for event in named],
        }
        look = {"angle": np.pi / 2, "text_align": "right", "text_font_size": "11px"}
        name = TextGlyph(x="t", y="y", text="kind", x_offset=-2, tags=["paint:event"], **look)
        draw_glyph(plot, ColumnDataSource(columns), name, {"name": "event names"})


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


def mark_edges(
    plot: figure, marks: Sequence[Mark], edges: tuple[float, float], clock: JudgedClock | None
) -> None:
    """Lost scrapes along the bottom, late load along the top, and a thin upright line where each stage begins."""
    low, high = edges
    for kind, level, paint in ((MarkKind.LOST, low, "fail"), (MarkKind.LATE, high, "inconclusive")):
        bars = [mark for mark in marks if mark.kind is kind]
        if bars:
            columns = {
                "t": [mark.start for mark in bars],
                "end": [mark.end for mark in bars],
                "y": [level] * len(bars),
                "text": [clean(mark.text) for mark in bars],
            }
            look = {"line_width": 9, "line_cap": "square", "tags": [f"paint:{paint}"]}
            _tell(plot, columns, Segment(x0="t", x1="end", y0="y", y1="y", **look), kind, clock)
    stages = [mark for mark in marks if mark.kind is MarkKind.STAGE]
    if stages:
        columns = {
            "t": [mark.start for mark in stages],
            "text": [clean(mark.text) for mark in stages],
        }
        glyph = VSpan(x="t", line_width=1, line_dash=[4, 3], line_alpha=0.8, tags=["paint:soft"])
        _tell(plot, columns, glyph, MarkKind.STAGE, clock)


def _tell(
    plot: figure, columns: dict[str, Any], glyph: Glyph, kind: MarkKind, clock: JudgedClock | None
) -> None:
    """Draw marks that say under the pointer what they are."""
    drawn = draw_glyph(plot, ColumnDataSource(columns), glyph, {"name": f"mark: {kind}"})
    moment = CustomJSHover(**moment_code("value", clock))
    rows = [(str(kind), "@text"), ("from", "@t{custom}")]
    plot.add_tools(HoverTool(renderers=[drawn], tooltips=rows, formatters={"@t": moment}))
