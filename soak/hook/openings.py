"""Who opens files, sockets and databases: counted by the service's own line that asks for it, from Python's audit events.

What is never closed leaves no stack behind, and what opening it allocates may be too little to be
seen in windows. The interpreter tells each opening to whoever listens (PEP 578).
"""

from __future__ import annotations

import sys
from typing import Dict, List, Tuple  # noqa: UP035

from .threads import own_calls

#: Audit events that open a descriptor, and of which type it is.
_EVENTS = {"open": "file", "sqlite3.connect": "file", "socket.connect": "socket"}
#: So many of the lines that opened most are told.
_MOST = 40
Place = Tuple[str, str, int, str]  # noqa: UP006 - Python 3.8 knows no other
_counts: Dict[Place, int] = {}  # noqa: UP006
_state = {"listens": False, "counts": False}


def count_openings() -> None:
    """Count from now on; a listener cannot be taken away again, so there is one for good."""
    _state["counts"] = True
    if not _state["listens"]:
        _state["listens"] = True
        sys.addaudithook(_opened)


def stop_counting() -> None:
    """Count no more, and forget."""
    _state["counts"] = False
    _counts.clear()


def openings() -> List[Tuple[Dict[str, str], int]]:  # noqa: UP006
    """Labels (type of descriptor, file, line, function) and how many each of the service's own lines opened, most first."""
    most = sorted(_counts.items(), key=lambda pair: -pair[1])[:_MOST]
    return [
        ({"type": kind, "file": file, "line": str(line), "function": function}, count)
        for (kind, file, line, function), count in most
    ]


def _opened(event: str, _: object) -> None:
    kind = _EVENTS.get(event)
    if kind is None or not _state["counts"]:
        return
    try:
        for file, line, function in own_calls(sys._getframe(1)):  # noqa: SLF001
            place = (kind, file, line, function)
            _counts[place] = _counts.get(place, 0) + 1
            return
    except Exception:  # noqa: BLE001 - what a listener raises would fail the service's opening
        return
