"""A worker's share of a plan: sends its windows to the master, and runs its part of Locust's own user distribution."""

from __future__ import annotations

from typing import Any, Protocol, TextIO

from gevent.event import Event
from locust.env import Environment
from locust.runners import STATE_INIT, DistributedRunner, Runner, WorkerRunner

from soak.load.cluster.merging import packed
from soak.load.cluster.messages import WINDOW, Broken, Exhausted, FromWorker, Notice
from soak.load.driver import LoadDriver
from soak.load.plan.partition import Share, Shares
from soak.load.plan.plan import Plan
from soak.load.plan.warnings import Warnings
from soak.windows import Window


class MasterLink(Protocol):
    """The interface of a worker's membership that a driver needs."""

    stream: TextIO
    ends: Event
    environment: Environment
    name: str

    def say(self, message: FromWorker) -> None:
        """Send one message to the master."""

    def send(self, kind: str, data: Any) -> None:
        """Send data of a kind to the master."""


class UsersRunner(WorkerRunner):
    """Locust's worker runner, used only for its users: soak has its own connection, statistics, logs and retries."""

    def __init__(self, environment: Environment, name: str, index: int) -> None:
        DistributedRunner.__init__(self, environment)
        self.client_id, self.worker_index = name, index
        self.worker_state, self.connected = STATE_INIT, True

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Discard locustfiles' messages to the master: soak's master runs no locustfile that could handle them."""


class WorkerDriver(LoadDriver):
    """Drives a worker's share, and reports to the master what a single process reports to its supervisor."""

    def __init__(self, plan: Plan, link: MasterLink, share: Share) -> None:
        self.link, self.ended = link, 0.0
        super().__init__(plan, link.stream, Shares(share))

    def new_runner(self, environment: Environment) -> Runner:
        """Return a Locust runner for this worker's users."""
        index = self.shares.first.index
        return environment._create_runner(UsersRunner, self.link.name, index)  # noqa: SLF001 - as Locust's own do

    def new_ui(self) -> None:
        """Return no UI: if one was requested, the master serves it for all workers together."""

    def lifeline(self) -> Any:
        """Return the event that is set when the load must end because the membership ends."""
        return self.link.ends

    def take_over(self, at: float, share: Share) -> None:
        """Take another share from moment `at` of the load on; redistribute a locustfile's users at once."""
        self.take_share(at, share)
        if self.locustfile is not None and self.began and not self.link.ends.is_set():
            self.locustfile.distribute()

    def new_warnings(self) -> Warnings:
        """Return warnings that go to the master; it is also told if this worker has no rows of data left."""
        return Warnings(self.warn, lambda reason: self.link.say(Exhausted(reason)))

    def send_window(self, window: Window) -> None:
        """Send one window to the master. A broken connection drops it, but the load is ending then."""
        self.link.send(WINDOW, packed(window, self.began))

    def event(self, kind: str, text: str) -> None:
        """Send an event to the master."""
        self.link.say(Notice(kind, text))

    def tell_started(self, moment: float) -> None:
        """Do nothing: the master knows when the load starts."""

    def tell_finished(self, moment: float) -> None:
        """Record the end of the load; the membership reports it to the master after the last window."""
        self.ended = moment

    def tell_failed(self, reason: str) -> None:
        """Report that the load cannot continue."""
        self.link.say(Broken(reason))
