"""TLS options in the plan."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """How servers are verified, and the client's certificate; the files are paths of PEM files."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    insecure: bool = False


#: Verification by the system's certificate authorities.
VERIFIED = TlsOptions()
