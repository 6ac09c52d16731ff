"""The same load once more: shorter, of the same shape; with what the first one sent, and with what it did not."""

from __future__ import annotations

from dataclasses import dataclass, replace

from soak.load.plan.plan import Plan, PlannedRequest
from soak.load.scenario.templates import is_template
from soak.snapshots import SnapshotStage


@dataclass(frozen=True, slots=True)
class ConfirmationRound:
    """One more load: how its phase is called, and the stage of the snapshot that is taken after it."""

    name: str
    stage: SnapshotStage
    plan: Plan


def confirmation_rounds(plan: Plan, seconds: float, made: int) -> tuple[ConfirmationRound, ...]:
    """What confirms, in `seconds` at full load in all, after a first load of `made` requests.

    Where requests vary, half of it repeats what the first load began with, so that what grows with
    every request is told from what grows with every new key. The rest, or all, is fresh: rows,
    numbers and random values that the first load did not draw, for with the same keys over again a
    cache that only gains entries would look like one that is full. Rows that may never be used
    twice are not.
    """
    varies = any(_varies(request) for request in plan.planned_requests) and all(
        rows.order != "unique" for rows in plan.rows
    )
    if not varies:
        return (ConfirmationRound("confirm", "confirmed", again(plan, seconds, made)),)
    repeated, fresh = again(plan, seconds / 2, 0), again(plan, seconds / 2, made)
    return ConfirmationRound("repeat", "repeated", repeated), ConfirmationRound(
        "confirm", "confirmed", fresh
    )


def again(plan: Plan, seconds: float, made: int) -> Plan:
    """A plan that takes `seconds` at full load, its stages shortened alike, and goes on after `made` requests."""
    return _shortened(plan, seconds / plan.duration, made)


def _shortened(plan: Plan, share: float, made: int) -> Plan:
    pieces = tuple(
        replace(piece, seconds=piece.seconds * share, period=piece.period * share)
        for piece in plan.pieces
    )
    return replace(
        plan,
        duration=plan.duration * share,
        ramp=plan.ramp * share,
        pieces=pieces,
        before=made,
        scenarios=tuple(_shortened(scenario, share, made) for scenario in plan.scenarios),
    )


def _varies(request: PlannedRequest) -> bool:
    values = (
        value if isinstance(value, str) else " ".join(value) for value in request.headers.values()
    )
    pieces = (piece.template for piece in request.pieces)
    return any(is_template(text) for text in (request.path, request.template, *values, *pieces))
