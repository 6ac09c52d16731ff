"""Evidence about open descriptors: which type of them grows, and whether it is sockets that were never closed."""

from __future__ import annotations

from soak.catalog.process import DESCRIPTORS_BY_TYPE
from soak.catalog.row_types import ResourceKind
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext, rise
from soak.diagnosis.thresholds import LEAST_DESCRIPTORS


def growing_descriptor_kind(context: RunContext) -> tuple[str, str, float]:
    """Return the type and state of the descriptors that grow most, and by how many; empty if none grow."""
    grown = [
        (
            rise(series, context.prepared.judged_from),
            dict(series.labels).get("type", ""),
            dict(series.labels).get("state", ""),
        )
        for series in context.series(DESCRIPTORS_BY_TYPE)
    ]
    most, kind, state = max(grown, default=(0.0, "", ""))
    return (kind, state, most) if most >= LEAST_DESCRIPTORS else ("", "", 0.0)


def descriptor_kinds(case: Case, context: RunContext) -> str:
    """Say which type of descriptor grows most."""
    kind, state, grown = growing_descriptor_kind(context)
    if not kind or not case.of(ResourceKind.DESCRIPTORS):
        return ""
    description = f"{kind}, {state}" if state else kind
    return f"Of all descriptors it is those of type {description} that grow, by {grown:,.0f}."


def close_wait(case: Case, context: RunContext) -> str:
    """Say how many more sockets the other side has closed, and this one has not."""
    waiting = sum(
        rise(series, context.prepared.judged_from)
        for series in context.series(DESCRIPTORS_BY_TYPE, state="CLOSE_WAIT")
    )
    if waiting < LEAST_DESCRIPTORS or not case.of(ResourceKind.DESCRIPTORS):
        return ""
    return f"{waiting:,.0f} more sockets are in CLOSE_WAIT: the other side has hung up, this side has not."
