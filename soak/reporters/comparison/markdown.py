"""comparison.md: a pull request's comment: verdict, change, interval, tolerance, a line a metric."""

from __future__ import annotations

from collections.abc import Iterable

from soak.compared import Change, Comparison, Difference, GateVerdict
from soak.reporters.comparison import rows
from soak.reporters.markdown import code, escape, paragraph

BADGE = {
    GateVerdict.WORSE: "❌ WORSE",
    GateVerdict.CANNOT_TELL: "⚠️ CANNOT TELL",
    GateVerdict.NOT_WORSE: "✅ NOT WORSE",
}
#: A comment of GitHub holds 65,536 characters: lines of metrics beyond these are left out, and said to be.
MOST_CHARACTERS = 60_000
_OPEN = (Change.WORSE, Change.BETTER)
#: The first line of every comment, by which a job finds its own to update it.
MARKER = "<!-- soak comparison -->"


def render(comparison: Comparison) -> str:
    """What changed in a table, the rest folded away; whatever the target named is inert."""
    changed = [one for one in comparison.differences if one.verdict in _OPEN or (one.required and not one.not_worse)]
    rest = [one for one in comparison.differences if one not in changed]
    sides = f"{escape(rows.side(comparison.candidate_runs))} against {escape(rows.side(comparison.base_runs))}"
    parts = [
        MARKER,
        f"## {BADGE[comparison.verdict]} – {escape(comparison.candidate)} against {escape(comparison.base)}",
        paragraph(comparison.reason),
        f"{sides}: {escape(rows.tally(comparison))}.",
    ]
    room = MOST_CHARACTERS - sum(map(len, parts))
    if changed:
        parts.append(_table(changed, room))
        room -= len(parts[-1])
    if rest:
        summary = f"<summary>{len(rest)} more metrics</summary>"
        parts.append(f"<details>{summary}\n\n{_table(rest, room)}\n\n</details>")
    for title, texts in (("Not compared", comparison.left_out), ("Warnings", comparison.warnings)):
        if texts:
            parts += [f"### {title}", "\n".join(f"- {paragraph(text)}" for text in texts[:20])]
    return "\n\n".join(parts) + "\n"


def _table(differences: Iterable[Difference], room: int) -> str:
    lines = [
        "| | Metric | Of | Base | Candidate | Δ | 95% interval | Tolerated | 3 runs a side show |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    left = 0
    for row in map(rows.row, differences):
        cells = (row.base, row.candidate, row.change, row.interval, row.tolerance, row.catches)
        named = f"| {row.mark} {row.verdict.value} | {row.metric} | {code(row.subject)} "
        line = f"{named}| {' | '.join(map(escape, cells))} |"
        room -= len(line) + 1
        if room > 0:
            lines.append(line)
        else:
            left += 1
    return "\n".join(lines) + (f"\n\n{left} more lines are in comparison.html." if left else "")
