"""A level that only collections set: if it stood still because none ran, that is no evidence of health."""

from __future__ import annotations

from soak.analysis.prepare.gc_accounting import (
    SET_BY_COLLECTIONS,
    collections_of,
    more_collections,
    sooner_by,
)
from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules.live_heaps import BESIDE_EXACT
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.thresholds import FEW_COLLECTIONS
from soak.catalog.metrics import selects_any
from soak.model import Finding, Verdict
from soak.snapshots import SNAPSHOT_SOURCE
from soak.units import capitalized


def without_stale_level(prepared: Prepared, subject: Subject, finding: Finding) -> Finding:
    """Make a pass inconclusive if fewer than `FEW_COLLECTIONS` collections set the level after it had settled.

    Between two collections such a gauge repeats what the last one left, so many equal samples are
    one measurement. Only measurements in the stretch on which the pass is based count.
    """
    series, trend = subject.series, finding.trend
    if (
        finding.verdict is not Verdict.PASS
        or trend is None
        or series.source == SNAPSHOT_SOURCE  # each sample was measured by its own collection
        or any(step.by == BESIDE_EXACT for step in finding.adjustments)  # and so was this
        or not selects_any(SET_BY_COLLECTIONS, series)
    ):
        return finding
    settled = trend.warm_up
    start = max(prepared.judged_from, settled[1] if settled else 0.0)
    recorded = prepared.recording.series
    ran = collections_of(recorded, series, start, prepared.end)
    if ran >= FEW_COLLECTIONS:
        return finding
    times = "not once" if ran < 1 else "only once" if ran < 2 else f"only {ran:.0f} times"
    seconds = prepared.end - start
    sooner = sooner_by({other.name for other in recorded})
    more, longer = more_collections(ran, seconds)
    reason = (
        f"{capitalized(subject.noun)} may grow unseen: it is measured only at collections, and the garbage collector ran "
        f"{times} since it settled; "
        f"{more} would tell{f'; {sooner}' if sooner else ''}."
    )
    return finding.adjusted("garbage collections", Verdict.INCONCLUSIVE, reason, longer)
