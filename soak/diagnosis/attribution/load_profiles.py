"""Read a run's snapshots as profiles: a limited number of each kind, evenly spread over the run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soak.diagnosis.attribution.request_counts import mix_at
from soak.diagnosis.attribution.site_growth import ProfileSnapshot
from soak.diagnosis.profiles.formats import read_profile
from soak.diagnosis.thresholds import MOST_READ, MOST_READ_BYTES
from soak.errors import SoakError
from soak.model import Floats
from soak.snapshots import Snapshot, SnapshotKind, SnapshotStage
from soak.windows import EndpointWindows

#: Stages of snapshots that are taken under load.
_LOADED: tuple[SnapshotStage, ...] = ("start", "steady", "end")


def load_profiles(
    snapshots: Sequence[Snapshot],
    kind: SnapshotKind,
    windows: Sequence[EndpointWindows],
    stages: tuple[SnapshotStage, ...] = _LOADED,
) -> tuple[list[ProfileSnapshot], list[str]]:
    """Return the profiles of one kind in order of time, with the requests done by then; and warnings about unreadable ones."""
    taken = taken_snapshots(snapshots, kind, stages)
    profiles: list[ProfileSnapshot] = []
    unread: list[str] = []
    done = _requests(np.array([snapshot.time for snapshot in taken]), windows)
    for index in chosen_to_read(taken):
        try:
            profile = read_profile(kind, taken[index].read())
        except (SoakError, OSError) as error:
            unread.append(f"{type(error).__name__}: {error}")
        else:
            profiles.append(ProfileSnapshot(taken[index].time, float(done[index]), profile))
    warnings = []
    if unread:
        warnings.append(
            f"{len(unread)} of {len(taken)} {kind} snapshots cannot be read, the last with: {unread[-1]}"
        )
    if profiles and not profiles[-1].profile.symbols:
        warnings.append(
            f"the {kind} snapshots name addresses and no functions: build the target with its symbols to see places"
        )
    return profiles, warnings


def taken_snapshots(
    snapshots: Sequence[Snapshot],
    kind: SnapshotKind,
    stages: tuple[SnapshotStage, ...] = _LOADED,
) -> list[Snapshot]:
    """Return the snapshots of one kind that were taken, under load or at other stages."""
    return [
        snapshot
        for snapshot in snapshots
        if snapshot.kind == kind and snapshot.error is None and snapshot.stage in stages
    ]


def chosen_to_read(wanted: Sequence[Snapshot]) -> list[int]:
    """Return the indices of the snapshots to read: first, last, and evenly between; the last one's size stands for all."""
    if not wanted:
        return []
    try:
        size = len(wanted[-1].read())
    except (SoakError, OSError):
        size = 0
    many = min(len(wanted), MOST_READ, max(3, MOST_READ_BYTES // max(size, 1)))
    return sorted({round(place) for place in np.linspace(0, len(wanted) - 1, many)})


def _requests(times: Floats, windows: Sequence[EndpointWindows]) -> Floats:
    """Return the requests to all endpoints (or whole flows) done by each time; the times themselves if none are known."""
    mix = mix_at(times, windows) if len(times) and windows else None
    return mix.total if mix is not None and mix.names else times
