"""A worker: joins a master over Locust's own connection, drives its share of the plan, and sends its windows back."""

from __future__ import annotations

import json
import os
import socket
import time
from typing import Any, TextIO

import gevent
import gevent.monkey
from gevent.event import Event
from locust import __version__ as locust_version
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.event import EventHook
from locust.rpc import Message
from locust.runners import STATE_RUNNING, WorkerNode, WorkerRunner

from soak import __version__
from soak.load.cluster.merging import packed
from soak.load.cluster.worker_policy import PlanRejectedError, own_plan
from soak.load.driver import LoadDriver
from soak.load.lifeline import end_of_input
from soak.load.plan.cluster_options import number_once, proof, proven
from soak.load.plan.partition import Share, Shares
from soak.load.plan.plan import Plan
from soak.load.plan.warnings import Warnings
from soak.load.plan.wire import line
from soak.load.scenario.feeder import FeederError
from soak.load.scenario.token_refresh import NoTokenError
from soak.windows import Window

#: A master not heard of for so long, in seconds, is lost, and the load ends. It answers a heartbeat a second.
MASTER_LOST = 2.5
#: While plans are prepared and locustfiles imported, event loops may stand still for so long.
PATIENCE = 15.0
#: After the last window, so long is waited for the master to let go.
FAREWELL = 2.0


class JoiningRunner(WorkerRunner):
    """Locust's worker without its statistics, logs and endless retries: its connection, heartbeat and users are used."""

    def connect_to_master(self) -> None:
        """Say hello; who waits for the answer is `Joined`."""
        self.client.send(Message("client_ready", locust_version, self.client_id))
        self.connected = True

    def stats_reporter(self) -> None:
        """Windows tell more."""

    logs_reporter = heartbeat_timeout_checker = stats_reporter

    def spawning_complete(self, *_: int) -> None:
        """The master counts users by windows."""
        self.worker_state = STATE_RUNNING

    def handle_message(self, msg: Message) -> None:
        """Nothing of Locust's but its heartbeat: no master can start users of its own choosing here."""
        if msg.type in ("ack", "heartbeat") or msg.type in self.custom_messages:
            super().handle_message(msg)


class Joined:
    """One membership of a master's workers, from hello to goodbye."""

    def __init__(self, told: dict[str, Any], stream: TextIO) -> None:
        """`told`: host, port, token, allow, wait (seconds), and locustfile or None."""
        self.told, self.stream = told, stream
        self.once, self.ends, self.refused, self.trusted, self.lost = number_once(), Event(), "", False, False
        self.leaving = False
        self.heard: float | None = None
        self.patience = PATIENCE
        self.driving: WorkerDriver | None = None
        self.begins, self.goodbye = Event(), Event()
        self.environment = Environment()
        self.runner = self.environment._create_runner(JoiningRunner, told["host"], told["port"])  # noqa: SLF001
        # Locust would send the master each exception of each user.
        self.environment.events.user_error = EventHook()
        self.environment.events.heartbeat_received.add_listener(self._heartbeat)
        for kind in ("challenge", "refused", "plan", "begin", "share", "halt", "goodbye"):
            # In greenlets of their own: whatever a message takes, heartbeats go on.
            self.runner.register_message(kind, getattr(self, f"_{kind}"), concurrent=True)

    def run(self) -> int:
        """Until the run ends, the master is lost, or standard input ends; 0 when all went in order."""
        lifeline = gevent.get_hub().threadpool.spawn(end_of_input)
        lifeline.rawlink(lambda _: self._leave())
        hello = {"soak": __version__, "once": self.once, "host": socket.gethostname(), "pid": os.getpid()}
        self.runner.send_message("hello", hello)
        gevent.spawn(self._watch)
        start_thread = gevent.monkey.get_original("_thread", "start_new_thread")
        start_thread(self._watch_natively, ())
        gevent.wait([self.begins, self.ends], count=1)
        if self.driving is not None and self.begins.is_set() and not self.ends.is_set():
            try:
                broke = self.driving.run()
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
                self.runner.send_message("told", {"kind": "failed", "reason": reason})
                gevent.sleep(0.2)  # until it is sent
                raise
            if broke:
                self.refused = self.driving.warnings.reason
                gevent.sleep(0.2)  # until that is sent
            elif not self.lost:
                kind = "left" if self.leaving else "done"
                self.runner.send_message(kind, {"seconds": self.driving.ended - self.driving.began})
                self.goodbye.wait(0.2 if self.leaving else FAREWELL)
        if self.refused:
            self._say("failed", reason=self.refused)
        return 1 if self.refused else 0

    def _heartbeat(self, **_: Any) -> None:
        self.heard = time.monotonic()

    def _say(self, kind: str, **fields: Any) -> None:
        try:
            self.stream.write(line(kind, **fields))
        except BrokenPipeError:
            os._exit(1)

    def _end(self, reason: str = "") -> None:
        """End the load, in order where it runs; with a reason where that is not how it should end."""
        self.refused = self.refused or reason
        self.ends.set()

    def _leave(self) -> None:
        """Whoever started this worker wants it back, or is gone."""
        self.leaving = not self.goodbye.is_set()
        self._end("this worker was stopped" if self.leaving else "")

    def _watch(self) -> None:
        """Give up on a master that never answered, or that is not heard of any more."""
        until = time.monotonic() + float(self.told["wait"])
        while not self.goodbye.is_set():
            gevent.sleep(0.2)
            now = time.monotonic()
            if self.heard is None and now > until:
                where = f"{self.told['host']}:{self.told['port']}"
                self._end(f"no master answered at {where} within {self.told['wait']:g} s")
                return
            if self.heard is not None and now > self.heard + self.patience:
                self.lost = True
                self._end(f"the master was lost: nothing heard of it for {self.patience:g} s")
                return

    def _watch_natively(self) -> None:
        """The same from a native thread, a second later: a stuck event loop then cannot keep the load alive."""
        sleep = gevent.monkey.get_original("time", "sleep")
        while True:
            sleep(0.5)
            if self.heard is not None and time.monotonic() > self.heard + self.patience + 1.5:
                os._exit(1)

    def _challenge(self, msg: Message, **_: Any) -> None:
        """The master proves that it knows the token, and so do we."""
        theirs, token = str(msg.data["once"]), str(self.told["token"])
        if not proven(msg.data["proof"], token, "master", self.once, theirs):
            self._end("the master has another SOAK_WORKER_TOKEN than this worker")
        else:
            self.trusted = True
            self.runner.send_message("join", {"proof": proof(token, "worker", self.once, theirs)})

    def _refused(self, msg: Message, **_: Any) -> None:
        self._end(str(msg.data["reason"]))

    def _plan(self, msg: Message, **_: Any) -> None:
        """Get everything ready; what this worker cannot or may not do, it says."""
        if not self.trusted:
            return
        share = Share(*msg.data["share"])
        self._say("joined", worker=share.index + 1, workers=share.count)
        try:
            plan = own_plan(Plan.from_json(msg.data["plan"]), msg.data["fingerprints"], self.told)
            self.driving = WorkerDriver(plan, self, share)
            self.driving.prepare()
        except (ImportError, SyntaxError, ValueError, OSError) as error:
            plain = isinstance(error, PlanRejectedError | FeederError | NoTokenError)
            self.refused = str(error) if plain else f"{type(error).__name__}: {error}"
            self.runner.send_message("unable", {"reason": self.refused})
            gevent.sleep(0.2)  # until it is sent
            self._end()
        else:
            self.runner.send_message("ready")

    def _begin(self, **_: Any) -> None:
        self.patience = MASTER_LOST
        self.heard = time.monotonic()
        self._say("began")
        self.begins.set()

    def _share(self, msg: Message, **_: Any) -> None:
        if self.driving is not None:
            self.driving.take_over(float(msg.data["at"]), Share(*msg.data["share"]))

    def _halt(self, msg: Message, **_: Any) -> None:
        self._end(str(msg.data["reason"]))

    def _goodbye(self, **_: Any) -> None:
        self.goodbye.set()


class WorkerDriver(LoadDriver):
    """A worker's share of a plan: windows go to the master, and users are its row of Locust's own distribution."""

    def __init__(self, plan: Plan, joined: Joined, share: Share) -> None:
        self.joined, self.ended = joined, 0.0
        super().__init__(plan, joined.stream, Shares(share), joined.environment)

    def lifeline(self) -> Any:
        """What becomes ready when the load must end: whatever ends the membership."""
        return self.joined.ends

    def start_users(self, users: int) -> None:
        """This worker's part of so many users of a locustfile; else one that drives this worker's part of the load."""
        if self.load is not None:
            self.runner.start_worker({user.__name__: 1 for user in self.environment.user_classes})
            return
        # Locust's dispatcher says which user runs where: asked anew on each worker, it says the same for so many users.
        nodes = [WorkerNode(f"{number:06}") for number in range(self.shares.last.count)]
        own, dispatcher = nodes[self.shares.last.index].id, UsersDispatcher(nodes, self.environment.user_classes)
        dispatcher.new_dispatch(users, max(users, 1))
        for everyone in dispatcher:
            self.runner.start_worker(everyone[own])

    def take_over(self, at: float, share: Share) -> None:
        """Another share from a moment of the timetable on; users are redistributed at once."""
        self.shares.change(at, share)
        if self.load is None and self.began and not self.joined.ends.is_set():
            self.start_users(self.users)

    def new_warnings(self) -> Warnings:
        """The master is told, too, when no row of data is left here."""
        return Warnings(self.warn, lambda reason: self.send(line("spent", reason=reason)))

    def send_window(self, window: Window) -> None:
        """One window to the master; nobody can send when the connection is broken, and then the load is ending anyway."""
        self.runner.send_message("window", packed(window, self.began))

    def send(self, text: str) -> None:
        """The master says itself when the load starts and ends; whatever else there is to say, it is told."""
        message = json.loads(text)
        if message["kind"] == "finished":
            self.ended = message["time"]
        elif message["kind"] != "started":
            self.runner.send_message("told", message)


def join(told: dict[str, Any], stream: TextIO) -> int:
    """Be a worker until the run ends."""
    code = Joined(told, stream).run()
    stream.flush()
    # Messages that nobody takes any more would keep the process for ever.
    os._exit(code)
