"""Enforce `target.allow` for a locustfile at the socket: whatever client it uses, Python connects nowhere else.

An audit hook (PEP 578) sees every connection that Python's sockets open, and the locustfile cannot
remove the hook. It does not see connections that a C library opens itself (libpq, gRPC's core).
"""

from __future__ import annotations

import ipaddress
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gevent
import gevent.monkey

from soak.profile.hosts import may_connect, may_load

#: Number of addresses of allowed names that are kept: far more than the hosts of any run have.
MAX_ADDRESSES = 10_000
#: The audit events in which a socket is given an address.
_CONNECTING = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class HostNotAllowedError(PermissionError):
    """A connection to a host that is not in `target.allow`."""


class AllowedHosts:
    """The addresses that may be connected to: loopback, and those to which allowed names were resolved."""

    def __init__(self, allow: tuple[str, ...], refused: Callable[[str], None]) -> None:
        self._allow, self._refused = allow, refused
        self._addresses: set[str] = set()

    def install(self) -> None:
        """Watch this process's name resolution and connections from now on. This cannot be undone."""
        hub = gevent.get_hub()
        hub.resolver = _Resolver(hub.resolver, self)
        sys.addaudithook(self.audit_hook())

    def audit_hook(self) -> Callable[[str, tuple[Any, ...]], None]:
        """Return a hook for `sys.addaudithook` that calls `check` for each address a socket is given."""

        # A plain function instead of a method: at every event Python looks up an attribute of the
        # hook, and a method takes a microsecond to report that it has none. A request of
        # FastHttpUser raises six events, all of `id`.
        def audit(event: str, arguments: tuple[Any, ...]) -> None:
            if event in _CONNECTING:
                self.check(arguments[1])

        return audit

    def resolved(self, host: str, addresses: list[str]) -> None:
        """Record what a name was resolved to: if the name is allowed, so are its permitted addresses."""
        if may_load(host, self._allow) and len(self._addresses) < MAX_ADDRESSES:
            self._addresses.update(address for address in addresses if may_connect(host, address))

    def check(self, address: Any) -> None:
        """Raise HostNotAllowedError if a socket address (host and port) may not be connected to."""
        if not isinstance(address, tuple) or not address:
            return  # a Unix socket's path
        host = str(address[0])
        if host in self._addresses or _is_loopback(host):
            return
        if may_load(host, self._allow) and all(may_connect(host, to) for to in _led_to(host)):
            return
        self._refused(host)
        raise HostNotAllowedError(f"load to {host} is not allowed: add its host to target.allow")


class _Resolver:
    """gevent's resolver, which also reports its answers to the allowed hosts."""

    def __init__(self, resolver: Any, hosts: AllowedHosts) -> None:
        self._resolver, self._hosts = resolver, hosts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._resolver, name)

    def getaddrinfo(self, host: Any, port: Any, *arguments: Any, **options: Any) -> Any:
        """Resolve as gevent does, and report the addresses."""
        answer = self._resolver.getaddrinfo(host, port, *arguments, **options)
        name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
        self._hosts.resolved(name, [str(entry[4][0]) for entry in answer])
        return answer


def _led_to(host: str) -> list[str]:
    """Return the addresses the system would connect to if a socket is given a name or an unusual form of an address."""
    with suppress(ValueError):
        return [str(ipaddress.ip_address(host.partition("%")[0]))]
    resolve = gevent.monkey.get_original("socket", "getaddrinfo")
    with suppress(OSError, UnicodeError):
        return [str(entry[4][0]) for entry in resolve(host, None)]
    return []


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"
