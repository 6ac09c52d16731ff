"""A token that is renewed outside of the measured traffic: the old token is used until the new one arrives."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from soak.load.plan.plan import PlannedAuth
from soak.load.scenario.jsonpath import JsonPath

#: Seconds until the next attempt after a failure: the first value, doubled up to the second.
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
#: Fraction of a token's lifetime after which the next token is fetched.
RENEW_AT = 0.8
_ODD = re.compile(r"[^\x21-\x7e]")


class AuthError(Exception):
    """A token could not be fetched; the message says why and never contains parts of the response or the request."""


@dataclass(frozen=True)
class FetchedToken:
    """A token, and its lifetime in seconds if known."""

    token: str = field(repr=False)
    lifetime: float | None = None


class TokenReader:
    """Finds the token in a response."""

    def __init__(self, planned: PlannedAuth) -> None:
        self._path = JsonPath(planned.token)

    def read(self, status: int, body: bytes) -> FetchedToken:
        """Return the token of a response. Raise AuthError if there is none."""
        if not 200 <= status < 300:
            raise AuthError(f"status {status}")
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise AuthError("the answer is not JSON") from None
        text = self._path.find(document)
        if (
            not text
            or not isinstance(text[0], str | int)
            or isinstance(text[0], bool)
            or text[0] == ""
        ):
            raise AuthError("the answer holds no token")
        token = str(text[0])
        if _ODD.search(token):
            raise AuthError("the token has characters that no header may hold")
        return FetchedToken(token, _lifetime(document))


def _lifetime(document: Any) -> float | None:
    """Return `expires_in` (RFC 6749, section 5.1) in seconds; None if missing or invalid."""
    expiry = document.get("expires_in") if isinstance(document, dict) else None
    if isinstance(expiry, bool) or not isinstance(expiry, int | float | str):
        return None
    try:
        seconds = float(expiry)  # some servers write it as text
    except (ValueError, OverflowError):
        return None
    return seconds if 0 < seconds < 1e9 else None


class Token:
    """The token of a run. `fetch` gets a new one or raises AuthError or a network error; `clock` is in monotonic seconds.

    A separate loop calls `renew` whenever `wait` seconds are over; requests only read `header`.
    `failures` counts the failed attempts; `problem` says why the last one failed.
    """

    def __init__(
        self, planned: PlannedAuth, fetch: Callable[[], FetchedToken], clock: Callable[[], float]
    ) -> None:
        self._name, _, before = planned.header.partition(":")
        before = before.strip()
        self._before = f"{before} " if before and not before.endswith("=") else before
        self._refresh, self._fetch, self._clock = planned.refresh, fetch, clock
        self._value: str | None = None
        self._due: float | None = clock()
        self._retry = FIRST_WAIT
        self._no_sooner = clock()
        self._fetching = False
        self.failures, self.problem = 0, ""

    def __repr__(self) -> str:
        """Omit the token, so that no log contains it."""
        return f"Token(failures={self.failures})"

    @property
    def header(self) -> tuple[str, str] | None:
        """Name and value of the header to send; None before the first token."""
        return None if self._value is None else (self._name, self._value)

    def wait(self) -> float | None:
        """Return the seconds until the next `renew` is due, 0 if it is due now; None if no renewal is planned."""
        return None if self._due is None else max(0.0, self._due - self._clock())

    def renew(self) -> bool:
        """Fetch a new token unless another call is fetching; return True on success. The old token is used meanwhile."""
        if self._fetching:
            return False
        self._fetching = True
        try:
            fetched = self._fetch()
        except Exception as error:  # noqa: BLE001 - whatever it is, the old token serves on and the next attempt is due
            self.failures += 1
            self.problem = str(error) if isinstance(error, AuthError) else type(error).__name__
            self._due = self._no_sooner = self._clock() + self._retry
            self._retry = min(2 * self._retry, LONGEST_WAIT)
            return False
        finally:
            self._fetching = False
        self._value, self._retry, self.problem = self._before + fetched.token, FIRST_WAIT, ""
        life = self._refresh or (fetched.lifetime * RENEW_AT if fetched.lifetime else None)
        self._due = None if life is None else self._clock() + life
        self._no_sooner = self._clock() + FIRST_WAIT
        return True

    def refused(self) -> None:
        """Renew the token because the target refused it (status 401), but not before the pause after the last attempt."""
        soonest = max(self._no_sooner, self._clock())
        self._due = soonest if self._due is None else min(self._due, soonest)
