"""Runs `soak` as a user would: a process of its own, its exit code, its run directory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soak.errors import ExitCode

SOAK = [sys.executable, "-m", "soak"]


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str
    directory: Path

    @property
    def analysis(self) -> dict[str, Any]:
        document = json.loads((self.directory / "analysis.json").read_text())
        assert isinstance(document, dict)
        return document

    def failing(self) -> list[str]:
        return [
            finding["series"]
            for finding in self.analysis["findings"]
            if finding["verdict"] == "fail"
        ]

    def explain(self) -> str:
        return f"exit {self.code}\n{self.out}\n{self.err}"


def soak(
    *arguments: str | Path, directory: Path, timeout: float = 600, **environment: str
) -> Outcome:
    """Run a verb that takes `--out`."""
    command = [*SOAK, *map(str, arguments), "--out", str(directory)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, **environment},
    )
    return Outcome(done.returncode, done.stdout, done.stderr, directory)


def is_decided(outcome: Outcome) -> bool:
    """Whether a run could tell."""
    return outcome.code != ExitCode.INCONCLUSIVE


def until_decided(
    run: Callable[[Path], Outcome],
    directory: Path,
    told: Callable[[Outcome], bool] = is_decided,
) -> Outcome:
    """What a run into `directory` came to; made again, up to twice, until it has `told`, for machines stand still."""
    for attempt in range(3):
        outcome = run(directory / f"run-{attempt}")
        if told(outcome):
            break
    return outcome
