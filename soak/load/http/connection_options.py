"""The origin of a connection, its timeouts, and its TLS context."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from soak.load.plan.tls_options import TlsOptions


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port. Two URLs of the same origin may share connections and cookies."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Return the origin of an absolute URL. Raise ValueError if it has none."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http URL: {url[:80]!r}")
        return cls(
            parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        )

    @property
    def secure(self) -> bool:
        """True if the origin uses TLS."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """The value of the Host header: brackets around IPv6, no port if it is the scheme's default."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Timeouts in seconds: to connect with TLS, for the whole exchange, and between two pieces (`read`, or None)."""

    connect: float
    total: float
    read: float | None = None


@lru_cache(maxsize=16)
def context_of(options: TlsOptions) -> ssl.SSLContext:
    """Return the cached TLS context of some options. Raise OSError or ssl.SSLError if a file cannot be used."""
    context = ssl.create_default_context(cafile=options.ca)
    context.set_alpn_protocols(["http/1.1"])
    if options.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if options.certificate:
        context.load_cert_chain(options.certificate, options.key)
    return context
