"""Read the runs of a folder through an index file in it, which is rewritten if it is missing, stale or damaged.

For each run directory, the index holds what the history needs from analysis.json and profile.yaml,
and these files' sizes and modification times: a file that has changed is read again. A profile's
text is parsed only once, since many nights have the same. If the index is lost, only the time to
read everything again is lost. The changes found are kept in a separate file (`remembered.py`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from soak.errors import RecordingError, SoakError, UsageError
from soak.history.night import FORMAT_VERSION, Night, Profiled, read_night
from soak.recording import is_run_directory, is_under_way, write_whole

INDEX = ".soak-history.json"
#: Version of the index; an index of another version is rewritten.
INDEX_VERSION = 2
_ANALYSIS, _PROFILE = "analysis.json", "profile.yaml"
_NO_PROFILE = "no profile: "
_MONTH = 30 * 86400.0
#: Keys of analysis.json that the index keeps.
_KEPT = ("format_version", "verdict", "reason", "run", "broken", "vouched_seconds", "endpoints")


@dataclass(frozen=True)
class Folder:
    """The runs of a folder that could be read, and a sentence for each run that could not."""

    path: Path
    nights: tuple[Night, ...]
    problems: tuple[str, ...]


def read_folder(path: Path) -> Folder:
    """Read all runs directly in a folder; raise UsageError if there is no such folder or it is itself a run."""
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
    profiles = {
        entry["profile"]: entry["profiled"]
        for entry in known.values()
        if not entry["profiled"]["pooling_key"].startswith(_NO_PROFILE)
    }
    kept: dict[str, dict[str, Any]] = {}
    nights, problems = [], []
    for run in runs:
        try:
            entry = _entry(run, known.get(run.name), profiles)
            nights.append(read_night(run.name, entry["analysis"], Profiled(**entry["profiled"])))
            kept[run.name] = entry
        except (ValueError, TypeError, RecordingError) as error:
            problems.append(f"{run}: left out: {error}")
    if kept != known:
        with suppress(RecordingError):  # a folder that cannot be written can still be read
            write_whole(path / INDEX, json.dumps({"index_version": INDEX_VERSION, "runs": kept}))
    return Folder(path, tuple(nights), tuple(problems))


def _load(path: Path) -> dict[str, dict[str, Any]]:
    """Return the index's entries by directory; empty if the index cannot be used."""
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
    return isinstance(entry, dict) and entry.keys() == {
        "stamp",
        "analysis",
        "profile",
        "profiled",
    }


def _entry(
    run: Path, known: Mapping[str, Any] | None, profiles: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Return a run's entry, from the index if neither file has changed; `profiles` caches parsed profiles by text digest."""
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
    findings = [finding for finding in analysis.get("findings", ()) if not _is_needless(finding)]
    reduced = {key: analysis.get(key) for key in _KEPT} | {"findings": findings}
    text = _profile_text(run)
    profile = hashlib.sha256(text.encode()).hexdigest()[:16]
    if profile not in profiles and (profiled := _profiled(text)) is not None:
        profiles[profile] = asdict(profiled)
    unknown = Profiled(f"{_NO_PROFILE}{run.name}", _MONTH, None, 0.0)
    of_run = profiles.get(profile) or asdict(unknown)
    return {"stamp": stamp, "analysis": reduced, "profile": profile, "profiled": of_run}


def _is_needless(finding: object) -> bool:
    """Return True if a finding is a pass that the history does not use; a damaged one is kept and refused when it is read."""
    return (
        isinstance(finding, dict)
        and finding.get("rule", "growth") != "growth"
        and finding.get("verdict") == "pass"
    )


def _stamp(path: Path) -> list[int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return [status.st_mtime_ns, status.st_size]


def _profile_text(run: Path) -> str:
    """Return the text of a run's profile; empty, which is not a valid profile, if it cannot be read."""
    try:
        return (run / _PROFILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _profiled(text: str) -> Profiled | None:
    """Return what the history needs from a profile; None if it cannot be parsed, so that its run is never pooled."""
    from soak.analysis.pooling import pooling_key  # noqa: PLC0415 - most nights' profile is known
    from soak.profile import parse_profile  # noqa: PLC0415

    try:
        profile, _ = parse_profile(text, _PROFILE, lenient=True)
    except SoakError:
        return None
    left_out = max(profile.load.ramp, profile.load.warmup) + profile.drain
    return Profiled(
        pooling_key(profile), profile.limits.survive.for_, profile.limits.vouch, left_out
    )
