"""Everything in a figure but its curves: times that were not judged, events, snapshots, marks at the edges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from soak.model import Event, EventKind, JudgedClock, Mark, MarkKind, Phase
from soak.reporters.axes import moment_code
from soak.reporters.bokeh_models import Model, Plot, column, constant, data_source, model
from soak.reporters.wording import clean

BEFORE = {
    "ramp": 0.5,
    "warmup": 0.28,
    "gap": 0.5,
}  # times that were not judged, and their opacity
AFTER = {"drain": 0.5, "repeat": 0.28, "repeat-drain": 0.5, "confirm": 0.28, "confirm-drain": 0.5}
SHADED = BEFORE | AFTER
#: Events named next to their line, and how many at most: more would overlap. AT_NO_MOMENT concerns
#: the whole run.
NAMED = (
    EventKind.RESTART,
    EventKind.OOM,
    EventKind.ABORT,
    EventKind.RESUMED,
    EventKind.EXIT_CODE,
)
MOST_NAMES = 12
AT_NO_MOMENT = (EventKind.SCRAPING, EventKind.VIEW)
MOST_TICKS = 200  # snapshots marked in a chart; if there are more, every second, third and so on


def shade(plot: Plot, phase: Phase) -> None:
    """Shade a time that was not judged, or in which the level had not settled, behind everything else."""
    if phase.name in SHADED:
        look = {
            "fill_alpha": SHADED[phase.name],
            "line_color": None,
            "level": "image",
            "tags": ["paint:shade"],
        }
        plot.center.append(model("BoxAnnotation", left=phase.start, right=phase.end, **look))


def mark_events(
    plot: Plot, events: Sequence[Event], high: float, clock: JudgedClock | None
) -> None:
    """Draw events as vertical lines with a tooltip, and with their name next to the line for important kinds."""
    events = [event for event in events if event.kind not in AT_NO_MOMENT]
    if not events:
        return
    columns = {
        "t": [event.time for event in events],
        "kind": [clean(event.kind) for event in events],
        "text": [clean(event.text) for event in events],
    }
    drawn = plot.draw(data_source(columns), _upright(1.5, [2, 2], "paint:event"), name="events")
    _tell(plot, drawn, [("event", "@kind"), ("", "@text"), ("time", "@t{custom}")], clock)
    named = [event for event in events if event.kind in NAMED][:MOST_NAMES]
    if named:
        columns = {
            "t": [event.time for event in named],
            "y": [high] * len(named),
            "kind": [clean(event.kind) for event in named],
        }
        look = {"angle": np.pi / 2, "text_align": "right", "text_font_size": "11px", "x_offset": -2}
        name = model(
            "Text",
            x=column("t"),
            y=column("y"),
            text=column("kind"),
            tags=["paint:event"],
            **{key: constant(value) for key, value in look.items()},
        )
        plot.draw(data_source(columns), name, name="event names")


def mark_snapshots(
    plot: Plot, taken: Sequence[Phase], low: float, clock: JudgedClock | None
) -> None:
    """Draw a tick at the bottom for each snapshot, whose samples are not judged."""
    if not taken:
        return
    few = taken[:: -(-len(taken) // MOST_TICKS)]
    columns = {"t": [snapshot.start for snapshot in few], "y": [low] * len(few)}
    glyph = model(
        "Scatter",
        x=column("t"),
        y=column("y"),
        marker=constant("triangle"),
        size=constant(9),
        tags=["paint:event"],
    )
    drawn = plot.draw(data_source(columns), glyph, name="snapshots")
    rows = [("snapshot at", "@t{custom}"), ("", "samples there are left out of trends")]
    _tell(plot, drawn, rows, clock)


def mark_edges(
    plot: Plot, marks: Sequence[Mark], edges: tuple[float, float], clock: JudgedClock | None
) -> None:
    """Draw lost scrapes along the bottom, late load along the top, and a thin vertical line where each stage begins."""
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
            bar = model(
                "Segment",
                x0=column("t"),
                x1=column("end"),
                y0=column("y"),
                y1=column("y"),
                line_width=constant(9),
                line_cap=constant("square"),
                tags=[f"paint:{paint}"],
            )
            _draw_marks(plot, columns, bar, kind, clock)
    stages = [mark for mark in marks if mark.kind is MarkKind.STAGE]
    if stages:
        columns = {
            "t": [mark.start for mark in stages],
            "text": [clean(mark.text) for mark in stages],
        }
        glyph = _upright(1, [4, 3], "paint:soft", line_alpha=constant(0.8))
        _draw_marks(plot, columns, glyph, MarkKind.STAGE, clock)


def _upright(width: float, dash: list[int], paint: str, **look: Any) -> Model:
    """Return vertical lines at moments."""
    look |= {"line_width": constant(width), "line_dash": constant(dash), "tags": [paint]}
    return model("VSpan", x=column("t"), **look)


def _draw_marks(
    plot: Plot, columns: dict[str, Any], glyph: Model, kind: MarkKind, clock: JudgedClock | None
) -> None:
    """Draw marks with a tooltip that says what they are."""
    drawn = plot.draw(data_source(columns), glyph, name=f"mark: {kind}")
    _tell(plot, drawn, [(str(kind), "@text"), ("from", "@t{custom}")], clock)


def _tell(plot: Plot, drawn: Model, rows: list[tuple[str, str]], clock: JudgedClock | None) -> None:
    """Add a tooltip to what was drawn; `@t` is the moment."""
    formatters = {"@t": model("CustomJSHover", **moment_code("value", clock))}
    plot.tools.append(model("HoverTool", renderers=[drawn], tooltips=rows, formatters=formatters))
