"""Confirmation rounds: the same load again, shorter but of the same shape, with repeated and with fresh requests."""

from __future__ import annotations

from dataclasses import dataclass, replace

from soak.load.plan.plan import Plan, PlannedRequest
from soak.load.scenario.templates import is_template
from soak.snapshots import SnapshotStage


@dataclass(frozen=True, slots=True)
class ConfirmationRound:
    """One more load: the name of its phase, and the stage of the snapshot taken after it."""

    name: str
    stage: SnapshotStage
    plan: Plan


def confirmation_rounds(plan: Plan, seconds: float, made: int) -> tuple[ConfirmationRound, ...]:
    """Return the rounds that confirm a first load of `made` requests, with `seconds` at full load in total.

    If requests vary, half of the time repeats the requests that the first load began with. This
    separates growth with every request from growth with every new key. The rest is fresh: rows,
    numbers and random values that the first load did not draw. With only repeated keys, a cache
    that still gains entries would look like a full one. If requests do not vary, or rows may be
    used only once (order `unique`), there is only the fresh round.
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
    """Return a plan of `seconds` at full load, with all stages shortened alike, that continues after `made` requests."""
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
