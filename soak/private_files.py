"""Create files that only their owner can read, because they hold a target's answers."""

from __future__ import annotations

import os


def private(path: str | os.PathLike[str], flags: int) -> int:
    """Open a file as an opener for `open`; if it is created, only its owner can read it."""
    return os.open(path, flags, 0o600)
