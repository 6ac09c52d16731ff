"""Who opened what was never closed: descriptors and connections leave no stack behind, but their making allocates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soak.diagnosis.attribution import EVERY
from soak.diagnosis.evidence import MARKS
from soak.diagnosis.frames import Frame
from soak.diagnosis.holdings import Holding, calls, is_library
from soak.diagnosis.scene import Scene
from soak.diagnosis.signals import Levels, guilty, told_apart
from soak.model import Floats

_MOST = 6
#: Making a new connection falls to whoever finds none idle, and says nothing of who keeps one.
_CONNECTING = ("database/sql.(*DB).conn", "database/sql.(*DB).openNewConnection")


def opener(scene: Scene, marks: Sequence[str], endpoint: str) -> Frame | None:
    """The own function that opens such things on behalf of `endpoint`; None where several could be it, or none is seen.

    Of those seen to open any, it is the only one, or the one whose allocations follow the endpoint's requests, or the one
    that ever more of what was opened still belongs to.
    """
    functions = [function for mark in marks for function in MARKS[mark]]
    found = [(one, levels) for one in scene.allocated if (levels := _levels(one, functions)) is not None]
    found = sorted(found, key=lambda pair: float(pair[1][0] - pair[1][-1]))[:_MOST]
    if len(found) == 1:
        return found[0][0].place
    if endpoint and endpoint != EVERY:
        share = {index: _share(scene, *pair, endpoint) for index, pair in enumerate(found)}
        best = max(share, key=lambda index: share[index], default=None)
        if best is not None and share[best] > 0.5:
            return found[best][0].place
    kept = {one.place.function: _levels(one, functions) for one in scene.places}
    still = [one for one, _ in found if (levels := kept.get(one.place.function)) is not None and levels[-1] > levels[0]]
    return still[0].place if len(still) == 1 else None


def _levels(holding: Holding, functions: Sequence[str]) -> Floats | None:
    """What an own place has through stacks with these functions, at each snapshot; None where that does not grow."""
    if not holding.place.own or is_library(holding.place):
        return None
    through = [
        stack.levels
        for stack in holding.stacks
        if calls(stack.frames, functions) and not calls(stack.frames, _CONNECTING)
    ]
    levels = np.sum(through, axis=0) if through else None
    return levels if levels is not None and levels[-1] > levels[0] else None


def _share(scene: Scene, holding: Holding, levels: Floats, endpoint: str) -> float:
    """How much of a place's growth one endpoint explains; 0 where that cannot be told."""
    told = told_apart(scene.prepared, Levels(holding.times, levels, holding.requests), "opened", "bytes")
    return next((amount.share for amount in guilty(told) if amount.endpoint == endpoint), 0.0)
