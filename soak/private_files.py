"""Files that are their owner's alone: what a target answers is its own, and nobody else on this machine reads it."""

from __future__ import annotations

import os


def private(path: str | os.PathLike[str], flags: int) -> int:
    """An opener for `open`: a file that it creates can be read by its owner only."""
    return os.open(path, flags, 0o600)
