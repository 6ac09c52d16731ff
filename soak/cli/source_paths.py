"""Where a source file lies in the repository that is worked in: code reviews show remarks by such paths."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from soak.model import Analysis, Place


def in_repository(analysis: Analysis, root: Path | None = None) -> Analysis:
    """Return the analysis with its suspects' files relative to the working directory (or `root`), where they are there."""
    base = root or Path.cwd()
    return replace(
        analysis,
        suspects=tuple(
            replace(suspect, place=replace(suspect.place, path=_end_of(suspect.place, base)))
            for suspect in analysis.suspects
        ),
    )


def _end_of(place: Place, root: Path) -> str:
    """Return the longest end of a place's path that is a file here; empty if none is.

    A runtime tells the path on the machine, or in the container, that built it.
    """
    parts = [part for part in place.path.split("/") if part not in ("", ".")]
    if ".." in parts:
        return ""
    ends = ("/".join(parts[start:]) for start in range(len(parts)))
    return next((end for end in ends if (root / end).is_file()), "")
