"""The report's first sentence: who leaks what, where, and how long that lasts."""

from __future__ import annotations

import math

from soak.diagnosis.attribution.attribution import EVERY
from soak.diagnosis.suspects.leak_classes import CLASSES
from soak.model import Analysis, Finding, Suspect, Verdict
from soak.units import show_amount, show_duration, show_number


def headline(suspect: Suspect, analysis: Analysis) -> str:
    """`POST /orders leaks 1.02 KiB a request in main.handleOrder (orders.go:88): an unbounded cache; … runs out in 11 h.`"""
    known = not suspect.where.startswith("unknown")
    function, _, file = suspect.where.partition(" ")
    place = f" in {function}{f' ({file})' if file else ''}" if known else ""
    return f"{_leaks(suspect)}{place}: {CLASSES[suspect.leak_class].noun}{_lasts(suspect, analysis)}."


def _leaks(suspect: Suspect) -> str:
    who = "Every endpoint" if suspect.endpoint == EVERY else suspect.endpoint or "The target"
    who = who[:1].upper() + who[1:]
    if suspect.per_request <= 0:
        return f"{who} leaks"
    kind = " of any kind" if not suspect.endpoint else ""
    return f"{who} leaks {amount(suspect.per_request, suspect.unit)} a request{kind}"


def amount(value: float, unit: str) -> str:
    """`1 goroutine`, `2 descriptors`, `1.02 KiB`; one in so many where it is less than one."""
    if unit == "bytes" or not unit:
        return show_amount(value, unit)
    number = show_number(value)
    return f"{number} {unit.removesuffix('s') if number == '1' else unit}"


def _lasts(suspect: Suspect, analysis: Analysis) -> str:
    """When what leaks runs out, at the rate of this run."""
    failing = [one for one in analysis.findings if one.verdict is Verdict.FAIL and _alike(one, suspect.unit)]
    hours = [one.exhausts_in_hours for one in failing if one.exhausts_in_hours and math.isfinite(one.exhausts_in_hours)]
    if not hours:
        return ""
    rate = sum(one.rate for one in analysis.endpoints)
    at = f"at {show_number(rate)} requests/s " if rate else ""
    noun = "memory" if suspect.unit == "bytes" else suspect.unit
    verb = "runs" if noun == "memory" else "run"
    return f"; {at}{noun} {verb} out in {show_duration(3600 * min(hours))}"


def _alike(finding: Finding, unit: str) -> bool:
    return finding.unit.removesuffix("/h") == unit
