"""The load that the profile asked for, to be compared with the load that was made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from soak.profile.tags import RequestGroup


@dataclass(frozen=True, slots=True, eq=False)
class AskedLoad:
    """The labels of all requests, and the number of users asked for, by seconds from the load's start.

    `users_at` is None in the open model, because each window records how many arrivals were due,
    and also if a locustfile decides when users start. `groups` are the requests that are judged and
    reported together. `stages` describes the load's stages in words, each with the seconds of load
    at which it begins; it is empty if there are fewer than two.
    """

    endpoints: tuple[str, ...] = ()
    users_at: Callable[[float], float] | None = None
    groups: tuple[RequestGroup, ...] = ()
    stages: tuple[tuple[float, str], ...] = ()
