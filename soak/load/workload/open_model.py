"""The open model: arrivals on schedule, whatever the target does, over as many connections as needed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from math import ceil, inf
from typing import NamedTuple

import gevent
from gevent.event import Event

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

#: Maximum number of connections; further arrivals wait, and their wait is part of their latency.
MAX_CONNECTIONS = 2000
#: Maximum number of waiting arrivals; further ones are dropped and counted as dropped.
MAX_WAITING = 10_000
#: Arrivals made behind schedule before responses are read; otherwise each hiccup would open
#: unneeded connections.
MOST_AT_ONCE = 32
#: Pinned connections stay open for the whole run: as many as arrivals come in this time. Others
#: close after IDLE_SECONDS.
PINNED_SECONDS, MOST_PINNED, IDLE_SECONDS = 0.1, 100, 5.0
#: If the load ends at most this many seconds before the last arrival is due, the rest is still
#: made, and waited for this long: the process began late, or its event loop stood still at the end.
#: The rest of a longer schedule is left out.
CATCH_UP = 1.0


class Visit(NamedTuple):
    """The rest of a flow after its first request: its virtual user, and the remaining steps."""

    virtual_user: VirtualUser
    steps: Iterator[ScenarioStep]


#: The step, its rendered request (None without a template), its intended start, and the rest of its
#: flow (or None).
Arrival = tuple[ScenarioStep, RenderedRequest | None, float, Visit | None]


class ConnectionWorker:
    """A greenlet with its own connection that sends one arrival after another and rests in between."""

    __slots__ = ("arrival", "greenlet", "idle_since", "pinned", "sender", "thinking")

    def __init__(self, sender: Sender, pinned: bool) -> None:
        self.sender, self.pinned, self.thinking = sender, pinned, False
        self.arrival: Arrival | None = None
        self.idle_since = 0.0
        self.greenlet: gevent.Greenlet | None = None


class OpenLoad:
    """All arrivals of a plan, and the workers that send them.

    The target's file descriptors and goroutines grow with the connections to it. So that this does
    not look like a leak, the pinned connections are used in turn from the first requests on, and
    connections added during a stall are closed after some idle seconds.
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
        #: The virtual user of all single requests; each flow has its own.
        self._virtual_user = mix.virtual_user(0)
        self._without_rows: set[Scenario] = set()
        self._cut = False
        #: When the last arrival is due (monotonic seconds), and whether all arrivals were made.
        self._last_due, self._all_made = inf, Event()
        self._hub = gevent.get_hub()
        enough = min(
            MOST_PINNED, 4 + ceil(PINNED_SECONDS * (plan.rate or 0.0) / self._shares.first.count)
        )
        self._pinned = deque(ConnectionWorker(new_sender(), pinned=True) for _ in range(enough))
        self._more: list[ConnectionWorker] = []
        self._all: set[ConnectionWorker] = set(self._pinned)
        self._waiting: deque[Arrival] = deque()
        #: Arrivals that are sent but not yet answered.
        self.busy = 0
        #: `made`: arrivals so far. `queued`: those that found no free connection, and had to wait
        #: or were dropped.
        self.made = self.queued = 0

    def connect(self) -> None:
        """Open the connections that the first arrivals need. If the arrivals opened them, they would be late."""
        first = ceil(self._shares.count(self._mix.schedule, PINNED_SECONDS))
        at_once = list(self._pinned)[:first]
        gevent.joinall([gevent.spawn(worker.sender.connect) for worker in at_once])

    def drive(self) -> None:
        """Make all arrivals, each on schedule; return after the last one, or when the load must finish."""
        pace = PreciseTimer()
        try:
            self._drive(pace.until)
        finally:
            pace.close()
            self._all_made.set()

    def _drive(self, sleep_until: Callable[[float], None]) -> None:
        began = looked = time.monotonic()
        self._last_due = began + self._mix.schedule.total
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
        """Make an arrival with templates. It is rendered now, in order, so that a seed repeats the same requests."""
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
            ):  # no step's condition holds, or a condition failed, which is already counted
                return
        rendered = self._builder.make(first, virtual_user)
        if rendered is not None:
            self.arrive((first, rendered, moment, visit))

    def _run_out(self, scenario: Scenario) -> None:
        """Drop an arrival that found no row; if no scenario can find a row, the load cannot continue."""
        self._counting.drop(scenario.first.endpoint)
        self._without_rows.add(scenario)
        if len(self._without_rows) == len(self._mix.scenarios):
            self._warnings.run_out(
                "every row of the data has been used; order: sequential begins again"
            )

    def arrive(self, arrival: Arrival) -> None:
        """Pass one arrival to an idle or new worker; otherwise it waits, or is dropped."""
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
        returning, forget = self._plan.returning, worker.sender.forget
        try:
            while (arrival := worker.arrival) is not None:
                step, rendered, intended, visit = arrival
                if visit is None:
                    if not returning:
                        forget()
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
                hub.switch()  # until the next arrival, or until `let_go` ends it without one
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
        """Send a whole flow as a new visitor, without cookies of an earlier one."""

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
        """End idle workers that were added during a stall."""
        idle_since = time.monotonic() - IDLE_SECONDS
        while self._more and self._more[0].idle_since < idle_since:
            worker = self._more.pop(0)
            if worker.greenlet is not None:
                self._hub.loop.run_callback(worker.greenlet.switch)

    def finish(self, patience: float) -> None:
        """Wait for responses in flight, at most `patience` seconds, and close everything; flows stop where they are."""
        now = time.monotonic()
        end = now + patience
        if self._last_due <= now + CATCH_UP:
            self._all_made.wait(timeout=min(CATCH_UP, patience))
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
        for worker in self._all:  # workers that never sent anything
            worker.sender.close()
