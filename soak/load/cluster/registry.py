"""The workers of a run: candidates, admitted, working, finished, and lost ones."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass

from soak.load.cluster.messages import Hello

#: Clients that may be between hello and proof at once; beyond it the oldest are forgotten. Far
#: above any real number of workers, and small enough that clients that send only hellos cannot fill
#: the memory.
MAX_CANDIDATES = 1000


@dataclass(slots=True)
class RegisteredWorker:
    """One worker: `heard` is the time of its last message, `done` the length of its load, both in seconds."""

    client: str
    index: int
    host: str
    pid: int
    #: The master started this worker, so it sees at once when the worker ends.
    local: bool
    heard: float
    ready: bool = False
    lost: bool = False
    #: The worker has no row of data left, and none of its users can continue.
    exhausted: bool = False
    done: float | None = None

    @property
    def name(self) -> str:
        """The worker's name in messages."""
        return f"worker {self.index + 1} ({self.host}, process {self.pid})"


class WorkerRegistry:
    """At most `expected` workers, numbered from 0."""

    def __init__(self, expected: int) -> None:
        self.expected = expected
        self._by_client: dict[str, RegisteredWorker] = {}
        self.candidates: OrderedDict[str, Hello] = OrderedDict()

    @property
    def all(self) -> list[RegisteredWorker]:
        """Every admitted worker, ordered by number."""
        return sorted(self._by_client.values(), key=lambda worker: worker.index)

    @property
    def working(self) -> list[RegisteredWorker]:
        """Workers that are neither lost nor done."""
        return [worker for worker in self.all if not worker.lost and worker.done is None]

    @property
    def ready(self) -> int:
        """The number of workers that have prepared the plan."""
        return sum(worker.ready for worker in self._by_client.values())

    @property
    def finished(self) -> list[RegisteredWorker]:
        """Workers whose load ended in order."""
        return [worker for worker in self.all if worker.done is not None and not worker.lost]

    @property
    def full(self) -> bool:
        """Return True if all expected workers have been admitted."""
        return len(self._by_client) >= self.expected

    def of(self, client: str) -> RegisteredWorker | None:
        """Return the worker of a connection, None if unknown."""
        return self._by_client.get(client)

    def heard(self, client: str) -> None:
        """Record that a message came from a connection."""
        worker = self._by_client.get(client)
        if worker is not None:
            worker.heard = time.monotonic()

    def greet(self, client: str, hello: Hello) -> None:
        """Remember a hello until its sender proves that it knows the token."""
        self.candidates[client] = hello
        while len(self.candidates) > MAX_CANDIDATES:
            self.candidates.popitem(last=False)

    def admit(self, client: str, hello: Hello, own_processes: set[int]) -> RegisteredWorker | None:
        """Register a candidate with the first free number; return None if no number is free."""
        taken = {worker.index for worker in self._by_client.values()}
        free = next((index for index in range(self.expected) if index not in taken), None)
        if free is None:
            return None
        local = hello.pid in own_processes
        worker = RegisteredWorker(
            client, free, hello.host[:100], hello.pid, local, time.monotonic()
        )
        self._by_client[client] = worker
        return worker

    def forget(self, worker: RegisteredWorker) -> None:
        """Free the worker's number."""
        del self._by_client[worker.client]
