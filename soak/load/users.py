"""The Locust users that drive a profile's endpoints: closed (users wait) and open (one user makes all arrivals)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import gevent
from locust import User, constant, task
from locust.exception import StopUser

from soak.load.arrivals import OpenLoad
from soak.load.plan import Plan
from soak.load.requests import Mix, Ready, Sender

#: A refused connection answers at once; without a pause a closed user would hammer the dead target.
PAUSE_AFTER_FAILED_CONNECT = 0.1
#: Of one worker; users of different workers must not have the same seed.
MOST_USERS = 1_000_000


def closed_user(
    plan: Plan, requests: tuple[Ready, ...], new_sender: Callable[[], Sender], worker: int = 0
) -> type[User]:
    """A Locust user class: one connection, one request after another, in one task that lasts as long as the user."""
    seeds = count(1 + worker * MOST_USERS)

    class ClosedUser(User):
        host = plan.url
        wait_time = constant(0)

        def on_start(self) -> None:
            self.going = True
            self.sender, self.mix = new_sender(), Mix(plan, requests, next(seeds))

        @task
        def go(self) -> None:
            send, choose = self.sender.send, self.mix.choose
            try:
                while self.going:
                    if not send(choose()):
                        gevent.sleep(PAUSE_AFTER_FAILED_CONNECT)
            finally:
                self.sender.close()
            raise StopUser

        def stop(self, force: bool = False) -> bool:
            self.going = False
            return bool(super().stop(force))

    return ClosedUser


def open_user(plan: Plan, load: OpenLoad) -> type[User]:
    """A Locust user class of which one user makes all arrivals."""

    class OpenUser(User):
        host = plan.url
        wait_time = constant(0)

        @task
        def go(self) -> None:
            load.drive()
            raise StopUser

    return OpenUser
