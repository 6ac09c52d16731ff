"""Compare a second load after a rest with the first: a leak grows on from where it stopped, a high-water mark stays.

The level at rest is compared: in the later half of each drain, after a garbage collection if one
could be forced; for the heap it is what a snapshot there found in use. If a second load of n requests
leaks like the first, it raises this level by n times the first load's growth per request.
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

#: If growth per request in the second load is surely at least this share of that in the first, it
#: is a leak; if it is surely at most the other share, it is a high-water mark.
_AGAIN, _HARDLY = 0.5, 0.25
#: Fewest samples of a rest, and fewest requests of the second load, for a result.
_FEWEST_SAMPLES, _FEWEST_REQUESTS = 2, 10
_SPREAD = 2.0


class ConfirmationOutcome(StrEnum):
    """What a second load shows about growth in the first."""

    LEAK = "leak"
    HIGH_WATER = "high-water mark"
    UNCLEAR = "cannot tell"


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One level after both loads; `key` is a series as Prometheus writes it, or a kind of snapshot.

    `first` is the growth per request in the first load, `second` that in the second with its
    interval `low` to `high`, in `unit`. `requests` is the number of requests in the second load.
    `repeated` is the outcome of a load in between that sent the first load's requests again; None
    if there was no such load.
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
        """What a leak grows with: only new keys (`cardinality`) or every request (`append`); empty if unknown."""
        if self.outcome is not ConfirmationOutcome.LEAK or self.repeated in (
            None,
            ConfirmationOutcome.UNCLEAR,
        ):
            return ""
        return "append" if self.repeated is ConfirmationOutcome.LEAK else "cardinality"


@dataclass(frozen=True, slots=True)
class Rest:
    """A level at rest and its standard error."""

    level: float
    error: float


def confirmations(recording: Recording, analysis: Analysis) -> tuple[Confirmation, ...]:
    """Return a confirmation for each series that may be growing and for each kind of snapshot; empty without a second load."""
    phases = {phase.name: phase for phase in recording.phases}
    if not {"steady", "drain", "confirm", "confirm-drain"} <= phases.keys():
        return ()
    return (*_of_series(recording, analysis, phases), *_of_snapshots(recording, phases))


def with_confirmations(recording: Recording, analysis: Analysis) -> Analysis:
    """Add the result of the second load to the reasons of the findings; the verdict stays that of the first load."""
    reasons = {confirmed.key: confirmed.reason for confirmed in confirmations(recording, analysis)}
    findings = tuple(
        finding.adjusted(
            "second load",
            finding.verdict,
            f"{finding.reason} {capitalized(reasons[key])}.",
        )
        if key in reasons
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
    """Decide on leak or high-water mark from the first load's growth per request and the levels at rest around the second."""
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
    """Yield the confirmation of the second load, together with the outcome of the repeated load if there was one."""
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
    """Return a finding's growth per request; None if it has none."""
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
    """Return the level in the later half of a rest; None with too few samples or without that rest."""
    gauges = (row for row in with_live_heap(recording.series) if row.kind is Kind.GAUGE)
    series = next((row for row in gauges if (row.name, row.labels) == (name, labels)), None)
    if series is None or rest is None:
        return None
    late = (series.times >= 0.5 * (rest.start + rest.end)) & (series.times <= rest.end)
    values: Floats = series.values[late & np.isfinite(series.values)]
    if len(values) < _FEWEST_SAMPLES:
        return None
    level = float(np.median(values))
    # Samples about a second apart are not independent, so the whole spread counts.
    return Rest(level, float(np.median(np.abs(values - level)) * 1.4826))


def _of_snapshots(recording: Recording, phases: dict[str, Phase]) -> Iterator[Confirmation]:
    """Yield confirmations from the total of each kind of snapshot at the start of the steady phase and at each rest."""
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
            # Only what is new since the previous rest has a sampling error: what both snapshots
            # hold was sampled when it was allocated.
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
    """A snapshot's time, its total, and the sampling period in bytes (0 if everything is counted)."""

    time: float
    total: float
    period: float


def _held(
    snapshots: tuple[Snapshot, ...], kind: SnapshotKind, stage: SnapshotStage
) -> _Held | None:
    """Return the first snapshot of a kind and stage; None if there is none or it cannot be read."""
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
    """Return the standard error of a rise sampled once per `period` bytes: the root of their product, at least one sample."""
    return float(np.sqrt(period * max(abs(rise), period)))


def _requests(recording: Recording, phase: Phase | None) -> int:
    """Return the number of requests completed in a phase; 0 without that phase."""
    if phase is None:
        return 0
    return sum(
        int(windows.between(phase.start, phase.end).requests.sum()) for windows in recording.windows
    )
