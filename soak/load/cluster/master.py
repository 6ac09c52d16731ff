"""The master: gathers workers, gives each a share of the plan, merges their windows, and notices when one is lost.

It runs no users itself.
"""

from __future__ import annotations

import os
import time
from typing import Any, TextIO

import gevent
import gevent.monkey
from gevent.threadpool import ThreadPool
from locust.exception import RPCError
from locust.rpc.zmqrpc import Server

from soak.load.cluster import messages
from soak.load.cluster.admission import Admission
from soak.load.cluster.local_workers import LocalWorkers
from soak.load.cluster.merging import Slots, unpacked
from soak.load.cluster.messages import HEARTBEAT, WINDOW, MessageError, read
from soak.load.cluster.own_pauses import OwnPauses
from soak.load.cluster.registry import RegisteredWorker, WorkerRegistry
from soak.load.cluster.transport import LocalServer, Receiver, open_servers
from soak.load.lifeline import GRACE, end_of_input
from soak.load.measure.generator_health import MasterHealth
from soak.load.measure.locust_ui import LocustUi
from soak.load.plan.asked import users_at
from soak.load.plan.cluster_options import (
    TOKEN,
    ClusterOptions,
    WorkerOptions,
    address,
    number_once,
)
from soak.load.plan.partition import Share
from soak.load.plan.plan import Plan
from soak.load.plan.wire import line, window_line
from soak.windows import Window

#: Seconds without a message after which a worker is lost; a worker sends a heartbeat every second.
WORKER_LOST = 2.5
#: The same limit while plans are prepared and locustfiles imported, which may block event loops.
PATIENCE = 15.0
#: Seconds after a loss until the other workers take over the share; by then all of them have been told.
TAKEN_OVER_AFTER = 0.4
#: Interval in seconds at which the master checks its workers.
POLL_SECONDS = 0.05
#: Seconds to wait for messages just sent to leave the process.
FLUSH_SECONDS = 0.3


class BrokenRunError(Exception):
    """The run cannot begin or continue; the message says why."""


class Master:
    """One run of a plan by workers."""

    def __init__(self, plan: Plan, distributed: ClusterOptions, stream: TextIO) -> None:
        self.plan, self.distributed, self.stream = plan, distributed, stream
        self.registry = WorkerRegistry(distributed.workers)
        self.slots = Slots(distributed.workers)
        self.users_at = users_at(plan)
        #: Pairs of the first slot of a division of the load, and its number of parts.
        self.parts = [(1, distributed.workers)]
        self.local = LocalWorkers()
        self.local_server: LocalServer | None = None
        # Without remote workers only the master's own processes may join.
        self.token = os.environ.get(TOKEN, "") if distributed.expect else number_once()
        self.receivers: list[Receiver] = []
        self.began: float | None = None
        self.own_pauses = OwnPauses(POLL_SECONDS)
        self.halting = False
        #: Why the run cannot continue, and why a worker has no rows of data left; empty if neither is the case.
        self.broken = self.exhausted = ""
        self._writing = ThreadPool(1)
        self.ui = LocustUi(plan) if plan.locust_ui is not None else None

    def run(self) -> int:
        """Gather the workers, drive and merge; return 0 if the load reached its end or was stopped in order, else 1."""
        self.lifeline = gevent.get_hub().threadpool.spawn(end_of_input, self.local.kill_all)
        try:
            self._listen()
            self._gather()
            if not self.lifeline.ready():
                self._drive()
        except BrokenRunError as broken:
            self._write_line(line("failed", reason=str(broken)))
            self._halt(str(broken))
            gevent.sleep(FLUSH_SECONDS)
            return 1
        finally:
            self.local.release()
            if self.local_server is not None:
                self.local_server.unlink()
        return 0

    def _listen(self) -> None:
        """Open the sockets, and start the master's own worker processes."""
        host, port = address(self.distributed.bind) if self.distributed.expect else ("127.0.0.1", 0)
        try:
            servers, self.local_server = open_servers(self.distributed, host, port)
        except (RPCError, OSError) as error:
            raise BrokenRunError(
                f"cannot listen for workers on {self.distributed.bind}: {error}"
            ) from None
        port = next((server.port for server in servers if isinstance(server, Server)), port)
        self.where = f"{host}:{port}"
        self.admission = Admission(self._send, self.registry, self.plan, self.token, self.local)
        handlers = {
            HEARTBEAT: lambda client, _: self.registry.heard(client),
            messages.Hello.kind: self.admission.hello,
            messages.Join.kind: self.admission.join,
            messages.Ready.kind: self._ready,
            messages.Unable.kind: self._unable,
            WINDOW: self._window,
            messages.Exhausted.kind: self._exhausted,
            messages.Broken.kind: self._broken,
            messages.Notice.kind: self._notice,
            messages.Done.kind: self._done,
        }
        self.receivers = [Receiver(server, handlers) for server in servers]
        # A master that listens on all addresses listens on the loopback address too.
        here = "127.0.0.1" if host in ("0.0.0.0", "*") else "::1" if host == "::" else host  # noqa: S104
        endpoint = self.local_server.endpoint if self.local_server is not None else None
        options = WorkerOptions(
            here, port, self.token, ("*",), PATIENCE, self.plan.locustfiles, endpoint
        )
        self.local.start(self.distributed.processes, options)

    def _gather(self) -> None:
        """Wait until all workers are ready. Raise BrokenRunError if they are not ready in time."""
        expected, until, shown = (
            self.distributed.workers,
            time.monotonic() + self.distributed.wait,
            -1,
        )
        while self.registry.ready < expected and not self.lifeline.ready():
            joined = len(self.registry.all)
            if shown != joined and self.distributed.expect:
                shown = joined
                text = f"{joined} of {expected} workers have joined at {self.where}"
                self._event(
                    "joining",
                    text if joined == expected else f"{text}; the load begins with the last",
                )
            gevent.sleep(POLL_SECONDS)
            self._watch(PATIENCE)
            if time.monotonic() > until:
                raise BrokenRunError(
                    f"{joined} of {expected} workers joined at {self.where} within {self.distributed.wait:g} s, "
                    f"{self.registry.ready} of them ready; on each machine run: soak worker --master HOST:PORT, "
                    f"or give them longer with load.workers.wait"
                )
        if self.local_server is not None:
            self.local_server.unlink()

    def _drive(self) -> None:
        """Begin on all workers at once, then merge windows and notice losses until the end."""
        plan = self.plan
        self.began = time.monotonic()
        self.health = MasterHealth()
        for worker in self.registry.all:
            worker.heard = self.began
            self._send(worker.client, messages.Begin())
        if self.ui is not None:
            self.ui.start()
            self._event("view", self.ui.said)
        self._write_line(line("started", time=self.began))
        until = plan.ramp + plan.duration + plan.timeout + 5.0
        while self.registry.working:
            gevent.sleep(POLL_SECONDS)
            if self.lifeline.ready() and not self.halting:
                self._halt("")
                until = time.monotonic() - self.began + GRACE + 0.7
            if time.monotonic() - self.began > until:
                break
            self._watch(WORKER_LOST)
            self._merge()
        self._merge()
        for worker in self.registry.all:
            if not worker.lost:
                self._send(worker.client, messages.Goodbye())
        if dropped := sum(receiver.dropped for receiver in self.receivers):
            text = (
                f"{dropped:,} messages to {self.where} that no worker of this run sent were dropped"
            )
            self._event("warning", text)
        ended = max(
            (worker.done for worker in self.registry.all if worker.done),
            default=time.monotonic() - self.began,
        )
        self._write_line(line("finished", time=self.began + ended))
        gevent.sleep(FLUSH_SECONDS)

    def _halt(self, reason: str) -> None:
        self.halting = True
        for worker in self.registry.all:
            self._send(worker.client, messages.Halt(reason))

    def _merge(self) -> None:
        working, finished = (
            [w.index for w in some] for some in (self.registry.working, self.registry.finished)
        )
        for window in self.health.beside(list(self.slots.closed(working, finished, self.parts))):
            if self.ui is not None:
                self.ui.take(window)
            self._write_line(window_line(window))
            self._check_rows(window)

    def _check_rows(self, window: Window) -> None:
        """End the run if no worker that has users has a row of data left."""
        exhausted = [worker.exhausted for worker in self.registry.working]
        if not any(exhausted) or self.halting:
            return
        began, ended = (
            moment - (self.began or 0.0) for moment in (window.time - window.seconds, window.time)
        )
        nobody = self.plan.users is not None and window.users == 0 < min(
            map(self.users_at, (began, ended))
        )
        if all(exhausted) or nobody:
            raise BrokenRunError(self.exhausted)

    def _watch(self, patience: float) -> None:
        """Find lost workers: the process ended, no message came, or a window is overdue."""
        if self.broken:
            raise BrokenRunError(self.broken)
        now = time.monotonic()
        self.own_pauses.look(now)
        ended = self.local.ended()
        if self.began is None and len(ended) > 0:
            raise BrokenRunError(
                f"a worker process ended with code {next(iter(ended.values()))} before the load began"
            )
        for worker in self.registry.working:
            due = (
                self.began is not None
                and (self.slots.reported[worker.index] + 1) * self.plan.interval + self.began
            )
            if worker.pid in ended and worker.local:
                code = ended[worker.pid]
                self._lost(
                    worker,
                    f"was killed by signal {-code}" if code < 0 else f"ended with code {code}",
                    now,
                )
            elif self.own_pauses.silence(worker.heard, now) > patience:
                self._lost(worker, f"was not heard of for {now - worker.heard:.1f} s", now)
            elif due and self.own_pauses.silence(due, now) > patience and not self.halting:
                self._lost(worker, f"sent no window for {now - due:.1f} s", now)

    def _lost(self, worker: RegisteredWorker, how: str, now: float) -> None:
        """Continue with one worker less: the others take over its share, or the run is broken."""
        if self.began is None:
            self.registry.forget(worker)
            self._event("worker", f"{worker.name} {how} before the load began")
            return
        worker.lost = True
        at = now - self.began
        what = f"{worker.name} {how}, {at:.1f} s into the load"
        # Only its connection may be lost: then it must stop, because others take over its share.
        self._send(worker.client, messages.Halt("the master took this worker for lost"))
        if worker.local:
            self.local.kill(worker.pid)
        left = self.registry.working
        if self.halting:
            return
        if self.distributed.lost == "break":
            raise BrokenRunError(f"{what}, and load.workers.lost is break")
        if not left:
            raise BrokenRunError(f"{what}, and no worker is left")
        at += TAKEN_OVER_AFTER
        for number, other in enumerate(left):
            self._send(other.client, messages.Reassignment(at, Share(number, len(left))))
        self.parts.append((int(at // self.plan.interval) + 2, len(left)))
        others = "the other takes" if len(left) == 1 else f"the {len(left)} others take"
        self._event("worker", f"{what}; {others} over its share")

    def _worker(self, client: str) -> RegisteredWorker:
        """Return the worker that sent a message. Raise MessageError for any other client, and for a lost worker."""
        worker = self.registry.of(client)
        if worker is None or worker.lost:
            raise MessageError("from no worker of this run")
        return worker

    def _ready(self, client: str, data: Any) -> None:
        read(messages.Ready, data)
        self._worker(client).ready = True

    def _unable(self, client: str, data: Any) -> None:
        self.broken = f"{self._worker(client).name}: {read(messages.Unable, data).reason}"

    def _window(self, client: str, data: Any) -> None:
        worker = self._worker(client)
        if self.began is not None:
            worker.heard = time.monotonic()
            self.slots.add(worker.index, unpacked(data, self.began))

    def _exhausted(self, client: str, data: Any) -> None:
        self._worker(client).exhausted, self.exhausted = True, read(messages.Exhausted, data).reason

    def _broken(self, client: str, data: Any) -> None:
        self.broken = f"{self._worker(client).name}: {read(messages.Broken, data).reason}"

    def _notice(self, client: str, data: Any) -> None:
        notice = read(messages.Notice, data)
        self._event(notice.event, f"{self._worker(client).name}: {notice.text}")

    def _done(self, client: str, data: Any) -> None:
        """Handle the end of a worker's load. A worker stopped on its own machine counts as lost at once."""
        worker, done = self._worker(client), read(messages.Done, data)
        if not done.stopped:
            worker.done = done.seconds
        elif not self.halting:
            try:
                self._lost(worker, "was stopped there", time.monotonic())
            except (
                BrokenRunError
            ) as broken:  # this is the receiver's greenlet: only `_watch` may end the run
                self.broken = str(broken)

    def _send(self, client: str, message: messages.FromMaster) -> None:
        """Send a message to a worker over every connection; only the one it came over knows the client."""
        for receiver in self.receivers:
            receiver.send(client, message)

    def _event(self, kind: str, text: str) -> None:
        self._write_line(line("event", time=time.monotonic(), event=kind, text=text))

    def _write_line(self, text: str) -> None:
        """Write one line to the supervisor. Uses a thread, so a slow reader does not delay heartbeats to workers."""
        self._writing.apply(self._write, (text,))

    def _write(self, text: str) -> None:
        """Write one line. Exit at once if the supervisor is gone; the workers end with their master."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            os._exit(1)
