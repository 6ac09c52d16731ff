"""The first sentences of a report: the suspect, when it runs out, and what shows it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from soak.diagnosis.attribution.attribution import EVERY
from soak.diagnosis.suspects import headline as headline_module
from soak.diagnosis.suspects.headline import headline
from soak.model import (
    Analysis,
    EndpointSummary,
    Finding,
    Place,
    RuleName,
    RunInfo,
    Suspect,
    Verdict,
)
from tests.reporters.analyses import failing

HEAP = (
    "The live heap keeps growing: 332 MiB/h (319 to 346); "
    "it runs out of memory in 3 days (2.9 to 3.1 days). 2 more rules fail."
)


def test_one_reason_says_once_when_memory_runs_out() -> None:
    analysis = failing()
    suspect = replace(analysis.suspects[0], unit="bytes", endpoint="GET /a", per_request=1024.0)
    grows = next(finding for finding in analysis.findings if finding.verdict is Verdict.FAIL)
    resident = replace(grows, unit="bytes/h", exhausts_in_hours=52.8)
    told = headline(suspect, replace(analysis, findings=(resident,), reason=HEAP))
    assert "memory runs out in 2.2 days. The live heap keeps growing" in told
    assert told.endswith(": 332 MiB/h (319 to 346). 2 more rules fail.")
    lasting = replace(resident, exhausts_in_hours=None)
    told = headline(suspect, replace(analysis, findings=(lasting,), reason=HEAP))
    assert told.endswith(f". {HEAP}")


def test_a_function_without_a_name_is_told_by_its_line() -> None:
    analysis = failing()
    place = Place("(anonymous)", "server.js", 19)
    suspect = replace(analysis.suspects[0], place=place)
    assert " per request at server.js:19: " in headline(suspect, analysis)


def suspect(**changes: Any) -> Suspect:
    """A suspect that leaks 1 KiB per request to one endpoint, but for these changes."""
    known = Suspect(
        "unbounded-cache", 0.9, Place("main.f", "main.go", 7), "GET /a", 1024.0, 1.0, 2.0, "bytes", (), "", ""
    )  # fmt: skip
    return replace(known, **changes)


def finding(hours: float | None, unit: str = "bytes/h", verdict: Verdict = Verdict.FAIL) -> Finding:
    return Finding(RuleName.GROWTH, "x", verdict, "", unit=unit, exhausts_in_hours=hours)


def analysis(*findings: Finding, rates: tuple[float, ...] = (), reason: str = "It grows.") -> Any:
    endpoints = tuple(
        EndpointSummary(f"GET /{rate}", 9, 0, rate, None, None, None, None, None) for rate in rates
    )
    return Analysis(RunInfo("made"), Verdict.FAIL, reason, findings, endpoints=endpoints)


def test_the_sentence_says_who_leaks_what_where_and_until_when() -> None:
    told = headline(suspect(), analysis(finding(48.0), rates=(20.0, 40.0)))
    assert told == (
        "GET /a leaks 1 KiB per request in main.f (main.go:7): an unbounded cache; "
        "at 60 requests/s memory runs out in 2 days. It grows."
    )
    counted = suspect(
        leak_class="goroutine-leak", unit="goroutines", per_request=1.0, place=Place(), endpoint=""
    )
    assert headline(counted, analysis(finding(3.0, "goroutines/h"))) == (
        "The target leaks 1 goroutine per request of any kind: goroutines that wait for ever; "
        "goroutines run out in 3 h. It grows."
    )


def test_a_name_of_an_endpoint_is_told_as_it_is_spelled() -> None:
    named = suspect(endpoint="create order", place=Place())
    assert headline(named, analysis(finding(None))).startswith(
        "create order leaks 1 KiB per request"
    )


def test_blocks_are_pythons_objects() -> None:
    blocks = suspect(leak_class="unknown", unit="blocks", per_request=26.7, place=Place())
    assert headline(blocks, analysis(finding(None, "blocks/h"))) == (
        "GET /a leaks 26.7 blocks per request: Python's objects, of a kind that is not known. It grows."
    )


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (Place(), ""),
        (Place("main.f"), " in main.f"),
        (Place("main.f", "main.go"), " in main.f (main.go)"),
        (Place("main.f", "main.go", 1), " in main.f (main.go:1)"),
        (Place("(anonymous)", "a.js", 9), " at a.js:9"),
        (Place("(anonymous)", "a.js"), " at a.js"),
        (Place("app.py", "app.py", 9), " at app.py:9"),
        (Place("(anonymous)"), " in (anonymous)"),
        (Place("org.shop.App.keep", line=17), " in org.shop.App.keep (line 17)"),
        (Place(unknown="too few"), ""),
    ],
)
def test_a_place_is_told_as_far_as_it_is_known(place: Place, words: str) -> None:
    assert headline_module._placed(place) == words


def test_a_place_of_which_only_the_line_is_known_is_told_once() -> None:
    assert str(Place("app.py", "app.py", 9)) == "app.py:9"
    assert str(Place("main.f", "app.py", 9)) == "main.f app.py:9"
    assert str(Place("main.f", "app.py")) == "main.f app.py"
    assert str(Place("org.shop.App.keep", line=17)) == "org.shop.App.keep line 17"
    assert str(Place("org.shop.App.keep")) == "org.shop.App.keep"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "GET /a leaks 1 KiB per request"),
        ({"endpoint": EVERY}, "Every endpoint leaks 1 KiB per request"),
        ({"endpoint": ""}, "The target leaks 1 KiB per request of any kind"),
        ({"per_request": 0.0}, "GET /a leaks"),
        ({"per_request": -1.0}, "GET /a leaks"),
        ({"per_request": 0.5}, "GET /a leaks 0.5 B per request"),
        ({"unit": "requests", "per_request": 0.25}, "GET /a keeps 25% of its requests"),
        ({"unit": "requests", "per_request": 1.5}, "GET /a keeps 100% of its requests"),
        (
            {
                "unit": "requests",
                "per_request": 1.0,
                "endpoints": ("a", "b"),
                "endpoint": "a and b",
            },
            "a and b keep 100% of their requests",
        ),
        ({"endpoints": ("a", "b"), "endpoint": "a and b"}, "a and b leak 1 KiB per request"),
        ({"endpoints": ("a", "b"), "per_request": 0.0}, "GET /a leak"),
    ],
)
def test_who_leaks_how_much_is_told_in_its_unit(changes: dict[str, Any], words: str) -> None:
    assert headline_module._leaks(suspect(**changes)) == words


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (1.0, "goroutines", "1 goroutine"),
        (1.004, "goroutines", "1 goroutine"),
        (2.0, "goroutines", "2 goroutines"),
        (0.5, "goroutines", "0.5 goroutines"),
        (1024.0, "bytes", "1 KiB"),
        (7.0, "", "7"),
    ],
)
def test_an_amount_is_in_words(value: float, unit: str, words: str) -> None:
    assert headline_module.amount(value, unit) == words


@pytest.mark.parametrize(
    ("findings", "words"),
    [
        ((finding(5.0), finding(3.0), finding(9.0)), "; memory runs out in 3 h"),
        ((finding(3.0, verdict=Verdict.PASS),), ""),
        ((finding(3.0, "goroutines/h"),), ""),
        ((finding(None),), ""),
        ((finding(float("inf")), finding(9.0)), "; memory runs out in 9 h"),
        ((finding(0.0), finding(9.0)), "; memory runs out in 9 h"),
        ((finding(3.0, "bytes"),), "; memory runs out in 3 h"),
        ((finding(9.949),), "; memory runs out in 9.9 h"),
        ((finding(9.951),), "; memory runs out in 10 h"),
        ((), ""),
    ],
)
def test_the_soonest_end_of_the_resource_that_leaks_is_told(
    findings: tuple[Finding, ...], words: str
) -> None:
    assert headline_module._lasts(suspect(), analysis(*findings)) == words


def test_when_a_resource_runs_out_is_removed_from_the_reason_once() -> None:
    twice = "A grows; it runs out of memory in 3 days. B grows; it runs out of memory in 4 days."
    told = headline(suspect(), analysis(finding(5.0), reason=twice))
    assert told.endswith("in 5 h. A grows. B grows; it runs out of memory in 4 days.")
    assert headline(suspect(), analysis(reason=twice)).endswith(twice)
