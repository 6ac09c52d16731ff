"""The open model: arrivals on schedule, whatever the target does, over as many connections as it takes."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from math import ceil
from typing import NamedTuple

import gevent

from soak.load.measure.counting import Counting
from soak.load.plan.partition import Shares, arrivals_of
from soak.load.plan.plan import Plan
from soak.load.plan.warnings import Warnings
from soak.load.scenario.rendering import RenderedRequest
from soak.load.scenario.virtual_user import VirtualUser
from soak.load.workload.mix import Scenario, ScenarioStep, TrafficMix
from soak.load.workload.request_builder import FlowEnded, RequestBuilder
from soak.load.workload.sender import Sender
from soak.load.workload.timerfd import PreciseTimer

#: Connections grow up to this many; further arrivals wait, and their wait is part of their latency.
MAX_CONNECTIONS = 2000
#: So many may wait; beyond them an arrival is dropped, and counted as that.
MAX_WAITING = 10_000
#: Behind schedule, answers are read after so many: else each hiccup would open connections that are not needed.
MOST_AT_ONCE = 32
#: Of the connections, so many are kept for all the run as arrive in this time; others are closed when idle for IDLE_SECONDS.
PINNED_SECONDS, MOST_PINNED, IDLE_SECONDS = 0.1, 100, 5.0


class Visit(NamedTuple):
    """A flow that goes on after its first request: whose it is, and the steps that are left of it."""

    virtual_user: VirtualUser
    steps: Iterator[ScenarioStep]


#: The step, its rendered request (None without a template), its intended start, and the flow that continues after it (or None).
Arrival = tuple[ScenarioStep, RenderedRequest | None, float, Visit | None]


class ConnectionWorker:
    """A greenlet with a connection of its own, which sends one arrival after another and rests in between."""

    __slots__ = ("arrival", "greenlet", "idle_since", "pinned", "sender", "thinking")

    def __init__(self, sender: Sender, pinned: bool) -> None:
        self.sender, self.pinned, self.thinking = sender, pinned, False
        self.arrival: Arrival | None = None
        self.idle_since = 0.0
        self.greenlet: gevent.Greenlet | None = None


class OpenLoad:
    """All arrivals of a plan, and the workers that send them.

    A target's descriptors and goroutines follow the connections it is given. So that these do not
    look like growth, the pinned ones take turns from the first requests on, and what a stall has
    added goes again once idle for some seconds.
    """

    def __init__(
        self,
        plan: Plan,
        counting: Counting,
        mix: TrafficMix,
        builder: RequestBuilder,
        warnings: Warnings,
        new_sender: Callable[[], Sender],
        shares: Shares | None = None,
    ) -> None:
        self._shares = shares or Shares()
        self._plan, self._counting, self._new_sender = plan, counting, new_sender
        self._mix, self._builder, self._warnings = mix, builder, warnings
        #: It makes all single requests in turn; each flow has a visitor of its own.
        self._virtual_user = mix.virtual_user(0)
        self._without_rows: set[Scenario] = set()
        self._cut = False
        self._hub = gevent.get_hub()
        enough = min(
            MOST_PINNED, 4 + ceil(PINNED_SECONDS * (plan.rate or 0.0) / self._shares.first.count)
        )
        self._pinned = deque(ConnectionWorker(new_sender(), pinned=True) for _ in range(enough))
        self._more: list[ConnectionWorker] = []
        self._all: set[ConnectionWorker] = set(self._pinned)
        self._waiting: deque[Arrival] = deque()
        #: Arrivals that are sent and not answered yet.
        self.busy = 0
        #: Arrivals so far, and those of them that found no free connection, and had to wait or were dropped.
        self.made = self.queued = 0

    def connect(self) -> None:
        """Open what the first arrivals need: opened by them, they would come too fast to be on time."""
        first = ceil(self._shares.count(self._mix.schedule, PINNED_SECONDS))
        at_once = list(self._pinned)[:first]
        gevent.joinall([gevent.spawn(worker.sender.connect) for worker in at_once])

    def drive(self) -> None:
        """Make all arrivals, each on schedule; returns when the last is made, or the load is to finish."""
        pace = PreciseTimer()
        try:
            self._drive(pace.until)
        finally:
            pace.close()

    def _drive(self, sleep_until: Callable[[float], None]) -> None:
        began = looked = time.monotonic()
        mix, choose, arrive, without_rest = self._mix, self._mix.choose, self.arrive, 0
        chance, poisson = self._virtual_user.random, self._plan.arrivals == "poisson"
        for number, due in arrivals_of(
            self._mix.schedule, self._shares, poisson=poisson, seed=self._plan.seed
        ):
            moment = began + due
            without_rest += 1
            if moment > time.monotonic() or without_rest >= MOST_AT_ONCE:
                sleep_until(moment)
                without_rest = 0
            if self._cut:
                break
            if due >= mix.turns:
                mix.turn(due)
            scenario = choose(chance)
            if scenario.constant:  # the hot path
                arrive((scenario.first, None, moment, None))
            else:
                self._make(scenario, number, moment)
            if moment > looked + 1.0:
                looked = moment
                self.let_go()

    def _make(self, scenario: Scenario, number: int, moment: float) -> None:
        """An arrival with templates: made now, in order, so that the same seed makes the same ones."""
        if scenario.flow:
            virtual_user, known = self._mix.caller(number), None
        else:
            virtual_user, known = self._virtual_user, self._mix.caller_number(number)
        if not self._builder.begin(scenario, virtual_user, known):
            self._run_out(scenario)
            return
        first, visit = scenario.first, None
        if scenario.flow:
            visit = Visit(virtual_user, self._builder.steps(scenario.steps, virtual_user))
            try:
                first = next(visit.steps)
            except (
                StopIteration,
                FlowEnded,
            ):  # no step's condition holds; or it cannot be told, which is counted
                return
        rendered = self._builder.make(first, virtual_user)
        if rendered is not None:
            self.arrive((first, rendered, moment, visit))

    def _run_out(self, scenario: Scenario) -> None:
        """An arrival that found no row is dropped; when none can find any, the load cannot go on."""
        self._counting.drop(scenario.first.endpoint)
        self._without_rows.add(scenario)
        if len(self._without_rows) == len(self._mix.scenarios):
            self._warnings.run_out(
                "every row of the data has been used; order: sequential begins again"
            )

    def arrive(self, arrival: Arrival) -> None:
        """Hand one arrival to an idle worker or a new one; else it waits, or is dropped."""
        self.made += 1
        if self._pinned:
            worker = self._pinned.popleft()
        elif self._more:
            worker = self._more.pop()
        elif len(self._all) < MAX_CONNECTIONS:
            worker = ConnectionWorker(self._new_sender(), pinned=False)
            self._all.add(worker)
        elif len(self._waiting) < MAX_WAITING:
            self.queued += 1
            self._waiting.append(arrival)
            return
        else:
            self.queued += 1
            self._counting.drop(arrival[0].endpoint)
            return
        self.busy += 1
        worker.arrival = arrival
        if worker.greenlet is None:
            worker.greenlet = gevent.spawn(self._work, worker)
        else:
            self._hub.loop.run_callback(worker.greenlet.switch)

    def _work(self, worker: ConnectionWorker) -> None:
        hub, waiting, send = self._hub, self._waiting, worker.sender.send
        try:
            while (arrival := worker.arrival) is not None:
                step, rendered, intended, visit = arrival
                if visit is None:
                    send(step, rendered, intended)
                else:
                    self._follow(worker, step, rendered, intended, visit)
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
        except Exception as error:
            self._warnings.fail(f"a request broke: {type(error).__name__}: {error}")
            raise
        finally:
            worker.sender.close()
            self._all.discard(worker)

    def _follow(
        self,
        worker: ConnectionWorker,
        first: ScenarioStep,
        rendered: RenderedRequest | None,
        intended: float,
        visit: Visit,
    ) -> None:
        """A whole flow, by a visitor who has never been there before."""

        def pause(virtual_user: VirtualUser, after: ScenarioStep) -> bool:
            seconds = self._mix.pause(virtual_user.random, after)
            if seconds > 0 and not self._cut:
                worker.thinking = True
                gevent.sleep(seconds)
                worker.thinking = False
            return not self._cut

        worker.sender.forget()
        if worker.sender.send(first, rendered, intended, visit.virtual_user) is None:
            worker.sender.go_on(visit.steps, visit.virtual_user, pause, first)
        worker.sender.forget()

    def let_go(self) -> None:
        """End the workers that a stall added and that have been idle since."""
        idle_since = time.monotonic() - IDLE_SECONDS
        while self._more and self._more[0].idle_since < idle_since:
            worker = self._more.pop(0)
            if worker.greenlet is not None:
                self._hub.loop.run_callback(worker.greenlet.switch)

    def finish(self, patience: float) -> None:
        """Wait for the answers under way, at most `patience` seconds, and close everything; flows end where they are."""
        end = time.monotonic() + patience
        self._cut = True
        for worker in self._all:
            if worker.thinking and worker.greenlet is not None:
                self.busy -= 1
                worker.greenlet.kill(block=False)
        while (self.busy or self._waiting) and time.monotonic() < end:
            gevent.sleep(0.01)
        gevent.killall(
            [worker.greenlet for worker in self._all if worker.greenlet is not None], timeout=1.0
        )
        for worker in self._all:  # that never worked
            worker.sender.close()
