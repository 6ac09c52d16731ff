"""comparison.md: a pull request's comment, with verdict, change, interval and tolerance in a line per metric."""

from __future__ import annotations

from collections.abc import Iterable

from soak.compared import Change, Comparison, Difference, GateVerdict
from soak.reporters.comparison import difference_rows
from soak.reporters.markdown import code, escape, paragraph

BADGE = {GateVerdict.WORSE: "❌", GateVerdict.CANNOT_TELL: "⚠️", GateVerdict.NOT_WORSE: "✅"}
#: Maximum length: a GitHub comment holds 65,536 characters; the number of lines left out beyond
#: this is stated.
MOST_CHARACTERS = 60_000
#: Maximum characters in the sections below the tables, and maximum lines per section, so that the
#: tables have room.
MOST_BELOW, MOST_LINES = 20_000, 20
#: Maximum characters of a text from a target or path, before it is escaped (up to 6 characters for
#: one).
MOST_OF_A_TEXT = 300
_OPEN = (Change.WORSE, Change.BETTER)
#: The first line of every comment, by which a job finds its own comment to update it.
MARKER = "<!-- soak comparison -->"


def render(comparison: Comparison) -> str:
    """Render what changed in a table, the rest folded; text from the target cannot act as markup."""
    changed = [
        difference
        for difference in comparison.differences
        if difference.verdict in _OPEN or (difference.required and not difference.not_worse)
    ]
    rest = [difference for difference in comparison.differences if difference not in changed]
    candidate, base = (escape(_cut(name)) for name in (comparison.candidate, comparison.base))
    candidate_runs, base_runs = (
        escape(_cut(difference_rows.side(runs)))
        for runs in (comparison.candidate_runs, comparison.base_runs)
    )
    parts = [
        MARKER,
        f"## {BADGE[comparison.verdict]} {difference_rows.headline(comparison)} – {candidate} against {base}",
        paragraph(_cut(comparison.reason, 3 * MOST_OF_A_TEXT)),
        f"{candidate_runs} against {base_runs}: {escape(difference_rows.tally(comparison))}.",
    ]
    below = _below(comparison)
    room = MOST_CHARACTERS - sum(map(len, (*parts, *below)))
    if changed:
        parts.append(_table(changed, room))
        room -= len(parts[-1])
    if rest:
        summary = f"<summary>{len(rest)} {'more ' if changed else ''}metrics</summary>"
        parts.append(f"<details>{summary}\n\n{_table(rest, room)}\n\n</details>")
    return "\n\n".join([*parts, *below]) + "\n"


def _below(comparison: Comparison) -> list[str]:
    """Return new suspects, what was left out, and warnings, as far as there is room."""
    parts: list[str] = []
    room = MOST_BELOW
    for title, texts in difference_rows.sections(comparison):
        lines: list[str] = []
        for text in texts[:MOST_LINES]:
            line = f"- {paragraph(_cut(text))}"
            room -= len(line)
            if room < 0:
                break
            lines.append(line)
        if len(lines) < len(texts):
            lines.append(f"- and {len(texts) - len(lines)} more, which are in comparison.html")
        parts += [f"### {title}", "\n".join(lines)]
    return parts


def _cut(text: str, most: int = MOST_OF_A_TEXT) -> str:
    return text if len(text) <= most else f"{text[:most]}…"


def _table(differences: Iterable[Difference], room: int) -> str:
    lines = [
        "| | Metric | Of | Base | Candidate | Δ | 95% interval | Tolerated | 3 runs a side show |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    left = 0
    for row in map(difference_rows.row, differences):
        cells = (row.base, row.candidate, row.change, row.interval, row.tolerance, row.catches)
        named = f"| {row.mark} {row.verdict.value} | {row.metric} | {code(_cut(row.subject))} "
        line = f"{named}| {' | '.join(map(escape, cells))} |"
        room -= len(line) + 1
        if room > 0:
            lines.append(line)
        else:
            left += 1
    return "\n".join(lines) + (f"\n\n{left} more lines are in comparison.html." if left else "")
