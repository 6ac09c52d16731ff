"""The context: everything that one run shows about its target, read once for all rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.prepare.stretches import known_between
from soak.catalog.metrics import ResourceKind, language_of, metric_of
from soak.catalog.process import RESIDENT
from soak.catalog.python import TRACING_DUTY
from soak.diagnosis.attribution.allocation_sites import AllocationSite, allocation_sites
from soak.diagnosis.attribution.blocked_stacks import BlockedGroup, groups, with_leak_profile
from soak.diagnosis.attribution.confirmation import Confirmation, confirmations
from soak.diagnosis.attribution.growing_classes import GrowingClasses, growing_classes
from soak.diagnosis.attribution.load_profiles import load_profiles
from soak.diagnosis.attribution.site_growth import ProfileSnapshot
from soak.diagnosis.profiles.formats import HELD
from soak.diagnosis.profiles.go_stacks import Created, read_go_stacks
from soak.diagnosis.profiles.v8 import RUN
from soak.diagnosis.thresholds import FLAT_HEAP_SHARE
from soak.errors import SoakError
from soak.model import Analysis, Finding, Recording, RuleName, Series, Verdict
from soak.snapshots import SnapshotKind

#: The name of a language, known from the catalog or the snapshots; empty if unknown.
Language = str
#: The language that each kind of snapshot indicates.
_BY_SNAPSHOT: dict[SnapshotKind, Language] = {
    "heap": "Go",
    "goroutine": "Go",
    "classes": "Java",
    "v8heap": "JavaScript",
    "tracemalloc": "Python",
}
#: Kinds of snapshots of held memory; the first kind that a run has is read.
HEAPS: tuple[SnapshotKind, ...] = ("heap", "classes", "v8heap", "tracemalloc")


@dataclass(frozen=True, eq=False)
class RunContext:
    """One run: `places` have the bytes in use, `allocated` the bytes ever allocated, and `running` the CPU samples of each
    place. `unread` are warnings about unreadable snapshots, `confirmed` the results of a second load, and `classes` those of
    which requests surely leave objects."""

    prepared: Prepared
    findings: Sequence[Finding]
    language: Language
    places: Sequence[AllocationSite] = ()
    allocated: Sequence[AllocationSite] = ()
    groups: Sequence[BlockedGroup] = ()
    unread: tuple[str, ...] = ()
    heaps: Sequence[ProfileSnapshot] = ()
    confirmed: Sequence[Confirmation] = ()
    running: Sequence[AllocationSite] = ()
    mix_varied: bool = False
    classes: GrowingClasses | None = None

    def series(self, name: str, **labels: str) -> list[Series]:
        """Return the series of a name that have these labels."""
        return [
            series
            for series in self.prepared.named(name)
            if labels.items() <= dict(series.labels).items()
        ]

    def recorded(self, name: str) -> list[Series]:
        """Return the series of a name as recorded, including warm-up and drain."""
        return [series for series in self.prepared.recording.series if series.name == name]

    def drained(self, kind: SnapshotKind) -> bytes | None:
        """Return the snapshot of a kind that was taken after the drain; None if there is none that can be read."""
        if kind not in self._drained:
            self._drained[kind] = self._read_drained(kind)
        return self._drained[kind]

    @cached_property
    def _drained(self) -> dict[SnapshotKind, bytes | None]:
        """What was read already."""
        return {}

    def _read_drained(self, kind: SnapshotKind) -> bytes | None:
        for snapshot in self.prepared.recording.snapshots:
            if snapshot.kind == kind and snapshot.stage == "drained" and snapshot.error is None:
                try:
                    return snapshot.read()
                except (SoakError, OSError):
                    return None
        return None

    @cached_property
    def profiled(self) -> bool:
        """True if snapshots show which places hold memory."""
        return bool(self.places) and self.tracing_duty != 0

    @cached_property
    def tracing_duty(self) -> float | None:
        """The share of time in which the Python hook traced allocations; None without a hook.

        0 if it traced nothing, because the target would have answered late.
        """
        series = self.recorded(TRACING_DUTY)
        return float(series[0].values[-1]) if series and len(series[0].values) else None

    @cached_property
    def heap_findings(self) -> list[Finding]:
        """The growth findings of managed heaps, in bytes."""
        return [
            finding
            for finding in self.findings
            if finding.rule is RuleName.GROWTH
            and finding.unit.startswith("bytes")
            and (metric := metric_of(finding.series, finding.labels)) is not None
            and metric.kind is ResourceKind.HEAP
        ]

    @cached_property
    def heap_may_grow(self) -> bool:
        """True if the managed heap may contribute to the growth of resident memory: it grows, or that is undecided.

        False if it surely does not, and if nothing is known about it.
        """
        resident = [
            finding.trend.slope_low
            for finding in self.findings
            if finding.series == RESIDENT and finding.trend is not None
        ]
        most = FLAT_HEAP_SHARE * max(resident, default=0.0)
        if self.heap_findings:
            return not all(_flat(finding, most) for finding in self.heap_findings)
        return self.profiled and any(site.sure for site in self.places)

    def gained(self) -> float:
        """Return by how many bytes per request (to any endpoint) all places together grew."""
        return sum(site.slope[0] for site in self.places)


def run_context(
    recording: Recording, analysis: Analysis, warmup: float, prepared: Prepared | None = None
) -> RunContext:
    """Return the context of a run that has been judged; `prepared` is the prepared recording, if it exists already."""
    prepared = prepared or prepare(recording, warmup)
    snapshots = [
        snapshot for snapshot in recording.snapshots if snapshot.time >= prepared.judged_from - 1
    ]
    heap: SnapshotKind = next(
        (kind for kind in HEAPS if any(snapshot.kind == kind for snapshot in snapshots)), "heap"
    )
    heaps, unread = load_profiles(snapshots, heap, recording.windows)
    ran, besides = load_profiles(snapshots, "v8cpu", recording.windows)
    running: SnapshotKind = (
        "threads" if any(snapshot.kind == "threads" for snapshot in snapshots) else "goroutine"
    )
    stacks, also = load_profiles(snapshots, running, recording.windows)
    leaked, _ = load_profiles(snapshots, "goroutineleak", recording.windows)
    created = _created(recording)
    waiting = with_leak_profile(
        groups(stacks, HELD[running], created), leaked[-1] if leaked else None
    )
    return RunContext(
        prepared,
        analysis.findings,
        _language(recording),
        allocation_sites(heaps, "inuse_space"),
        allocation_sites(heaps, "alloc_space"),
        waiting,
        (*unread, *also, *besides),
        heaps,
        confirmations(recording, analysis),
        allocation_sites(ran, RUN, added=True),
        recording.mix_varied,
        growing_classes(recording),
    )


def _created(recording: Recording) -> list[Created]:
    """Return who created the goroutines, from the last snapshot of them as text; empty without one."""
    texts = [
        snapshot
        for snapshot in recording.snapshots
        if snapshot.kind == "stacks" and snapshot.error is None
    ]
    try:
        return read_go_stacks(texts[-1].read()) if texts else []
    except OSError:
        return []


def _language(recording: Recording) -> Language:
    """Return the target's language by its snapshots, else its series, else its process; empty if unknown."""
    for kind, language in _BY_SNAPSHOT.items():
        if any(snapshot.kind == kind for snapshot in recording.snapshots):
            return language
    return language_of(series.name for series in recording.series) or recording.run.language


def _flat(finding: Finding, most: float) -> bool:
    """Return True if a heap is steady or surely grows by at most `most` per hour."""
    if finding.verdict is Verdict.PASS:
        return True
    return finding.trend is not None and finding.trend.slope_high <= most


def rise(series: Series, start: float) -> float:
    """Return the median of a gauge's last fifth less that of its first fifth, from `start` on; 0 below ten samples."""
    _, values = known_between(series, start)
    fifth = len(values) // 5
    return float(np.median(values[-fifth:]) - np.median(values[:fifth])) if fifth >= 2 else 0.0
