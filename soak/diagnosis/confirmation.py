"""The load made again after a rest: a leak goes on where it stopped, a high-water mark stays where it was.

What counts is the level at rest, in the later half of each drain, after a garbage collection where one could be forced;
for the heap it is what a snapshot there found in use. A second load of n requests that leaks as the first did lifts it by
n times as much a request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from soak.diagnosis.profiles import HELD, read_profile
from soak.errors import SoakError
from soak.model import Analysis, Finding, Floats, Labels, Phase, Recording, Verdict, series_key
from soak.snapshots import Snapshot, SnapshotKind, SnapshotStage
from soak.units import show_amount, show_number

#: A second rise of at least this share of the first, a request, is the same leak; of at most the other, none.
_AGAIN, _HARDLY = 0.5, 0.25
#: Fewer samples of a rest, or fewer requests, say nothing.
_FEWEST_SAMPLES, _FEWEST_REQUESTS = 2, 10
_SPREAD = 2.0


class Outcome(StrEnum):
    """What a second load tells of growth in the first."""

    LEAK = "leak"
    HIGH_WATER = "high-water mark"
    UNCLEAR = "cannot tell"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One level after the first load and after the second; `key` is a series as Prometheus writes it, or a kind of snapshot.

    `first` is the growth a request in the first load, `second` that in the second with its interval `low` to `high`, in
    `unit`; `requests` is how many the second made.
    """

    key: str
    unit: str
    outcome: Outcome
    first: float
    second: float
    low: float
    high: float
    requests: int
    reason: str


@dataclass(frozen=True, slots=True)
class Rest:
    """A level at rest, and how far off it may be (one standard error)."""

    level: float
    error: float


def confirmations(recording: Recording, analysis: Analysis) -> tuple[Confirmation, ...]:
    """Of each series that may be growing, and of the heap where snapshots have it; empty without a second load."""
    phases = {phase.name: phase for phase in recording.phases}
    if not {"steady", "drain", "confirm", "confirm-drain"} <= phases.keys():
        return ()
    return (*_of_series(recording, analysis, phases), *_of_snapshots(recording, phases))


def with_confirmations(recording: Recording, analysis: Analysis) -> Analysis:
    """The analysis, its findings saying what the second load told of them: the verdict stays that of the first."""
    said = {one.key: one.reason for one in confirmations(recording, analysis)}
    findings = tuple(
        replace(finding, reason=f"{finding.reason} Asked again: {said[key]}.") if key in said else finding
        for finding in analysis.findings
        for key in [series_key(finding.series, finding.labels) if finding.rule == "growth" else ""]
    )
    return replace(analysis, findings=findings)


def confirmation(key: str, unit: str, first: float, before: Rest, after: Rest, requests: int) -> Confirmation:
    """Leak or high-water mark, from the growth a request in the first load and the levels at rest around the second."""
    error = _SPREAD * float(np.hypot(before.error, after.error))
    rise = after.level - before.level
    many = max(requests, 1)
    second, low, high = rise / many, (rise - error) / many, (rise + error) / many
    outcome = Outcome.UNCLEAR
    if requests >= _FEWEST_REQUESTS and first > 0:
        if low >= _AGAIN * first:
            outcome = Outcome.LEAK
        elif high <= _HARDLY * first:
            outcome = Outcome.HIGH_WATER
    reason = _REASONS[outcome].format(
        first=show_amount(first, unit),
        second=show_amount(second, unit),
        before=show_amount(before.level, unit),
        after=show_amount(after.level, unit),
        requests=show_number(requests),
    )
    return Confirmation(key, unit, outcome, first, second, low, high, requests, reason)


_REASONS = {
    Outcome.LEAK: "the same load again, {requests} requests after a rest, kept {second} a request as the first kept {first}: "
    "a leak",
    Outcome.HIGH_WATER: "the same load again, {requests} requests after a rest, left {after} where the first left {before}: "
    "a high-water mark, and no leak",
    Outcome.UNCLEAR: "the same load again, {requests} requests after a rest, led from {before} to {after}, {second} a request "
    "where the first load kept {first}: that tells neither a leak nor a high-water mark",
}


def _of_series(recording: Recording, analysis: Analysis, phases: dict[str, Phase]) -> Iterator[Confirmation]:
    rate = _requests(recording, phases["steady"]) / max(phases["steady"].end - phases["steady"].start, 1e-9)
    requests = _requests(recording, phases["confirm"])
    for finding in analysis.findings:
        per_request = _per_request(finding, rate)
        if per_request is None:
            continue
        before, after = (
            _at_rest(recording, finding.series, finding.labels, phases[name]) for name in ("drain", "confirm-drain")
        )
        if before is not None and after is not None:
            key, unit = series_key(finding.series, finding.labels), finding.unit.removesuffix("/h")
            yield confirmation(key, unit, per_request, before, after, requests)


def _per_request(finding: Finding, rate: float) -> float | None:
    """The growth that a finding tells of, a request; None where it tells of none."""
    if finding.rule != "growth" or finding.verdict is Verdict.PASS or finding.trend is None or rate <= 0:
        return None
    slope = finding.trend.slope_per_hour
    return slope / 3600 / rate if np.isfinite(slope) and slope > 0 else None


def _at_rest(recording: Recording, name: str, labels: Labels, rest: Phase) -> Rest | None:
    """The level in the later half of a rest; None with too few samples."""
    series = next((one for one in recording.series if (one.name, one.labels) == (name, labels)), None)
    if series is None:
        return None
    late = (series.times >= 0.5 * (rest.start + rest.end)) & (series.times <= rest.end)
    values: Floats = series.values[late & np.isfinite(series.values)]
    if len(values) < _FEWEST_SAMPLES:
        return None
    level = float(np.median(values))
    # Samples of a second or so apart are no independent ones: the whole spread counts.
    return Rest(level, float(np.median(np.abs(values - level)) * 1.4826))


def _of_snapshots(recording: Recording, phases: dict[str, Phase]) -> Iterator[Confirmation]:
    """What each kind of snapshot holds in all: at the steady phase's start, at rest, and at rest again."""
    requests = _requests(recording, phases["confirm"])
    for kind in dict.fromkeys(one.kind for one in recording.snapshots):
        found = [_held(recording.snapshots, kind, stage) for stage in ("start", "drained", "confirmed")]
        start, drained, confirmed = found
        if start is None or drained is None or confirmed is None:
            continue
        made = _requests(recording, Phase("", start.time, phases["steady"].end))
        grown, again = drained.total - start.total, confirmed.total - drained.total
        if made and grown > _SPREAD * _off(grown, drained.period):
            after = Rest(confirmed.total, _off(again, confirmed.period))
            yield confirmation(kind, _UNITS[HELD[kind]], grown / made, Rest(drained.total, 0.0), after, requests)


_UNITS = {"inuse_space": "bytes", "goroutine": "goroutines", "goroutineleak": "goroutines", "threads": "threads"}


@dataclass(frozen=True, slots=True)
class _Held:
    """All that a snapshot holds, when it was taken, and once in how many bytes it was sampled; 0 where all is counted."""

    time: float
    total: float
    period: float


def _held(snapshots: tuple[Snapshot, ...], kind: SnapshotKind, stage: SnapshotStage) -> _Held | None:
    """The first snapshot of a kind and stage; None where there is none, or it cannot be read."""
    one = next((one for one in snapshots if (one.kind, one.stage, one.error) == (kind, stage, None)), None)
    if one is None:
        return None
    try:
        profile = read_profile(kind, one.read())
        total = float(profile.column(HELD[kind]).sum())
    except SoakError:
        return None
    sampled = HELD[kind] == "inuse_space" and profile.period_unit == "bytes"
    return _Held(one.time, total, profile.period if sampled else 0.0)


def _off(rise: float, period: float) -> float:
    """The standard error of a rise: what both snapshots hold was sampled when it was allocated, so only what is new is off."""
    return float(np.sqrt(period * max(abs(rise), period)))


def _requests(recording: Recording, phase: Phase) -> int:
    """Requests completed in a phase."""
    return int(sum(int(windows.between(phase.start, phase.end).requests.sum()) for windows in recording.windows))
