"""The load that a plan requests at each moment."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from soak.load.plan.plan import Plan
from soak.load.plan.schedule import Schedule, ScheduleSegment


def schedule_of(plan: Plan) -> Schedule:
    """Return the schedule of a plan without scenarios, or of one scenario."""
    return Schedule(plan.pieces or _pieces(plan))


def users_at(plan: Plan) -> Callable[[float], int]:
    """Return a function from seconds after the start to the number of users, over all closed-model scenarios."""
    return users_together([schedule_of(part) for part in plan.parts if part.users is not None])


def users_together(schedules: Sequence[Schedule]) -> Callable[[float], int]:
    """Return a function that adds up the users of several schedules."""
    return lambda t: sum(schedule.users_at(t) for schedule in schedules)


def _pieces(plan: Plan) -> tuple[ScheduleSegment, ...]:
    """Return the default shape for a plan without one: a ramp, then the full load."""
    full = float(plan.rate if plan.rate is not None else plan.users or 0)
    ramp = (ScheduleSegment(plan.ramp, 0.0, full),) if plan.ramp > 0 else ()
    return (*ramp, ScheduleSegment(plan.duration, full, full))
