"""One run of a plan in one process: Locust's environment, the users it drives, and the windows that it streams."""

from __future__ import annotations

import importlib.util
import inspect
import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import gevent
import gevent.monkey
from locust import User
from locust.env import Environment
from locust.runners import Runner

from soak.load.http.client import ClientOptions
from soak.load.http.connection import failure_kind
from soak.load.lifeline import GRACE, end_of_input
from soak.load.measure.counting import Counting
from soak.load.measure.generator_health import Health
from soak.load.measure.locust_stats import BoundedStatistics
from soak.load.plan.partition import Shares
from soak.load.plan.plan import Plan
from soak.load.plan.warnings import Warnings
from soak.load.plan.wire import line, window_line
from soak.load.scenario.token_refresh import TokenRefresher
from soak.load.workload.closed_model import ClosedLoad
from soak.load.workload.locust_user import LoadModel, driving_user
from soak.load.workload.mix import TrafficMix
from soak.load.workload.open_model import OpenLoad
from soak.load.workload.request_builder import RequestBuilder
from soak.load.workload.sender import Sender, client_options
from soak.windows import Window


class LoadDriver:
    """One run of a plan, or of a worker's share of it in that worker's own Locust environment."""

    def __init__(self, plan: Plan, stream: TextIO, shares: Shares | None = None) -> None:
        self.plan, self.stream = plan, stream
        self.shares = shares or Shares()
        self.counting = Counting(plan.labels)
        self.warnings = self.new_warnings()
        self.mix = TrafficMix(plan, self.shares.first.index, self.shares.first.count)
        self.token_refresher = TokenRefresher(plan, plan.auth, self.warnings) if plan.auth else None
        self.load: LoadModel | None = None
        self.options: ClientOptions | None = None
        self.health = Health(self.due if plan.rate is not None else None)
        self.began = self.last = 0.0
        self.users = 0
        self.environment = Environment()
        self.environment.host = plan.url
        # Through another environment, for its constructor checks what it is given.
        self.environment.user_classes = Environment(user_classes=self.user_classes()).user_classes
        self.environment.stats = self.statistics = BoundedStatistics()
        self.runner: Runner = self.new_runner(self.environment)
        if plan.locustfile:
            self.environment.events.request.add_listener(self.count_event)

    def user_classes(self) -> list[type[User]]:
        """The Locust users that the plan asks for."""
        if self.plan.locustfile:
            return locustfile_users(Path(self.plan.locustfile))
        self.options, builder = client_options(self.plan), RequestBuilder(self.counting, self.warnings)
        options = self.options

        def new_sender() -> Sender:
            return Sender(options, self.counting, builder, self.token_refresher)

        if self.plan.rate is not None:
            self.load = OpenLoad(self.plan, self.counting, self.mix, builder, self.warnings, new_sender, self.shares)
        else:
            self.load = ClosedLoad(self.plan, self.mix, builder, self.warnings, new_sender, self.shares)
        return [driving_user(self.plan, self.load, self.warnings)]

    def new_runner(self, environment: Environment) -> Runner:
        """Locust's runner, whose users are all in this process."""
        return environment.create_local_runner()

    def count_event(self, **event: Any) -> None:
        """Record what a locustfile's user reports: name, milliseconds, size, and its exception if it failed."""
        error = event.get("exception")
        endpoint = f"{event['request_type']} {event['name']}"
        response = event.get("response")
        status = getattr(response, "status_code", 0) or 0
        failure = None if error is None else (f"status {status}" if status >= 400 else failure_kind(error))
        seconds, size = (event.get("response_time") or 0) / 1e3, event.get("response_length") or 0
        self.counting.count(endpoint, seconds, size, failure, None, status)

    def new_warnings(self) -> Warnings:
        """How warnings leave this process."""
        return Warnings(self.warn)

    def warn(self, text: str) -> None:
        """Tell the run a warning."""
        self.event("warning", text)

    def event(self, kind: str, text: str) -> None:
        """Tell the run an event of a kind."""
        self.send(line("event", time=time.monotonic(), event=kind, text=text))

    def tell_started(self, moment: float) -> None:
        """TrafficMix begins."""
        self.send(line("started", time=moment))

    def tell_finished(self, moment: float) -> None:
        """The load was driven to its end, or stopped in order."""
        self.send(line("finished", time=moment))

    def tell_failed(self, reason: str) -> None:
        """The load cannot go on."""
        self.send(line("failed", reason=reason))

    def due(self, elapsed: float) -> float:
        """How many arrivals this process should have made so many seconds after the start."""
        return self.shares.count(self.mix.schedule, elapsed)

    def prepare(self) -> None:
        """Whatever takes time before the load can begin; NoTokenError when there is no token."""
        if self.token_refresher is not None:
            self.token_refresher.begin()
        if isinstance(self.load, OpenLoad):
            self.load.connect()

    def run(self) -> int:
        """Drive the load as scheduled, then stop; a window each interval all the while. 1 when the load broke, else 0."""
        lifeline = self.lifeline()
        began = self.began = time.monotonic()
        self.health.start()
        self.tell_started(began)
        windows = gevent.spawn(self.stream_windows, began)
        if self.load is None:
            staging = gevent.spawn(self.stage_users, began)
        else:
            staging = None
            self.start_users(1)
        # In a loop: gevent counts a timeout from when its event loop last looked at the clock, which may be a while ago.
        while (left := began + self.plan.ramp + self.plan.duration - time.monotonic()) > 0:
            if gevent.wait([lifeline, windows, self.warnings.broken], timeout=left, count=1):
                break
        ended = time.monotonic()
        patience = GRACE if lifeline.ready() else self.plan.timeout
        if staging is not None:
            staging.kill()
        # Before Locust stops, which keeps the event loop busy for some 15 ms. Of a locustfile, it lets each user end in order.
        if self.load is not None:
            self.load.finish(patience)
        self.environment.stop_timeout = 0 if self.load is not None else patience
        self.runner.stop()
        windows.kill()
        self.close_window(0)
        if self.warnings.broken.is_set():
            self.tell_failed(self.warnings.reason)
            return 1
        self.tell_finished(ended)
        return 0

    def stage_users(self, began: float) -> None:
        """Let Locust have as many of a locustfile's users as are scheduled."""
        try:
            while (passed := time.monotonic() - began) < self.mix.schedule.total:
                users = self.mix.schedule.users_at(passed)
                if users != self.users:
                    self.users = users
                    self.start_users(users)
                gevent.sleep(1.0)
        except Exception as error:
            self.warnings.fail(f"the load broke: {type(error).__name__}: {error}")
            raise

    def lifeline(self) -> Any:
        """What becomes ready when the load must end: the end of standard input."""
        return gevent.get_hub().threadpool.spawn(end_of_input)

    def start_users(self, users: int) -> None:
        """Have so many users, at once."""
        self.runner.start(users, spawn_rate=max(1, abs(users - self.runner.user_count)))

    def stream_windows(self, began: float) -> None:
        """Close a window at each slot of an absolute schedule; ends when nobody reads them any more."""
        self.last = began
        slot = began
        while True:
            slot += self.plan.interval
            gevent.sleep(max(0.0, slot - time.monotonic()))
            self.close_window(self.runner.user_count if self.load is None else self.load.busy, slot)
            self.statistics.prune(self.runner)

    def close_window(self, users: int, slot: float | None = None) -> None:
        """Close and send the window that ends now, and should have ended at `slot`; without one it is the last."""
        now = time.monotonic()
        seconds = max(now - self.last, 1e-3)
        made, queued = (self.load.made, self.load.queued) if isinstance(self.load, OpenLoad) else (0, 0)
        connections = self.options.deadlines.watched if self.options is not None else None
        health = self.health.close(seconds, made, queued, connections)
        self.send_window(replace(self.counting.close(now, seconds, users, slot is None, slot), generator=health))
        self.last = now

    def send_window(self, window: Window) -> None:
        """One window to whoever keeps them."""
        self.send(window_line(window))

    def send(self, text: str) -> None:
        """One line to the supervisor; the load ends at once when the pipe is broken: no load outlives its supervisor."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            os._exit(1)


def locustfile_users(path: Path) -> list[type[User]]:
    """The concrete user classes of a locustfile, as Locust itself finds them; ValueError when there is none."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path.name} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    users = [
        found
        for found in vars(module).values()
        if inspect.isclass(found)
        and issubclass(found, User)
        and not vars(found).get("abstract")
        and found.__module__ == path.stem
    ]
    if not users:
        raise ValueError(f"{path.name} has no Locust user class")
    return users
