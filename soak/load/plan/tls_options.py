"""How TLS is done, as the load's process is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """How servers are verified, and what they may verify: paths of PEM files."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    insecure: bool = False


#: The system's authorities.
VERIFIED = TlsOptions()
