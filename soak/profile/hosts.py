"""Decide where load may go: this machine and hosts that a profile allows, never a cloud's metadata service.

Names are checked before they are resolved, and the resolved addresses before anything is
connected.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

#: A valid DNS name; programs would interpret `%`, a comma or a control character in different ways.
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
#: A pattern of digits matches only addresses: a name such as 10.0.0.5.example.com must not match
#: 10.0.0.*.
_ADDRESSES = re.compile(r"[0-9.*?]*[0-9][0-9.*?]*|[0-9a-f*?]*:[0-9a-f:.*?]*")
#: Metadata addresses, which give credentials to any client: Amazon, Google, Azure and Oracle; ECS
#: and EKS; Tencent; Scaleway; Oracle's old one; Azure's wire server; Alibaba; and the IPv6
#: addresses among them.
_METADATA = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",
            "169.254.170.2",
            "169.254.170.23",
            "169.254.0.23",
            "169.254.42.42",
            "192.0.0.192",
            "168.63.129.16",
            "100.100.100.200",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "fd00:42::42",
        ),
    )
)
_METADATA_NAMES = ("metadata.google.internal", "metadata.goog", "instance-data.ec2.internal")
#: IPv6 prefixes of translated IPv4 addresses: NAT64 (RFC 6052, RFC 8215), and IPv4-compatible
#: addresses.
_TRANSLATED = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_host(host: str) -> bool:
    """Return True for a valid host name, with labels of at most 63 letters, or an address."""
    name = _plain(host)
    return _address(name) is not None or (
        bool(_HOST.fullmatch(name))
        and len(name) <= 253
        and all(len(label) <= 63 for label in name.split("."))
    )


def may_load(host: str, allowed: Iterable[str]) -> bool:
    """Return True if load may go to a host: loopback, or allowed by a pattern."""
    name = _plain(host)
    if not is_host(name) or is_metadata_host(name):
        return False
    return is_loopback(name) or any(_matches(name, pattern.lower()) for pattern in allowed)


def is_metadata_host(host: str) -> bool:
    """Return True if a host is a cloud's metadata service, by name or address; it never gets load."""
    name = _plain(host)
    return name in _METADATA_NAMES or _is_metadata(_address(name))


def may_connect(host: str, address: str) -> bool:
    """Return True if a host's resolved address may be connected to: a name for this machine must resolve to it."""
    parsed = _address(address.partition("%")[0])
    if parsed is None or _is_metadata(parsed):
        return False
    return parsed.is_loopback or not is_loopback(host)


def is_loopback(host: str) -> bool:
    """Return True if a host is this machine by its name or literal address; nothing is resolved."""
    name = _plain(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def host_asked_for(header: str) -> str:
    """Return the host of a Host header, without its port; empty if it has none."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def covers(pattern: str, narrower: str) -> bool:
    """Return True if `pattern` surely allows every host that `narrower` allows; False in doubt."""
    pattern, narrower = pattern.lower(), narrower.lower()
    if pattern in (narrower, "*"):
        return True
    if "*" not in narrower and "?" not in narrower:
        return _matches(narrower, pattern)
    if pattern.startswith("*.") and "*" not in pattern[1:] and "?" not in pattern:
        return narrower.endswith(pattern[1:])
    prefix = pattern[:-1]
    return (
        bool(_ADDRESSES.fullmatch(pattern))
        and pattern.endswith("*")
        and "*" not in prefix
        and "?" not in prefix
        and bool(_ADDRESSES.fullmatch(narrower))
        and narrower.startswith(prefix)
    )


def _is_metadata(address: Address | None) -> bool:
    """Return True if an address, or the IPv4 address translated to it, is a metadata service's."""
    if isinstance(address, ipaddress.IPv6Address):
        embedded = address.sixtofour
        if any(address in network for network in _TRANSLATED):
            embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        return bool({address, embedded} & _METADATA)
    return address in _METADATA


def _matches(name: str, pattern: str) -> bool:
    if _ADDRESSES.fullmatch(pattern) and _address(name) is None:
        return False
    return fnmatchcase(name, pattern.removesuffix("."))


def _plain(host: str) -> str:
    return host.lower().removesuffix(".")


def _address(text: str) -> Address | None:
    """Parse an address; an IPv4 address written as IPv6 becomes IPv4. None if invalid."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
