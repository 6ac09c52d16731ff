"""Whether own code is seen to allocate what grows, by the places that snapshots tell."""

from __future__ import annotations

from collections.abc import Sequence

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.allocation_sites import own_frames
from soak.diagnosis.attribution.signals import PLACE
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.java_names import is_common
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.thresholds import HELPER_SHARE


def allocates_exactly(frame: Frame | None, case: Case, context: RunContext) -> bool:
    """Return True if own code is seen to allocate what requests surely leave, other than what any code allocates."""
    telling = (
        [name for name in context.classes.each if not is_common(name)] if context.classes else []
    )
    return frame is not None and bool(own_frames((frame,))) and allocates(case, frame, telling)


def adds_little(frame: Frame, case: Case) -> bool:
    """Return True if a place that grows has only a small share of the heap's growth, which its helpers' callers keep."""
    heap = max((signal.each.per_request for signal in case.of(ResourceKind.HEAP)), default=0.0)
    own = [
        signal.each.per_request
        for signal in case.of(PLACE)
        if signal.site is not None and signal.site.place == frame
    ]
    return bool(own) and max(own) <= HELPER_SHARE * heap


def allocates(case: Case, frame: Frame | None, classes: Sequence[str]) -> bool:
    """Return True if growing objects of any of these classes are seen to be allocated at a place."""
    return any(
        signal.site is not None and signal.site.place == frame and signal.site.share_of(classes) > 0
        for signal in case.of(PLACE)
    )
