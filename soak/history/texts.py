"""Render the history as text: a table for a terminal, CSV for Otava, JSON for programs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any

from soak.history.changes import ChangePoint
from soak.history.history import History, Together
from soak.history.night import HistoryMetric, Night
from soak.model import Verdict
from soak.printable import clean
from soak.units import show_amount, show_count, show_duration, show_ratio

#: Nights in a sparkline, and maximum number of rows of the terminal's table; it only counts the
#: rest.
SPARK, ROWS = 30, 40
_BARS = "▁▂▃▄▅▆▇█"
_MARKS = {Verdict.PASS: "✓", Verdict.FAIL: "✗", Verdict.INCONCLUSIVE: "?"}


def table(history: History, *, every: bool = False) -> str:
    """Return the nights in a line, the results of nights judged together, and a row per metric, changed ones first."""
    lines = [
        f"{clean(history.name)}: {tally(history.nights)}",
        f"  nights    {''.join(mark(night) for night in history.nights[-60:])}  (newest last)",
        f"  newest    {newest(history.nights[-1])}",
    ]
    lines += [f"  together  {together(entry)}" for entry in shown_together(history)]
    lines += [f"  ✗ {change_text(change, history)}" for change in history.regressions]
    rows = by_importance(history)
    shown = rows if every else rows[:ROWS]
    width = max((len(title(metric)) for metric in shown), default=0)
    lines.append("")
    for metric in shown:
        values = history.values(metric)
        change = newest_change(metric, history)
        text = f"  {change_in_short(change, history)}" if change is not None else ""
        lines.append(
            f"  {title(metric):<{width}}  {shown_value(values[-1], metric):>12}  {spark(values[-SPARK:])}{text}"
        )
    if len(rows) > len(shown):
        lines.append(f"  … {len(rows) - len(shown)} more metrics: --all, or --html PAGE")
    if not history.searched:
        lines.append(
            "  Changes were not searched for: pip install 'soak-harness[history]' adds Apache Otava."
        )
    return "\n".join(lines) + "\n"


def tally(nights: Sequence[Night]) -> str:
    """Return, for example, `12 runs from 2026-11-16 to 2026-11-27: 10 pass, 1 fail, 1 inconclusive`."""
    verdicts = [night.verdict for night in nights]
    counts = ", ".join(
        f"{verdicts.count(verdict)} {verdict.value}" for verdict in Verdict if verdict in verdicts
    )
    runs = show_count(len(nights), "run")
    return f"{runs} from {nights[0].date[:10]} to {nights[-1].date[:10]}: {counts}"


def mark(night: Night) -> str:
    """Return one character for a night: passed, failed, inconclusive, or broken."""
    return _MARKS[night.verdict] if night.usable or night.verdict is Verdict.FAIL else "!"


def newest(night: Night) -> str:
    """Return the newest night's verdict, horizon, commit and directory."""
    vouched = f", vouches for {show_duration(night.vouched)}" if night.vouched is not None else ""
    commit = f", commit {clean(night.commit[:12])}" if night.commit else ""
    return f"{mark(night)} {night.verdict.upper()}{vouched}{commit}: {clean(night.directory)}"


def shown_together(history: History) -> list[Together]:
    """Return the newest week and the newest build, each if several nights of it were judged together."""
    build = (
        history.builds[-1:]
        if history.builds and history.builds[-1].nights[-1] is history.nights[-1]
        else ()
    )
    return [entry for entry in (history.week, *build) if entry is not None]


def together(nights: Together) -> str:
    """Return, for example, `the last 7 nights: ✓ PASS: Vouches for 28 days …`."""
    which = (
        f"build {clean(nights.build[:12])}, {len(nights.nights)} nights"
        if nights.build
        else f"the last {len(nights.nights)} nights"
    )
    return f"{which}: {_MARKS[nights.analysis.verdict]} {nights.analysis.verdict.upper()}: {clean(nights.analysis.reason)}"


def title(metric: HistoryMetric) -> str:
    """Return a metric's title, safe to print."""
    return clean(metric.title)


def shown_value(value: float | None, metric: HistoryMetric) -> str:
    """Return a value in its unit, or a dash if there is none."""
    return "–" if value is None else show_amount(value, metric.unit)


def newest_change(metric: HistoryMetric, history: History) -> ChangePoint | None:
    """Return the newest change of a metric; None if it has none."""
    changes = history.changes.get(metric.key)
    return changes[-1] if changes else None


def change_in_short(change: ChangePoint, history: History) -> str:
    """Return, for example, `+21% since 2026-11-20, worse`."""
    how = "worse" if change.worse else "better" if change.metric.worse else "changed"
    return f"{_share(change)} since {history.nights[change.since].date[:10]}, {how}"


def change_text(change: ChangePoint, history: History) -> str:
    """Describe a change: `resident memory rose by 21% on 2026-11-20, from 190 MiB to 231 MiB, in <run>, commit …`."""
    night = history.nights[change.since]
    verb = "rose" if change.after > change.before else "fell"
    commit = f", commit {clean(night.commit[:12])}" if night.commit else ""
    by = (
        ""
        if math.isinf(change.share) or change.metric.key.startswith("growth ")
        else f" by {show_ratio(abs(change.share))}"
    )
    values = f"from {shown_value(change.before, change.metric)} to {shown_value(change.after, change.metric)}"
    return f"{title(change.metric)} {verb}{by} on {night.date[:10]}, {values}, in {clean(night.directory)}{commit}"


def _share(change: ChangePoint) -> str:
    if math.isinf(change.share) or change.metric.key.startswith("growth "):
        return f"now {shown_value(change.after, change.metric)}"
    return f"{change.share:+.0%}"


def by_importance(history: History) -> list[HistoryMetric]:
    """Return the metrics that changed for the worse, then those that changed otherwise, then the rest."""
    return sorted(history.metrics, key=lambda metric: _importance(metric, history))


def _importance(metric: HistoryMetric, history: History) -> tuple[int, int]:
    change = newest_change(metric, history)
    rank = 2 if change is None else 0 if change.worse else 1
    return rank, history.metrics.index(metric)


def spark(values: Sequence[float | None]) -> str:
    """Draw the values as small bars, with a gap for each missing one."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    steps = (high - low) or 1.0
    flat = high - low <= 0.01 * max(abs(low), abs(high))  # up to 1% is drawn as a flat line
    return "".join(
        " "
        if value is None
        else _BARS[3]
        if flat
        else _BARS[min(7, int(8 * (value - low) / steps))]
        for value in values
    )


def csv_text(history: History) -> str:
    """Return CSV for Otava's importer: a row per usable night with time, commit, run and each metric; empty if no value."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        ["time", "commit", "run", *(metric.key.replace(" ", ":", 1) for metric in history.metrics)]
    )
    for night in history.nights:
        if night.usable:
            cells = (night.values.get(metric.key) for metric in history.metrics)
            values = ["" if value is None else repr(float(value)) for value in cells]
            writer.writerow([f"{night.date}:00 +0000", night.commit, night.directory, *values])
    return file.getvalue()


def json_object(histories: Sequence[History], problems: Sequence[str]) -> str:
    """Return every history as one JSON object, format_version 1."""
    layout = {
        "format_version": 1,
        "problems": list(problems),
        "profiles": [_profile(history) for history in histories],
    }
    return json.dumps(layout, indent=2, allow_nan=False) + "\n"


def _profile(history: History) -> dict[str, Any]:
    return {
        "name": history.name,
        "searched_for_changes": history.searched,
        "nights": [_night(night) for night in history.nights],
        "metrics": [
            {
                "key": metric.key,
                "title": metric.title,
                "unit": metric.unit,
                "values": history.values(metric),
            }
            for metric in history.metrics
        ],
        "changes": [
            _change(change, history) for changes in history.changes.values() for change in changes
        ],
        "regressions": [_change(change, history) for change in history.regressions],
        "week": _together(history.week) if history.week else None,
        "builds": [_together(build) for build in history.builds],
    }


def _night(night: Night) -> dict[str, Any]:
    return {
        "run": night.directory,
        "started": f"{night.date.replace(' ', 'T')}Z",
        "seconds": night.seconds,
        "verdict": night.verdict.value,
        "reason": night.reason,
        "commit": night.commit,
        "comparable": night.usable,
        "vouched_seconds": night.vouched,
    }


def _change(change: ChangePoint, history: History) -> dict[str, Any]:
    return {
        "metric": change.metric.key,
        "since": history.nights[change.since].directory,
        "before": change.before,
        "after": change.after,
        "share": change.share if math.isfinite(change.share) else None,
        "p": change.p,
        "worse": change.worse,
    }


def _together(nights: Together) -> dict[str, Any]:
    vouched = nights.analysis.vouched
    return {
        "build": nights.build,
        "runs": [night.directory for night in nights.nights],
        "verdict": nights.analysis.verdict.value,
        "reason": nights.analysis.reason,
        "vouched_seconds": vouched.seconds if vouched is not None else None,
        "growth": [
            {
                "series": finding.series,
                "labels": dict(finding.labels),
                "verdict": finding.verdict.value,
                "unit": finding.unit,
                "slope_per_hour": trend.slope_per_hour,
                "slope_low": trend.slope_low,
                "slope_high": trend.slope_high,
            }
            for finding in nights.analysis.findings
            if (trend := finding.trend) is not None
            and all(map(math.isfinite, (trend.slope_low, trend.slope_high)))
        ],
    }
