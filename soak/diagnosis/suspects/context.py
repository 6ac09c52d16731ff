"""The context: all that one run tells of what its target did, read once for every rule to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from soak.analysis.prepare.prepare import Prepared, prepare
from soak.catalog.metrics import ResourceKind, language_of, metric_of
from soak.catalog.process import RESIDENT
from soak.diagnosis.attribution.allocation_sites import AllocationSite, allocation_sites
from soak.diagnosis.attribution.blocked_stacks import BlockedGroup, groups, with_leak_profile
from soak.diagnosis.attribution.confirmation import Confirmation, confirmations
from soak.diagnosis.attribution.load_profiles import load_profiles
from soak.diagnosis.attribution.site_growth import ProfileSnapshot
from soak.diagnosis.profiles.formats import HELD
from soak.diagnosis.profiles.go_stacks import Created, read_go_stacks
from soak.diagnosis.profiles.v8 import RUN
from soak.diagnosis.thresholds import FLAT_HEAP_SHARE
from soak.model import Analysis, Finding, Recording, RuleName, Series, Verdict
from soak.snapshots import SnapshotKind

#: A language by its name, as the catalog and the snapshots tell it; empty where neither does.
Language = str
#: By which snapshots a language is known.
_BY_SNAPSHOT: dict[SnapshotKind, Language] = {
    "heap": "Go",
    "goroutine": "Go",
    "classes": "Java",
    "v8heap": "JavaScript",
    "tracemalloc": "Python",
}
#: Snapshots of what is held: the first kind that a run has is read.
HEAPS: tuple[SnapshotKind, ...] = ("heap", "classes", "v8heap", "tracemalloc")


@dataclass(frozen=True, eq=False)
class RunContext:
    """One run: `places` hold bytes in use, `allocated` bytes ever allocated, `running` how often they were met while they
    ran; `unread` says what could not be read, and `confirmed` what a second load told."""

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

    def series(self, name: str, **labels: str) -> list[Series]:
        """The series of a name that have these labels."""
        return [
            series
            for series in self.prepared.named(name)
            if labels.items() <= dict(series.labels).items()
        ]

    def recorded(self, name: str) -> list[Series]:
        """The series of a name as they were recorded, warm-up and drain included."""
        return [series for series in self.prepared.recording.series if series.name == name]

    @cached_property
    def profiled(self) -> bool:
        """Whether snapshots tell what holds memory."""
        return bool(self.places)

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
        """Whether the managed heap may have a part in the growth of resident memory: it grows, or that is undecided.

        False where it surely does not, and where nothing is known of it.
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
        """By how many bytes all places together grew a request to any endpoint."""
        return sum(site.slope[0] for site in self.places)


def run_context(
    recording: Recording, analysis: Analysis, warmup: float, prepared: Prepared | None = None
) -> RunContext:
    """The context of a run that has been judged; `prepared` for who has it prepared already."""
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
    )


def _created(recording: Recording) -> list[Created]:
    """Who created goroutines, from the last text of them; nothing without one."""
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
    """The target's language, by its snapshots, its series, or else its process; empty where none of them tells."""
    for kind, language in _BY_SNAPSHOT.items():
        if any(snapshot.kind == kind for snapshot in recording.snapshots):
            return language
    return language_of(series.name for series in recording.series) or recording.run.language


def _flat(finding: Finding, most: float) -> bool:
    """Whether a heap is steady, or grows by `most` an hour at the most."""
    if finding.verdict is Verdict.PASS:
        return True
    return finding.trend is not None and finding.trend.slope_high <= most


def rise(series: Series, start: float) -> float:
    """By how much a gauge's last fifth lies above its first fifth, from `start` on; 0 with fewer than ten samples."""
    values = series.values[(series.times >= start) & np.isfinite(series.values)]
    fifth = len(values) // 5
    return float(np.median(values[-fifth:]) - np.median(values[:fifth])) if fifth >= 2 else 0.0
