"""Go's goroutines as text (`goroutine?debug=2`): the only form with the creator and the waiting time of each."""

from __future__ import annotations

import re
from dataclasses import dataclass

from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.pprof import is_go_own

#: `goroutine 18 [chan receive, 5 minutes]:`
_HEAD = re.compile(
    r"goroutine \d{1,12}(?: [^\[\n]{0,80})? \[([^\],\n]{1,60})(?:, (\d{1,9}) minutes)?[^\]\n]{0,60}\]:"
)
#: `created by main.handler in goroutine 7`, before Go 1.21 without the number; the next line has
#: file and line.
_CREATED = re.compile(r"created by ([^\s]{1,300})(?: in goroutine \d{1,12})?$")
_CALL = re.compile(r"([^\s(][^\n]{0,400}?)\((?:[^()\n]{0,2000})\)$")
_FILE = re.compile(r"\s+([^\n]{1,500}):(\d{1,9})(?: \+0x[0-9a-f]{1,16})?$")


@dataclass(frozen=True, slots=True)
class Created:
    """Goroutines of one stack (functions, innermost first): their creator, number, and longest wait in minutes."""

    functions: tuple[str, ...]
    creator: Frame
    count: int
    minutes: int


def read_go_stacks(data: bytes) -> list[Created]:
    """Return goroutines by stack and creator; those without a creator (main, and the runtime's own) are left out."""
    counts: dict[tuple[tuple[str, ...], Frame], tuple[int, int]] = {}
    for section in data.decode("utf-8", "replace").split("\n\n"):
        lines = section.strip("\n").splitlines()
        head = _HEAD.match(lines[0]) if lines else None
        if head is None:
            continue
        functions, creator = _calls(lines)
        if creator is not None:
            count, minutes = counts.get((functions, creator), (0, 0))
            counts[functions, creator] = (count + 1, max(minutes, int(head[2] or 0)))
    return [Created(functions, creator, *seen) for (functions, creator), seen in counts.items()]


def _calls(lines: list[str]) -> tuple[tuple[str, ...], Frame | None]:
    """Return the functions of a stack, and its creator, None if the text has none."""
    functions: list[str] = []
    for index, line in enumerate(lines):
        created = _CREATED.match(line)
        if created is not None:
            place = _FILE.match(lines[index + 1]) if index + 1 < len(lines) else None
            file, number = (place[1], int(place[2])) if place else ("", 0)
            return tuple(functions), Frame(created[1], file, number, is_go_own(created[1], file))
        call = _CALL.match(line)
        if call is not None:
            functions.append(call[1])
    return tuple(functions), None
