"""Where a connection goes, how long it may take, and how TLS is done."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from soak.load.plan.tls_options import TlsOptions


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port; two URLs of one origin may share connections and cookies."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of an absolute URL; ValueError when it has none."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http URL: {url[:80]!r}")
        return cls(
            parts.scheme, parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
        )

    @property
    def secure(self) -> bool:
        """Whether it speaks TLS."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """What the Host header says: brackets around IPv6, no port where it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect with TLS, between two pieces of an answer (None: any), and for the whole exchange."""

    connect: float
    total: float
    read: float | None = None


@lru_cache(maxsize=16)
def context_of(options: TlsOptions) -> ssl.SSLContext:
    """The TLS context of some options, made once; OSError or ssl.SSLError when a file cannot be used."""
    context = ssl.create_default_context(cafile=options.ca)
    context.set_alpn_protocols(["http/1.1"])
    if options.insecure:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if options.certificate:
        context.load_cert_chain(options.certificate, options.key)
    return context
