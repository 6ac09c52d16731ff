"""Report an unexpected exception: one sentence for the user, the traceback in a file for a bug report."""

from __future__ import annotations

import os
import platform
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

from soak import __version__


def crash_message(error: BaseException) -> str:
    """Write the traceback to a private file, and return a message with its path and what to report."""
    kind, location = type(error).__name__, _location(error)
    text = "".join(traceback.format_exception(error))
    path = _keep(
        f"soak {__version__}, Python {platform.python_version()}, {platform.system()} {platform.release()}\n\n{text}"
    )
    kept = f"the traceback is in {path}" if path else "the traceback could not be written:\n" + text
    return f"internal error: {kind} in {location}; no verdict was based on it. Please report it with the command line; {kept}"


def _location(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "an unknown place"
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"


def _keep(text: str) -> str | None:
    """Write the text to a new file that only its owner can read; return its path, None if it cannot be written."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    try:
        number, path = tempfile.mkstemp(prefix=f"soak-crash-{stamp}-", suffix=".txt")
        with os.fdopen(number, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError:
        return None
    return path
