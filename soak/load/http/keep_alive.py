"""The idle time that a server allows for a connection, if its responses announce one."""

from __future__ import annotations

import re
from math import inf

#: A server that announces `Keep-Alive: timeout=N` may close an idle connection N seconds after its
#: response, and a request sent at that moment is lost. A connection is therefore used only for this
#: share of N (RFC 2068, 19.7.1.1).
KEEP_ALIVE_SHARE = 0.9
_KEEP_ALIVE = re.compile(rb"\nkeep-alive:[^\r\n]*?\btimeout *= *([0-9]{1,6})", re.IGNORECASE).search


def announced_keep_alive(head: bytes) -> float:
    """Return the idle seconds that a response's `Keep-Alive: timeout=N` allows, reduced; infinite without the header.

    0 is ignored: servers that wait for less than a second announce it.
    """
    match = _KEEP_ALIVE(head)
    return KEEP_ALIVE_SHARE * int(match[1]) if match and int(match[1]) else inf
