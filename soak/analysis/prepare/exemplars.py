"""Which of a run's exemplars a report shows: the slowest, and failed ones of every kind, fairly among endpoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable

from soak.analysis.prepare.prepare import Prepared
from soak.windows import Exemplar

#: Shown of each endpoint, and of each kind of its failures; and of all together, slow and failed each.
EACH, ALL = 5, 20


def shown(prepared: Prepared) -> tuple[Exemplar, ...]:
    """The slowest of the judged stretch, slowest first, then failed ones of the whole load in the order of time."""
    known = prepared.recording.exemplars
    start, end = prepared.judged_from, prepared.end
    judged = (one for one in known if not one.failure and start <= one.time and one.time + one.seconds <= end)
    slow = _fairly(sorted(judged, key=lambda one: -one.seconds), lambda one: one.endpoint)
    failed = _fairly((one for one in known if one.failure and one.time <= end), lambda one: (one.endpoint, one.failure))
    return (*sorted(slow, key=lambda one: -one.seconds), *sorted(failed, key=lambda one: one.time))


def _fairly(found: Iterable[Exemplar], group: Callable[[Exemplar], Hashable]) -> list[Exemplar]:
    """At most EACH of a group and ALL together: each group's first before any group's second."""
    seen: Counter[Hashable] = Counter()
    ranked: list[tuple[int, Exemplar]] = []
    for one in found:
        seen[group(one)] += 1
        if seen[group(one)] <= EACH:
            ranked.append((seen[group(one)], one))
    return [one for _, one in sorted(ranked, key=lambda pair: pair[0])[:ALL]]
