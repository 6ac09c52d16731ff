"""How long a server lets a connection be idle, where its responses say so."""

from __future__ import annotations

import re
from math import inf

#: A server that announces `Keep-Alive: timeout=N` may close an idle connection N seconds after its response; a request
#: that is on its way then is lost. So a connection is given up this share of N early (RFC 2068, 19.7.1.1).
KEEP_ALIVE_SHARE = 0.9
_KEEP_ALIVE = re.compile(rb"\nkeep-alive:[^\r\n]*?\btimeout *= *([0-9]{1,6})", re.IGNORECASE).search


def announced_keep_alive(head: bytes) -> float:
    """For how many seconds a response's `Keep-Alive: timeout=N` lets its connection be idle; infinite without one.

    0 is what servers announce that wait for less than a second: it says nothing.
    """
    match = _KEEP_ALIVE(head)
    return KEEP_ALIVE_SHARE * int(match[1]) if match and int(match[1]) else inf
