"""Who takes part in a run: workers that greeted, were admitted, are at work, have finished, or were lost."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

#: So many may knock at once; of more the oldest are forgotten.
_MOST_GUESTS = 1000


@dataclass(slots=True)
class RegisteredWorker:
    """One worker: `heard` is when something last came from it, `done` how long its load took, both in seconds."""

    client: str
    index: int
    host: str
    pid: int
    #: The master started it itself, so that its end is seen at once.
    proven_local: bool
    heard: float
    ready: bool = False
    lost: bool = False
    #: It has no row of data left, and nobody there goes on.
    spent: bool = False
    done: float | None = None

    @property
    def name(self) -> str:
        """How messages call it."""
        return f"worker {self.index + 1} ({self.host}, process {self.pid})"


class WorkerRegistry:
    """At most `expected` workers, numbered from 0."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self._by_client: dict[str, RegisteredWorker] = {}
        self.guests: OrderedDict[str, dict[str, Any]] = OrderedDict()

    @property
    def all(self) -> list[RegisteredWorker]:
        """Every one that was admitted, in the order of their numbers."""
        return sorted(self._by_client.values(), key=lambda member: member.index)

    @property
    def working(self) -> list[RegisteredWorker]:
        """Those that are neither lost nor done."""
        return [member for member in self.all if not member.lost and member.done is None]

    @property
    def ready(self) -> int:
        """How many have prepared the plan."""
        return sum(member.ready for member in self._by_client.values())

    @property
    def finished(self) -> list[RegisteredWorker]:
        """Those that have ended in order."""
        return [member for member in self.all if member.done is not None and not member.lost]

    def of(self, client: str) -> RegisteredWorker | None:
        """The member of a connection."""
        return self._by_client.get(client)

    def heard(self, client: str) -> None:
        """Something came from a connection."""
        member = self._by_client.get(client)
        if member is not None:
            member.heard = time.monotonic()

    def greet(self, client: str, said: dict[str, Any]) -> None:
        """Remember who knocked until it has proved itself."""
        self.guests[client] = dict(said)
        while len(self.guests) > _MOST_GUESTS:
            self.guests.popitem(last=False)

    def admit(self, client: str, said: dict[str, Any], own_processes: set[int]) -> RegisteredWorker | None:
        """A guest becomes a member with the first free number; None when there is none."""
        taken = {member.index for member in self._by_client.values()}
        free = next((index for index in range(self.expected) if index not in taken), None)
        if free is None:
            return None
        pid = int(said["pid"])
        member = RegisteredWorker(client, free, str(said["host"])[:100], pid, pid in own_processes, time.monotonic())
        self._by_client[client] = member
        return member

    def forget(self, member: RegisteredWorker) -> None:
        """Its number is free again."""
        del self._by_client[member.client]
