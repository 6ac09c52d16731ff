"""One user's cookies: the parts of RFC 6265 that matter to a client of few hosts."""

from __future__ import annotations

import ipaddress
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from math import inf

from soak.load.http.connection_options import Origin

#: Limits so that a target's ever new cookies do not fill the memory: the oldest is removed, and a
#: larger one is ignored.
MAX_COOKIES, MAX_COOKIE = 100, 4096


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie; `expires` is in seconds since 1970, `exact` is True if the cookie is for its host alone."""

    name: str
    value: str
    domain: str
    path: str
    exact: bool
    secure: bool
    expires: float


class CookieJar:
    """The cookies of one user."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], Cookie] = {}

    def __len__(self) -> int:
        return len(self._cookies)

    def take(self, origin: Origin, path: str, fields: list[tuple[str, str]]) -> None:
        """Store, replace or remove cookies according to a response's Set-Cookie headers."""
        for name, value in fields:
            if name == "set-cookie" and (cookie := _parsed(value, origin, path)) is not None:
                key = (cookie.domain, cookie.path, cookie.name)
                self._cookies.pop(key, None)
                if cookie.expires > time.time():
                    self._cookies[key] = cookie
                    if len(self._cookies) > MAX_COOKIES:
                        del self._cookies[next(iter(self._cookies))]

    def value(self, name: str) -> str | None:
        """Return the value of the most recently set cookie of this name, or None."""
        values = [cookie.value for cookie in self._cookies.values() if cookie.name == name]
        return values[-1] if values else None

    def header(self, origin: Origin, path: str) -> str:
        """Return a request's Cookie header, longer paths first; empty if no cookie matches."""
        now, path = time.time(), path.partition("?")[0]
        for key in [key for key, cookie in self._cookies.items() if cookie.expires <= now]:
            del self._cookies[key]
        fitting = [
            cookie
            for cookie in self._cookies.values()
            if (origin.secure or not cookie.secure)
            and (
                cookie.domain == origin.host
                or (not cookie.exact and _within(origin.host, cookie.domain))
            )
            and _under(path, cookie.path)
        ]
        fitting.sort(key=lambda cookie: -len(cookie.path))
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in fitting)


def _parsed(text: str, origin: Origin, request_path: str) -> Cookie | None:
    """Parse a Set-Cookie header by RFC 6265, 5.2; return None if the cookie must be ignored."""
    pair, *attributes = text.split(";")
    name, equals, value = pair.partition("=")
    name, value = name.strip(), value.strip()
    if not equals or not name or len(pair) > MAX_COOKIE or any(ord(letter) < 32 for letter in pair):
        return None
    given = {
        key.strip().lower(): setting.strip()
        for key, _, setting in (attribute.partition("=") for attribute in attributes)
    }
    domain = given.get("domain", "").lstrip(".").lower()
    if domain and domain != origin.host and not _within(origin.host, domain):
        return None
    secure = "secure" in given
    if secure and not origin.secure:
        return None
    path = given.get("path", "")
    if not path.startswith("/"):
        path = request_path.partition("?")[0].rpartition("/")[0] or "/"
    return Cookie(name, value, domain or origin.host, path, not domain, secure, _expiry(given))


def _expiry(given: dict[str, str]) -> float:
    """Return when a cookie expires: Max-Age takes precedence over Expires; infinite if both are missing or invalid."""
    try:
        if "max-age" in given:
            return time.time() + int(given["max-age"]) if int(given["max-age"]) > 0 else 0.0
        if "expires" in given:
            return parsedate_to_datetime(given["expires"]).timestamp()
    except (ValueError, TypeError, OverflowError):
        pass
    return inf


def _within(host: str, domain: str) -> bool:
    """Return True if a host is below a domain; always False for an address, and for a domain of one label like `com`."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return "." in domain and host.endswith(f".{domain}")
    return False


def _under(path: str, prefix: str) -> bool:
    return path == prefix or (
        path.startswith(prefix) and (prefix.endswith("/") or path[len(prefix)] == "/")
    )
