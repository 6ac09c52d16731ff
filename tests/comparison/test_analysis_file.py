"""An analysis.json as a side: what it tells, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from soak.comparison.analysis_file import FORMAT_VERSION, from_analysis
from soak.errors import InputError
from soak.reporters import REPORTERS
from tests.reporters.analyses import failing


def tree() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(REPORTERS["json"].render(failing()))
    return document


def test_it_tells_of_endpoints_growth_and_suspects() -> None:
    run = from_analysis(json.dumps(tree()), "analysis.json")
    assert {"p50", "p99", "errors", "throughput", "growth"} <= {
        measurement.metric for measurement in run.measurements
    }
    assert any("without its recording" in warning for warning in run.warnings)
    assert run.suspects is not None
    assert (run.suspects[0].leak_class, str(run.suspects[0].place)) == (
        "goroutine-leak",
        str(failing().suspects[0].place),
    )
    assert (
        from_analysis(
            json.dumps({key: value for key, value in tree().items() if key != "suspects"}), ""
        ).suspects
        is None
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format_version": FORMAT_VERSION + 1}, "format_version 2"),
        ({"format_version": None}, "format_version None"),
        ({"run": []}, "damaged"),
        ({"endpoints": [{"name": "GET /"}]}, "damaged"),
        ({"endpoints": 7}, "damaged"),
        ({"suspects": [{}]}, "damaged"),
        ({"findings": [7]}, "damaged"),
    ],
)
def test_what_is_wrong_is_named_with_the_file(change: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=f"bad.json: .*{said}"):
        from_analysis(json.dumps(tree() | change), "bad.json")


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]", "{}", "null"])
def test_what_is_no_analysis_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"bad\.json"):
        from_analysis(text, "bad.json")
