"""A worker: joins a master over Locust's messages, drives its share of the plan, and sends its windows to the master."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from typing import Any, TextIO
from uuid import uuid4

import gevent
import gevent.monkey
from gevent.event import Event
from locust.env import Environment
from locust.rpc import Message

from soak import __version__
from soak.load.cluster.messages import (
    HEARTBEAT,
    Assignment,
    Begin,
    Broken,
    Challenge,
    Done,
    FromMaster,
    FromWorker,
    Goodbye,
    Halt,
    Hello,
    Join,
    Ready,
    Reassignment,
    Refused,
    Unable,
    fields_of,
    read,
)
from soak.load.cluster.own_pauses import OwnPauses
from soak.load.cluster.transport import client_of
from soak.load.cluster.worker_driver import WorkerDriver
from soak.load.cluster.worker_policy import PlanRejectedError, own_plan
from soak.load.lifeline import end_of_input
from soak.load.plan.cluster_options import WorkerOptions, number_once, proof, proven
from soak.load.plan.plan import Plan
from soak.load.plan.wire import FailureCause, line
from soak.load.scenario.feeder import FeederError
from soak.load.scenario.token_refresh import NoTokenError

#: Seconds without a message after which the master is lost and the load ends; it answers a
#: heartbeat every second.
MASTER_LOST = 2.5
#: The same limit while plans are prepared and locustfiles imported, which may block event loops.
PATIENCE = 15.0
#: Seconds to wait for the master's goodbye after the last window, normally and if this worker was
#: stopped.
FAREWELL, FAREWELL_STOPPED = 2.0, 0.2
HEARTBEAT_SECONDS = 1.0
#: Seconds between looks for a lost master, in the event loop and in a native thread beside it.
LOOK_SECONDS, NATIVE_LOOK_SECONDS = 0.2, 0.5
#: Seconds to wait for messages just sent to leave the process.
FLUSH_SECONDS = 0.2


class Membership:
    """One worker's membership in a master's run, from hello to goodbye."""

    def __init__(self, options: WorkerOptions, stream: TextIO) -> None:
        self.options, self.stream = options, stream
        self.nonce, self.trusted = number_once(), False
        self.name = f"{socket.gethostname()}_{uuid4().hex}"
        self.client = client_of(options, self.name)
        self.environment = Environment()
        self.driver: WorkerDriver | None = None
        self.heard: float | None = None
        self.patience = PATIENCE
        #: Set when the load begins, when it must end, and when the master has received everything.
        self.begins, self.ends, self.goodbye = Event(), Event(), Event()
        self.failure, self.cause = "", FailureCause.OTHER
        self.master_lost = self.stopped_here = False

    def run(self) -> int:
        """Take part until the run, the master or standard input ends; return 0 if all ended in order, else 1."""
        lifeline = gevent.get_hub().threadpool.spawn(end_of_input)
        lifeline.rawlink(lambda _: self._stop_here())
        gevent.spawn(self._receive)
        self.say(Hello(__version__, self.nonce, socket.gethostname(), os.getpid()))
        gevent.spawn(self._beat)
        gevent.spawn(self._watch)
        start_thread = gevent.monkey.get_original("_thread", "start_new_thread")
        start_thread(self._watch_natively, ())
        gevent.wait([self.begins, self.ends], count=1)
        if self.driver is not None and self.begins.is_set() and not self.ends.is_set():
            self._drive(self.driver)
        if self.failure:
            self.tell("failed", reason=self.failure, cause=self.cause)
        return 1 if self.failure else 0

    def _drive(self, driver: WorkerDriver) -> None:
        try:
            broke = driver.run()
        except Exception as error:
            self.say(Broken(f"{type(error).__name__}: {error}"))
            gevent.sleep(FLUSH_SECONDS)
            raise
        if broke:
            self.failure = driver.warnings.reason
            gevent.sleep(FLUSH_SECONDS)
        elif not self.master_lost:
            self.say(Done(driver.ended - driver.began, stopped=self.stopped_here))
            self.goodbye.wait(FAREWELL_STOPPED if self.stopped_here else FAREWELL)

    def say(self, message: FromWorker) -> None:
        """Send one message to the master."""
        self.send(message.kind, fields_of(message))

    def send(self, kind: str, data: Any) -> None:
        """Send data of a kind to the master."""
        self.client.send(Message(kind, data, self.name))

    def tell(self, kind: str, **fields: Any) -> None:
        """Write one line to the process that started this worker."""
        try:
            self.stream.write(line(kind, **fields))
        except BrokenPipeError:
            os._exit(1)

    def end(self, reason: str = "", cause: FailureCause = FailureCause.OTHER) -> None:
        """End the load in order; `reason` is given for a failure. Only the first reason is kept."""
        if reason and not self.failure:
            self.failure, self.cause = reason, cause
        self.ends.set()

    def _stop_here(self) -> None:
        """End the load because standard input closed: the parent process stopped this worker or died."""
        self.stopped_here = not self.goodbye.is_set()
        self.end("this worker was stopped" if self.stopped_here else "")

    def _beat(self) -> None:
        while True:
            self.send(HEARTBEAT, None)
            gevent.sleep(HEARTBEAT_SECONDS)

    def _receive(self) -> None:
        """Handle each of the master's messages in its own greenlet, so that a slow handler does not delay heartbeats."""
        handlers: dict[str, tuple[type[FromMaster], Callable[[Any], None]]] = {
            Challenge.kind: (Challenge, self._challenge),
            Refused.kind: (Refused, self._refused),
            Assignment.kind: (Assignment, self._assignment),
            Begin.kind: (Begin, self._begin),
            Reassignment.kind: (Reassignment, self._reassignment),
            Halt.kind: (Halt, self._halt),
            Goodbye.kind: (Goodbye, self._goodbye),
        }
        while True:
            message = self.client.recv()
            self.heard = time.monotonic()
            if message.type in handlers:
                kind, handler = handlers[message.type]
                gevent.spawn(handler, read(kind, message.data))

    def _watch(self) -> None:
        """End the load if the master never answers, or is no longer heard from."""
        until = time.monotonic() + self.options.wait
        own_pauses = OwnPauses(LOOK_SECONDS)
        while not self.goodbye.is_set():
            gevent.sleep(LOOK_SECONDS)
            now = time.monotonic()
            own_pauses.look(now)
            if self.heard is None and now > until:
                reason = (
                    f"no master answered at {self.options.where} within {self.options.wait:g} s"
                )
                self.end(reason, FailureCause.NO_MASTER)
                return
            if self.heard is not None and own_pauses.silence(self.heard, now) > self.patience:
                self.master_lost = True
                self.end(self._master_lost())
                return

    def _master_lost(self) -> str:
        return f"the master was lost: nothing heard of it for {self.patience:g} s"

    def _watch_natively(self) -> None:
        """Watch the master from a native thread too, a little later: a stuck event loop cannot keep the load alive."""
        sleep = gevent.monkey.get_original("time", "sleep")
        own_pauses = OwnPauses(NATIVE_LOOK_SECONDS)
        while True:
            sleep(NATIVE_LOOK_SECONDS)
            now = time.monotonic()
            own_pauses.look(now)
            silent = 0.0 if self.heard is None else own_pauses.silence(self.heard, now)
            if silent > self.patience + 1.5:
                self.tell("failed", reason=self._master_lost(), cause=FailureCause.OTHER)
                os._exit(1)

    def _challenge(self, challenge: Challenge) -> None:
        """Check the master's proof that it knows the token, and send this worker's proof."""
        token = self.options.token
        if not proven(challenge.proof, token, "master", self.nonce, challenge.nonce):
            self.end("the master has another SOAK_WORKER_TOKEN than this worker")
        else:
            self.trusted = True
            self.say(Join(proof(token, "worker", self.nonce, challenge.nonce)))

    def _refused(self, refused: Refused) -> None:
        self.end(refused.reason)

    def _assignment(self, assignment: Assignment) -> None:
        """Prepare the plan; tell the master if this worker cannot, or may not, drive it."""
        if not self.trusted:
            return
        share = assignment.share
        self.tell("joined", worker=share.index + 1, workers=share.count)
        try:
            plan = own_plan(Plan.from_json(assignment.plan), assignment.fingerprints, self.options)
            driver = WorkerDriver(plan, self, share)
            driver.prepare()
        except (ImportError, SyntaxError, ValueError, OSError) as error:
            plain = isinstance(error, PlanRejectedError | FeederError | NoTokenError)
            reason = str(error) if plain else f"{type(error).__name__}: {error}"
            self.say(Unable(reason))
            gevent.sleep(FLUSH_SECONDS)
            self.end(reason)
        else:
            self.driver = driver
            self.say(Ready())

    def _begin(self, _: Begin) -> None:
        self.patience = MASTER_LOST
        self.heard = time.monotonic()
        self.tell("began")
        self.begins.set()

    def _reassignment(self, reassignment: Reassignment) -> None:
        if self.driver is not None:
            self.driver.take_over(reassignment.at, reassignment.share)

    def _halt(self, halt: Halt) -> None:
        self.end(halt.reason)

    def _goodbye(self, _: Goodbye) -> None:
        self.goodbye.set()


def join(options: WorkerOptions, stream: TextIO) -> int:
    """Run as a worker until the run ends, then exit the process."""
    code = Membership(options, stream).run()
    stream.flush()
    # A normal exit would wait for ever for unsent messages to a closed socket.
    os._exit(code)
