"""The Locust user that drives a profile's load: one, which makes all arrivals or lets all users come and go."""

from __future__ import annotations

from typing import Protocol

from locust import User, constant, task
from locust.exception import StopUser

from soak.load.plan.plan import Plan
from soak.load.plan.warnings import Warnings


class LoadModel(Protocol):
    """The open or the closed model."""

    @property
    def busy(self) -> int:
        """Users, or arrivals that are sent and not answered yet."""

    def drive(self) -> None:
        """Make the load; returns at the end of its schedule."""

    def finish(self, patience: float) -> None:
        """Wait for the answers under way, at most `patience` seconds, and close everything."""


def driving_user(plan: Plan, load: LoadModel, warnings: Warnings) -> type[User]:
    """A Locust user class of which one user drives all of the load."""

    class DrivingUser(User):
        host = plan.url
        wait_time = constant(0)

        @task
        def go(self) -> None:
            try:
                load.drive()
            except Exception as error:
                warnings.fail(f"the load broke: {type(error).__name__}: {error}")
                raise
            raise StopUser

    return DrivingUser
