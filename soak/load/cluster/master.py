"""The master: gathers workers, gives each a share of the plan, merges their windows, and notices when one is lost.

It listens with Locust's master runner, whose heartbeats and connection it uses; it runs no users itself.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any, TextIO

import gevent
import gevent.monkey
from gevent.threadpool import ThreadPool
from locust.env import Environment
from locust.exception import RPCError
from locust.rpc import Message
from locust.runners import MasterRunner

from soak.load.cluster.admission import Admission
from soak.load.cluster.merging import Slots, unpacked
from soak.load.cluster.registry import RegisteredWorker, WorkerRegistry
from soak.load.lifeline import GRACE, end_of_input
from soak.load.measure.generator_health import MasterHealth
from soak.load.plan.cluster_options import TOKEN, ClusterOptions, address, number_once
from soak.load.plan.plan import Plan
from soak.load.plan.schedule import Schedule
from soak.load.plan.wire import line, window_line
from soak.windows import Window

#: A worker not heard of for so long, in seconds, is lost; it sends a heartbeat a second.
WORKER_LOST = 2.5
#: While plans are prepared and locustfiles imported, event loops may stand still for so long.
PATIENCE = 15.0
#: After a loss the others take over from this much later on, in seconds: by then all of them have been told.
TAKEN_OVER_AFTER = 0.4


class BrokenRunError(Exception):
    """The run cannot begin or go on; the message says why."""


class ListeningRunner(MasterRunner):
    """Locust's master without statistics, users and its own slower notice of lost workers."""

    def heartbeat_worker(self) -> None:
        """`Master` watches."""

    def handle_message(self, client_id: str, msg: Message) -> None:
        """Nothing of Locust's but hello and heartbeat; a message says who sent it, and only the connection is believed."""
        msg.node_id = client_id
        if msg.type in ("client_ready", "heartbeat") or msg.type in self.custom_messages:
            super().handle_message(client_id, msg)


class Master:
    """One run of a plan by workers."""

    def __init__(self, plan: Plan, distributed: ClusterOptions, stream: TextIO) -> None:
        self.plan, self.distributed, self.stream = plan, distributed, stream
        self.members = WorkerRegistry(distributed.workers)
        self.slots = Slots(distributed.workers)
        self.schedule = Schedule(plan.pieces)
        #: From which slot on the load is divided into how many parts.
        self.parts = [(1, distributed.workers)]
        self.local: list[subprocess.Popen[bytes]] = []
        # Without remote workers nobody but our own processes may join.
        self.token = os.environ.get(TOKEN, "") if distributed.expect else number_once()
        self.began: float | None = None
        self.halting = False
        self.broken = self.spent = ""
        self._writing = ThreadPool(1)

    def run(self) -> int:
        """Gather, begin, merge, end; 0 when the plan was driven to its end or stopped in order."""
        self.lifeline = gevent.get_hub().threadpool.spawn(end_of_input)
        try:
            self._listen()
            self._gather()
            if not self.lifeline.ready():
                self._drive()
        except BrokenRunError as broken:
            self._send(line("failed", reason=str(broken)))
            self._halt(str(broken))
            gevent.sleep(0.3)  # until it is sent
            return 1
        finally:
            for process in self.local:
                if process.stdin is not None:
                    process.stdin.close()
        return 0

    def _listen(self) -> None:
        host, port = address(self.distributed.bind) if self.distributed.expect else ("127.0.0.1", 0)
        try:
            environment = Environment()
            self.runner = environment._create_runner(ListeningRunner, host, port)  # noqa: SLF001
        except (RPCError, SystemExit, OSError) as error:
            raise BrokenRunError(f"cannot listen for workers on {self.distributed.bind}: {error}") from None
        for kind in ("ready", "unable", "window", "told", "done", "left"):
            self.runner.register_message(kind, getattr(self, f"_{kind}"))
        self.admission = Admission(self.runner, self.members, self.plan, self.token, self.local)
        environment.events.heartbeat_sent.add_listener(self._heartbeat)
        port = self.runner.server.port
        self.where = f"{host}:{port}"
        # Whoever listens on all addresses listens on this one too.
        here = "127.0.0.1" if host in ("0.0.0.0", "*") else "::1" if host == "::" else host  # noqa: S104
        told = {"host": here, "port": port, "token": self.token, "wait": 15.0, "locustfile": self.plan.locustfile}
        text = json.dumps({"join": told | {"allow": ["*"]}}).encode() + b"\n"
        for _ in range(self.distributed.processes):
            process = subprocess.Popen(
                [sys.executable, "-m", "soak.load"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
            )
            assert process.stdin is not None
            process.stdin.write(text)
            process.stdin.flush()
            self.local.append(process)

    def _gather(self) -> None:
        """Until all are ready; BrokenRunError when they do not come in time."""
        expected, until, said = self.distributed.workers, time.monotonic() + self.distributed.wait, -1
        while self.members.ready < expected and not self.lifeline.ready():
            if said != len(self.members.all) and self.distributed.expect:
                said = len(self.members.all)
                text = f"{said} of {expected} workers have joined at {self.where}"
                self._event("joining", text if said == expected else f"{text}; the load begins with the last")
            gevent.sleep(0.05)
            self._watch(PATIENCE)
            if time.monotonic() > until:
                raise BrokenRunError(
                    f"{len(self.members.all)} of {expected} workers joined at {self.where} within {self.distributed.wait:g} s, "
                    f"{self.members.ready} of them ready; on each machine run: soak worker --master HOST:PORT, "
                    f"or give them longer with load.workers.wait"
                )

    def _drive(self) -> None:
        """Begin everywhere at once; then windows, losses, and the end."""
        plan = self.plan
        self.began = time.monotonic()
        self.health = MasterHealth()
        for member in self.members.all:
            member.heard = self.began
            self.runner.send_message("begin", client_id=member.client)
        self._send(line("started", time=self.began))
        until = plan.ramp + plan.duration + plan.timeout + 5.0
        while self.members.working:
            gevent.sleep(0.05)
            if self.lifeline.ready() and not self.halting:
                self._halt("")
                until = time.monotonic() - self.began + GRACE + 0.7
            if time.monotonic() - self.began > until:
                break
            self._watch(WORKER_LOST)
            self._merge()
        self._merge()
        for member in self.members.all:
            if not member.lost:
                self.runner.send_message("goodbye", client_id=member.client)
        ended = max((member.done for member in self.members.all if member.done), default=time.monotonic() - self.began)
        self._send(line("finished", time=self.began + ended))
        gevent.sleep(0.1)  # until the goodbyes are sent

    def _halt(self, reason: str) -> None:
        self.halting = True
        for member in self.members.all:
            self.runner.send_message("halt", {"reason": reason}, client_id=member.client)

    def _merge(self) -> None:
        working, finished = ([m.index for m in found] for found in (self.members.working, self.members.finished))
        for window in self.health.beside(list(self.slots.closed(working, finished, self.parts))):
            self._send(window_line(window))
            self._check_rows(window)

    def _check_rows(self, window: Window) -> None:
        """When nobody is left who has a row of data, the load cannot go on; those who have some may have no user."""
        found = [member.spent for member in self.members.working]
        if not any(found) or self.halting:
            return
        began, ended = (moment - (self.began or 0.0) for moment in (window.time - window.seconds, window.time))
        nobody = self.plan.users is not None and window.users == 0 < min(map(self.schedule.users_at, (began, ended)))
        if all(found) or nobody:
            raise BrokenRunError(self.spent)

    def _watch(self, patience: float) -> None:
        """Find who is lost: its process ended, nothing is heard of it, or its windows are overdue."""
        if self.broken:
            raise BrokenRunError(self.broken)
        now = time.monotonic()
        ended = {process.pid: process.returncode for process in self.local if process.poll() is not None}
        if self.began is None and len(ended) > 0:
            raise BrokenRunError(f"a worker process ended with code {next(iter(ended.values()))} before the load began")
        for member in self.members.working:
            due = self.began is not None and (self.slots.reported[member.index] + 1) * self.plan.interval + self.began
            if member.pid in ended and member.proven_local:
                code = ended[member.pid]
                self._lost(member, f"was killed by signal {-code}" if code < 0 else f"ended with code {code}", now)
            elif now > member.heard + patience:
                self._lost(member, f"was not heard of for {now - member.heard:.1f} s", now)
            elif due and now > due + patience and not self.halting:
                self._lost(member, f"sent no window for {now - due:.1f} s", now)

    def _lost(self, member: RegisteredWorker, how: str, now: float) -> None:
        """One worker less: others take over its share, or the run is broken."""
        if self.began is None:
            self.members.forget(member)
            self._event("worker", f"{member.name} {how} before the load began")
            return
        member.lost = True
        at = now - self.began
        said = f"{member.name} {how}, {at:.1f} s into the load"
        # It may only have been cut off: then it must not go on beside those who take over.
        self.runner.send_message("halt", {"reason": "the master took this worker for lost"}, client_id=member.client)
        for process in self.local:
            if process.pid == member.pid and member.proven_local:
                process.kill()
        left = self.members.working
        if self.halting:
            return
        if self.distributed.lost == "break":
            raise BrokenRunError(f"{said}, and load.workers.lost is break")
        if not left:
            raise BrokenRunError(f"{said}, and no worker is left")
        at += TAKEN_OVER_AFTER
        for number, one in enumerate(left):
            data = {"at": at, "share": [number, len(left)]}
            self.runner.send_message("share", data, client_id=one.client)
        self.parts.append((int(at // self.plan.interval) + 2, len(left)))
        others = "the other takes" if len(left) == 1 else f"the {len(left)} others take"
        self._event("worker", f"{said}; {others} over its share")

    def _heartbeat(self, client_id: str, **_: Any) -> None:
        self.members.heard(client_id)

    def _ready(self, msg: Message, **_: Any) -> None:
        if (member := self.members.of(msg.node_id)) is not None:
            member.ready = True

    def _unable(self, msg: Message, **_: Any) -> None:
        if (member := self.members.of(msg.node_id)) is not None:
            self.broken = f"{member.name}: {msg.data['reason']}"

    def _window(self, msg: Message, **_: Any) -> None:
        """A worker's next window; what a lost one still sends is too late."""
        member = self.members.of(msg.node_id)
        if member is not None and not member.lost and self.began is not None:
            member.heard = time.monotonic()
            self.slots.add(member.index, unpacked(msg.data, self.began))

    def _told(self, msg: Message, **_: Any) -> None:
        """What a load says besides windows: a warning, or why it cannot go on."""
        member = self.members.of(msg.node_id)
        if member is None or member.lost:
            return
        if msg.data["kind"] == "spent":
            member.spent, self.spent = True, str(msg.data["reason"])
        elif msg.data["kind"] == "failed":
            self.broken = f"{member.name}: {msg.data['reason']}"
        elif msg.data["kind"] == "event":
            self._event(str(msg.data.get("event", "warning")), f"{member.name}: {msg.data['text']}")

    def _done(self, msg: Message, **_: Any) -> None:
        if (member := self.members.of(msg.node_id)) is not None:
            member.done = float(msg.data["seconds"])

    def _left(self, msg: Message, **_: Any) -> None:
        """It was stopped where it runs, before the run's end: it is lost as any other, but known at once."""
        if (member := self.members.of(msg.node_id)) is not None and not member.lost and not self.halting:
            try:
                self._lost(member, "was stopped there", time.monotonic())
            except BrokenRunError as broken:  # this is Locust's listener: `_watch` is who may end the run
                self.broken = str(broken)

    def _event(self, kind: str, text: str) -> None:
        self._send(line("event", time=time.monotonic(), event=kind, text=text))

    def _send(self, text: str) -> None:
        """One line to the supervisor. While that is slow to read, heartbeats go on: no worker may take us for lost."""
        self._writing.apply(self._write, (text,))

    def _write(self, text: str) -> None:
        """Without a supervisor the load ends at once, for workers end with their master."""
        try:
            self.stream.write(text)
            self.stream.flush()
        except BrokenPipeError:
            os._exit(1)
