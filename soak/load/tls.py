"""TLS as a profile asks for it: which certificates to trust, and which to show."""

from __future__ import annotations

import ssl

from soak.load.plan import PlannedTls


def tls_context(tls: PlannedTls | None) -> ssl.SSLContext:
    """A context for connections to the target; OSError (of which ssl.SSLError is one) when a file is no certificate."""
    context = ssl.create_default_context(cafile=tls.ca if tls else None)
    if tls is not None and tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls is not None and tls.cert is not None:
        context.load_cert_chain(tls.cert, tls.key)
    return context
