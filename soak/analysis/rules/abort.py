"""The abort rule that ended a run: a fail if it is a limit of the target."""

from __future__ import annotations

from collections.abc import Iterator

from soak.analysis.rules.rule import RuleInput
from soak.model import Finding, RuleName, Verdict


def abort_findings(asked: RuleInput) -> Iterator[Finding]:
    """Yield one finding if an abort rule ended the run, else none, because the same limit may be given in `limits`."""
    aborted = asked.prepared.recording.run.aborted
    if aborted is None:
        return
    verdict = Verdict.FAIL if aborted.of_target else Verdict.INCONCLUSIVE
    because = "" if aborted.of_target else "; that is no limit of the target, so nothing is proven"
    reason = f"The run was ended at once: {aborted.text}{because}."
    yield Finding(
        RuleName.ABORT,
        aborted.series,
        verdict,
        reason,
        aborted.labels,
        aborted.limit,
        aborted.observed,
        aborted.unit,
    )
