"""The scene: all that one run tells of what its target did, read once for every rule to look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from soak.analysis.prepare.prepare import Prepared, prepare
from soak.catalog.metrics import language_of
from soak.diagnosis.attribution.allocation_sites import Holding, holdings
from soak.diagnosis.attribution.blocked_stacks import Group, groups, proven
from soak.diagnosis.attribution.confirmation import Confirmation, confirmations
from soak.diagnosis.attribution.load_profiles import profiles_of
from soak.diagnosis.attribution.site_growth import Snapshot as Profiled
from soak.diagnosis.profiles.formats import HELD
from soak.diagnosis.profiles.v8 import RUN
from soak.model import Analysis, Finding, Recording, Series
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
class Scene:
    """One run: `places` hold bytes in use, `allocated` bytes ever allocated, `running` how often they were met while they
    ran; `unread` says what could not be read, and `confirmed` what a second load told."""

    prepared: Prepared
    findings: Sequence[Finding]
    language: Language
    places: Sequence[Holding] = ()
    allocated: Sequence[Holding] = ()
    groups: Sequence[Group] = ()
    unread: tuple[str, ...] = ()
    heaps: Sequence[Profiled] = ()
    confirmed: Sequence[Confirmation] = ()
    running: Sequence[Holding] = ()

    def series(self, name: str, **labels: str) -> list[Series]:
        """The series of a name that have these labels."""
        return [one for one in self.prepared.named(name) if labels.items() <= dict(one.labels).items()]

    @cached_property
    def profiled(self) -> bool:
        """Whether snapshots tell what holds memory."""
        return bool(self.places)

    def gained(self) -> float:
        """By how many bytes all places together grew a request to any endpoint."""
        return sum(one.slope[0] for one in self.places)


def scene_of(recording: Recording, analysis: Analysis, warmup: float) -> Scene:
    """The scene of a run that has been judged."""
    prepared = prepare(recording, warmup)
    snapshots = [one for one in recording.snapshots if one.time >= prepared.judged_from - 1]
    heap: SnapshotKind = next((kind for kind in HEAPS if any(one.kind == kind for one in snapshots)), "heap")
    heaps, unread = profiles_of(snapshots, heap, recording.windows)
    ran, besides = profiles_of(snapshots, "v8cpu", recording.windows)
    running: SnapshotKind = "threads" if any(one.kind == "threads" for one in snapshots) else "goroutine"
    stacks, also = profiles_of(snapshots, running, recording.windows)
    leaked, _ = profiles_of(snapshots, "goroutineleak", recording.windows)
    waiting = proven(groups(stacks, HELD[running]), leaked[-1] if leaked else None)
    return Scene(
        prepared,
        analysis.findings,
        _language(recording),
        holdings(heaps, "inuse_space"),
        holdings(heaps, "alloc_space"),
        waiting,
        (*unread, *also, *besides),
        heaps,
        confirmations(recording, analysis),
        holdings(ran, RUN, added=True),
    )


def _language(recording: Recording) -> Language:
    """The target's language; nothing where neither snapshots nor series give it away."""
    for kind, language in _BY_SNAPSHOT.items():
        if any(one.kind == kind for one in recording.snapshots):
            return language
    return language_of(series.name for series in recording.series)


def rise(series: Series, start: float) -> float:
    """By how much a gauge's last fifth lies above its first fifth, from `start` on; 0 with fewer than ten samples."""
    values = series.values[(series.times >= start) & np.isfinite(series.values)]
    fifth = len(values) // 5
    return float(np.median(values[-fifth:]) - np.median(values[:fifth])) if fifth >= 2 else 0.0
