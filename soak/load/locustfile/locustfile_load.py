"""The users of a locustfile as one load: Locust's environment and events, and the users that plan or shape request."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import gevent
import locust
from gevent.event import Event
from locust import User
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.runners import STATE_SPAWNING, Runner, WorkerNode

from soak.load.locustfile.allowed_hosts import AllowedHosts
from soak.load.locustfile.ending import end_after_request
from soak.load.locustfile.exceptions import ExceptionCounter, count_in
from soak.load.locustfile.failures import reported_failure
from soak.load.locustfile.selection import select_users
from soak.load.locustfile.timeouts import apply_timeouts
from soak.load.measure.counting import Counting
from soak.load.plan.partition import Shares
from soak.load.plan.plan import Plan
from soak.load.plan.schedule import Schedule
from soak.load.plan.warnings import Warnings
from soak.units import show_duration

#: Interval in seconds at which the number of users is adjusted, the same as Locust's for load
#: shapes.
TICK = 1.0


class _WholeLoad:
    """The runner that a load shape sees if workers divide the load: its user count is the total over all workers."""

    def __init__(self, load: LocustfileLoad) -> None:
        self._load = load

    @property
    def user_count(self) -> int:
        return self._load.asked

    def __getattr__(self, name: str) -> Any:
        return getattr(self._load.runner, name)


class LocustfileLoad:
    """Imports the plan's locustfile, drives its users, and counts what its request events report.

    `ended` is set if the locustfile itself ends the load, and `end_reason` then says how. `asked` is
    the number of users requested at the moment, in all processes together.
    """

    def __init__(
        self, plan: Plan, counting: Counting, schedule: Schedule, warnings: Warnings, shares: Shares
    ) -> None:
        self._plan, self._counting, self._schedule = plan, counting, schedule
        self._warnings, self._shares = warnings, shares
        self.ended, self.end_reason, self.asked = Event(), "", 0
        self._level, self._requests = 0.0, 0
        self._announce = self._stopping = False
        self._user_classes: list[type[User]] | None = None
        self._started: tuple[Any, ...] | None = None
        names = ", ".join(Path(path).name for path in plan.locustfiles)
        self.exceptions = ExceptionCounter(
            plan.locustfiles, lambda text: warnings.warn("exceptions", text)
        )
        count_in(locust.events, self.exceptions)
        AllowedHosts(plan.allow, self._host_refused).install()
        selected = select_users(plan)
        users, self._shape = selected.locustfile.users, selected.locustfile.shape
        for key in selected.preferred:
            warnings.warn(
                "options", f"the profile's {key} holds, and not what Locust's options say of it"
            )
        if unused := selected.locustfile.unused_shapes:
            text = f"of the load shapes of {names}, {type(self._shape).__name__} is the first and drives the load, "
            warnings.warn("shapes", f"{text}as in Locust, and not {', '.join(unused)}")
        apply_timeouts(plan, selected.classes)
        self.environment = Environment(
            user_classes=selected.classes,
            shape_class=self._shape,
            events=locust.events,
            host=plan.url,
            parsed_options=selected.options,
            locustfile=names,
            parsed_locustfiles=list(plan.locustfiles),
            available_user_classes=dict(users),
            available_user_tasks={name: user.tasks for name, user in users.items()},
            stop_timeout=selected.options.stop_timeout,
        )

    def _host_refused(self, host: str) -> None:
        text = f"the locustfile tried to connect to {host}, which target.allow does not name; it was not let"
        self._warnings.warn("hosts", text)

    def attach(self, runner: Runner) -> None:
        """Prepare the runner: listen to its requests, and fire `init` to tell the locustfile that setup is complete."""
        self.runner, events = runner, self.environment.events
        runner.start = self._start_users
        if self._shape is not None and self._shares.last.count > 1:
            self._shape.runner = _WholeLoad(self)
        events.request.add_listener(self._count)
        events.test_stop.add_listener(self._test_stopped)
        if self.environment.parsed_options.equal_weights:
            self.environment.assign_equal_weights()
        events.init.fire(
            environment=self.environment, runner=runner, web_ui=self.environment.web_ui
        )

    def _count(
        self,
        request_type: str,
        name: str,
        response_time: Any = 0,
        response_length: Any = 0,
        **event: Any,
    ) -> None:
        """Count one request event: name, milliseconds, bytes, and its exception if it failed."""
        self._requests += 1
        status = getattr(event.get("response"), "status_code", 0) or 0
        error = event.get("exception")
        failure = None if error is None else reported_failure(error, status)
        seconds = (response_time or 0) / 1e3
        self._counting.count(
            f"{request_type} {name}", seconds, int(response_length or 0), failure, None, status
        )

    def _start_users(
        self,
        user_count: int,
        spawn_rate: float,
        wait: bool = False,  # noqa: ARG002 - Locust's own signature
        user_classes: list[type[User]] | None = None,
    ) -> None:
        """Replace `runner.start` for a locustfile that calls it: request this many users from now on, as a shape does."""
        self._started = (user_count, spawn_rate, user_classes)
        text = f"the locustfile asked for {user_count} users by runner.start, which holds instead of the profile's"
        self._warnings.warn("start", text)

    def _test_stopped(self, **_: Any) -> None:
        if not self._stopping:
            self._end("it stopped the test (runner.quit, runner.stop or StopTest)")

    def _end(self, reason: str) -> None:
        if not self.ended.is_set():
            self.end_reason = reason
            self.ended.set()

    @property
    def share_asked(self) -> int:
        """The part of the currently requested users that belongs in this process."""
        return self._share_of(self.asked)

    def _share_of(self, users: int) -> int:
        share = self._shares.last
        return len(range(share.index, users, share.count))

    def drive(self, began: float) -> None:
        """Keep the number of users requested by the shape or plan until the load ends; `began` is monotonic seconds."""
        self.begin()
        while (
            passed := time.monotonic() - began
        ) < self._schedule.total and not self.ended.is_set():
            self._step(passed)
            gevent.sleep(TICK)

    def begin(self) -> None:
        """Tell the locustfile that the test starts, as Locust does before its first user."""
        environment = self.environment
        environment.stats.clear_all()
        for user in environment.user_classes:
            user.host = environment.host
        environment._filter_tasks_by_tags()  # noqa: SLF001 - as Locust's runners do
        # Listeners of test_start read the target number of users.
        self.runner.target_user_count = self._share_of(self._plan.users or 0)
        environment.events.test_start.fire(environment=environment)
        self.runner.update_state(STATE_SPAWNING)
        if self._shape is not None:
            self._shape.reset_time()

    def _step(self, passed: float) -> None:
        """Adjust the users for this moment; tell the locustfile once the requested number is reached."""
        tick = self._shape.tick() if self._shape is not None else self._started
        if tick is None and self._shape is not None:
            self._end(f"its load shape, {type(self._shape).__name__}, ended it")
            return
        if tick is None:
            users = self._schedule.users_at(passed)
            held_until = min(passed + TICK, self._schedule.total - 1e-6)
            reached = self._schedule.rate_at(held_until) == self._schedule.rate_at(
                passed
            )  # not on a slope
        else:
            target, rate = tick[0], max(tick[1], 1e-9)
            if (
                len(tick) > 2 and tick[2]
            ):  # without classes, those of the last tick stay, as in Locust
                self._user_classes = list(tick[2])
            step = rate * TICK
            rising = self._level < target
            self._level = (
                min(self._level + step, target) if rising else max(self._level - step, target)
            )
            users, reached = round(self._level), round(self._level) == target
        if users != self.asked:
            self.asked, self._announce = users, True
            self.distribute()
        if reached and self._announce and not self.ended.is_set():
            self._announce = False
            self.environment.events.spawning_complete.fire(user_count=users)

    def distribute(self) -> None:
        """Spawn or stop users so that this process has the part that Locust's own dispatcher assigns to it."""
        counts = {user.__name__: 0 for user in self.environment.user_classes}
        if self.asked:
            nodes = [WorkerNode(f"{number:06}") for number in range(self._shares.last.count)]
            dispatcher: UsersDispatcher = self.environment.dispatcher_class(
                nodes, self.environment.user_classes
            )
            dispatcher.new_dispatch(self.asked, self.asked, self._user_classes)
            for everyone in dispatcher:
                counts = everyone[nodes[self._shares.last.index].id]
        present = self.runner.user_classes_count
        more = {
            name: count - present[name] for name, count in counts.items() if count > present[name]
        }
        fewer = {
            name: present[name] - count for name, count in counts.items() if count < present[name]
        }
        self.runner.target_user_count, self.runner.target_user_classes_count = (
            sum(counts.values()),
            counts,
        )
        self.runner.spawn_users(more)
        self.runner.stop_users(fewer)

    @property
    def stop_timeout(self) -> float:
        """Seconds that tasks have at the end if Locust's option is set; otherwise 0, and users end at once."""
        return float(self.environment.parsed_options.stop_timeout or 0)

    def finish(self, patience: float) -> int | None:
        """End every user in order within `patience` seconds and tell the locustfile; return the exit code that it set."""
        self._stopping = True
        environment, events = self.environment, self.environment.events
        environment.stop_timeout = min(self.stop_timeout or patience, patience)
        if not self.stop_timeout:
            events.request.afterwards = partial(end_after_request, self.runner)
        self.runner.stop()
        events.quitting.fire(environment=environment, reverse=True)
        code: int | None = environment.process_exit_code
        failed = len(self.runner.errors) or self.exceptions.total
        events.quit.fire(exit_code=code if code is not None else int(bool(failed)))
        return code

    def mostly_raised(self) -> str | None:
        """Return a message if more exceptions were raised than requests made, else None."""
        if self.exceptions.total <= self._requests:
            return None
        return (
            f"the locustfile raised {self.exceptions.total:,} exceptions outside of its requests, more than the "
            f"{self._requests:,} requests that it made: its users did not do their work; the warnings say where"
        )

    def notes(self, seconds: float, tell: Callable[[str], None]) -> None:
        """Report what the run should know about a load that ended after `seconds`: an early end, exceptions."""
        if self.ended.is_set():
            whole = show_duration(self._schedule.total)
            tell(
                f"the locustfile ended the load after {show_duration(seconds)} of {whole}: {self.end_reason}"
            )
        if (summary := self.exceptions.summary()) is not None:
            tell(summary)
