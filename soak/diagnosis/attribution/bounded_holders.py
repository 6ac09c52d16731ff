"""What a runtime's bounded containers hold: memory that follows them is no leak.

A cache fills until it is full, and sessions that expire are swept: the heap's level follows their
entries, and so its rise is explained. A container that still gains entries may be the leak, so no
level may follow it. A JVM's containers are not counted, but the objects of each class are.
"""

from __future__ import annotations

import numpy as np

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.prepare.stretches import known_between
from soak.catalog.metrics import CONTAINERS
from soak.diagnosis.attribution.growing_classes import counted_classes
from soak.diagnosis.attribution.snapshot_series import without_garbage
from soak.model import Floats, Series

#: Entries by which a container must have moved for a level to follow it, containers that are followed
#: at most, and shares of its gain: what it may gain in the last quarter to be full (a leak gains a
#: quarter), and what it drops if it is swept; and the fewest lengths that show either.
_ENTRIES, _MOST_HELD, _FULL, _DROPS = 50.0, 6, 0.02, 0.2
_FEWEST_LENGTHS = 6

#: Times and numbers of what is held, both (n,), and by how much that moved: entries or bytes.
_Held = tuple[Floats, Floats, float]


def bounded_holders(prepared: Prepared, times: Floats) -> Floats:
    """Return how much each of the largest bounded containers and classes holds at `times` (n,), shape (n, c).

    Levels that snapshots took lack rises that were gone again (`without_garbage`). An opening of a level
    that follows a container is the opening of its entries, so these lack them as well.
    """
    columns = [np.empty((len(times), 0))]
    for each in (_containers(prepared), _classes(prepared)):
        largest = sorted(each, key=lambda held: -held[2])[:_MOST_HELD]
        columns += [np.interp(times, when, without_garbage(held)) for when, held, _ in largest]
    return np.column_stack(columns)


def _containers(prepared: Prepared) -> list[_Held]:
    """Return what each bounded container held in the judged stretch."""
    first = min(
        (
            snapshot.time
            for snapshot in prepared.recording.snapshots
            if snapshot.kind == "gauges" and snapshot.error is None
        ),
        default=np.inf,
    )
    found: list[_Held] = []
    for rows in CONTAINERS:
        for series in prepared.named(rows.lengths):
            when, entries = known_between(_from_nothing(series, first), prepared.judged_from)
            if _is_bounded(entries):
                found.append((when, entries, float(np.ptp(entries))))
    return found


def _from_nothing(series: Series, first: float) -> Series:
    """Return the lengths of a container with none at the `first` snapshot, if it was noticed only later.

    A container is noticed once it has a few entries.
    """
    if not len(series.times) or series.times[0] <= first or not np.isfinite(first):
        return series
    times, entries = np.append(first, series.times), np.append(0.0, series.values)
    return Series(series.name, times, entries, series.labels, series.kind, series.source)


def _classes(prepared: Prepared) -> list[_Held]:
    """Return how many objects there were of each of a JVM's bounded classes in the judged stretch."""
    counted = counted_classes(prepared.recording)
    inside = counted.times >= prepared.judged_from
    when, instances = counted.times[inside], counted.instances[inside]
    moved = np.ptp(counted.bytes[inside], axis=0) if len(when) else np.empty(0)
    largest = np.argsort(-moved, kind="stable").tolist()
    found: list[_Held] = []
    for each in largest:
        if len(found) == _MOST_HELD:
            break
        if _is_bounded(instances[:, each]):
            found.append((when, instances[:, each], float(moved[each])))
    return found


def _is_bounded(entries: Floats) -> bool:
    """Return True if a container moved, and gained hardly anything in the last quarter, or dropped a fair share of its gain."""
    if len(entries) < _FEWEST_LENGTHS or np.ptp(entries) < _ENTRIES:
        return False
    gained = float(entries.max() - entries.min())
    late = entries[3 * len(entries) // 4 :]
    dropped = float((np.maximum.accumulate(entries) - entries).max())
    return float(late[-1] - late[0]) <= _FULL * gained or dropped >= _DROPS * gained
