"""Read run directories for pruning, and delete them if they hold nothing but a run's own files."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from soak.errors import OTHER_SHAPE, RecordingError
from soak.history.pruning import StoredRun
from soak.model import Verdict
from soak.recording import is_run_directory, is_under_way, read_run

#: Names that soak itself puts into a run directory besides the reports: files and their rotated or
#: hidden companions.
_OWN = re.compile(
    r"\.?(run\.json|profile\.yaml|recording\.sqlite|(load|target)\.log|comparison\.|snapshots)(\b.*)?"
)


def stored_runs(folder: Path, reports: Collection[str]) -> list[StoredRun]:
    """Return all run directories directly in a folder; `reports` are the file names that reports may have."""
    directories = sorted(
        entry for entry in folder.iterdir() if entry.is_dir() and is_run_directory(entry)
    )
    return [_stored(run, reports) for run in directories]


def _stored(run: Path, reports: Collection[str]) -> StoredRun:
    files = [path for path in run.rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files)
    try:
        told = read_run(run)
        started = datetime.fromisoformat(told.get("started", "")).timestamp()
    except (RecordingError, ValueError) as error:
        return StoredRun(
            run.name,
            run.name,
            0.0,
            size,
            None,
            f"its run.json does not say when it began ({error})",
        )
    return StoredRun(
        run.name, told.get("name", run.name), started, size, _verdict(run), _obstacle(run, reports)
    )


def _verdict(run: Path) -> Verdict | None:
    try:
        return Verdict(json.loads((run / "analysis.json").read_text(encoding="utf-8"))["verdict"])
    except (OSError, *OTHER_SHAPE):
        return None


def _obstacle(run: Path, reports: Collection[str]) -> str:
    """Return why a run cannot be deleted at all; empty if it can."""
    if run.is_symlink():
        return "a link to a run elsewhere"
    if is_under_way(run):
        return "under way"
    foreign = foreign_entries(run, reports)
    return f"holds what soak did not write: {', '.join(foreign[:3])}" if foreign else ""


def foreign_entries(run: Path, reports: Collection[str]) -> list[str]:
    """Return the names in a run directory that soak did not put there."""
    return sorted(
        entry.name
        for entry in run.iterdir()
        if entry.is_symlink()
        or not (_OWN.fullmatch(entry.name) or (entry.name in reports and entry.is_file()))
    )


def delete(run: Path) -> None:
    """Delete a run directory; run.json goes last, so that after an interruption the rest is still recognized as a run."""
    for entry in sorted(run.iterdir(), key=lambda path: path.name == "run.json"):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    run.rmdir()
