"""What keeps requests on a Node's heap beyond their answer, as the profiler found it after the drain."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from soak.diagnosis.attribution.allocation_sites import NAMELESS, own_frames
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.json_profile import amount, items, line, mapping, text
from soak.diagnosis.profiles.v8 import is_own_script
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.thresholds import KEEPS_SHARE, KEPT_IN_RUN, LEAST_REQUESTS
from soak.errors import OTHER_SHAPE


@dataclass(frozen=True, slots=True)
class RequestKeeper:
    """`holder`, a variable or property, keeps `count` of the `total` requests on the heap.

    `place` is the function of the target that captured each of them, else the holder.
    """

    place: Frame
    holder: Frame
    count: int
    total: int

    @property
    def variable(self) -> str:
        """The holder's name if it is a variable of the target's own code, else empty: Node's lists of listeners or timers."""
        return self.holder.function if own_frames((self.holder,)) else ""


def request_keeper(context: RunContext, grown: float) -> RequestKeeper | None:
    """Return what keeps most of the requests on the heap after the drain; None if that is unknown.

    `grown` is by how many requests the heap grew in the run. If it is less than half of those on
    the heap, others that are not a leak may be most of them.
    """
    told = context.drained("keepers")
    try:
        keeper = _most(mapping(json.loads(told))) if told is not None else None
    except OTHER_SHAPE:
        return None
    if keeper is None or keeper.count < LEAST_REQUESTS:
        return None
    most = keeper.count >= KEEPS_SHARE * keeper.total
    return keeper if most and grown >= KEPT_IN_RUN * keeper.total else None


def _most(told: Mapping[str, Any]) -> RequestKeeper | None:
    """Return the place that keeps most requests, with its most frequent holder; None without any."""
    counts: Counter[Frame] = Counter()
    holders: dict[Frame, Frame] = {}
    for row in map(mapping, items(told.get("keepers"))):
        holder = _frame(mapping(row.get("holder")))
        functions = [_frame(mapping(each)) for each in items(row.get("captured"))]
        captured = own_frames(functions)
        place = captured[0] if captured else holder
        if place.function == NAMELESS:
            place = replace(place, function=holder.function)
        counts[place] += int(amount(row.get("count")))
        holders.setdefault(place, holder)
    if not counts:
        return None
    [(place, count)] = counts.most_common(1)
    return RequestKeeper(place, holders[place], count, int(amount(told.get("objects"))))


def _frame(location: Mapping[str, Any]) -> Frame:
    file = text(location.get("file"))
    at = line(amount(location.get("line")))
    return Frame(text(location.get("name")), file, at, own=is_own_script(file))
