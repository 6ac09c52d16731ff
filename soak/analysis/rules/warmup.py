"""Warm-up on an absolute scale: in the first minutes of load, memory fails only when it grows beyond what youth explains.

JITs, pools, arenas and caches take minutes or thousands of requests whatever the run's length, so in a run of a minute no
shape of a curve can tell them from a leak; only size, and a rise that is as fast at the end as at the beginning, can.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.thresholds import (
    EVEN_THIRDS,
    LIVE_EVEN_RISE,
    LIVE_RISE,
    WARMUP_EVEN_RISE,
    WARMUP_RISE,
    WARMUP_SECONDS,
    WORKED_BEFORE,
)
from soak.model import Finding, Verdict
from soak.snapshots import SNAPSHOT_SOURCE
from soak.units import show_amount, show_duration

#: Parts of the judged stretch whose medians are its levels: the first, the last, and those where a third ends.
_PARTS = 10


def within_warmup(prepared: Prepared, subject: Subject, finding: Finding) -> Finding:
    """A fail of memory left open where a young service's warm-up explains the rise; limits that were set stay as they are.

    A recording that soak did not drive is as young, unless the target's counter of requests shows that it had worked before.
    """
    seconds = prepared.loaded_seconds
    memory = finding.unit.startswith("bytes") or subject.unit == "objects"
    if finding.verdict is not Verdict.FAIL or subject.limit is not None or not memory:
        return finding
    if seconds >= WARMUP_SECONDS or _worked_before(prepared):
        return finding
    first, rise, even = _rise(subject)
    youth = 1.0 - seconds / WARMUP_SECONDS
    collected = subject.series.source == SNAPSHOT_SOURCE  # each level was measured just after a collection
    most, most_even = (LIVE_RISE, LIVE_EVEN_RISE) if collected else (WARMUP_RISE, WARMUP_EVEN_RISE)
    needed = (most_even if even else most) * youth * first
    if rise >= needed:
        return finding
    within = f"in the first {show_duration(seconds)} of load" if prepared.driven else f"within {show_duration(seconds)}"
    reason = (
        f"{subject.noun[:1].upper()}{subject.noun[1:]} rose by {show_amount(rise, subject.unit)} {within}, "
        "which a young service's warm-up may explain: "
        f"a {'run' if prepared.driven else 'recording'} of {show_duration(WARMUP_SECONDS)} or more would tell."
    )
    return finding.adjusted("warm-up", Verdict.INCONCLUSIVE, reason)


def _worked_before(prepared: Prepared) -> bool:
    """Whether most of what the target had answered by the end came before the recording began."""
    if prepared.driven or prepared.requests is None:
        return False
    known = prepared.requests.values[np.isfinite(prepared.requests.values)]
    return len(known) > 1 and bool(known[0] > WORKED_BEFORE * known[-1])


def _rise(subject: Subject) -> tuple[float, float, bool]:
    """The level at the beginning of the judged stretch, its rise to the end, and whether each third rises about as fast.

    Thirds are of the clock that the subject is judged on: of the requests that add, where those are known.
    """
    series = subject.series
    judged = (series.times >= subject.judged_from) & np.isfinite(series.values)
    times, values = series.times[judged], series.values[judged]
    if len(values) < _PARTS:
        return float(values[0]) if len(values) else 0.0, 0.0, False
    if subject.clock is not None:
        # As many points for each stretch of the clock as for any other.
        even_times = np.linspace(times[0], times[-1], max(len(times), 3 * _PARTS))
        values = np.interp(even_times, times, values)
    parts = np.array_split(values, _PARTS)
    levels = [float(np.median(parts[index])) for index in (0, 3, 6, 9)]
    rises = [after - before for before, after in pairwise(levels)]
    even = min(rises) > 0 and min(rises) >= EVEN_THIRDS * max(rises)
    return levels[0], levels[-1] - levels[0], even
