"""Admission of workers: a worker proves that it knows the token before it receives the plan with all its secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from soak import __version__
from soak.load.cluster.local_workers import LocalWorkers
from soak.load.cluster.messages import Assignment, Challenge, FromMaster, Hello, Join, Refused, read
from soak.load.cluster.registry import WorkerRegistry
from soak.load.cluster.worker_policy import fingerprints
from soak.load.plan.cluster_options import TOKEN, number_once, proof, proven
from soak.load.plan.partition import Share
from soak.load.plan.plan import Plan

Send = Callable[[str, FromMaster], None]


class Admission:
    """Admits workers of the same version and token, up to the expected number; `local` are those the master started."""

    def __init__(
        self, send: Send, registry: WorkerRegistry, plan: Plan, token: str, local: LocalWorkers
    ) -> None:
        self._send, self._registry, self._plan, self._token, self._local = (
            send,
            registry,
            plan,
            token,
            local,
        )
        self._nonce = number_once()
        self._fingerprints = fingerprints(plan)
        self._full = f"the master has all the {registry.expected} workers that it expects"

    def hello(self, client: str, data: Any) -> None:
        """Answer a hello: refuse a different version, or prove that this master knows the token."""
        hello = read(Hello, data)
        if hello.soak != __version__:
            reason = f"this worker is soak {hello.soak}, and the master soak {__version__}: install the same"
            self._send(client, Refused(reason))
        elif self._registry.full:
            self._send(client, Refused(self._full))
        else:
            self._registry.greet(client, hello)
            self._send(
                client,
                Challenge(self._nonce, proof(self._token, "master", hello.nonce, self._nonce)),
            )

    def join(self, client: str, data: Any) -> None:
        """Check a worker's proof, and send the worker its share and the plan."""
        join, hello = read(Join, data), self._registry.candidates.pop(client, None)
        if hello is None or not proven(join.proof, self._token, "worker", hello.nonce, self._nonce):
            self._send(client, Refused(f"this worker has another {TOKEN} than the master"))
            return
        worker = self._registry.admit(client, hello, self._local.pids)
        if worker is None:
            self._send(client, Refused(self._full))
            return
        share = Share(worker.index, self._registry.expected)
        self._send(client, Assignment(self._plan.to_json(), share, self._fingerprints))
