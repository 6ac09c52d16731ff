"""Run a plan in one process: set up Locust's environment, drive the users, stream the windows."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any, TextIO

import gevent
import gevent.monkey
from locust.env import Environment
from locust.runners import Runner

from soak.load.http.client import ClientOptions
from soak.load.lifeline import GRACE, end_of_input
from soak.load.locustfile.importing import directories, location
from soak.load.locustfile.locustfile_load import LocustfileLoad
from soak.load.measure.counting import Counting
from soak.load.measure.generator_health import Health
from soak.load.measure.locust_stats import BoundedStatistics
from soak.load.measure.locust_ui import LocustUi
from soak.load.plan.asked import schedule_of
from soak.load.plan.partition import Share, Shares
from soak.load.plan.plan import Plan
from soak.load.plan.warnings import Warnings
from soak.load.plan.wire import line, window_line
from soak.load.scenario.expectations import FailedCheck
from soak.load.scenario.token_refresh import TokenRefresher
from soak.load.workload.closed_model import ClosedLoad
from soak.load.workload.combined_model import CombinedLoad
from soak.load.workload.failure_examples import FailureExamples
from soak.load.workload.locust_user import driving_user
from soak.load.workload.mix import SharedData, TrafficMix
from soak.load.workload.open_model import OpenLoad
from soak.load.workload.request_builder import RequestBuilder
from soak.load.workload.sender import Sender, client_options
from soak.windows import Window


class LoadDriver:
    """One run of a plan, or of a worker's share of a plan.

    The load is the profile's own (`load`), which one Locust user drives, or that of a locustfile
    (`locustfile`).
    """

    def __init__(self, plan: Plan, stream: TextIO, shares: Shares | None = None) -> None:
        self.plan, self.stream = plan, stream
        self.shares = shares or Shares()
        self.counting = Counting(plan.labels)
        self.warnings = self.new_warnings()
        #: For each scenario, or for the whole plan: the plan, its shares, and the schedule of its
        #: arrivals.
        self.parts = [(part, Shares(self.shares.first), schedule_of(part)) for part in plan.parts]
        self.token_refresher = TokenRefresher(plan, plan.auth, self.warnings) if plan.auth else None
        self.load: OpenLoad | ClosedLoad | CombinedLoad | None = None
        self.locustfile: LocustfileLoad | None = None
        self.options: ClientOptions | None = None
        self.health = Health(self.due if plan.rate is not None else None)
        self.began = self.last = 0.0
        if plan.locustfiles:
            self.locustfile = LocustfileLoad(
                plan, self.counting, schedule_of(plan), self.warnings, self.shares
            )
            self.environment = self.locustfile.environment
        else:
            self.load = self.own_load()
            self.environment = Environment(
                user_classes=[driving_user(plan, self.load, self.warnings)], host=plan.url
            )
        self.environment.stats = self.statistics = BoundedStatistics()
        self.runner = self.new_runner(self.environment)
        self.ui = self.new_ui()
        if self.locustfile is not None:
            self.locustfile.attach(self.runner)

    def own_load(self) -> OpenLoad | ClosedLoad | CombinedLoad:
        """Build the open or closed load of the plan, or one load per scenario."""
        options = self.options = client_options(self.plan)
        builder = RequestBuilder(self.counting, self.warnings)
        examples = FailureExamples(self.tell_failed_check)

        def new_sender() -> Sender:
            return Sender(options, self.counting, builder, self.token_refresher, examples)

        first = self.shares.first
        shared = SharedData(self.plan, first.index, first.count)
        loads: list[OpenLoad | ClosedLoad] = []
        for part, shares, _ in self.parts:
            mix = TrafficMix(part, first.index, first.count, shared)
            if part.rate is not None:
                loads.append(
                    OpenLoad(part, self.counting, mix, builder, self.warnings, new_sender, shares)
                )
            else:
                loads.append(ClosedLoad(part, mix, builder, self.warnings, new_sender, shares))
        return CombinedLoad(loads) if self.plan.scenarios else loads[0]

    def take_share(self, at: float, share: Share) -> None:
        """Change this process's share of the load, from moment `at` of the load on."""
        for shares in (self.shares, *(own for _, own, _ in self.parts)):
            shares.change(at, share)

    def new_runner(self, environment: Environment) -> Runner:
        """Return a Locust runner that keeps all users in this process."""
        return environment.create_local_runner()

    def new_ui(self) -> LocustUi | None:
        """Return Locust's web UI if requested: for a locustfile's own environment, or for soak's requests."""
        if self.plan.locust_ui is None:
            return None
        return LocustUi(self.plan, self.environment if self.locustfile is not None else None)

    def new_warnings(self) -> Warnings:
        """Return the sink for warnings; by default it sends them to the supervisor."""
        return Warnings(self.warn)

    def warn(self, text: str) -> None:
        """Send a warning to the supervisor."""
        self.event("warning", text)

    def event(self, kind: str, text: str) -> None:
        """Send an event of the given kind to the supervisor."""
        self.send(line("event", time=time.monotonic(), event=kind, text=text))

    def tell_failed_check(self, endpoint: str, failed: FailedCheck) -> None:
        """Warn about a failed check: what was expected of the response, and what was found."""
        self.warnings.warn("expect", f"{endpoint}: {failed.text} (the first of its kind)")

    def tell_started(self, moment: float) -> None:
        """Report that traffic begins."""
        self.send(line("started", time=moment))

    def tell_finished(self, moment: float) -> None:
        """Report that the load reached its end, or was stopped in order."""
        self.send(line("finished", time=moment))

    def tell_failed(self, reason: str) -> None:
        """Report that the load cannot continue."""
        self.send(line("failed", reason=reason))

    def due(self, elapsed: float) -> float:
        """Return how many arrivals this process should have made `elapsed` seconds after the start."""
        return sum(
            shares.count(schedule, elapsed)
            for part, shares, schedule in self.parts
            if part.rate is not None
        )

    def prepare(self) -> None:
        """Do whatever takes time before the load can begin. Raise NoTokenError if there is no token."""
        if self.token_refresher is not None:
            self.token_refresher.begin()
        if isinstance(self.load, OpenLoad | CombinedLoad):
            self.load.connect()

    def run(self) -> int:
        """Drive the load as scheduled, stream a window each interval, then stop. Return 1 if the load broke, else 0."""
        lifeline = self.lifeline()
        began = self.began = time.monotonic()
        self.health.start()
        if self.ui is not None:
            self.ui.start()
            self.event("view", self.ui.said)
        self.tell_started(began)
        windows = gevent.spawn(self.stream_windows, began)
        driving = gevent.spawn(self.drive, began)
        ends = [lifeline, windows, self.warnings.broken]
        if self.locustfile is not None:
            ends.append(self.locustfile.ended)
        # In a loop: gevent measures a timeout from the last time its event loop read the clock,
        # which may be a while ago.
        while (left := began + self.plan.ramp + self.plan.duration - time.monotonic()) > 0:
            if gevent.wait(ends, timeout=left, count=1):
                break
        ended = time.monotonic()
        tasks_have = self.locustfile.stop_timeout if self.locustfile is not None else 0.0
        patience = GRACE if lifeline.ready() else max(self.plan.timeout, tasks_have)
        driving.kill()
        self.stop_users(patience, ended - began)
        windows.kill()
        self.close_window(0)
        if self.warnings.broken.is_set():
            self.tell_failed(self.warnings.reason)
            return 1
        self.tell_finished(ended)
        return 0

    def drive(self, began: float) -> None:
        """Start the users; with a locustfile, keep the requested number at each moment. Exceptions break the load."""
        try:
            if self.locustfile is not None:
                self.locustfile.drive(began)
            else:
                self.runner.spawn_users(
                    {user.__name__: 1 for user in self.environment.user_classes}
                )
        except Exception as error:
            self.warnings.fail(
                f"the load broke: {self.place_of(error)}{type(error).__name__}: {error}"
            )
            raise

    def place_of(self, error: Exception) -> str:
        """Return the place in a locustfile where an exception was raised, as a prefix; empty without a locustfile."""
        return (
            f"{location(error, directories(self.plan.locustfiles))}: "
            if self.plan.locustfiles
            else ""
        )

    def stop_users(self, patience: float, seconds: float) -> None:
        """End all users, a locustfile's in order. Requests in flight have `patience` seconds to finish."""
        if self.load is not None:
            # Before Locust stops, because stopping it blocks the event loop for some 15 ms.
            self.load.finish(patience)
            self.runner.stop()
        if self.locustfile is not None:
            code = self.locustfile.finish(patience)
            self.locustfile.notes(seconds, self.warn)
            if (text := self.locustfile.mostly_raised()) is not None:
                self.event("exceptions", text)
            if code:
                self.event(
                    "exit_code",
                    f"the locustfile set process_exit_code to {code}, by which it says that the test failed",
                )

    def lifeline(self) -> Any:
        """Return an object that becomes ready when standard input ends, so that the load must end."""
        return gevent.get_hub().threadpool.spawn(end_of_input)

    def stream_windows(self, began: float) -> None:
        """Close a window at each slot of an absolute schedule."""
        self.last = began
        slot = began
        while True:
            slot += self.plan.interval
            gevent.sleep(max(0.0, slot - time.monotonic()))
            self.close_window(self.runner.user_count if self.load is None else self.load.busy, slot)
            self.statistics.prune(self.runner)

    def close_window(self, users: int, slot: float | None = None) -> None:
        """Close and send the current window, which was due at `slot`; without `slot` it is the last window."""
        now = time.monotonic()
        seconds = max(now - self.last, 1e-3)
        made, queued = (
            (self.load.made, self.load.queued)
            if isinstance(self.load, OpenLoad | CombinedLoad)
            else (0, 0)
        )
        connections = self.options.deadlines.watched if self.options is not None else None
        users_asked = self.locustfile.share_asked if self.locustfile is not None else None
        health = self.health.close(seconds, made, queued, connections, users_asked)
        window = replace(
            self.counting.close(now, seconds, users, slot is None, slot), generator=health
        )
        self.send_window(window)
        self.last = now

    def send_window(self, window: Window) -> None:
        """Send one window to its receiver: the supervisor, or for a worker the master."""
        if self.ui is not None:
            self.ui.take(window)
        self.send(window_line(window))

    def send(self, text: str) -> None:
        """Send one line to the supervisor. If the pipe is broken, exit at once: no load outlives its supervisor."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            os._exit(1)
