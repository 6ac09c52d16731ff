"""Folders of runs, made without running them: what analysis.json and profile.yaml of a night hold."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from tests.profile_texts import GOOD

FIRST = datetime(2026, 1, 1, 22, tzinfo=UTC)
RSS = "process_resident_memory_bytes"
LEVEL = 200e6


def growth(level: float, slope: float = 0.0, series: str = RSS) -> dict[str, Any]:
    """A finding about growth, as analysis.json has it: an interval of 0.1% of the level an hour."""
    reach = 0.001 * level
    return {
        "rule": "growth",
        "series": series,
        "labels": {},
        "verdict": "pass",
        "reason": "It keeps steady.",
        "unit": "bytes/h",
        "slope_per_hour": slope,
        "slope_low": slope - reach,
        "slope_high": slope + reach,
        "resolution_per_hour": 2 * reach,
        "settled_after_seconds": 60,
        "level": level,
        "vouched_seconds": 3600 * 0.5 * level / (2 * reach),
    }


def night(number: int, level: float, *, p99: float = 0.02, **more: Any) -> dict[str, Any]:
    """analysis.json of one night, eight hours long."""
    started = (FIRST + timedelta(days=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    facts = {"commit": more.pop("commit", "c0ffee")}
    return {
        "format_version": 1,
        "verdict": "pass",
        "reason": "Vouches for 10 days.",
        "run": {
            "name": "nightly",
            "started": started,
            "seconds": 28800,
            "ended": "completed",
            "failure": None,
            "facts": facts,
        },
        "broken": None,
        "vouched_seconds": 864000,
        "findings": [growth(level)],
        "endpoints": [
            {
                "name": "GET /a",
                "requests": 1000,
                "failures": 0,
                "rate": 50.0,
                "p50": 0.01,
                "p99": p99,
            }
        ],
    } | more


def write(folder: Path, name: str, analysis: dict[str, Any] | None, profile: str = GOOD) -> Path:
    """One run directory."""
    run = folder / name
    run.mkdir(parents=True)
    (run / "run.json").write_text('{"format_version": 1}')
    (run / "profile.yaml").write_text(profile)
    if analysis is not None:
        (run / "analysis.json").write_text(json.dumps(analysis))
    return run


def nights(
    folder: Path, count: int, level: Callable[[int], float] = lambda _: LEVEL, **more: Any
) -> list[Path]:
    """So many nights, their levels with 1% noise, always the same."""
    noise = np.random.default_rng(1).standard_normal(count)
    return [
        write(
            folder,
            f"nightly-{number:03}",
            night(number, level(number) * (1 + 0.01 * noise[number]), **more),
        )
        for number in range(count)
    ]
