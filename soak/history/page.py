"""Render the history as one self-contained HTML page: a strip of nights, and a line per metric whose points open reports."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from soak.history import texts
from soak.history.history import History
from soak.history.night import HistoryMetric

#: Size of a metric's line chart in SVG units.
WIDTH, HEIGHT, MARGIN = 600, 48, 5


@dataclass(frozen=True)
class HistoryRow:
    """One row of the page: a metric's name, newest value and range, its curve in stretches without gaps, and its changes."""

    title: str
    value: str
    lowest: str
    highest: str
    lines: tuple[str, ...]
    changes: tuple[tuple[float, str, str], ...]
    change: str
    worse: str


def render(
    histories: Sequence[History], problems: Sequence[str], folder: Path, beside: Path
) -> str:
    """Render one document; its links lead from the page's folder `beside` to each run's report below `folder`."""
    prefix = os.path.relpath(folder, beside)
    sections = [
        {
            "history": history,
            "tally": texts.tally(history.nights),
            "newest": texts.newest(history.nights[-1]),
            "nights": [
                {
                    "mark": texts.mark(night),
                    "verdict": night.verdict.value,
                    "text": f"{night.date}: {night.verdict.value}: {night.reason}",
                    "href": f"{prefix}/{night.directory}/report.html",
                }
                for night in history.nights
            ],
            "together": [texts.together(entry) for entry in texts.shown_together(history)],
            "regressions": [texts.change_text(change, history) for change in history.regressions],
            "rows": [_row(metric, history) for metric in texts.by_importance(history)],
            "data": _data(history, prefix),
        }
        for history in histories
    ]
    page = _environment().get_template("history.html")
    script = Markup(_file("history.js"))  # noqa: S704 - our own
    return page.render(
        sections=sections, problems=problems, width=WIDTH, height=HEIGHT, script=script
    )


def _row(metric: HistoryMetric, history: History) -> HistoryRow:
    values = history.values(metric)
    known = [value for value in values if value is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    step = WIDTH / max(1, len(values) - 1)
    scale = (HEIGHT - 2 * MARGIN) / (high - low) if high > low else 0.0

    def at(index: int, value: float) -> str:
        y = HEIGHT - MARGIN - (value - low) * scale if scale else HEIGHT / 2
        return f"{index * step:.1f},{y:.1f}"

    lines: list[list[str]] = [[]]
    for index, value in enumerate(values):
        if value is not None:
            lines[-1].append(at(index, value))
        elif lines[-1]:
            lines.append([])
    changes = tuple(
        (
            change.since * step,
            "worse" if change.worse else "better",
            texts.change_in_short(change, history),
        )
        for change in history.changes.get(metric.key, ())
    )
    newest = texts.newest_change(metric, history)
    return HistoryRow(
        texts.title(metric),
        texts.shown_value(values[-1], metric),
        texts.shown_value(low if known else None, metric),
        texts.shown_value(high if known else None, metric),
        tuple(" ".join(line if len(line) > 1 else [*line, *line]) for line in lines if line),
        changes,
        texts.change_in_short(newest, history) if newest is not None else "",
        "" if newest is None else "worse" if newest.worse else "better",
    )


def _data(history: History, prefix: str) -> Markup:
    """Return the JSON that the page's script shows under the pointer: dates, report links, and metrics' values as text."""
    data = {
        "nights": [night.date for night in history.nights],
        "reports": [f"{prefix}/{night.directory}/report.html" for night in history.nights],
        "values": [_row_values(metric, history) for metric in texts.by_importance(history)],
    }
    text = json.dumps(data, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704 - inert in HTML


def _row_values(metric: HistoryMetric, history: History) -> list[str]:
    return [texts.shown_value(value, metric) for value in history.values(metric)]


def _file(name: str) -> str:
    return (files("soak.history") / "page" / name).read_text("utf-8")


@cache
def _environment() -> Environment:
    """Return the template environment: everything is escaped, and an undefined name is an error."""
    return Environment(
        loader=FunctionLoader(_file),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
