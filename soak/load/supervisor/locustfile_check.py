"""Import a locustfile in a separate process, so that `soak check` can report whether it can be imported."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass

from soak.errors import ProfileError
from soak.load.plan.plan import Plan
from soak.load.plan.wire import inspection

#: Timeout of the import in seconds; a locustfile that takes longer would not start a load either.
PATIENCE = 60.0
#: Characters shown of the last line that a locustfile printed.
LONGEST = 200


@dataclass(frozen=True, slots=True)
class LocustfileSummary:
    """The names of the user classes that the plan drives, and of the load shape if there is one."""

    users: tuple[str, ...]
    shape: str | None


def check_locustfile(plan: Plan) -> LocustfileSummary | None:
    """Summarise the plan's locustfile; None without one. Raise ProfileError, with file and line, if it cannot be used."""
    if not plan.locustfiles:
        return None
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "soak.load"],
            input=inspection(plan.to_json()),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ProfileError(
            f"load.locustfile: {', '.join(plan.locustfiles)}: not imported within {PATIENCE:g} s"
        ) from None
    messages = [json.loads(text) for text in done.stdout.splitlines()]
    if not messages or messages[-1]["kind"] != "locustfile":
        printed = (done.stderr.strip().splitlines() or [""])[-1][:LONGEST]
        why = messages[-1]["reason"] if messages else "its process ended"
        place = "" if why.startswith("load.") else "load.locustfile: "
        raise ProfileError(f"{place}{why}{f'; it printed: {printed}' if printed else ''}")
    return LocustfileSummary(tuple(messages[-1]["users"]), messages[-1]["shape"])
