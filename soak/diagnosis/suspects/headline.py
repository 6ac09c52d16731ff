"""The report's first sentences: what leaks where, and when a resource runs out; then the reason for the verdict."""

from __future__ import annotations

import math
import re

from soak.catalog.row_types import Unit
from soak.diagnosis.attribution.allocation_sites import NAMELESS
from soak.diagnosis.attribution.attribution import EVERY
from soak.diagnosis.suspects.leak_classes import CLASSES, UNKNOWN
from soak.model import Analysis, Finding, Place, Suspect, Verdict
from soak.units import show_amount, show_duration, show_number, singular

#: The part of a reason that says when a resource runs out, at the end of the sentence about its
#: growth.
_RUNS_OUT = re.compile(r"; (?:it|the target) runs out of .*?(?=\.(?: |$))")


def headline(suspect: Suspect, analysis: Analysis) -> str:
    """Return the reason for the verdict, preceded by a sentence about the suspect.

    `POST /orders leaks 1.02 KiB per request in main.handleOrder (orders.go:88): an unbounded cache;
    … runs out in 11 h.` If the sentence says when a resource runs out (the first of several), that
    part is removed from the reason, so that the two cannot contradict each other.
    """
    noun = CLASSES[suspect.leak_class].noun.format(unit=suspect.unit)
    # Blocks are CPython's own objects, even where nothing else is known.
    if suspect.unit == Unit.BLOCKS and suspect.leak_class == UNKNOWN:
        noun = "Python's objects, of a kind that is not known"
    lasts = _lasts(suspect, analysis)
    reason = _RUNS_OUT.sub("", analysis.reason, count=1) if lasts else analysis.reason
    return f"{_leaks(suspect)}{_placed(suspect.place)}: {noun}{lasts}. {reason}"


def _placed(place: Place) -> str:
    """Return, for example, ` in main.handle (orders.go:88)`; empty if no place is known."""
    if not place.function:
        return ""
    if not place.file:
        return f" in {place.function}{f' (line {place.line})' if place.line else ''}"
    line = f":{place.line}" if place.line else ""
    if place.function in (NAMELESS, place.file):
        return f" at {place.file}{line}"
    return f" in {place.function} ({place.file}{line})"


def _leaks(suspect: Suspect) -> str:
    # An endpoint's name stays as its profile spells it, also where the sentence begins with it.
    who = "Every endpoint" if suspect.endpoint == EVERY else suspect.endpoint or "The target"
    leaks = f"{who} {'leak' if suspect.endpoints else 'leaks'}"
    if suspect.per_request <= 0:
        return leaks
    if suspect.unit == Unit.REQUESTS:
        share = show_amount(min(suspect.per_request, 1.0), Unit.RATIO)
        keeps = "keep" if suspect.endpoints else "keeps"
        return f"{who} {keeps} {share} of {'its' if keeps == 'keeps' else 'their'} requests"
    kind = " of any kind" if not suspect.endpoint else ""
    return f"{leaks} {amount(suspect.per_request, suspect.unit)} per request{kind}"


def amount(value: float, unit: str) -> str:
    """Return an amount in words, such as `1 goroutine`, `2 descriptors` or `1.02 KiB`."""
    if unit == "bytes" or not unit:
        return show_amount(value, unit)
    number = show_number(value)
    return f"{number} {singular(unit) if number == '1' else unit}"


def _lasts(suspect: Suspect, analysis: Analysis) -> str:
    """Say when the leaking resource runs out at the rate of this run; empty if no finding says so."""
    failing = [
        finding
        for finding in analysis.findings
        if finding.verdict is Verdict.FAIL and _alike(finding, suspect.unit)
    ]
    hours = [
        finding.exhausts_in_hours
        for finding in failing
        if finding.exhausts_in_hours and math.isfinite(finding.exhausts_in_hours)
    ]
    if not hours:
        return ""
    rate = sum(endpoint.rate for endpoint in analysis.endpoints)
    at = f"at {show_number(rate)} requests/s " if rate else ""
    noun = "memory" if suspect.unit == "bytes" else suspect.unit
    verb = "runs" if noun == "memory" else "run"
    return f"; {at}{noun} {verb} out in {show_duration(3600 * min(hours))}"


def _alike(finding: Finding, unit: str) -> bool:
    return finding.unit.removesuffix("/h") == unit
