"""What every format of a comparison owes its reader, walked over the table."""

from __future__ import annotations

import json
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from soak.compared import Change, Comparison, Difference, GateVerdict, MeasuredRun
from soak.model import Suspect
from soak.reporters.comparison import COMPARISON_REPORTERS, difference_rows, markdown, sarif

from . import sarif_schema
from .analyses import NASTY, SCRIPT, failing
from .junit_schema import breaches
from .test_every_reporter import words

RUN = MeasuredRun(
    "orders", "reports/one", "2026-11-28T00:00:00Z", 600.0, "http://127.0.0.1", "60 requests/s", ()
)


def difference(
    metric: str, subject: str, verdict: Change, change: float, *, relative: bool = True
) -> Difference:
    return Difference(
        metric=metric,
        subject=subject,
        unit="bytes" if metric == "memory" else "seconds",
        base=1e8,
        candidate=1e8 * (1 + change),
        base_runs=3,
        candidate_runs=3,
        relative=relative,
        change=change,
        low=change - 0.02,
        high=change + 0.02,
        tolerance=0.05,
        worse_is_up=True,
        verdict=verdict,
        reason=f"{metric} of {subject}: changed.",
        not_worse=verdict in (Change.SAME, Change.BETTER),
        required=False,
        catches=0.1,
        catches_three=0.08,
    )


SAME = difference("memory", "process_resident_memory_bytes", Change.SAME, 0.0)
WORSE = difference("p99", "GET /orders", Change.WORSE, 0.4)
OPEN = difference("p50", "GET /orders", Change.CANNOT_TELL, 0.06)


def comparison(*differences: Difference, suspects: tuple[Suspect, ...] = ()) -> Comparison:
    worse = any(difference.verdict is Change.WORSE for difference in differences)
    return Comparison(
        base="main",
        candidate="branch",
        base_runs=(RUN, RUN),
        candidate_runs=(RUN,),
        verdict=GateVerdict.WORSE if worse else GateVerdict.NOT_WORSE,
        reason="One sentence that says why.",
        differences=differences,
        left_out=("cpu of process_cpu_seconds_total: only main has it",),
        warnings=("the targets differ",),
        new_suspects=suspects,
    )


def hostile() -> Comparison:
    """A comparison in which all that a target, a path or a profile names means harm."""
    nasty = replace(WORSE, subject=NASTY, reason=NASTY)
    run = replace(RUN, name=NASTY, source=NASTY, load=NASTY, target=NASTY)
    suspect = replace(failing().suspects[0], endpoint=NASTY, leak_class=NASTY, remedy=NASTY)
    return replace(
        comparison(nasty, suspects=(suspect,)),
        base=NASTY,
        candidate=NASTY,
        base_runs=(run,),
        candidate_runs=(run,),
        reason=NASTY,
        left_out=(NASTY,),
        warnings=(NASTY,),
    )


@pytest.fixture(params=COMPARISON_REPORTERS, ids=str)
def name(request: pytest.FixtureRequest) -> str:
    """Each format in turn."""
    return str(request.param)


def seen(name: str, compared: Comparison) -> str:
    text = COMPARISON_REPORTERS[name].render(compared)
    assert text == COMPARISON_REPORTERS[name].render(compared)
    assert text.endswith("\n")
    return words(name, text)


def test_verdict_reason_metrics_and_warnings_reach_the_reader(name: str) -> None:
    compared = comparison(WORSE, OPEN, SAME)
    text = seen(name, compared)
    assert "worse" in text.lower()
    for sentence in (compared.reason, *compared.left_out, *compared.warnings):
        assert sentence in text
    for difference in compared.differences:
        assert difference.metric in text
        assert difference.subject in text


def test_the_first_line_says_how_much_cannot_be_told(name: str) -> None:
    text = seen(name, comparison(OPEN, SAME))
    assert "1 of 2 metrics cannot be told" in text or (
        name == "json" and '"cannot_tell": 1' in _raw(name, OPEN, SAME)
    )
    assert "cannot be told" not in seen(name, comparison(SAME))


def _raw(name: str, *differences: Difference) -> str:
    return COMPARISON_REPORTERS[name].render(comparison(*differences))


def test_a_new_suspect_reaches_the_reader(name: str) -> None:
    text = seen(name, comparison(SAME, suspects=failing().suspects[:1]))
    for part in ("goroutine-leak", "main.go:72", "GET /user"):
        assert part in text


def test_a_new_suspect_stands_on_its_line_and_is_an_error_only_where_something_is_worse() -> None:
    for differences, level in (((SAME,), "warning"), ((WORSE,), "error")):
        [run] = json.loads(sarif.render(comparison(*differences, suspects=failing().suspects[:1])))[
            "runs"
        ]
        [result] = run["results"]
        assert (result["level"], result["ruleId"]) == (level, "goroutine-leak")
        assert result["locations"][0]["physicalLocation"]["region"] == {"startLine": 72}
    assert json.loads(sarif.render(comparison(WORSE)))["runs"][0]["results"] == []


def test_hostile_names_are_inert(name: str) -> None:
    text = COMPARISON_REPORTERS[name].render(hostile())
    assert not any(ord(char) < 32 and char != "\n" for char in text)
    if name == "html":
        assert SCRIPT not in text
        assert "<img" not in text
        assert "<script" not in text  # no charts here, so not even soak's own
    elif name == "junit":
        assert breaches(ET.fromstring(text)) == []
    elif name == "sarif":
        assert sarif_schema.breaches(json.loads(text)) == []
    elif name == "json":
        json.loads(text)
    elif name == "markdown":
        assert "<script" not in text
        assert "<img" not in text


def test_markdown_fits_a_comment_however_much_there_is() -> None:
    long = "GET /" + "<|>" * 500
    many = [replace(WORSE, subject=f"{long}{index}", reason=long * 2) for index in range(400)]
    suspect = failing().suspects[0]
    suspects = tuple(replace(suspect, endpoint=f"{long}{index}") for index in range(60))
    compared = replace(
        comparison(*many, replace(OPEN, subject=long), suspects=suspects),
        candidate=long,
        base=long,
        candidate_runs=tuple(replace(RUN, name=f"{long}{index}") for index in range(30)),
        reason=long * 20,
        left_out=(long * 2,) * 200,
        warnings=(long * 2,) * 200,
    )
    text = markdown.render(compared)
    assert len(text) <= 65_536
    assert text.startswith(markdown.MARKER)
    assert "more lines are in comparison.html" in text
    assert "more, which are in comparison.html" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (8.99, "+899%"),
        (9.0, "10 times"),
        (40.7, "41.7 times"),
        (999.0, "1,000 times"),
        (999.1, "over 1,000 times"),
        (-0.5, "-50%"),
    ],
)
def test_many_times_the_base_is_said_as_that(change: float, said: str) -> None:
    assert difference("p99", "GET /", Change.CANNOT_TELL, change).signed(change) == said


def test_an_interval_says_a_unit_once() -> None:
    of_things = replace(OPEN, relative=False, unit="descriptors", low=-5.0, high=8.0)
    assert difference_rows.row(of_things).interval == "-5 to +8 descriptors"
    assert difference_rows.row(replace(OPEN, low=-0.05, high=0.08)).interval == "-5% to +8%"
    assert difference_rows.row(replace(OPEN, low=None)).interval == ""
