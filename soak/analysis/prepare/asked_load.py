"""What the profile asked of the load, to be compared with what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from soak.profile.tags import RequestGroup


@dataclass(frozen=True, slots=True, eq=False)
class AskedLoad:
    """The labels of all requests, and how many users there should be, by seconds from the load's start.

    `users_at` is None in the open model, where each window says how many arrivals were due, and
    where users come as a locustfile has them. `groups` are the requests that are judged and
    reported together. `stages` are the load's stages in words, each with the seconds of load at
    which it begins; empty where there are fewer than two.
    """

    endpoints: tuple[str, ...] = ()
    users_at: Callable[[float], float] | None = None
    groups: tuple[RequestGroup, ...] = ()
    stages: tuple[tuple[float, str], ...] = ()
