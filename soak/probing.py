"""One request of a plan, made once and with no load: what `soak check --probe` sends."""

from __future__ import annotations

import base64
import http.client
import time
from urllib.parse import urlsplit

from soak.load.addresses import TlsOptions, context_of
from soak.load.plan import Plan, PlannedRequest


def probe_request(plan: Plan, request: PlannedRequest) -> tuple[str, bool]:
    """What came of it in a few words, and whether it is a success by the endpoint's `expect`."""
    parts = urlsplit(plan.url)
    began = time.monotonic()
    connection = http.client.HTTPConnection(parts.netloc, timeout=plan.timeout)
    try:
        if parts.scheme == "https":
            context = context_of(TlsOptions(**plan.tls))
            connection = http.client.HTTPSConnection(parts.netloc, timeout=plan.timeout, context=context)
        connection.request(
            request.method, parts.path + request.path, base64.b64decode(request.body) or None, request.headers
        )
        answer = connection.getresponse()
        size = len(answer.read())
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__, False
    finally:
        connection.close()
    ok = answer.status in request.statuses if request.statuses else answer.status < 400
    wanted = f", expected {' or '.join(map(str, request.statuses))}" if request.statuses and not ok else ""
    return f"{answer.status}{wanted}, {size:,} bytes in {(time.monotonic() - began) * 1e3:.0f} ms", ok
