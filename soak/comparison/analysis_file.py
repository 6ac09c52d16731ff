"""Use an analysis.json as one side of a comparison: it has endpoints and growth, but no recording to measure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from soak.analysis.thresholds import RESOLVED_AT
from soak.compared import MeasuredRun, Measurement
from soak.comparison.measuring import load_of
from soak.comparison.metrics.latency import FEWEST_BEYOND
from soak.comparison.metrics.verdicts import HORIZON, growth_that_matters
from soak.errors import InputError
from soak.model import INTERVAL_ERRORS, Place, Suspect, label_pairs, series_key

FORMAT_VERSION = 1
#: Assumed standard error of a latency, on a logarithmic scale, if only the value is known.
UNKNOWN_ERROR = 0.1
_PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}


def from_analysis(text: str, source: str) -> MeasuredRun:
    """Return the run of an analysis.json; raise InputError if it cannot be used."""
    try:
        tree = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{source}: not valid JSON") from None
    if not isinstance(tree, dict) or "findings" not in tree or "run" not in tree:
        raise InputError(f"{source}: neither an analysis.json nor a baseline")
    if tree.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{source}: format_version {tree.get('format_version')}, and this soak reads {FORMAT_VERSION}; "
            "`soak report` writes the run's analysis.json anew"
        )
    try:
        measurements = tuple(_measurements(tree))
        run = tree["run"]
        facts = run.get("facts") or {}
        return MeasuredRun(
            str(run["name"]),
            source,
            str(run.get("started") or ""),
            float(run.get("seconds") or 0.0),
            str(facts.get("target", "")),
            load_of(str(facts.get("load", ""))),
            measurements,
            (
                f"{source}: an analysis without its recording, so its errors are assumed, and resources are not compared",
            ),
            suspects=tuple(_suspect(fields) for fields in tree["suspects"])
            if "suspects" in tree
            else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{source}: damaged: {type(error).__name__}: {error}") from None


def _suspect(fields: dict[str, Any]) -> Suspect:
    place = Place(
        str(fields.get("function") or ""),
        str(fields.get("file") or ""),
        int(fields.get("line") or 0),
    )
    leak_class, confidence, endpoint = (
        str(fields["class"]),
        float(fields["confidence"]),
        str(fields["endpoint"]),
    )
    per_request, low, high = (
        float(fields.get(name) or 0.0) for name in ("per_request", "low", "high")
    )
    unit, remedy = str(fields.get("unit") or ""), str(fields.get("remedy") or "")
    return Suspect(
        leak_class, confidence, place, endpoint, per_request, low, high, unit, (), "", remedy
    )


def _measurements(tree: dict[str, Any]) -> Iterator[Measurement]:
    for endpoint in tree.get("endpoints", []):
        name, requests, failures = (
            str(endpoint["name"]),
            int(endpoint["requests"]),
            int(endpoint["failures"]),
        )
        for metric, q in _PERCENTILES.items():
            value = endpoint.get(metric)
            if value is not None and value > 0 and (requests - failures) * (1 - q) >= FEWEST_BEYOND:
                yield Measurement(metric, name, float(value), 0.0, UNKNOWN_ERROR, "seconds")
        if requests:
            share = (failures + 1) / (requests + 2)
            error = math.sqrt(share * (1 - share) / requests)
            yield Measurement("errors", name, failures / requests, error, 0.0, "ratio")
        if requests > failures and endpoint.get("rate"):
            rate = float(endpoint["rate"]) * (requests - failures) / requests
            yield Measurement(
                "throughput", name, rate, 1 / math.sqrt(requests - failures), 0.0, "requests/s"
            )
    for finding in tree["findings"]:
        numbers = [finding.get(name) for name in ("slope_per_hour", "slope_low", "slope_high")]
        if (
            finding.get("rule") != "growth"
            or None in numbers
            or finding["series"].startswith("scrape_")
        ):
            continue
        slope, low, high = map(float, numbers)
        error = max(
            (high - low) / INTERVAL_ERRORS,
            float(finding.get("resolution_per_hour") or 0.0) / RESOLVED_AT,
        )
        key = series_key(finding["series"], label_pairs(finding.get("labels", {})))
        matters = growth_that_matters(
            finding["series"], label_pairs(finding.get("labels", {})), 0.0
        )
        yield Measurement("growth", key, slope, 0.0, error, str(finding["unit"]), matters)
    if tree.get("vouched_seconds"):
        yield Measurement("horizon", "", float(tree["vouched_seconds"]), HORIZON, 0.0, "seconds")
