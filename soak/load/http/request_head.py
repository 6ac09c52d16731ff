"""The bytes of a request before its body: rendered once, and modified for redirects and cookies."""

from __future__ import annotations

import re

from soak.load.http.connection_options import Origin
from soak.load.plan.plan import Headers

#: Methods that may be sent again if it is unknown whether the first request arrived (RFC 9110,
#: 9.2.2).
IDEMPOTENT = (b"GET ", b"HEAD ", b"PUT ", b"DELETE ", b"OPTIONS ", b"TRACE ")
#: Headers that ask the server to treat equal keys as one request
#: (draft-ietf-httpapi-idempotency-key).
_KEYED = re.compile(rb"\r\n(?:x-)?idempotency-key:", re.IGNORECASE).search
#: Methods whose requests always state the length of their body, even if there is none (RFC 9110,
#: 8.6).
EXPECT_A_BODY = ("POST", "PUT", "PATCH")
_BREAKS = re.compile(r"[\r\n\0]")
_AUTHORIZATION = re.compile(rb"(?<=\r\n)authorization:[^\r]*\r\n", re.IGNORECASE)
_COOKIE = re.compile(rb"\r\ncookie:[^\r]*", re.IGNORECASE)
#: Headers that may be sent to another origin; any other header may contain a key.
_FOR_ANY_ORIGIN = ("accept", "accept-encoding", "accept-language", "traceparent", "user-agent")


def head_of(method: str, target: str, origin: Origin, headers: Headers, length: int) -> bytes:
    """Return a request's head. Raise ValueError for a header with a line break, which could smuggle in another header.

    The body's `length` is left out if it is 0 and the method expects no body.
    """
    lines = [f"{method} {target} HTTP/1.1"]
    given = {name.lower() for name in headers}
    if "host" not in given:
        lines.append(f"Host: {origin.authority}")
    for name, value in headers.items():
        lowered = name.lower()
        if lowered != "content-length":
            shown = "Connection" if lowered == "connection" else name
            lines += [
                f"{shown}: {text}" for text in ((value,) if isinstance(value, str) else value)
            ]
    if length or method in EXPECT_A_BODY:
        lines.append(f"Content-Length: {length}")
    if any(_BREAKS.search(line) for line in lines) or not target.isascii() or " " in target:
        raise ValueError(
            f"{method} {target[:60]}: a line break in a header, or a target that is not one"
        )
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


class RequestHead:
    """Builds heads of one request whose path, headers and length may vary; the constant parts are built once."""

    __slots__ = ("_expects", "_fields", "_given", "_method", "_origin", "_start", "_token")

    def __init__(self, method: str, origin: Origin, prefix: str) -> None:
        head_of(method, prefix or "/", origin, {}, 0)  # raises for an invalid prefix
        self._method, self._origin = method, origin
        self._start, self._expects = f"{method} {prefix}".encode(), method in EXPECT_A_BODY
        self._given: Headers | None = None
        self._token: tuple[str, str] | None = None
        self._fields = b""

    def of(
        self, path: str, headers: Headers, length: int, token: tuple[str, str] | None = None
    ) -> bytes:
        """Return the head for a valid path; the token's header is added unless the headers have one of the same name."""
        if headers is not self._given or token is not self._token:
            named = {name.lower() for name in headers}
            more = dict([token]) if token is not None and token[0].lower() not in named else {}
            plain = head_of("GET", "/", self._origin, {**headers, **more}, 0)
            self._fields = plain[plain.index(b"\r\n") : -2]
            self._given, self._token = headers, token
        if length or self._expects:
            return b"%b%b HTTP/1.1%bContent-Length: %d\r\n\r\n" % (
                self._start,
                path.encode(),
                self._fields,
                length,
            )
        return b"%b%b HTTP/1.1%b\r\n" % (self._start, path.encode(), self._fields)


def is_idempotent(head: bytes) -> bool:
    """Return True if a request may be retried when it is unknown whether it arrived (RFC 9110, 9.2.2)."""
    return head.startswith(IDEMPOTENT) or _KEYED(head) is not None


def with_cookies(head: bytes, cookies: str) -> bytes:
    """Add the jar's cookies to a head, after the head's own, because only one Cookie header is allowed.

    The head's own cookies replace the jar's cookies of the same name.
    """
    own = _COOKIE.search(head)
    if own is None:
        return b"%bCookie: %b\r\n\r\n" % (head[:-2], cookies.encode())
    given = {pair.partition(b"=")[0].strip() for pair in own[0].partition(b":")[2].split(b";")}
    pairs = cookies.encode().split(b"; ")
    kept = [pair for pair in pairs if pair.partition(b"=")[0] not in given]
    return b"; ".join((head[: own.end()], *kept)) + head[own.end() :]


def with_authorization(head: bytes, value: str) -> bytes:
    """Set a head's Authorization header, replacing an existing one."""
    return b"%bAuthorization: %b\r\n\r\n" % (_AUTHORIZATION.sub(b"", head)[:-2], value.encode())


def target_of(head: bytes) -> str:
    """Return the request target in a head: path and query."""
    return head.split(b" ", 2)[1].decode("latin-1")


def redirected(
    head: bytes, status: int, target: str, origin: Origin, same_origin: bool
) -> tuple[bytes, bool]:
    """Return the head that follows a redirect, and whether the body is sent again (RFC 9110, 15.4).

    303 changes the method to GET; 301 and 302 change a POST to GET, as all clients do. Headers that
    another origin must not see are removed.
    """
    first, *lines = head[:-4].decode("utf-8").split("\r\n")
    method = first.partition(" ")[0]
    rewritten = (status == 303 and method not in ("GET", "HEAD")) or (
        status in (301, 302) and method == "POST"
    )
    if rewritten:
        method = "GET"
    kept = [f"{method} {target} HTTP/1.1", f"Host: {origin.authority}"]
    for line in lines:
        name = line.partition(":")[0].lower()
        if name == "host" or (name not in _FOR_ANY_ORIGIN and not same_origin):
            continue
        if rewritten and name.startswith(("content-", "transfer-encoding")):
            continue
        kept.append(line)
    return ("\r\n".join(kept) + "\r\n\r\n").encode("utf-8"), not rewritten
