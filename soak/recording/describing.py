"""What run.json says of a run from its start: which, when, how it was called, and on what."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from soak import __version__
from soak.profile.parsing import without_secret


def description(name: str, command: Sequence[str]) -> dict[str, Any]:
    """The first entries of run.json; no secret of the command line is in it."""
    return {
        "name": name,
        "started": utc_now(),
        "command": [without_secret(word) for word in command],
        "versions": {"soak": __version__, "python": platform.python_version(), "locust": version("locust")},
        "host": {"system": platform.platform(), "cpus": os.cpu_count()},
    }


def utc_now() -> str:
    """Now, in UTC as ISO 8601 writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
