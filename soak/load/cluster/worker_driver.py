"""A worker's share of a plan: its windows go to the master, and its users are its part of Locust's own distribution."""

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
    """What a driver needs of its worker's membership."""

    stream: TextIO
    ends: Event
    environment: Environment
    name: str

    def say(self, message: FromWorker) -> None:
        """One message to the master."""

    def send(self, kind: str, data: Any) -> None:
        """Data of a kind to the master."""


class UsersRunner(WorkerRunner):
    """Locust's worker runner for its users alone: the connection, statistics, logs and retries are not Locust's."""

    def __init__(self, environment: Environment, name: str, index: int) -> None:
        DistributedRunner.__init__(self, environment)
        self.client_id, self.worker_index = name, index
        self.worker_state, self.connected = STATE_INIT, True

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Locustfiles' own messages between master and workers: soak's master runs no locustfile that could take them."""


class WorkerDriver(LoadDriver):
    """Drives a worker's share, and tells the master what a lone process tells its supervisor."""

    def __init__(self, plan: Plan, link: MasterLink, share: Share) -> None:
        self.link, self.ended = link, 0.0
        super().__init__(plan, link.stream, Shares(share))

    def new_runner(self, environment: Environment) -> Runner:
        """Locust's runner of this worker's users."""
        index = self.shares.first.index
        return environment._create_runner(UsersRunner, self.link.name, index)  # noqa: SLF001 - as Locust's own do

    def new_ui(self) -> None:
        """The master has it, where it was asked for: of all workers together."""

    def lifeline(self) -> Any:
        """What becomes ready when the load must end: the end of the membership, whatever ended it."""
        return self.link.ends

    def take_over(self, at: float, share: Share) -> None:
        """Take another share from a moment of the timetable on; a locustfile's users are redistributed at once."""
        self.take_share(at, share)
        if self.locustfile is not None and self.began and not self.link.ends.is_set():
            self.locustfile.distribute()

    def new_warnings(self) -> Warnings:
        """Warnings go to the master, and so does that no row of data is left here."""
        return Warnings(self.warn, lambda reason: self.link.say(Exhausted(reason)))

    def send_window(self, window: Window) -> None:
        """Send one window to the master; dropped when the connection is broken, because the load is ending then."""
        self.link.send(WINDOW, packed(window, self.began))

    def event(self, kind: str, text: str) -> None:
        """One event of the run."""
        self.link.say(Notice(kind, text))

    def tell_started(self, moment: float) -> None:
        """The master knows."""

    def tell_finished(self, moment: float) -> None:
        """The master is told by the membership, once the last window is sent."""
        self.ended = moment

    def tell_failed(self, reason: str) -> None:
        """The load cannot go on."""
        self.link.say(Broken(reason))
