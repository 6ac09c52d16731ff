"""Warm-up on an absolute scale: in the first minutes of load, memory fails only if it grows more than warm-up explains.

JITs, pools, arenas and caches take minutes or thousands of requests whatever the run's length. So
in a run of a minute the shape of a curve cannot distinguish them from a leak; only its size can, or
a rise that is as fast at the end as at the beginning.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from soak.analysis.prepare.gc_accounting import are_counted
from soak.analysis.prepare.prepare import Prepared
from soak.analysis.prepare.stretches import known_between
from soak.analysis.statistics.creep import beside_creep, lasting_growth
from soak.analysis.statistics.growth_input import Subject
from soak.analysis.thresholds import (
    CREEP_LEAST,
    CREEP_RISE,
    CREEP_SECONDS,
    EVEN_THIRDS,
    FELL_BACK,
    FELL_BACK_LEAST,
    FIRST_COLLECTION,
    HARDLY_FALLS,
    KEPT_ENTRIES,
    KEPT_EVENLY,
    LIVE_EVEN_RISE,
    LIVE_RISE,
    NEXT_RISE,
    SETTLED_HALF,
    SETTLED_THIRD,
    SUSPICIOUS,
    THREAD_CACHE,
    WARMUP_EVEN_RISE,
    WARMUP_RISE,
    WARMUP_SECONDS,
    WORKED_BEFORE,
)
from soak.catalog.metrics import COLLECTORS, collects_garbage, selects_any
from soak.catalog.process import RESIDENT_OUTSIDE_HEAP, THREADS
from soak.catalog.python import HELD_MEMORY
from soak.catalog.row_types import Unit
from soak.model import Finding, Floats, Trend, Verdict
from soak.snapshots import SNAPSHOT_SOURCE
from soak.units import capitalized, show_amount, show_duration

#: Parts of the judged stretch whose medians are its levels: the first, the last, and those where a
#: third ends.
_PARTS = 10
#: Heaps as collections leave them, and memory in which requests leave no garbage.
_BARE = (
    RESIDENT_OUTSIDE_HEAP,
    *(selector for each in COLLECTORS for selector in (each.live, *each.metadata) if selector),
)


@dataclass(frozen=True, slots=True)
class _Rise:
    """The level when judging began, its rise in each third, and whether garbage collections set the levels.

    `bare` says that no garbage can hide the level, `only` that it hardly ever fell, and `untold`
    that garbage is collected but nothing reports when. `least` is how much may be added before the
    first collection.
    """

    level: float
    thirds: tuple[float, ...]
    collected: bool
    bare: bool
    only: bool
    untold: bool = False
    least: float = 0.0

    @property
    def total(self) -> float:
        """The rise from the first level to the last."""
        return sum(self.thirds)

    @property
    def even(self) -> bool:
        """True if each third rises about as fast, unlike a warm-up; False if uncollected garbage may explain it."""
        if self.untold:
            return False
        return min(self.thirds) > 0 and min(self.thirds) >= EVEN_THIRDS * max(self.thirds)

    def explained(self, youth: float, lasting: float = 0.0) -> bool:
        """Return True if warm-up may explain all of the rise; `youth` (1 to 0) is the share of its time left.

        If it is the rise since something filled, what growth at its pace comes to in the whole stretch is `lasting`.
        """
        most, most_even = (
            (LIVE_RISE, LIVE_EVEN_RISE) if self.collected else (WARMUP_RISE, WARMUP_EVEN_RISE)
        )
        share = most_even if self.even else most
        return max(self.total, lasting) < youth * max(share * self.level, self.least)

    def ended(self, youth: float) -> bool:
        """Return True if a level that garbage does not hide rose a little, and hardly any more in the last third."""
        little = self.total < LIVE_RISE * youth * self.level
        slowed = self.thirds[0] > 0 and self.thirds[-1] < SETTLED_THIRD * self.thirds[0]
        return (self.bare or self.only) and little and slowed


def keeps_for_good(subject: Subject) -> bool:
    """Return True if a count of things never removed gains many entries, as many late as early, unlike a warm-up."""
    times, values = known_between(subject.series, subject.judged_from)
    if len(values) < _PARTS:
        return False
    thirds = np.diff(np.interp(np.linspace(times[0], times[-1], 4), times, values))
    evenly = thirds.min() >= KEPT_EVENLY * thirds.max()
    return bool(evenly and thirds.sum() >= KEPT_ENTRIES)


def within_warmup(
    prepared: Prepared, subject: Subject, finding: Finding, *, kept: bool = False
) -> Finding:
    """Make a memory fail inconclusive if a young service's warm-up explains the rise; explicit limits are left alone.

    The fail stays if something is certainly `kept` for good, because that continues after any
    warm-up.

    A recording that soak did not drive counts as young too, unless the target's counter of requests
    shows that it had worked before. An inconclusive finding on a level that garbage does not hide,
    such as a heap after collections, passes if the rise has ended, or is a creep that leaves no
    growth.
    """
    seconds = prepared.loaded_seconds
    memory = finding.unit.startswith("bytes") or subject.unit in (Unit.OBJECTS, Unit.BLOCKS)
    if finding.verdict is Verdict.PASS or subject.limit is not None or not memory:
        return finding
    if seconds >= CREEP_SECONDS or _worked_before(prepared):
        return finding
    rise, youth = _rise(prepared, subject), 1.0 - seconds / WARMUP_SECONDS
    rose = _rose(subject, rise, seconds, driven=prepared.driven)
    if finding.verdict is Verdict.INCONCLUSIVE:
        most = _most_creep(prepared, subject, rise)
        return _if_warmed_up(subject, finding, rise, youth, rose, most)
    if youth > 0 and prepared.driven and not rise.bare and (tooth := _unfinished_tooth(subject)):
        return finding.adjusted("warm-up", Verdict.INCONCLUSIVE, tooth, WARMUP_SECONDS - seconds)
    since = None if rise.explained(youth) else _since_settled(subject, finding.trend)
    lasting = 0.0
    if since is not None and finding.trend is not None:
        rise = _rise(prepared, since)
        lasting = finding.trend.slope_per_hour * prepared.judged_seconds / 3600
        rose = f"{_rose(subject, rise, seconds, driven=prepared.driven)}, once what filled at first was full"
    if youth <= 0 or kept or not rise.explained(youth, lasting):
        return finding
    return finding.adjusted(
        "warm-up",
        Verdict.INCONCLUSIVE,
        _may_be_warmup(prepared, rise, rose),
        WARMUP_SECONDS - seconds,
    )


def _may_be_warmup(prepared: Prepared, rise: _Rise, rose: str) -> str:
    """Return why a rise that warm-up may explain is not judged yet."""
    may = (
        "which a young service's warm-up may explain"
        if rise.total >= 0
        else "though it rises between falls, as a young service's memory may"
    )
    longer = f"a {'run' if prepared.driven else 'recording'} of {show_duration(WARMUP_SECONDS)} or more would tell"
    return f"{rose}, {may}: {longer}."


def _since_settled(subject: Subject, trend: Trend | None) -> Subject | None:
    """Return the subject since what filled at first was full; None if nothing is known to have filled.

    A service that filled a cache is as young as one without: what it rose by since may be its warm-up.
    """
    if trend is None or trend.settled_after_seconds is None or not trend.lines:
        return None
    began = trend.lines[-1].start if trend.begins is None else trend.begins
    since = began + trend.settled_after_seconds
    if (clock := subject.clock) is not None:
        [start] = clock.time_of(np.array([began]))
        [since] = clock.shows(np.array([start + trend.settled_after_seconds]))
    return replace(subject, judged_from=max(subject.judged_from, float(since)))


def _unfinished_tooth(subject: Subject) -> str:
    """Return why a rise after the only collection cannot be judged yet; empty if there is no such rise.

    After several collections, the levels that they leave can be judged.
    """
    _, values = known_between(subject.series, subject.judged_from)
    if len(values) < _PARTS:
        return ""
    base = float(np.median(values[: len(values) // _PARTS]))
    lowest = int(np.argmax(_falls(values)))
    highest = int(np.argmax(values[: lowest + 1]))
    top, low, last = float(values[highest]), float(values[lowest]), float(values[-1])
    fell, before, since = top - low, top - base, last - low
    again = max(_falls(part).max() for part in (values[: highest + 1], values[lowest:]))
    if again >= FELL_BACK * fell:
        return ""
    if fell < max(FELL_BACK * before, FELL_BACK_LEAST * base) or since > NEXT_RISE * before:
        return ""
    amounts = [show_amount(each, subject.unit) for each in (fell, since)]
    return (
        f"{capitalized(subject.noun)} fell back by {amounts[0]} once, as where a collector gives memory back, and has risen by "
        f"{amounts[1]} since: whether that falls back too, a run of {show_duration(WARMUP_SECONDS)} or more would tell."
    )


def _falls(values: Floats) -> Floats:
    """Return how far each value is below the highest so far."""
    return np.asarray(np.maximum.accumulate(values) - values)


def _rose(subject: Subject, rise: _Rise, seconds: float, *, driven: bool) -> str:
    """Return `The JVM's live data rose by 2 MiB in the first 6 min of load`."""
    noun = capitalized(subject.noun)
    moved = (
        f"{'rose' if rise.total >= 0 else 'fell'} by {show_amount(abs(rise.total), subject.unit)}"
    )
    length = show_duration(seconds)
    return f"{noun} {moved} {f'in the first {length} of load' if driven else f'within {length}'}"


def _if_warmed_up(
    subject: Subject, finding: Finding, rise: _Rise, youth: float, rose: str, most: float
) -> Finding:
    """Pass an inconclusive finding on memory that garbage does not hide if its rise has ended, or is all creep.

    `most` is how much creep may raise the level in the last two thirds, or in all if it moves in a few
    steps.
    """
    trend = finding.trend
    if trend is None or not math.isfinite(trend.slope_high):
        return finding
    times, values = known_between(subject.series, subject.judged_from)
    ended = youth > 0 and rise.ended(youth) and not _still_rises(times, values, rise)
    how = "ever more slowly: it warmed up" if rise.total >= 0 else "and its rise had ended before"
    lasting = lasting_growth(times, values) if rise.bare and not ended else None
    if lasting is not None and lasting.low <= 0 and lasting.rise < most:
        trend = beside_creep(trend, lasting)
        finding = replace(finding, trend=trend, observed=trend.slope_per_hour)
    elif rise.bare and abs(rise.total) < most and trend.stepwise:
        how = "in a few steps: a young service creeps by as much"
    elif ended:
        # Its lasting growth may be as slow as the small rise of the last third.
        late = 3 * 3600 * rise.thirds[-1] / float(times[-1] - times[0])
        finding = replace(finding, trend=replace(trend, slope_low=min(trend.slope_low, late)))
    elif rise.bare and sum(rise.thirds[1:]) < most and _most_likely_settled(trend):
        how = "and has most likely settled: a young service creeps by what it rose by since"
        finding = replace(finding, trend=replace(trend, slope_low=min(trend.slope_low, 0.0)))
    else:
        return finding
    slowest = show_amount(trend.resolution_per_hour, f"{subject.unit}/h")
    reason = f"{rose}, {how}. Any growth is under {slowest}."
    return finding.adjusted("warm-up", Verdict.PASS, reason)


def _still_rises(times: Floats, values: Floats, rise: _Rise) -> bool:
    """Return True if a line through the last half rises by more than an end of the rise allows.

    In a dozen levels two neighbours that happen to be alike do not show that a rise has ended.
    """
    late = times >= (times[0] + times[-1]) / 2
    slope = float(np.polyfit(times[late] - times[0], values[late], 1)[0])
    return slope * float(times[-1] - times[0]) / 3 >= SETTLED_HALF * rise.thirds[0]


def _most_likely_settled(trend: Trend) -> bool:
    return trend.doubt is None and trend.p_no_growth > SUSPICIOUS


def _most_creep(prepared: Prepared, subject: Subject, rise: _Rise) -> float:
    """Return how much creep may raise the level in the last two thirds, or in a few steps in all."""
    least = CREEP_LEAST if subject.unit == Unit.BYTES else 0.0
    kept = 0.0
    if subject.series.name == HELD_MEMORY:
        threads = prepared.beside(THREADS, subject.series.labels)
        kept = THREAD_CACHE * float(np.nanmax(threads.values)) if threads is not None else 0.0
    return max(CREEP_RISE * max(rise.level, least), kept)


def _worked_before(prepared: Prepared) -> bool:
    """Return True if the target had answered most of its requests before the recording began."""
    if prepared.driven or prepared.requests is None:
        return False
    known = prepared.requests.known
    return len(known) > 1 and bool(known[0] > WORKED_BEFORE * known[-1])


def _garbage_untold(prepared: Prepared, subject: Subject) -> bool:
    """Return True if a garbage collector is known to work in the process, but nothing reports when."""
    language = prepared.language(subject.series.instance)
    counted = are_counted(prepared.collections, subject.series.labels)
    return collects_garbage(language) and not counted


def _rise(prepared: Prepared, subject: Subject) -> _Rise:
    """Return how the judged stretch rises; no rise with too few samples.

    Thirds are of the clock that the subject is judged on: of the requests that add memory, if
    known.
    """
    times, values = known_between(subject.series, subject.judged_from)
    collected = subject.series.source == SNAPSHOT_SOURCE  # it measures just after a collection
    bare = collected or selects_any(_BARE, subject.series)
    if len(values) < _PARTS:
        level = float(values[0]) if len(values) else 0.0
        return _Rise(level, (0.0, 0.0, 0.0), collected, bare, only=False)
    if subject.clock is not None:
        # The same number of points for each equal stretch of the clock.
        even_times = np.linspace(times[0], times[-1], max(len(times), 3 * _PARTS))
        values = np.interp(even_times, times, values)
    parts = np.array_split(values, _PARTS)
    levels = [float(np.median(parts[index])) for index in (0, 3, 6, 9)]
    thirds = tuple(after - before for before, after in pairwise(levels))
    steps = np.diff(values)
    only = -float(np.minimum(steps, 0).sum()) <= HARDLY_FALLS * float(np.maximum(steps, 0).sum())
    untold = not bare and _garbage_untold(prepared, subject)
    least = FIRST_COLLECTION if untold and subject.unit == Unit.BYTES else 0.0
    return _Rise(levels[0], thirds, collected, bare, only, untold, least)
