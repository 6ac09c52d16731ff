"""A comparison on a terminal: the verdict, a line per metric, what was left out."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from soak.compared import Change, Comparison, GateVerdict
from soak.printable import clean
from soak.reporters.comparison import difference_rows
from soak.reporters.console import as_text, banner

STYLE = {
    Change.WORSE: "red",
    Change.CANNOT_TELL: "yellow",
    Change.BETTER: "green",
    Change.SAME: "dim",
}
BANNER = {
    GateVerdict.WORSE: "red",
    GateVerdict.CANNOT_TELL: "yellow",
    GateVerdict.NOT_WORSE: "green",
}
#: Columns from which a difference's figures are shown next to its name.
WIDE = 110


def render(comparison: Comparison, width: int | None = None, color: bool = False) -> str:
    """Render the comparison as text of `width` columns (default: the terminal's), with ANSI colours if `color`."""
    return as_text(lambda columns: _parts(comparison, columns), width, color)


def _parts(comparison: Comparison, width: int) -> list[RenderableType]:
    parts: list[RenderableType] = [_banner(comparison), Text()]
    if comparison.differences:
        parts += [_wide(comparison) if width >= WIDE else _narrow(comparison), Text()]
    for title, texts in difference_rows.sections(comparison):
        parts += [
            Text(title, style="bold"),
            *(Padding(Text(clean(text)), (0, 0, 0, 2)) for text in texts),
            Text(),
        ]
    return parts


def _banner(comparison: Comparison) -> Panel:
    style, mark = BANNER[comparison.verdict], difference_rows.VERDICT_MARK[comparison.verdict]
    lines = [
        Text(f"{mark} {difference_rows.headline(comparison)}", style=f"bold {style}"),
        Text(clean(comparison.reason), style="bold"),
        Text(
            f"{clean(comparison.base)}: {difference_rows.side(comparison.base_runs)}", style="dim"
        ),
        Text(
            f"{clean(comparison.candidate)}: {difference_rows.side(comparison.candidate_runs)}",
            style="dim",
        ),
    ]
    calm = comparison.verdict is GateVerdict.NOT_WORSE and not comparison.untold
    return banner(lines, Text("comparison"), difference_rows.tally(comparison), style, calm=calm)


def _wide(comparison: Comparison) -> Table:
    """Return a row per metric."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    table.add_column("metric", no_wrap=True)
    table.add_column("of", max_width=40, overflow="fold")
    for name in ("base", "candidate", "change", "95% interval", "tolerated", "3 a side show"):
        table.add_column(name, justify="right", no_wrap=name != "95% interval")
    for row in map(difference_rows.row, comparison.differences):
        cells = (
            row.metric,
            row.subject,
            row.base,
            row.candidate,
            row.change,
            row.interval,
            row.tolerance,
            row.catches,
        )
        style = STYLE[row.verdict]
        table.add_row(Text(f"{row.mark} {row.verdict.value}", style=style), *map(Text, cells))
    return table


def _narrow(comparison: Comparison) -> Group:
    """Return a sentence for each metric that is worse, or required and undecided, and a line per metric for the rest."""
    lines: list[RenderableType] = []
    quiet: dict[Change, dict[str, list[str]]] = {}
    for difference in comparison.differences:
        row = difference_rows.row(difference)
        if row.verdict is Change.WORSE or (difference.required and not difference.not_worse):
            lines.append(
                Text(f"{row.mark} {row.verdict.value}: {row.reason}", style=STYLE[row.verdict])
            )
        else:
            subjects = quiet.setdefault(row.verdict, {}).setdefault(row.metric, [])
            subjects.append(f"{row.subject} {row.change}".strip())
    for verdict, metrics in quiet.items():
        lines.append(
            Text(f"{difference_rows.MARK[verdict]} {verdict.value}:", style=STYLE[verdict])
        )
        table = Table(box=None, padding=(0, 1, 0, 1), show_header=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for metric, subjects in metrics.items():
            table.add_row(
                Text(metric, style=STYLE[verdict]), Text(", ".join(subjects), style=STYLE[verdict])
            )
        lines.append(table)
    return Group(*lines)
