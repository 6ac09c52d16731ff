"""The description of a run in run.json from its start: its name, start, command, host and target."""

from __future__ import annotations

import os
import platform
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from soak import __version__
from soak.errors import RecordingError, without_user_info
from soak.model import Aborted, label_pairs
from soak.profile import Profile
from soak.profile.checking import directory_of
from soak.profile.parsing import command_without_secrets
from soak.profile.summary import load_summary, target_address
from soak.profile.yamltext import LEFT_OUT, SECRET_NAMES

#: A literal value of a key that names a secret; not a `${VAR}`, a template or a JSONPath.
_LITERAL_SECRET = re.compile(
    rf"""((?:{SECRET_NAMES})[\w-]*["']?[ \t]*:[ \t]*)"""
    r"""(?!\$|["']?\$\.|\{|\||>)(?:"(?:(?!\$\{|\{\{)[^"\n])*"|'(?:(?!\$\{|\{\{)[^'\n])*'|(?![\s"'\[#])(?:(?!\$\{|\{\{)[^\n,}\]#])+(?=[\n,}\]#]|$))""",
    re.IGNORECASE,
)
#: Environment variables with the commit under test: soak's own first, then those of CI services.
COMMIT_VARIABLES = (
    "SOAK_COMMIT",
    "GITHUB_SHA",
    "CI_COMMIT_SHA",
    "BUILDKITE_COMMIT",
    "CIRCLE_SHA1",
    "GIT_COMMIT",
)


def description(
    profile: Profile,
    command: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    known_growth: Mapping[str, float] | None = None,
) -> dict[str, Any]:
    """Return the first entries of run.json, without secrets from the command line or the target's URL."""
    directory = Path(directory_of(profile.document.file)).resolve()
    return {
        "name": profile.name,
        "started": utc_now(),
        "command": command_without_secrets(command),
        "target": target_address(profile),
        "load": load_summary(profile),
        "profile_directory": str(directory),
        **commits(environment, directory, starts=profile.target.start is not None),
        "versions": {
            "soak": __version__,
            "python": platform.python_version(),
            "locust": version("locust"),
        },
        "known_growth": dict(known_growth or {}),
        "host": {"name": platform.node(), "system": platform.platform(), "cpus": os.cpu_count()},
    }


def commits(environment: Mapping[str, str], directory: Path, *, starts: bool) -> dict[str, str]:
    """Return `commit`, the target's: from the environment, or from the directory in which soak starts it; else empty.

    A target that runs elsewhere is unrelated to soak's working directory, whose commit is then returned as
    `own_commit`.
    """
    told = next(
        (
            environment[name].strip()
            for name in COMMIT_VARIABLES
            if environment.get(name, "").strip()
        ),
        "",
    )
    if told or starts:
        return {"commit": told or _checked_out(directory), "own_commit": ""}
    return {"commit": "", "own_commit": _checked_out(Path())}


def _checked_out(directory: Path) -> str:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],
            capture_output=True,
            text=True,
            cwd=directory,
            timeout=2,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def without_literal_secrets(profile: str) -> str:
    """Return a profile's text for a report, without literal values of names such as `password`."""
    return without_user_info(_LITERAL_SECRET.sub(rf"\1{LEFT_OUT}", profile))


def facts(run: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return facts about a run from run.json, as (name, text) pairs for a report; missing facts are left out."""
    versions, host = _mapping(run.get("versions")), _mapping(run.get("host"))
    known = ", ".join(f"{name} {number}" for name, number in versions.items())
    machine = ", ".join(str(host[key]) for key in ("name", "system") if host.get(key))
    words = run.get("command")
    command = shlex.join(map(str, words)) if isinstance(words, list) else ""
    pairs = [(name, str(run.get(name) or "")) for name in ("target", "load", "commit")]
    pairs += [("commit of soak's working directory", str(run.get("own_commit") or ""))]
    pairs += [("written in", str(run.get("language") or ""))]
    pairs += [("versions", known), ("load generator's host", machine), ("command", command)]
    return tuple((name, text) for name, text in pairs if text)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def utc_now() -> str:
    """Return the current UTC time in ISO 8601."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def aborted_entry(aborted: Aborted | None) -> dict[str, Any] | None:
    """Return the entry of run.json for the abort rule that ended the run; None if none did."""
    return None if aborted is None else {**asdict(aborted), "labels": dict(aborted.labels)}


def read_aborted(run: Mapping[str, Any], file: str) -> Aborted | None:
    """Parse the entry of `aborted_entry`; raise RecordingError if it is damaged."""
    entry = run.get("aborted")
    if entry is None:
        return None
    try:
        rule, series, unit, text = (str(entry[key]) for key in ("rule", "series", "unit", "text"))
        time, observed, limit = (float(entry[key]) for key in ("time", "observed", "limit"))
        labels = label_pairs({str(key): str(value) for key, value in entry["labels"].items()})
        return Aborted(
            time, rule, series, labels, observed, limit, unit, entry["of_target"] is True, text
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RecordingError(f"{file}: damaged: aborted: {type(error).__name__}: {error}") from None
