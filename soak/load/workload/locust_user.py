"""The single Locust user that drives a profile's load: it makes all arrivals, or starts and ends all users."""

from __future__ import annotations

from typing import Protocol

from locust import User, constant, task
from locust.exception import StopUser

from soak.load.plan.plan import Plan
from soak.load.plan.warnings import Warnings


class LoadModel(Protocol):
    """The interface of the open and the closed model."""

    @property
    def busy(self) -> int:
        """The number of users, or of arrivals that are sent but not yet answered."""

    def drive(self) -> None:
        """Drive the load; return at the end of its schedule."""

    def finish(self, patience: float) -> None:
        """Wait for responses in flight, at most `patience` seconds, and close everything."""


def driving_user(plan: Plan, load: LoadModel, warnings: Warnings) -> type[User]:
    """Return a Locust user class; one user of it drives the whole load."""

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
