"""The runs of a folder, through an index file beside them that is written anew wherever it is missing, stale or damaged.

The index holds, for each run directory, what the history needs of its analysis.json and
profile.yaml, and these files' sizes
and times: a file that has changed is read again. Nothing is lost with the index but the time to
    read them all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from soak.analysis.pooling import pooling_key
from soak.errors import RecordingError, SoakError, UsageError
from soak.history.night import FORMAT_VERSION, Night, Profiled, read_night
from soak.profile import parse_profile
from soak.recording import is_run_directory, is_under_way, write_whole

INDEX = ".soak-history.json"
#: The index's own version: another one is written anew.
INDEX_VERSION = 1
_ANALYSIS, _PROFILE = "analysis.json", "profile.yaml"
_MONTH = 30 * 86400.0
#: What is kept of analysis.json.
_KEPT = ("format_version", "verdict", "reason", "run", "broken", "vouched_seconds", "endpoints")


@dataclass(frozen=True)
class Folder:
    """The runs of a folder that could be read, and a sentence for each that could not."""

    path: Path
    nights: tuple[Night, ...]
    problems: tuple[str, ...]


def read_folder(path: Path) -> Folder:
    """All runs right below a folder; UsageError where there is no folder, or it is a run itself."""
    if not path.is_dir():
        raise UsageError(f"{path}: no such folder")
    if is_run_directory(path):
        raise UsageError(
            f"{path}: one run; give the folder that holds the runs, such as {path.parent}"
        )
    try:
        runs = sorted(
            entry for entry in path.iterdir() if entry.is_dir() and is_run_directory(entry)
        )
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    known = _load(path)
    kept: dict[str, dict[str, Any]] = {}
    nights, problems = [], []
    for run in runs:
        try:
            entry = _entry(run, known.get(run.name))
            nights.append(read_night(run.name, entry["analysis"], Profiled(**entry["profiled"])))
            kept[run.name] = entry
        except (ValueError, TypeError, RecordingError) as error:
            problems.append(f"{run}: left out: {error}")
    if kept != known:
        with suppress(RecordingError):  # a folder that cannot be written is read all the same
            write_whole(path / INDEX, json.dumps({"index_version": INDEX_VERSION, "runs": kept}))
    return Folder(path, tuple(nights), tuple(problems))


def _load(path: Path) -> dict[str, dict[str, Any]]:
    """The index's entries by directory; none where it cannot be used."""
    try:
        index = json.loads((path / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    runs = (
        index.get("runs")
        if isinstance(index, dict) and index.get("index_version") == INDEX_VERSION
        else None
    )
    return (
        {name: entry for name, entry in runs.items() if _whole(entry)}
        if isinstance(runs, dict)
        else {}
    )


def _whole(entry: object) -> bool:
    return isinstance(entry, dict) and entry.keys() == {"stamp", "analysis", "profiled"}


def _entry(run: Path, known: Mapping[str, Any] | None) -> dict[str, Any]:
    """A run's entry, from the index where neither file has changed since."""
    stamp = [_stamp(run / _ANALYSIS), _stamp(run / _PROFILE)]
    if known is not None and known["stamp"] == stamp:
        return dict(known)
    if stamp[0] is None:
        if is_under_way(run):
            raise ValueError("under way; it has no analysis yet")
        raise ValueError(f"it has no {_ANALYSIS}; soak report {run} writes one")
    try:
        analysis = json.loads((run / _ANALYSIS).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        raise ValueError(
            f"{_ANALYSIS} is not valid JSON; soak report {run} writes it anew"
        ) from None
    if not isinstance(analysis, dict):
        raise TypeError(f"{_ANALYSIS} is no object; soak report {run} writes it anew")
    if analysis.get("format_version") != FORMAT_VERSION:
        raise ValueError(
            f"format_version {analysis.get('format_version')}, and this soak reads {FORMAT_VERSION}"
        )
    findings = [
        finding
        for finding in analysis.get("findings", ())
        if finding["rule"] == "growth" or finding["verdict"] != "pass"
    ]
    reduced = {key: analysis.get(key) for key in _KEPT} | {"findings": findings}
    return {"stamp": stamp, "analysis": reduced, "profiled": asdict(_profiled(run))}


def _stamp(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_size]


def _profiled(run: Path) -> Profiled:
    """What the run's profile says; a run without a readable one is pooled with no other."""
    try:
        return _of_text((run / _PROFILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, SoakError):
        return Profiled(f"no profile: {run.name}", _MONTH, None, 0.0)


@cache
def _of_text(text: str) -> Profiled:
    """What a profile says; many nights have the same text, which is parsed once."""
    profile, _ = parse_profile(text, _PROFILE, lenient=True)
    left_out = max(profile.load.ramp, profile.load.warmup) + profile.drain
    return Profiled(
        pooling_key(profile), profile.limits.survive.for_, profile.limits.vouch, left_out
    )
