"""A plan's requests made ready: chosen by weight, sent, and counted."""

from __future__ import annotations

import base64
import random
import time
from bisect import bisect
from itertools import accumulate
from urllib.parse import urlsplit

from soak.load.addresses import Origin, Timeouts, TlsOptions, context_of
from soak.load.client import Client, ClientOptions
from soak.load.counting import Counting
from soak.load.heads import head_of
from soak.load.plan import Plan, PlannedRequest
from soak.profile.checking import may_load


class Ready:
    """One endpoint's request as bytes; all users share them."""

    __slots__ = ("body", "endpoint", "head", "statuses")

    def __init__(self, request: PlannedRequest, origin: Origin, prefix: str) -> None:
        self.endpoint = request.endpoint
        self.body = base64.b64decode(request.body)
        self.head = head_of(request.method, prefix + request.path, origin, request.headers, len(self.body))
        self.statuses = frozenset(request.statuses)


def ready_requests(plan: Plan) -> tuple[Ready, ...]:
    """All of a plan's; ValueError for one that cannot be sent."""
    origin, prefix = Origin.of(plan.url), urlsplit(plan.url).path
    return tuple(Ready(request, origin, prefix) for request in plan.requests)


def client_options(plan: Plan) -> ClientOptions:
    """How a plan's users connect; OSError when the TLS files cannot be used, before any user needs them."""
    tls = TlsOptions(**plan.tls)
    context_of(tls)
    return ClientOptions(
        Origin.of(plan.url),
        Timeouts(plan.timeout, plan.timeout),
        tls,
        plan.cookies,
        plan.redirects,
        lambda host: may_load(host, plan.allow),
    )


class Mix:
    """Chooses requests by weight; the same seed chooses the same ones."""

    def __init__(self, plan: Plan, requests: tuple[Ready, ...], seed: int) -> None:
        self._requests = requests
        self._bounds = list(accumulate(request.weight for request in plan.requests))
        self._random = random.Random(seed).random  # noqa: S311 - repeatable traffic, not secrets

    def choose(self) -> Ready:
        """The next request."""
        if len(self._requests) == 1:
            return self._requests[0]
        bounds = self._bounds
        return self._requests[bisect(bounds, self._random() * bounds[-1], 0, len(bounds) - 1)]


class Sender:
    """One user: sends requests one after another over its client, and counts them."""

    __slots__ = ("_client", "_count", "_send")

    def __init__(self, options: ClientOptions, counting: Counting) -> None:
        self._client, self._count = Client(options), counting.count
        self._send = self._client.send

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def send(self, request: Ready, intended: float | None = None) -> bool:
        """Send and count; latency runs from `intended` (monotonic) where given. False: there was no connection."""
        began = time.monotonic()
        answer = self._send(request.head, request.body)
        ended = time.monotonic()
        failure = answer.failure
        if failure is None:
            status = answer.status
            if (status not in request.statuses) if request.statuses else status >= 400:
                failure = f"status {status}"
        if intended is None:
            self._count(request.endpoint, ended - began, answer.size, failure)
        else:
            self._count(request.endpoint, ended - intended, answer.size, failure, began - intended)
        return failure is None or not failure.startswith(("connect:", "TLS"))
