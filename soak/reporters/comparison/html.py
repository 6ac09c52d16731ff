"""comparison.html: every difference, and the charts of both sides on top of each other, in one file."""

from __future__ import annotations

from soak.compared import Change, Comparison, GateVerdict
from soak.model import Analysis, RunInfo, Verdict
from soak.reporters import figures
from soak.reporters.comparison import difference_rows
from soak.reporters.html import PLACE, panel_of
from soak.reporters.page_parts import chart_data, chart_library, environment, own_script, page_file

COLOURS = {
    GateVerdict.WORSE: "fail",
    GateVerdict.CANNOT_TELL: "inconclusive",
    GateVerdict.NOT_WORSE: "pass",
}
CHIPS = {
    Change.WORSE: "fail",
    Change.CANNOT_TELL: "inconclusive",
    Change.BETTER: "pass",
    Change.SAME: "pass",
}
#: Maximum number of charts shown; as in a run's own report, the most urgent come first.
MOST_CHARTS = 24


def _colour(comparison: Comparison) -> str:
    """Return the page's colour: a verdict of not worse is not green if most metrics cannot be told."""
    mostly_open = 2 * comparison.untold > len(comparison.differences)
    return (
        "inconclusive"
        if mostly_open and comparison.verdict is not GateVerdict.WORSE
        else COLOURS[comparison.verdict]
    )


def render(comparison: Comparison) -> str:
    """Render one HTML document; all text from a target is escaped, or data within JSON."""
    charts = [chart for chart in comparison.charts if figures.drawable(chart)][:MOST_CHARTS]
    shown = [difference_rows.row(difference) for difference in comparison.differences]
    groups = [
        (verdict, members)
        for verdict in difference_rows.MARK
        if (members := [r for r in shown if r.verdict is verdict])
    ]
    seconds = max(
        (run.seconds for run in (*comparison.base_runs, *comparison.candidate_runs)), default=0.0
    )
    axis = Analysis(RunInfo(comparison.candidate, seconds=seconds), Verdict.PASS, "", ())
    return (
        environment()
        .get_template("comparison.html")
        .render(
            comparison=comparison,
            colour=_colour(comparison),
            colours=CHIPS,
            mark=difference_rows.VERDICT_MARK[comparison.verdict],
            headline=difference_rows.headline(comparison),
            sections=difference_rows.sections(comparison),
            tally=difference_rows.tally(comparison),
            base_side=difference_rows.side(comparison.base_runs),
            candidate_side=difference_rows.side(comparison.candidate_runs),
            rows=shown,
            groups=groups,
            panels=[panel_of(index, chart) for index, chart in enumerate(charts)],
            library=chart_library() if charts else "",
            script=own_script(
                page_file("sort.js") + page_file("report.js") + page_file("explore.js")
            ),
            charts=chart_data(figures.embed(axis, charts, PLACE)) if charts else "",
        )
    )
