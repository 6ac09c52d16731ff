"""Advice if nothing of the target is known: which series look like resources, and how to have them judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from soak.analysis.rules.rule import RuleInput
from soak.catalog.likely import likely_resources
from soak.catalog.metrics import ResourceKind, metric_of
from soak.model import Finding, Series


def no_findings(_asked: RuleInput) -> Iterable[Finding]:
    """Return no findings: unknown series only cause advice."""
    return ()


def unknown_warnings(asked: RuleInput, findings: Sequence[Finding]) -> Iterator[str]:
    """Yield a warning for each unknown series that looks like a resource, if no resource of the target was judged."""
    judged = (
        metric_of(finding.series, finding.labels)
        for finding in findings
        if finding.trend is not None
    )
    if any(metric is None or metric.kind is not ResourceKind.METRICS for metric in judged):
        return
    recorded = {
        series.key: series for series in asked.prepared.recording.series if series.source != "load"
    }
    for likely in likely_resources(
        (unknown.name, unknown.labels, unknown.kind) for unknown in recorded.values()
    ):
        moved = _moved(recorded[likely.key])
        yield f"{likely.key} looks like {likely.what}, and {moved}; {likely.line} would have it judged"


def _moved(series: Series) -> str:
    """Say from which value to which a series went."""
    known = series.known
    if not len(known):
        return "has no value"
    if not np.ptp(known):
        return f"stayed at {known[0]:,.10g}"
    return f"went from {known[0]:,.10g} to {known[-1]:,.10g}"
