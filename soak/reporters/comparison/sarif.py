"""comparison.sarif: the candidate's new suspects on their lines, and each difference as a notification (SARIF 2.1.0)."""

from __future__ import annotations

from soak.compared import Change, Comparison, GateVerdict
from soak.reporters.comparison import difference_rows
from soak.reporters.sarif import document, notification

_LEVELS = {
    Change.WORSE: "error",
    Change.CANNOT_TELL: "warning",
    Change.BETTER: "note",
    Change.SAME: "note",
}


def render(comparison: Comparison) -> str:
    """Render one JSON object, in ASCII, with a newline at its end; suspects are errors only if the candidate is worse."""
    worse = comparison.verdict is GateVerdict.WORSE
    notifications = [
        *(
            notification(_LEVELS[difference.verdict], difference.reason)
            for difference in comparison.differences
        ),
        *(
            notification("warning", f"{title}: {text}")
            for title, texts in difference_rows.sections(comparison)
            for text in texts
        ),
    ]
    return document(
        comparison.new_suspects,
        "error" if worse else "warning",
        notifications,
        reason=comparison.reason,
        successful=True,
        properties={
            "verdict": comparison.verdict.value,
            "headline": difference_rows.headline(comparison),
            "base": difference_rows.side(comparison.base_runs),
            "candidate": difference_rows.side(comparison.candidate_runs),
        },
    )
