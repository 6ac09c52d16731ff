"""One user's HTTP: a connection to the target, cookies, and redirects if they are to be followed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urljoin, urlsplit

from soak.load.http.connection import Connection
from soak.load.http.connection_options import Origin, Timeouts, context_of
from soak.load.http.cookies import CookieJar
from soak.load.http.decoding import DecodingError, decoded
from soak.load.http.digest import Digest
from soak.load.http.request_head import (
    is_idempotent,
    redirected,
    target_of,
    with_authorization,
    with_cookies,
)
from soak.load.http.response import MAX_BODY, Response
from soak.load.http.timeouts import Deadlines
from soak.load.plan.credentials import Credentials
from soak.load.plan.tls_options import VERIFIED, TlsOptions

MAX_REDIRECTS = 10
#: The failure of a redirect to a host that is neither the target's nor allowed.
NOT_ALLOWED = "redirect: host not allowed"
#: Maximum number of connections for redirects to other origins; beyond it the oldest is closed.
MAX_ELSEWHERE = 4
_SETS_COOKIES = re.compile(rb"\n[Ss][Ee][Tt]-[Cc][Oo][Oo][Kk][Ii][Ee]:").search
#: A quick test for encoded bodies, confirmed by parsing the headers: these bytes may include some
#: of the body.
_IS_ENCODED = re.compile(rb"\ncontent-encoding:", re.IGNORECASE).search


def nowhere(_host: str) -> bool:
    """Return False: no other host is allowed."""
    return False


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """Options shared by all users of a run; `allowed` returns True if a redirect may lead to a host."""

    origin: Origin
    timeouts: Timeouts
    tls: TlsOptions = VERIFIED
    cookies: bool = True
    redirects: bool = False
    allowed: Callable[[str], bool] = nowhere
    deadlines: Deadlines = field(default_factory=Deadlines)
    digest: Credentials | None = None


class Client:
    """One user's HTTP client. Two greenlets must not use it at the same time."""

    __slots__ = ("_digest", "_elsewhere", "_follow", "_home", "_jar", "_options", "_timeouts")

    def __init__(self, options: ClientOptions) -> None:
        """Prepare the client without connecting. Raise OSError if the TLS options name files that cannot be used."""
        self._options, self._follow, self._timeouts = options, options.redirects, options.timeouts
        self._home = self._connection(options.origin)
        self._elsewhere: dict[Origin, Connection] = {}
        self._jar = CookieJar() if options.cookies else None
        self._digest = Digest(options.digest) if options.digest is not None else None

    def send(self, head: bytes, body: bytes | memoryview = b"", keep: bool = False) -> Response:
        """Send a request and return its response, with the decoded body if `keep`; network errors are its `failure`."""
        response = (
            self._exchange(self._home, self._options.origin, head, body, keep)
            if self._digest is None
            else self._authenticated(self._digest, head, body, keep)
        )
        if self._follow and 300 < response.status < 309 and response.failure is None:
            response = self._followed(head, body, keep, response)
        if keep and response.failure is None:
            _decode(response)
        return response

    def _authenticated(
        self, digest: Digest, head: bytes, body: bytes | memoryview, keep: bool
    ) -> Response:
        """Send a request with Digest authentication, and repeat it if the target sends a new challenge."""
        method, target = head.split(b" ", 1)[0].decode("ascii"), target_of(head)
        for _ in range(2):
            answer = digest.header(method, target)
            asked = head if answer is None else with_authorization(head, answer)
            response = self._exchange(self._home, self._options.origin, asked, body, keep)
            if response.status != 401 or not digest.challenged(
                response.headers.get("www-authenticate", "")
            ):
                break
        return response

    def connect(self) -> None:
        """Connect now instead of with the first request. If this fails, the first request reports it."""
        self._home.connect()

    def limit(self, timeouts: Timeouts, redirects: bool) -> None:
        """Set the timeouts of later requests, and whether redirects are followed."""
        self._timeouts, self._follow = timeouts, redirects
        for connection in (self._home, *self._elsewhere.values()):
            connection.timeouts = timeouts

    def url_of(self, head: bytes) -> str:
        """Return the full URL of a request to the target."""
        origin = self._options.origin
        return f"{origin.scheme}://{origin.authority}{target_of(head)}"

    def cookie(self, name: str) -> str | None:
        """Return the value of the user's current cookie of this name, or None."""
        return self._jar.value(name) if self._jar is not None else None

    def forget(self) -> None:
        """Forget all cookies, because another visitor follows."""
        if self._jar:
            self._jar = CookieJar()

    def close(self) -> None:
        """Close all connections; a later request opens them again."""
        for connection in (self._home, *self._elsewhere.values()):
            connection.close()
        self._elsewhere.clear()

    def _connection(self, origin: Origin) -> Connection:
        context = context_of(self._options.tls) if origin.secure else None
        return Connection(origin, self._timeouts, self._options.deadlines, context)

    def _exchange(
        self,
        connection: Connection,
        origin: Origin,
        head: bytes,
        body: bytes | memoryview,
        keep: bool,
    ) -> Response:
        """Send a request with the jar's cookies, and repeat it if the kept connection had ended between two requests."""
        jar, asked = self._jar, head
        if jar and (cookies := jar.header(origin, target_of(head))):
            asked = with_cookies(head, cookies)
        response = connection.exchange(asked, body, keep)
        if connection.repeatable and (
            not connection.sent or is_idempotent(head)
        ):  # RFC 9112, 9.3.1
            response = connection.exchange(asked, body, keep)
        if jar is not None and _SETS_COOKIES(response.head):
            jar.take(origin, target_of(head), response.fields)
        return response

    def _followed(
        self, head: bytes, body: bytes | memoryview, keep: bool, response: Response
    ) -> Response:
        """Follow redirects, at most `MAX_REDIRECTS` times; return the last response, with only its own `size`."""
        origin, base = self._options.origin, target_of(head)
        for _ in range(MAX_REDIRECTS):
            location = response.headers.get("location")
            if (
                response.status not in (301, 302, 303, 307, 308)
                or location is None
                or response.failure is not None
            ):
                return response
            try:
                url = urlsplit(urljoin(f"{origin.scheme}://{origin.authority}{base}", location))
                to = Origin.of(url.geturl())
            except ValueError:
                return _failed(response, "protocol: a redirect to no URL")
            if self._is_foreign(to):
                return _failed(response, NOT_ALLOWED)
            base = quote(url.path or "/", safe="/%:@!$&'()*+,;=~-._") + (
                f"?{quote(url.query, safe='/%:@!$&()*+,;=~-._?')}" if url.query else ""
            )
            trusted = to == origin or _is_upgrade(origin, to)
            head, with_body = redirected(head, response.status, base, to, trusted)
            if with_body and body and not trusted:
                return _failed(response, "redirect: another origin asks for the body")
            body, origin = (body if with_body else b""), to
            response = self._exchange(self._to(origin), origin, head, body, keep)
            response.url = f"{origin.scheme}://{origin.authority}{base}"
        return (
            _failed(response, f"redirect: more than {MAX_REDIRECTS}")
            if 300 < response.status < 309
            else response
        )

    def leads_away(self, head: bytes, response: Response) -> bool:
        """Return True if a response redirects to a host to which load may not go."""
        location = response.headers.get("location")
        if not 300 < response.status < 309 or location is None:
            return False
        try:
            return self._is_foreign(Origin.of(urljoin(self.url_of(head), location)))
        except ValueError:
            return False

    def _is_foreign(self, to: Origin) -> bool:
        return to.host != self._options.origin.host and not self._options.allowed(to.host)

    def _to(self, origin: Origin) -> Connection:
        if origin == self._options.origin:
            return self._home
        connection = self._elsewhere.get(origin)
        if connection is None:
            if len(self._elsewhere) >= MAX_ELSEWHERE:
                self._elsewhere.pop(next(iter(self._elsewhere))).close()
            connection = self._elsewhere[origin] = self._connection(origin)
        return connection


def _is_upgrade(origin: Origin, to: Origin) -> bool:
    """Return True if a redirect only leads from http to https on the same host, with both default ports."""
    return (
        (origin.host, origin.port, to.port) == (to.host, 80, 443)
        and to.secure
        and not origin.secure
    )


def _decode(response: Response) -> None:
    if not response.body or not _IS_ENCODED(response.head):
        return
    encodings = response.headers.get("content-encoding")
    if encodings:
        try:
            response.body = decoded(response.body, encodings, MAX_BODY)
        except DecodingError as error:
            response.failure, response.body = str(error), b""


def _failed(response: Response, failure: str) -> Response:
    response.failure = failure
    return response
