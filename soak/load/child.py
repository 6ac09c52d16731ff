"""The load's process: Locust as a library, told what to do on standard input, streaming windows on standard output.

Standard input stays open as the lifeline: when it ends, because the supervisor stopped the load or died, the load ends.
"""

from __future__ import annotations

import importlib.util
import inspect
import logging
import os
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import gevent
import gevent.monkey
from locust import User
from locust.env import Environment
from locust.runners import LocalRunner

from soak.load.arrivals import OpenLoad
from soak.load.authorizing import Authorizing, NoTokenError
from soak.load.closed import ClosedLoad
from soak.load.connection import failure_kind
from soak.load.counting import Counting
from soak.load.health import Health
from soak.load.making import Maker
from soak.load.notices import Notices
from soak.load.plan import Plan
from soak.load.requests import Sender, client_options
from soak.load.statistics import BoundedStatistics
from soak.load.traffic import Traffic
from soak.load.users import Load, driving_user
from soak.load.wire import line, window_line

#: When the lifeline ends, requests under way get this long; `LAST_EXIT` after it the process ends whatever happens.
GRACE, LAST_EXIT = 0.5, 1.8


def main() -> int:
    """Read the plan, drive it, stream windows; 0 when the plan was driven to its end or stopped in order."""
    # The locustfile may print: only soak's own lines may reach the supervisor.
    stream = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("locust.runners").setLevel(logging.WARNING)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    plan = Plan.from_json(_read_line())
    try:
        return Driving(plan, stream).run()
    except BrokenPipeError:
        return 1
    except NoTokenError as error:
        stream.write(line("failed", reason=str(error)))
        return 1
    except (ImportError, SyntaxError, ValueError, OSError) as error:
        stream.write(line("failed", reason=f"{type(error).__name__}: {error}"))
        return 1


class Driving:
    """One run of a plan."""

    def __init__(self, plan: Plan, stream: TextIO) -> None:
        self.plan, self.stream = plan, stream
        self.counting = Counting(plan.labels)
        self.notices = Notices(lambda text: self.send(line("event", time=time.monotonic(), text=text)))
        self.traffic = Traffic(plan)
        self.authorizing = Authorizing(plan, plan.auth, self.notices) if plan.auth else None
        self.load: Load | None = None
        self.health = Health(self.traffic.schedule if plan.rate is not None else None)
        self.environment = Environment(user_classes=self.user_classes(), host=plan.url)
        self.environment.stats = self.statistics = BoundedStatistics()
        self.runner: LocalRunner = self.environment.create_local_runner()
        if plan.locustfile:
            self.environment.events.request.add_listener(self.count_event)

    def user_classes(self) -> list[type[User]]:
        """The Locust users that the plan asks for."""
        if self.plan.locustfile:
            return locustfile_users(Path(self.plan.locustfile))
        options, maker = client_options(self.plan), Maker(self.counting, self.notices)

        def new_sender() -> Sender:
            return Sender(options, self.counting, maker, self.authorizing)

        if self.plan.rate is not None:
            self.load = OpenLoad(self.plan, self.counting, self.traffic, maker, self.notices, new_sender)
        else:
            self.load = ClosedLoad(self.plan, self.traffic, maker, self.notices, new_sender)
        return [driving_user(self.plan, self.load, self.notices)]

    def count_event(self, **event: Any) -> None:
        """Record what a locustfile's user reports: name, milliseconds, size, and its exception if it failed."""
        error = event.get("exception")
        endpoint = f"{event['request_type']} {event['name']}"
        response = event.get("response")
        status = getattr(response, "status_code", 0) or 0
        failure = None if error is None else (f"status {status}" if status >= 400 else failure_kind(error))
        seconds, size = (event.get("response_time") or 0) / 1e3, event.get("response_length") or 0
        self.counting.count(endpoint, seconds, size, failure, None, status)

    def run(self) -> int:
        """Drive the load as scheduled, then stop; a window each interval all the while. 1 when the load broke, else 0."""
        if self.authorizing is not None:
            self.authorizing.begin()
        lifeline = gevent.get_hub().threadpool.spawn(_end_of_input)
        began = time.monotonic()
        self.health.start()
        self.send(line("started", time=began))
        windows = gevent.spawn(self.stream_windows, began)
        if self.load is None:
            staging = gevent.spawn(self.stage_users, began)
        else:
            staging = None
            self.runner.start(1, spawn_rate=1)
        # In a loop: gevent counts a timeout from when its event loop last looked at the clock, which may be a while ago.
        while (left := began + self.plan.ramp + self.plan.duration - time.monotonic()) > 0:
            if gevent.wait([lifeline, windows, self.notices.broken], timeout=left, count=1):
                break
        ended = time.monotonic()
        patience = GRACE if lifeline.ready() else self.plan.timeout
        if staging is not None:
            staging.kill()
        # The one user that drives the load ends at once; requests under way, or each user of a locustfile, may end in order.
        self.environment.stop_timeout = 0 if self.load is not None else patience
        self.runner.stop()
        if self.load is not None:
            self.load.finish(patience)
        windows.kill()
        self.close_window(0, last=True)
        if self.notices.broken.is_set():
            self.send(line("failed", reason=self.notices.reason))
            return 1
        self.send(line("finished", time=ended))
        return 0

    def stage_users(self, began: float) -> None:
        """Let Locust have as many of a locustfile's users as are scheduled."""
        have = 0
        while (passed := time.monotonic() - began) < self.traffic.schedule.total:
            users = self.traffic.schedule.users_at(passed)
            if users != have:
                self.runner.start(users, spawn_rate=max(1, abs(users - have)))
                have = users
            gevent.sleep(1.0)

    def stream_windows(self, began: float) -> None:
        """Close a window at each slot of an absolute schedule; ends when nobody reads them any more."""
        self.last = began
        slot = began
        while True:
            slot += self.plan.interval
            gevent.sleep(max(0.0, slot - time.monotonic()))
            self.close_window(self.runner.user_count if self.load is None else self.load.busy)
            self.statistics.prune(self.runner)

    def close_window(self, users: int, last: bool = False) -> None:
        """Send the window that ends now."""
        now = time.monotonic()
        seconds = max(now - self.last, 1e-3)
        made, queued = (self.load.made, self.load.queued) if isinstance(self.load, OpenLoad) else (0, 0)
        health = self.health.close(seconds, made, queued)
        self.send(window_line(replace(self.counting.close(now, seconds, users, last), generator=health)))
        self.last = now

    def send(self, text: str) -> None:
        """One line to the supervisor; the load ends at once when the pipe is broken: no load outlives its supervisor."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            os._exit(1)


def _end_of_input() -> None:
    """Return when standard input ends, in a native thread; a stuck event loop then cannot keep the process alive."""
    while os.read(0, 4096):
        pass
    start_thread = gevent.monkey.get_original("_thread", "start_new_thread")
    start_thread(_exit_after, (LAST_EXIT,))


def _exit_after(seconds: float) -> None:
    gevent.monkey.get_original("time", "sleep")(seconds)
    os._exit(0)


def _read_line() -> str:
    """The first line of standard input, unbuffered, so that the lifeline sees all the rest."""
    text = bytearray()
    while not text.endswith(b"\n"):
        piece = os.read(0, 1)
        if not piece:
            raise SystemExit(1)
        text += piece
    return text.decode()


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
