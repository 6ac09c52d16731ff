"""Recognise which files of a folder are soak's own reports: other files of the same name are never overwritten."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

#: A pattern in the first bytes of each report, which is unlikely in any other file of that name.
_MARKS = {
    "report.html": rb"<html[^>]* class=\"(pass|fail|inconclusive|broken)",
    "junit.xml": rb"<property name=\"verdict\"",
    "analysis.json": rb"\A\{\s*\"format_version\"",
    "summary.md": rb"\A## \S+ (PASS|FAIL|INCONCLUSIVE|BROKEN|INTERRUPTED)",
    "suspects.sarif": rb"\"name\": \"soak\"",
}
_FIRST = 4096


def somebody_elses(directory: Path, names: Iterable[str]) -> list[str]:
    """Return the names for which the folder has a file that soak did not write."""
    return [name for name in names if _is_foreign(directory / name, _MARKS.get(name))]


def _is_foreign(path: Path, mark: bytes | None) -> bool:
    if mark is None or not path.exists():  # another package's report has no mark
        return False
    try:
        with path.open("rb") as file:
            return re.search(mark, file.read(_FIRST)) is None
    except OSError:
        return True
