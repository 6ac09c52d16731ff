"""Count which of the service's lines open files, sockets and databases, from Python's audit events.

An unclosed descriptor keeps no stack, and opening it may allocate too little to show in traced windows. The
interpreter reports each opening to audit hooks (PEP 578).
"""

from __future__ import annotations

import sys
from typing import Dict, List, Tuple  # noqa: UP035

from .threads import own_calls

#: Audit events that open a descriptor, and the descriptor's type.
_EVENTS = {"open": "file", "sqlite3.connect": "file", "socket.connect": "socket"}
#: Most lines that are reported, those with the most openings.
_MOST = 40
Place = Tuple[str, str, int, str]  # noqa: UP006 - Python 3.8 knows no other
_counts: Dict[Place, int] = {}  # noqa: UP006
_state = {"listens": False, "counts": False}


def count_openings() -> None:
    """Start counting; an audit hook cannot be removed, so it is added only once."""
    _state["counts"] = True
    if not _state["listens"]:
        _state["listens"] = True
        sys.addaudithook(_opened)


def stop_counting() -> None:
    """Stop counting, and clear the counts."""
    _state["counts"] = False
    _counts.clear()


def openings() -> List[Tuple[Dict[str, str], int]]:  # noqa: UP006
    """Return labels (descriptor type, file, line, function) and number of openings per own line, most first."""
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
    except Exception:  # noqa: BLE001 - an exception here would make the service's call fail
        return
