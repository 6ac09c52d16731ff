"""Parse HTTP statuses written as 201, 2xx or 200-299, and format a set of them; this module does not need pydantic."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: The range of HTTP statuses (RFC 9110, section 15).
STATUSES = range(100, 600)
_STATUS_RANGE = re.compile(r"([1-5])xx|([1-5][0-9]{2})\s*-\s*([1-5][0-9]{2})", re.IGNORECASE)


def statuses_in(value: object) -> list[int] | None:
    """Return the statuses that 201, "201", "2xx" or "200-299" stands for; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.strip().isdigit():
        value = int(value)
    if isinstance(value, int):
        return [value] if value in STATUSES else None
    if not isinstance(value, str) or (match := _STATUS_RANGE.fullmatch(value.strip())) is None:
        return None
    if match[1]:
        return list(range(int(match[1]) * 100, int(match[1]) * 100 + 100))
    return list(range(int(match[2]), int(match[3]) + 1)) or None


def shown_statuses(statuses: Iterable[int]) -> str:
    """Format statuses: `201 or 204`, `200-299`."""
    runs: list[list[int]] = []
    for status in sorted(statuses):
        if runs and status == runs[-1][-1] + 1:
            runs[-1].append(status)
        else:
            runs.append([status])
    return " or ".join(
        f"{run[0]}-{run[-1]}" if len(run) > 2 else " or ".join(map(str, run)) for run in runs
    )
