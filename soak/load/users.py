"""The Locust users that drive a profile's endpoints: closed (users wait) and open (arrivals on schedule)."""

from __future__ import annotations

import base64
import random
import time
from collections import deque
from itertools import accumulate, count
from math import ceil, sqrt
from urllib.parse import urlsplit

import gevent
from gevent.pool import Pool
from geventhttpclient import HTTPClient
from locust import User, constant, task
from locust.exception import StopUser

from soak.load.counting import Counting
from soak.load.plan import Plan, PlannedRequest

#: Open model: connections grow up to this many; further arrivals wait, and their wait is part of their latency.
MAX_CONNECTIONS = 2000
#: Of them, so many are kept for all the run as arrive in this time; the others are closed when idle for IDLE_SECONDS.
PINNED_SECONDS, MOST_PINNED, IDLE_SECONDS = 0.1, 100, 5.0
#: A refused connection answers at once; without a pause a closed user would hammer the dead target.
PAUSE_AFTER_FAILED_CONNECT = 0.1


class Mix:
    """Chooses requests by weight; the same seed chooses the same ones."""

    def __init__(self, requests: tuple[PlannedRequest, ...], seed: int) -> None:
        self._requests = requests
        self._bounds = list(accumulate(request.weight for request in requests))
        self._random = random.Random(seed)  # noqa: S311 - repeatable traffic, not secrets

    def choose(self) -> PlannedRequest:
        """The next request."""
        return self._random.choices(self._requests, cum_weights=self._bounds)[0]


class Client:
    """One kept connection, and what becomes of a request on it."""

    def __init__(self, plan: Plan, counting: Counting) -> None:
        self._plan, self._counting = plan, counting
        self._prefix = urlsplit(plan.url).path
        self._connect()
        self._bodies = {request.endpoint: base64.b64decode(request.body) for request in plan.requests}

    def _connect(self) -> None:
        """A client that will open its one connection when it first needs it."""
        timeout = self._plan.timeout
        self._http = HTTPClient.from_url(
            self._plan.url, concurrency=1, connection_timeout=timeout, network_timeout=timeout
        )

    def close(self) -> None:
        """Close its connection."""
        self._http.close()

    def send(self, request: PlannedRequest, intended: float | None = None) -> bool:
        """Send one request and count it; latency runs from `intended` (monotonic) where given. False: no connection."""
        began = time.monotonic() if intended is None else intended
        size, failure = 0, None
        try:
            with gevent.Timeout(self._plan.timeout):
                body = self._bodies[request.endpoint]
                answer = self._http.request(
                    request.method, self._prefix + request.path, body=body, headers=request.headers
                )
                size = len(answer.read())
                status = answer.status_code
            if (status not in request.statuses) if request.statuses else status >= 400:
                failure = f"status {status}"
        except gevent.Timeout:
            failure = "timeout"
        except Exception as error:  # noqa: BLE001 - whatever the network does is counted by kind, and the user lives on
            failure = failure_kind(error)
        if failure and not failure.startswith("status"):
            self._http.close()
            self._connect()
        self._counting.count(request.endpoint, time.monotonic() - began, size, failure)
        return not (failure or "").startswith("connect")


def failure_kind(error: BaseException) -> str:
    """A network error as one of a few kinds: connect, timeout, reset, TLS, protocol."""
    name = type(error).__name__
    if isinstance(error, ConnectionRefusedError):
        return "connect: refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError):
        return "connection reset"
    if "SSL" in name or "Certificate" in name:
        return "TLS"
    if isinstance(error, TimeoutError) or "Timeout" in name:
        return "timeout"
    if name == "gaierror" or (isinstance(error, OSError) and error.errno is not None):
        return f"connect: {(error.args[-1:] or ('failed',))[0]}"[:80]
    return f"protocol: {name}"


def closed_user(plan: Plan, counting: Counting) -> type[User]:
    """A Locust user class: one connection, one request after another."""
    seeds = count(1)

    class ClosedUser(User):
        host = plan.url
        wait_time = constant(0)

        def on_start(self) -> None:
            self.soak_client, self.mix = Client(plan, counting), Mix(plan.requests, next(seeds))

        @task
        def go(self) -> None:
            if not self.soak_client.send(self.mix.choose()):
                gevent.sleep(PAUSE_AFTER_FAILED_CONNECT)

    return ClosedUser


class Connections:
    """The connections of the open model: enough of them pinned for all its run, and more for as long as they are needed.

    A target's descriptors and goroutines follow the connections it is given. So that these do not look like growth, the
    pinned ones take turns from the first requests on, and what a stall has added goes again once idle for some seconds.
    """

    def __init__(self, plan: Plan, counting: Counting) -> None:
        self._plan, self._counting = plan, counting
        enough = min(MOST_PINNED, 4 + ceil(PINNED_SECONDS * (plan.rate or 0.0)))
        self._pinned = deque(Client(plan, counting) for _ in range(enough))
        self._more: list[tuple[float, Client]] = []
        self._added: set[Client] = set()

    def take(self) -> Client:
        """An idle connection, or a new one."""
        if self._pinned:
            return self._pinned.popleft()
        if self._more:
            return self._more.pop()[1]
        client = Client(self._plan, self._counting)
        self._added.add(client)
        return client

    def give(self, client: Client) -> None:
        """Put it back."""
        if client in self._added:
            self._more.append((time.monotonic(), client))
        else:
            self._pinned.append(client)

    def let_go(self) -> None:
        """Close those that were added and have been idle since."""
        idle_since = time.monotonic() - IDLE_SECONDS
        while self._more and self._more[0][0] < idle_since:
            _, client = self._more.pop(0)
            self._added.discard(client)
            client.close()


def open_user(plan: Plan, counting: Counting, in_flight: Pool) -> type[User]:
    """A Locust user class of which one user makes all arrivals, each on schedule, over as many connections as it takes."""
    rate = plan.rate or 0.0

    class OpenUser(User):
        host = plan.url
        wait_time = constant(0)

        @task
        def go(self) -> None:
            mix, connections = Mix(plan.requests, 1), Connections(plan, counting)
            began = looked = time.monotonic()
            for number in count():
                due = arrival(number, rate, plan.ramp)
                if due >= plan.ramp + plan.duration:
                    break
                wait = began + due - time.monotonic()
                # Always yield: behind schedule, answers must still be read.
                gevent.sleep(max(0.0, wait))
                in_flight.spawn(self.arrive, mix.choose(), began + due, connections)
                if began + due > looked + 1.0:
                    looked = began + due
                    connections.let_go()
            raise StopUser

        @staticmethod
        def arrive(request: PlannedRequest, intended: float, connections: Connections) -> None:
            client = connections.take()
            client.send(request, intended)
            connections.give(client)

    return OpenUser


def arrival(number: int, rate: float, ramp: float) -> float:
    """When arrival `number` is due, in seconds: the rate rises evenly over the ramp, then holds."""
    in_ramp = rate * ramp / 2
    return sqrt(2 * ramp * number / rate) if number < in_ramp else ramp + (number - in_ramp) / rate
