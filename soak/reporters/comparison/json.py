"""comparison.json: a comparison for programs, format_version 1; keys are added but never changed."""

from __future__ import annotations

import json
import math
from typing import Any

from soak.compared import Comparison, Difference, MeasuredRun
from soak.reporters.json import suspect_fields

FORMAT_VERSION = 1


def render(comparison: Comparison) -> str:
    """Render one JSON object, indented, in ASCII; a number that is not finite is null."""
    layout = {
        "format_version": FORMAT_VERSION,
        "verdict": comparison.verdict.value,
        "reason": comparison.reason,
        "paired": comparison.paired,
        "base": {"name": comparison.base, "runs": [_run(run) for run in comparison.base_runs]},
        "candidate": {
            "name": comparison.candidate,
            "runs": [_run(run) for run in comparison.candidate_runs],
        },
        "cannot_tell": comparison.untold,
        "differences": [_difference(difference) for difference in comparison.differences],
        "new_suspects": [suspect_fields(suspect) for suspect in comparison.new_suspects],
        "left_out": list(comparison.left_out),
        "warnings": list(comparison.warnings),
    }
    return json.dumps(layout, indent=2, allow_nan=False) + "\n"


def _run(run: MeasuredRun) -> dict[str, Any]:
    return {
        "profile": run.name,
        "source": run.source,
        "started": run.started,
        "seconds": _number(run.seconds),
        "target": run.target,
        "load": run.load,
    }


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "metric": difference.metric,
        "subject": difference.subject,
        "verdict": difference.verdict.value,
        "reason": difference.reason,
        "unit": difference.unit,
        "base": _number(difference.base),
        "candidate": _number(difference.candidate),
        "relative": difference.relative,
        "change": _number(difference.change),
        "low": _number(difference.low),
        "high": _number(difference.high),
        "tolerance": _number(difference.tolerance),
        "worse": "up" if difference.worse_is_up else "down",
        "not_worse": difference.not_worse,
        "required": difference.required,
        "catches": _number(difference.catches),
        "catches_with_three_runs": _number(difference.catches_three),
    }


def _number(value: float | None) -> float | None:
    """Round to six significant figures."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")
