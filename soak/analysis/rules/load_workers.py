"""Check that all workers made their share of the load: a missing share must not look like health."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from soak.analysis.rules.rule import RuleInput
from soak.model import Finding, RuleName, Verdict
from soak.units import show_duration, show_ratio

#: With more of the load missing, the target was not given the work that was to show whether it
#: leaks.
_TOO_MUCH_MISSING = 0.05


def worker_findings(asked: RuleInput) -> Iterator[Finding]:
    """Yield one finding if a worker was missing at any time of the load; none otherwise."""
    prepared = asked.prepared
    coverages = prepared.recording.coverages
    if coverages is None:
        return
    inside = (coverages.times > prepared.start) & (
        coverages.times - coverages.seconds < prepared.end
    )
    seconds, present, expected = (
        column[inside] for column in (coverages.seconds, coverages.present, coverages.expected)
    )
    short = present < expected
    if not short.any():
        return
    covered = coverages.covered[inside]
    uncovered = seconds[covered < 1.0 - 1e-9].sum()
    share = float(((1.0 - covered) * seconds).sum() / seconds.sum())
    most, of = int((expected - present).max()), int(expected.max())
    who = f"{most} of {of} workers {'was' if most == 1 else 'were'} missing"
    reason = f"{who} for {show_duration(float(seconds[short].sum()))}"
    made = f"their share was not made, or not recorded, for {show_duration(float(uncovered))}"
    if share > _TOO_MUCH_MISSING:
        verdict, reason = (
            Verdict.INCONCLUSIVE,
            f"{reason}; {made}: {show_ratio(share)} of the load is not in this run.",
        )
    else:
        verdict = Verdict.PASS
        reason = f"{reason}; {made} ({show_ratio(share)} of the load), and then taken over by the others."
    yield Finding(
        RuleName.GENERATOR,
        "load_workers",
        verdict,
        reason,
        (),
        _TOO_MUCH_MISSING,
        float(np.round(share, 6)),
        "ratio",
    )
