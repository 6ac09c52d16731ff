"""Where load may go: to this machine and to hosts that a profile allows, and never to a cloud's metadata service.

Names are checked before they are looked up, and the addresses that they lead to before anything is
connected.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

#: A host as DNS knows it; `%`, a comma or a control character would mean different hosts to different programs.
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
#: A pattern of digits is one of addresses: a name such as 10.0.0.5.example.com must not match 10.0.0.*.
_ADDRESSES = re.compile(r"[0-9.*?]*[0-9][0-9.*?]*|[0-9a-f*?]*:[0-9a-f:.*?]*")
#: Metadata addresses, which give credentials to any client: Amazon, Google, Azure and Oracle; ECS and EKS; Tencent;
#: Scaleway; Oracle's old one; Azure's wire server; Alibaba; and what of these has IPv6.
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
#: IPv6 prefixes before an IPv4 address that a gateway or the system translates to: NAT64 (RFC 6052, RFC 8215), and
#: IPv4-compatible addresses.
_TRANSLATED = tuple(map(ipaddress.IPv6Network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_host(host: str) -> bool:
    """Whether a text is a host's name, of labels of at most 63 letters, or an address."""
    name = _plain(host)
    return _address(name) is not None or (
        bool(_HOST.fullmatch(name))
        and len(name) <= 253
        and all(len(label) <= 63 for label in name.split("."))
    )


def may_load(host: str, allowed: Iterable[str]) -> bool:
    """Whether load may go to a host: loopback, or one that a pattern allows."""
    name = _plain(host)
    if not is_host(name) or is_metadata_host(name):
        return False
    return is_loopback(name) or any(_matches(name, pattern.lower()) for pattern in allowed)


def is_metadata_host(host: str) -> bool:
    """Whether a host is a cloud's metadata service by its name or address, to which no load goes whatever is allowed."""
    name = _plain(host)
    return name in _METADATA_NAMES or _is_metadata(_address(name))


def may_connect(host: str, address: str) -> bool:
    """Whether an address that a host's name led to may be connected to: a name for this machine must lead to it."""
    parsed = _address(address.partition("%")[0])
    if parsed is None or _is_metadata(parsed):
        return False
    return parsed.is_loopback or not is_loopback(host)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by its name or literal address alone; nothing is looked up."""
    name = _plain(host)
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _address(name)
    return address is not None and address.is_loopback


def host_asked_for(header: str) -> str:
    """The host of a Host header, without its port; empty where it does not say."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def covers(pattern: str, narrower: str) -> bool:
    """Whether every host that `narrower` allows is one that `pattern` allows; no where it is not plain to see."""
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
    """Whether an address, or the IPv4 one that it is translated to, is a metadata service's."""
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
    """An address, an IPv4 one where it is written as IPv6."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
