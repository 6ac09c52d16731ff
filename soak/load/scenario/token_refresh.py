"""Keep a run's token fresh: in a separate greenlet and over separate connections, not counted as requests."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

import gevent
from gevent.event import Event

from soak.load.http.client import Client, ClientOptions
from soak.load.http.connection_options import Origin, Timeouts
from soak.load.http.request_head import head_of
from soak.load.plan.plan import Plan, PlannedAuth
from soak.load.plan.warnings import Warnings
from soak.load.scenario.auth import AuthError, FetchedToken, Token, TokenReader
from soak.load.scenario.rendering import fixed

#: Attempts to fetch the first token, and the maximum timeout of each fetch in seconds.
FIRST_ATTEMPTS, LONGEST_FETCH = 3, 5.0


class NoTokenError(OSError):
    """No token could be fetched before the load began."""


class TokenRefresher:
    """The token of all users. `header` is the header to send: a new object for each new token, None before the first."""

    def __init__(self, plan: Plan, planned: PlannedAuth, warnings: Warnings) -> None:
        url = planned.url or plan.url
        seconds = min(plan.timeout, LONGEST_FETCH)
        options = ClientOptions(Origin.of(url), Timeouts(seconds, seconds), plan.tls, cookies=False)
        self._client, self._reader, self._warnings = Client(options), TokenReader(planned), warnings
        request = fixed(planned.request)
        self._asked = f"{planned.request.method} {request.path}"
        target = urlsplit(url).path + request.path
        self._head = head_of(
            planned.request.method, target, options.origin, request.headers, len(request.body)
        )
        self._body = request.body
        self._token = Token(planned, self._fetch, time.monotonic)
        self._due = Event()
        self.header: tuple[str, str] | None = None

    def begin(self) -> None:
        """Fetch the first token, then renew it whenever it is due. Raise NoTokenError if there is no first token."""
        for attempt in range(FIRST_ATTEMPTS):
            if attempt:
                gevent.sleep(self._token.wait() or 0.0)
            if self._renew():
                gevent.spawn(self._keep_fresh)
                return
        raise NoTokenError(
            f"auth: no token from {self._asked}: {self._token.problem} ({FIRST_ATTEMPTS} attempts)"
        )

    def renew(self) -> str:
        """Fetch a token once; return why this failed, or an empty text."""
        return "" if self._renew() else self._token.problem

    def refused(self) -> None:
        """Fetch another token because the target refused this one, but not many times a second."""
        self._token.refused()
        self._due.set()

    def _keep_fresh(self) -> None:
        while True:
            wait = self._token.wait()
            if wait != 0.0:
                self._due.clear()
                self._due.wait(wait)
            elif not self._renew():
                self._warnings.warn(
                    "auth", f"auth: the token could not be renewed: {self._token.problem}"
                )

    def _renew(self) -> bool:
        renewed = self._token.renew()
        if renewed:
            self.header = self._token.header
        return renewed

    def _fetch(self) -> FetchedToken:
        response = self._client.send(self._head, self._body, keep=True)
        if response.failure is not None:
            raise AuthError(response.failure)
        return self._reader.read(response.status, response.body)
