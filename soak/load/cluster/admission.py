"""The master's door: who knocks proves that it knows the token, and only then is told the plan with all its secrets."""

from __future__ import annotations

import subprocess
from typing import Any

from locust.rpc import Message
from locust.runners import MasterRunner

from soak import __version__
from soak.load.cluster.registry import WorkerRegistry
from soak.load.cluster.worker_policy import fingerprints
from soak.load.plan.cluster_options import TOKEN, number_once, proof, proven
from soak.load.plan.plan import Plan


class Admission:
    """Admits workers of the same version and token, as many as are expected; `local` are the processes of our own."""

    def __init__(
        self,
        runner: MasterRunner,
        members: WorkerRegistry,
        plan: Plan,
        token: str,
        local: list[subprocess.Popen[bytes]],
    ) -> None:
        self._runner, self._members, self._plan, self._token, self._local = runner, members, plan, token, local
        self._once = number_once()
        self._marks = fingerprints(plan)
        runner.register_message("hello", self._hello)
        runner.register_message("join", self._join)

    def _hello(self, msg: Message, **_: Any) -> None:
        """Somebody wants to join: the same version, and we prove who we are."""
        theirs = str(msg.data["soak"])
        if theirs != __version__:
            self._refuse(
                msg.node_id, f"this worker is soak {theirs}, and the master soak {__version__}: install the same"
            )
        elif len(self._members.all) >= self._members.expected:
            self._refuse(msg.node_id, f"the master has all the {self._members.expected} workers that it expects")
        else:
            self._members.greet(msg.node_id, msg.data)
            given = proof(self._token, "master", str(msg.data["once"]), self._once)
            self._runner.send_message("challenge", {"once": self._once, "proof": given}, client_id=msg.node_id)

    def _refuse(self, client: str, reason: str) -> None:
        self._runner.send_message("refused", {"reason": reason}, client_id=client)

    def _join(self, msg: Message, **_: Any) -> None:
        """It has proved who it is: it gets its number and the plan."""
        guest = self._members.guests.pop(msg.node_id, None)
        if guest is None or not proven(msg.data["proof"], self._token, "worker", str(guest["once"]), self._once):
            self._refuse(msg.node_id, f"this worker has another {TOKEN} than the master")
            return
        pids = {process.pid for process in self._local}
        member = self._members.admit(msg.node_id, guest, pids)
        if member is None:
            self._refuse(msg.node_id, f"the master has all the {self._members.expected} workers that it expects")
            return
        share = [member.index, self._members.expected]
        data = {"plan": self._plan.to_json(), "share": share, "fingerprints": self._marks}
        self._runner.send_message("plan", data, client_id=member.client)
