"""How much load a plan asks for at each moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from soak.load.plan.plan import Plan
from soak.load.plan.schedule import Schedule, ScheduleSegment


def schedule_of(plan: Plan) -> Schedule:
    """The load of a plan without scenarios, or of one of them."""
    return Schedule(plan.pieces or _pieces(plan))


def users_at(plan: Plan) -> Callable[[float], int]:
    """How many users there should be so many seconds after the start, in all scenarios of the closed model."""
    return users_together([schedule_of(part) for part in plan.parts if part.users is not None])


def users_together(schedules: Sequence[Schedule]) -> Callable[[float], int]:
    """The users of several schedules together."""
    return lambda t: sum(schedule.users_at(t) for schedule in schedules)


def _pieces(plan: Plan) -> tuple[ScheduleSegment, ...]:
    """A plan that says no shape has a ramp and holds its full load."""
    full = float(plan.rate if plan.rate is not None else plan.users or 0)
    ramp = (ScheduleSegment(plan.ramp, 0.0, full),) if plan.ramp > 0 else ()
    return (*ramp, ScheduleSegment(plan.duration, full, full))
