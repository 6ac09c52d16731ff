"""The runs of a folder, through an index file beside them that is written anew wherever it is missing, stale or damaged.

The index holds, for each run directory, what the history needs of its analysis.json and
profile.yaml, and these files' sizes and times: a file that has changed is read again. It also holds
what each text of a profile says, for many nights have the same. Nothing is lost with the index but
the time to read all of it again. The changes that were found are in a file of their own
(`remembered.py`).
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
#: The index's own version: another one is written anew.
INDEX_VERSION = 2
_ANALYSIS, _PROFILE = "analysis.json", "profile.yaml"
_NO_PROFILE = "no profile: "
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
    return isinstance(entry, dict) and entry.keys() == {
        "stamp",
        "analysis",
        "profile",
        "profiled",
    }


def _entry(
    run: Path, known: Mapping[str, Any] | None, profiles: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """A run's entry, from the index where neither file has changed since; `profiles` are those known, by their texts' digests."""
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
    """Whether a finding is a pass of which no history tells; one that is damaged is kept, to be refused where it is read."""
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
    """The text of a run's profile; empty where it cannot be read, which is no profile either."""
    try:
        return (run / _PROFILE).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _profiled(text: str) -> Profiled | None:
    """What a profile says; None where it cannot be read: its run is pooled with no other."""
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
