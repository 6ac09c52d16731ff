"""The open model: arrivals on schedule, whatever the target does, over as many connections as it takes."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from math import ceil, sqrt

import gevent

from soak.load.counting import Counting
from soak.load.pacing import Pace
from soak.load.plan import Plan
from soak.load.requests import Mix, Ready, Sender

#: Connections grow up to this many; further arrivals wait, and their wait is part of their latency.
MAX_CONNECTIONS = 2000
#: So many may wait; beyond them an arrival is dropped, and counted as that.
MAX_WAITING = 10_000
#: Behind schedule, answers are read after so many: else each hiccup would open connections that nobody needs.
MOST_AT_ONCE = 32
#: Of the connections, so many are kept for all the run as arrive in this time; others are closed when idle for IDLE_SECONDS.
PINNED_SECONDS, MOST_PINNED, IDLE_SECONDS = 0.1, 100, 5.0


class Worker:
    """A greenlet with a connection of its own, which sends one arrival after another and rests in between."""

    __slots__ = ("arrival", "greenlet", "idle_since", "pinned", "resting", "sender")

    def __init__(self, sender: Sender, pinned: bool) -> None:
        self.sender, self.pinned, self.resting = sender, pinned, False
        self.arrival: tuple[Ready, float] | None = None
        self.idle_since = 0.0
        self.greenlet: gevent.Greenlet | None = None


class OpenLoad:
    """All arrivals of a plan, and the workers that send them.

    A target's descriptors and goroutines follow the connections it is given. So that these do not look like growth, the
    pinned ones take turns from the first requests on, and what a stall has added goes again once idle for some seconds.
    """

    def __init__(
        self, plan: Plan, counting: Counting, requests: tuple[Ready, ...], new_sender: Callable[[], Sender]
    ) -> None:
        self._plan, self._counting, self._new_sender = plan, counting, new_sender
        self._mix = Mix(plan, requests, seed=1)
        self._hub = gevent.get_hub()
        enough = min(MOST_PINNED, 4 + ceil(PINNED_SECONDS * (plan.rate or 0.0)))
        self._pinned = deque(Worker(new_sender(), pinned=True) for _ in range(enough))
        self._more: list[Worker] = []
        self._all: set[Worker] = set(self._pinned)
        self._waiting: deque[tuple[Ready, float]] = deque()
        #: Arrivals that are sent and not answered yet.
        self.busy = 0
        #: Arrivals so far, and those of them that found no free connection, and had to wait or were dropped.
        self.made = self.queued = 0

    def drive(self) -> None:
        """Make all arrivals, each on schedule; returns when the last is made."""
        pace = Pace()
        try:
            self._drive(pace.until)
        finally:
            pace.close()

    def _drive(self, sleep_until: Callable[[float], None]) -> None:
        began = looked = time.monotonic()
        choose, arrive, without_rest = self._mix.choose, self.arrive, 0
        for due in schedule(self._plan):
            moment = began + due
            without_rest += 1
            if moment > time.monotonic() or without_rest >= MOST_AT_ONCE:
                sleep_until(moment)
                without_rest = 0
            arrive(choose(), moment)
            if moment > looked + 1.0:
                looked = moment
                self.let_go()

    def arrive(self, request: Ready, intended: float) -> None:
        """Hand one arrival to an idle worker or a new one; else it waits, or is dropped."""
        self.made += 1
        if self._pinned:
            worker = self._pinned.popleft()
        elif self._more:
            worker = self._more.pop()
        elif len(self._all) < MAX_CONNECTIONS:
            worker = Worker(self._new_sender(), pinned=False)
            self._all.add(worker)
        elif len(self._waiting) < MAX_WAITING:
            self.queued += 1
            self._waiting.append((request, intended))
            return
        else:
            self.queued += 1
            self._counting.drop(request.endpoint)
            return
        self.busy += 1
        worker.arrival = (request, intended)
        if worker.greenlet is None:
            worker.greenlet = gevent.spawn(self._work, worker)
        else:
            self._hub.loop.run_callback(worker.greenlet.switch)

    def _work(self, worker: Worker) -> None:
        hub, waiting, send = self._hub, self._waiting, worker.sender.send
        try:
            while (arrival := worker.arrival) is not None:
                send(*arrival)
                if waiting:
                    worker.arrival = waiting.popleft()
                    continue
                self.busy -= 1
                worker.arrival = None
                if worker.pinned:
                    self._pinned.append(worker)
                else:
                    worker.idle_since = time.monotonic()
                    self._more.append(worker)
                hub.switch()  # until the next arrival, or none when it is let go
        finally:
            worker.sender.close()
            self._all.discard(worker)

    def let_go(self) -> None:
        """End the workers that a stall added and that have been idle since."""
        idle_since = time.monotonic() - IDLE_SECONDS
        while self._more and self._more[0].idle_since < idle_since:
            worker = self._more.pop(0)
            if worker.greenlet is not None:
                self._hub.loop.run_callback(worker.greenlet.switch)

    def finish(self, patience: float) -> None:
        """Wait for the answers under way, at most `patience` seconds, and close everything."""
        end = time.monotonic() + patience
        while (self.busy or self._waiting) and time.monotonic() < end:
            gevent.sleep(0.01)
        gevent.killall([worker.greenlet for worker in self._all if worker.greenlet is not None], timeout=1.0)


def schedule(plan: Plan) -> Iterator[float]:
    """When each arrival is due, in seconds from the start; at random they are a Poisson process of the same rate."""
    rate, end = plan.rate or 0.0, plan.ramp + plan.duration
    gap = random.Random(2).expovariate if plan.arrivals == "poisson" else None  # noqa: S311 - repeatable, not secret
    number = gap(1.0) if gap else 0.0
    while (due := arrival(number, rate, plan.ramp)) < end:
        yield due
        number += gap(1.0) if gap else 1.0


def arrival(number: float, rate: float, ramp: float) -> float:
    """When arrival `number` is due, in seconds: the rate rises evenly over the ramp, then holds."""
    in_ramp = rate * ramp / 2
    return sqrt(2 * ramp * number / rate) if number < in_ramp else ramp + (number - in_ramp) / rate
