"""The same load once more: shorter, of the same shape, and going on where the first one ended."""

from __future__ import annotations

from dataclasses import replace

from soak.load.plan import Plan


def again(plan: Plan, seconds: float, made: int) -> Plan:
    """A plan that takes `seconds` at full load, its stages shortened alike, after a first load of `made` requests.

    It draws rows, numbers and random values that the first one did not: with the same keys over again, a cache that only
    gains entries would look like one that is full.
    """
    share = seconds / plan.duration
    pieces = tuple(replace(piece, seconds=piece.seconds * share, period=piece.period * share) for piece in plan.pieces)
    return replace(plan, duration=seconds, ramp=plan.ramp * share, pieces=pieces, before=plan.before + made)
