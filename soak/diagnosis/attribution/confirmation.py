"""The load made again after a rest: a leak goes on where it stopped, a high-water mark stays where it was.

What counts is the level at rest, in the later half of each drain, after a garbage collection where
one could be forced; for the heap it is what a snapshot there found in use. A second load of n
requests that leaks as the first did lifts it by n times as much per request.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Literal

import numpy as np

from soak.analysis.prepare.gc_accounting import with_live_heap
from soak.diagnosis.profiles.formats import HELD, read_profile
from soak.errors import SoakError
from soak.model import (
    Analysis,
    Finding,
    Floats,
    Kind,
    Labels,
    Phase,
    Recording,
    RuleName,
    Verdict,
    series_key,
)
from soak.snapshots import Snapshot, SnapshotKind, SnapshotStage
from soak.units import capitalized, show_amount, show_number

#: A second rise of at least this share of the first, a request, is the same leak; of at most the other, none.
_AGAIN, _HARDLY = 0.5, 0.25
#: Fewer samples of a rest, or fewer requests, say nothing.
_FEWEST_SAMPLES, _FEWEST_REQUESTS = 2, 10
_SPREAD = 2.0


class ConfirmationOutcome(StrEnum):
    """What a second load tells of growth in the first."""

    LEAK = "leak"
    HIGH_WATER = "high-water mark"
    UNCLEAR = "cannot tell"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One level after the first load and after the second; `key` is a series as Prometheus writes it, or a kind of snapshot.

    `first` is the growth per request in the first load, `second` that in the second with its
    interval `low` to `high`, in `unit`; `requests` is how many the second made. `repeated` is what
    came of a load in between that sent again what the first had sent; None where there was none.
    """

    key: str
    unit: str
    outcome: ConfirmationOutcome
    first: float
    second: float
    low: float
    high: float
    requests: int
    reason: str
    repeated: ConfirmationOutcome | None = None

    @property
    def keys(self) -> Literal["cardinality", "append", ""]:
        """What a leak grows with: only with keys that are new, or with every request; empty where that is not known."""
        if self.outcome is not ConfirmationOutcome.LEAK or self.repeated in (
            None,
            ConfirmationOutcome.UNCLEAR,
        ):
            return ""
        return "append" if self.repeated is ConfirmationOutcome.LEAK else "cardinality"


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
    said = {confirmed.key: confirmed.reason for confirmed in confirmations(recording, analysis)}
    findings = tuple(
        finding.adjusted(
            "second load",
            finding.verdict,
            f"{finding.reason} {capitalized(said[key])}.",
        )
        if key in said
        else finding
        for finding in analysis.findings
        for key in [
            series_key(finding.series, finding.labels) if finding.rule is RuleName.GROWTH else ""
        ]
    )
    return replace(analysis, findings=findings)


def confirmation(
    key: str, unit: str, first: float, before: Rest, after: Rest, requests: int
) -> Confirmation:
    """Leak or high-water mark, from the growth per request in the first load and the levels at rest around the second."""
    error = _SPREAD * float(np.hypot(before.error, after.error))
    rise = after.level - before.level
    many = max(requests, 1)
    second, low, high = rise / many, (rise - error) / many, (rise + error) / many
    outcome = ConfirmationOutcome.UNCLEAR
    if requests >= _FEWEST_REQUESTS and first > 0:
        if low >= _AGAIN * first:
            outcome = ConfirmationOutcome.LEAK
        elif high <= _HARDLY * first:
            outcome = ConfirmationOutcome.HIGH_WATER
    reason = _REASONS[outcome].format(
        first=show_amount(first, unit),
        second=show_amount(second, unit),
        before=show_amount(before.level, unit),
        after=show_amount(after.level, unit),
        requests=show_number(requests),
    )
    return Confirmation(key, unit, outcome, first, second, low, high, requests, reason)


_REASONS = {
    ConfirmationOutcome.LEAK: "the same load again, {requests} requests after a rest, kept {second} per request "
    "as the first kept {first}: a leak",
    ConfirmationOutcome.HIGH_WATER: "the same load again, {requests} requests after a rest, left {after} "
    "where the first left {before}: a high-water mark, and no leak",
    ConfirmationOutcome.UNCLEAR: "the same load again, {requests} requests after a rest, led from {before} to {after}, "
    "{second} per request where the first load kept {first}: that tells neither a leak nor a high-water mark",
}


def _of_series(
    recording: Recording, analysis: Analysis, phases: dict[str, Phase]
) -> Iterator[Confirmation]:
    rate = _requests(recording, phases["steady"]) / max(
        phases["steady"].end - phases["steady"].start, 1e-9
    )
    for finding in analysis.findings:
        per_request = _per_request(finding, rate)
        if per_request is None:
            continue
        key, unit = series_key(finding.series, finding.labels), finding.unit.removesuffix("/h")
        rests = {
            name: _at_rest(recording, finding.series, finding.labels, phases.get(name))
            for name in _RESTS
        }
        loads = {name: _requests(recording, phases.get(name)) for name in ("repeat", "confirm")}
        yield from _both(key, unit, per_request, tuple(rests.values()), loads)


_RESTS = ("drain", "repeat-drain", "confirm-drain")
_STAGES: tuple[SnapshotStage, ...] = ("drained", "repeated", "confirmed")


def _both(
    key: str, unit: str, first: float, rests: tuple[Rest | None, ...], loads: dict[str, int]
) -> Iterator[Confirmation]:
    """What the fresh load tells, and with it what the repeated one told, where there was one."""
    drained, repeated, confirmed = rests
    if drained is None or confirmed is None:
        return
    told = confirmation(key, unit, first, repeated or drained, confirmed, loads["confirm"])
    if repeated is not None:
        before = confirmation(key, unit, first, drained, repeated, loads["repeat"])
        told = replace(told, repeated=before.outcome)
        told = replace(told, reason=told.reason + _KEYS[told.keys])
    yield told


_KEYS = {
    "append": ", and one that grows with every request, also with what was sent before",
    "cardinality": ", and one that grows only with keys that are new",
    "": "",
}


def _per_request(finding: Finding, rate: float) -> float | None:
    """The growth that a finding tells of, a request; None where it tells of none."""
    if (
        finding.rule is not RuleName.GROWTH
        or finding.verdict is Verdict.PASS
        or finding.trend is None
        or rate <= 0
    ):
        return None
    slope = finding.trend.slope_per_hour
    return slope / 3600 / rate if np.isfinite(slope) and slope > 0 else None


def _at_rest(recording: Recording, name: str, labels: Labels, rest: Phase | None) -> Rest | None:
    """The level in the later half of a rest; None with too few samples, or without that rest."""
    gauges = (row for row in with_live_heap(recording.series) if row.kind is Kind.GAUGE)
    series = next((row for row in gauges if (row.name, row.labels) == (name, labels)), None)
    if series is None or rest is None:
        return None
    late = (series.times >= 0.5 * (rest.start + rest.end)) & (series.times <= rest.end)
    values: Floats = series.values[late & np.isfinite(series.values)]
    if len(values) < _FEWEST_SAMPLES:
        return None
    level = float(np.median(values))
    # Samples of a second or so apart are no independent ones: the whole spread counts.
    return Rest(level, float(np.median(np.abs(values - level)) * 1.4826))


def _of_snapshots(recording: Recording, phases: dict[str, Phase]) -> Iterator[Confirmation]:
    """What each kind of snapshot holds in all: at the steady phase's start, and at each rest."""
    loads = {name: _requests(recording, phases.get(name)) for name in ("repeat", "confirm")}
    for kind in dict.fromkeys(
        snapshot.kind for snapshot in recording.snapshots if snapshot.kind in HELD
    ):
        start = _held(recording.snapshots, kind, "start")
        drained, repeated, confirmed = (
            _held(recording.snapshots, kind, stage) for stage in _STAGES
        )
        if start is None or drained is None or confirmed is None:
            continue
        made = _requests(recording, Phase("", start.time, phases["steady"].end))
        grown = drained.total - start.total
        if made and grown > _SPREAD * _off(grown, drained.period):
            # Only what is new since the rest before can be off: what both hold was sampled when it
            # was allocated.
            rests = (
                Rest(drained.total, 0.0),
                _since(repeated, drained),
                _since(confirmed, repeated or drained),
            )
            yield from _both(kind, _UNITS[HELD[kind]], grown / made, rests, loads)


_UNITS = {
    "inuse_space": "bytes",
    "goroutine": "goroutines",
    "goroutineleak": "goroutines",
    "threads": "threads",
}


@dataclass(frozen=True, slots=True)
class _Held:
    """All that a snapshot holds, when it was taken, and once in how many bytes it was sampled; 0 where all is counted."""

    time: float
    total: float
    period: float


def _held(
    snapshots: tuple[Snapshot, ...], kind: SnapshotKind, stage: SnapshotStage
) -> _Held | None:
    """The first snapshot of a kind and stage; None where there is none, or it cannot be read."""
    snapshot = next(
        (
            snapshot
            for snapshot in snapshots
            if (snapshot.kind, snapshot.stage, snapshot.error) == (kind, stage, None)
        ),
        None,
    )
    if snapshot is None:
        return None
    try:
        profile = read_profile(kind, snapshot.read())
        total = float(profile.column(HELD[kind]).sum())
    except SoakError:
        return None
    sampled = HELD[kind] == "inuse_space" and profile.period_unit == "bytes"
    return _Held(snapshot.time, total, profile.period if sampled else 0.0)


def _since(held: _Held | None, before: _Held) -> Rest | None:
    return None if held is None else Rest(held.total, _off(held.total - before.total, held.period))


def _off(rise: float, period: float) -> float:
    """The standard error of a rise that was sampled once in so many bytes: the root of their product, at least one sample."""
    return float(np.sqrt(period * max(abs(rise), period)))


def _requests(recording: Recording, phase: Phase | None) -> int:
    """Requests completed in a phase; 0 without it."""
    if phase is None:
        return 0
    return sum(
        int(windows.between(phase.start, phase.end).requests.sum()) for windows in recording.windows
    )
