"""Which files of a folder are reports of soak's: any other file of such a name is never overwritten."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

#: What each report has within its first bytes, and hardly any other file of its name.
_MARKS = {
    "report.html": rb"<html[^>]* class=\"(pass|fail|inconclusive|broken)",
    "junit.xml": rb"<property name=\"verdict\"",
    "analysis.json": rb"\A\{\s*\"format_version\"",
    "summary.md": rb"\A## \S+ (PASS|FAIL|INCONCLUSIVE|BROKEN|INTERRUPTED)",
    "suspects.sarif": rb"\"name\": \"soak\"",
}
_FIRST = 4096


def somebody_elses(directory: Path, names: Iterable[str]) -> list[str]:
    """Those of these names that a folder holds as files of another program's or a person's."""
    return [name for name in names if _is_foreign(directory / name, _MARKS.get(name))]


def _is_foreign(path: Path, mark: bytes | None) -> bool:
    if mark is None or not path.exists():  # another package's report has no mark
        return False
    try:
        with path.open("rb") as file:
            return re.search(mark, file.read(_FIRST)) is None
    except OSError:
        return True
