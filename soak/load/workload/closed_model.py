"""The closed model: each user waits for its response, and the schedule gives the number of users at each moment."""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent

from soak.load.plan.partition import Shares
from soak.load.plan.plan import Plan
from soak.load.plan.warnings import Warnings
from soak.load.scenario.virtual_user import VirtualUser
from soak.load.workload.mix import ScenarioStep, TrafficMix
from soak.load.workload.request_builder import RequestBuilder
from soak.load.workload.sender import NOT_MADE, Pause, Sender

#: Seconds of pause: a refused connection fails at once, and a closed user would flood the dead
#: target without a pause.
PAUSE_AFTER_FAILED_CONNECT = 0.1
#: Seconds until a user whose setup has failed tries it again; no user continues without its setup.
PAUSE_AFTER_FAILED_SETUP = 1.0
_PAUSED_AFTER = ("connect:", "TLS", NOT_MADE)
#: Interval in seconds at which the number of users is adjusted.
TICK = 0.02


class ClosedUser:
    """One user, with its own greenlet and connection."""

    def __init__(self, virtual_user: VirtualUser, sender: Sender) -> None:
        self.virtual_user, self.sender = virtual_user, sender
        #: `leaving`: the user ends after its request or flow. `cut`: it ends after the request in
        #: flight.
        self.leaving = self.cut = False
        #: `idle`: it pauses between requests or flows. `thinking`: it pauses between steps of a
        #: flow.
        self.idle = self.thinking = False
        self.greenlet: gevent.Greenlet | None = None


class ClosedLoad:
    """All users of a plan, or those of a worker's share of it."""

    def __init__(
        self,
        plan: Plan,
        mix: TrafficMix,
        builder: RequestBuilder,
        warnings: Warnings,
        new_sender: Callable[[], Sender],
        shares: Shares | None = None,
    ) -> None:
        self._shares = shares or Shares()
        self._plan, self._mix, self._builder, self._warnings = plan, mix, builder, warnings
        self._new_sender = new_sender
        self._users: list[ClosedUser] = []
        self._running: set[ClosedUser] = set()
        self._number = 0
        self._out_of_rows = self._cut = False

    @property
    def busy(self) -> int:
        """The number of users."""
        return len(self._running)

    def drive(self) -> None:
        """Start and end users as scheduled; return at the end of the schedule."""
        began, schedule = time.monotonic(), self._mix.schedule
        while (passed := time.monotonic() - began) < schedule.total and not self._cut:
            if passed >= self._mix.turns:
                self._mix.turn(passed)
            self.have(self._shares.users(schedule.users_at(passed)))
            gevent.sleep(TICK)

    def have(self, count: int) -> None:
        """Set the number of users. The newest users end first, each after its request or flow."""
        while len(self._users) > count:
            user = self._users.pop()
            user.leaving = True
            if user.idle and user.greenlet is not None:
                user.greenlet.kill(block=False)
        while len(self._users) < count and not self._out_of_rows:
            self._number += 1
            user = ClosedUser(self._mix.virtual_user(self._number), self._new_sender())
            self._users.append(user)
            self._running.add(user)
            user.greenlet = gevent.spawn(self._live, user)

    def _live(self, user: ClosedUser) -> None:
        virtual_user, sender = user.virtual_user, user.sender
        chance, choose, begin, pace = (
            virtual_user.random,
            self._mix.choose,
            self._builder.begin,
            self._plan.pace,
        )
        pauses = pace is not None or self._mix.thinks

        def pause(virtual_user: VirtualUser, after: ScenarioStep) -> bool:
            return self._think(user, virtual_user, after)

        ready = False
        try:
            ready = self._set_up(user, pause)
            while not user.leaving:
                began = time.monotonic() if pauses else 0.0
                scenario = choose(chance)
                last = scenario.first
                if scenario.constant:  # the hot path
                    failure = sender.send(last)
                elif begin(scenario, virtual_user):
                    failure = sender.walk(scenario, virtual_user, pause)
                    last = sender.last or last
                else:
                    self._run_out()
                    return
                if failure is not None and failure.startswith(_PAUSED_AFTER):
                    gevent.sleep(PAUSE_AFTER_FAILED_CONNECT)
                if pauses and not user.leaving:
                    self._rest(user, began, last)
        except Exception as error:
            self._warnings.fail(f"a user broke: {type(error).__name__}: {error}")
            raise
        finally:
            if ready and self._mix.teardown is not None and begin(self._mix.teardown, virtual_user):
                sender.walk(self._mix.teardown, virtual_user, pause)
            sender.close()
            self._running.discard(user)

    def _set_up(self, user: ClosedUser, pause: Pause) -> bool:
        """Run the setup steps, and retry after a pause if they fail; return True if the user is ready."""
        setup = self._mix.setup
        while setup is not None and not user.leaving:
            if not self._builder.begin(setup, user.virtual_user):
                self._run_out()
                user.leaving = True
            elif user.sender.walk(setup, user.virtual_user, pause) is None:
                user.virtual_user.keep_for_good()
                return True
            else:
                user.idle = True
                gevent.sleep(PAUSE_AFTER_FAILED_SETUP)
                user.idle = False
        return setup is None

    def _rest(self, user: ClosedUser, began: float, last: ScenarioStep) -> None:
        """Think after the `last` request, and keep the pace of the request or flow that began at `began`."""
        left = self._mix.pause(user.virtual_user.random, last)
        if self._plan.pace is not None:
            left = max(left, began + self._plan.pace - time.monotonic())
        if left > 0:
            user.idle = True
            gevent.sleep(left)
            user.idle = False

    def _think(self, user: ClosedUser, virtual_user: VirtualUser, after: ScenarioStep) -> bool:
        """Pause between two steps of a flow; return True if the next step is to follow."""
        seconds = self._mix.pause(virtual_user.random, after)
        if seconds > 0 and not user.cut:
            user.thinking = True
            gevent.sleep(seconds)
            user.thinking = False
        return not user.cut

    def _run_out(self) -> None:
        """End a user that found no row. No other user replaces it, because that user would find none either."""
        self._out_of_rows = True
        if len(self._running) == 1:
            self._warnings.run_out(
                "every row of the data has been used and no user is left; order: sequential begins again"
            )

    def finish(self, patience: float) -> None:
        """Wait for responses in flight, at most `patience` seconds, and end all users."""
        self._cut = True
        for user in self._running:
            user.leaving = user.cut = True
            if (user.idle or user.thinking) and user.greenlet is not None:
                user.greenlet.kill(block=False)
        gevent.joinall(
            [user.greenlet for user in self._running if user.greenlet is not None], timeout=patience
        )
        gevent.killall(
            [user.greenlet for user in self._running if user.greenlet is not None], timeout=1.0
        )
