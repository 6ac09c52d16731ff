"""Choose the exemplars of a report: the slowest, and failed ones of every kind, spread over endpoints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable

from soak.analysis.prepare.prepare import Prepared
from soak.windows import Exemplar

#: The most exemplars of each endpoint and of each kind of its failures; and the most of all slow
#: and of all failed ones.
EACH, ALL = 5, 20


def shown(prepared: Prepared) -> tuple[Exemplar, ...]:
    """Return the slowest of the judged stretch, slowest first, then failed ones of the whole load in order of time."""
    known = prepared.recording.exemplars
    start, end = prepared.judged_from, prepared.end
    judged = (
        exemplar
        for exemplar in known
        if not exemplar.failure
        and start <= exemplar.time
        and exemplar.time + exemplar.seconds <= end
    )
    slow = _fairly(
        sorted(judged, key=lambda exemplar: -exemplar.seconds), lambda exemplar: exemplar.endpoint
    )
    failed = _fairly(
        (exemplar for exemplar in known if exemplar.failure and exemplar.time <= end),
        lambda exemplar: (exemplar.endpoint, exemplar.failure),
    )
    return (
        *sorted(slow, key=lambda exemplar: -exemplar.seconds),
        *sorted(failed, key=lambda exemplar: exemplar.time),
    )


def _fairly(exemplars: Iterable[Exemplar], group: Callable[[Exemplar], Hashable]) -> list[Exemplar]:
    """Choose at most EACH of a group and ALL together, each group's first before any group's second."""
    seen: Counter[Hashable] = Counter()
    ranked: list[tuple[int, Exemplar]] = []
    for exemplar in exemplars:
        seen[group(exemplar)] += 1
        if seen[group(exemplar)] <= EACH:
            ranked.append((seen[group(exemplar)], exemplar))
    return [exemplar for _, exemplar in sorted(ranked, key=lambda pair: pair[0])[:ALL]]
