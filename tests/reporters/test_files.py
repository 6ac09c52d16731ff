"""The formats that programs read: json to the letter, junit as CI servers count it, markdown as GitHub parses it."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from soak.model import Analysis, Finding, RuleName, RunInfo, Verdict
from soak.reporters import REPORTERS, markdown, terminal

from .analyses import ANALYSES, TRACE, empty, failing, hostile, passing
from .junit_schema import breaches

GOLDEN = Path(__file__).with_name("analysis.json")


def test_json_is_format_version_1_to_the_letter() -> None:
    assert REPORTERS["json"].render(failing()) == GOLDEN.read_text("utf-8")


def test_json_has_null_for_what_is_not_a_number() -> None:
    text = REPORTERS["json"].render(hostile())
    assert "NaN" not in text
    assert "Infinity" not in text
    finding = json.loads(text)["findings"][0]
    assert {key for key, value in finding.items() if value is None} == {
        "observed",
        "slope_per_hour",
        "slope_low",
        "slope_high",
        "resolution_per_hour",
        "settled_after_seconds",
        "exhausts_in_hours",
        "vouched_seconds",
        "level",
        "more_seconds",
        "planted",
    }


def test_json_rounds_measurements_and_keeps_limits_exact() -> None:
    finding = Finding(
        RuleName.GROWTH,
        "x_bytes",
        Verdict.PASS,
        "fine",
        limit=1048576.0,
        observed=1234567.891,
        unit="bytes/h",
    )
    analysis = Analysis(RunInfo("n", seconds=60.0), Verdict.PASS, "fine", (finding,))
    first = json.loads(REPORTERS["json"].render(analysis))["findings"][0]
    assert (first["limit"], first["observed"]) == (1048576, 1234570.0)


def suite(analysis: Analysis) -> ET.Element:
    """The one test suite of a rendered report."""
    element = ET.fromstring(REPORTERS["junit"].render(analysis).encode()).find("testsuite")
    assert element is not None
    return element


@pytest.mark.parametrize("which", ANALYSES)
def test_junit_keeps_to_the_schema_that_jenkins_publishes(which: str) -> None:
    text = REPORTERS["junit"].render(ANALYSES[which]())
    assert breaches(ET.fromstring(text.encode())) == []


def test_what_the_schema_does_not_allow_is_a_breach() -> None:
    wrong = ET.fromstring("<testsuites skipped='0'><testsuite name='x' time='a'/><b/></testsuites>")
    assert breaches(wrong) == [
        "testsuites has skipped",
        "testsuite lacks tests",
        "testsuite lacks failures",
        "testsuite lacks errors",
        "testsuite takes a",
        "testsuites holds b",
    ]


@pytest.mark.parametrize("which", ANALYSES)
def test_junit_totals_are_what_it_holds(which: str) -> None:
    totals = suite(ANALYSES[which]())
    cases = totals.findall("testcase")
    assert cases
    assert int(totals.attrib["tests"]) == len(cases)
    for total, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(totals.attrib[total]) == len(totals.findall(f"testcase/{tag}"))


def test_junit_has_a_case_a_finding_with_limit_and_observed_value() -> None:
    cases = suite(failing()).findall("testcase")
    assert [case.attrib["name"] for case in cases][:3] == [
        "growth process_resident_memory_bytes",
        "restart go_goroutines",
        'latency http_request_p99_seconds{endpoint="create order"}',
    ]
    assert {case.attrib["classname"] for case in cases} == {"orders-nightly"}
    failure = cases[2].find("failure")
    assert failure is not None
    assert failure.attrib["message"].endswith("(observed 260 ms, limit 250 ms)")
    skipped = cases[3].find("skipped")
    assert skipped is not None
    assert "about 6 h more would tell" in skipped.attrib["message"]


def test_junit_says_how_much_longer_would_decide() -> None:
    passing = ANALYSES["pass"]()
    open_ = replace(
        passing.findings[0], verdict=Verdict.INCONCLUSIVE, reason="Open.", more_seconds=1799.6
    )
    for findings, told in ((passing.findings, []), ((open_,), ["1800"])):
        root = ET.fromstring(REPORTERS["junit"].render(replace(passing, findings=findings)))
        properties = root.findall(".//property[@name='more_seconds']")
        assert [each.get("value") for each in properties] == told


def test_junit_shows_a_broken_run_as_an_error() -> None:
    error = suite(empty()).find("testcase/error")
    assert error is not None
    assert error.attrib["message"] == empty().reason


def test_junit_shows_a_broken_run_as_an_error_beside_whatever_failed() -> None:
    broken = dataclasses.replace(
        passing(), verdict=Verdict.INCONCLUSIVE, reason="Saturated.", broken="Saturated."
    )
    error = suite(broken).find("testcase/error")
    assert error is not None
    assert error.attrib["message"] == "Saturated."
    both = suite(dataclasses.replace(failing(), broken="Saturated."))
    assert both.find("testcase/error") is not None
    assert both.find("testcase/failure") is not None


def test_service_times_have_a_column_only_where_they_differ() -> None:
    same = dataclasses.replace(failing(), endpoints=failing().endpoints[1:])
    wide = terminal.render(failing(), width=120)
    assert "service p99" in wide
    assert "service p99" not in terminal.render(failing(), width=80)
    assert "service p99" not in terminal.render(same, width=120)
    for name, words in (("markdown", "Service p99"), ("html", "service p99")):
        assert words in REPORTERS[name].render(failing())
        assert "4.1 ms" in REPORTERS[name].render(failing())
        assert words not in REPORTERS[name].render(same)


def test_json_names_the_exemplars() -> None:
    slow, _, failed, timeout = json.loads(REPORTERS["json"].render(failing()))["exemplars"]
    assert slow == {
        "endpoint": "create order",
        "seconds": 4.2,
        "failure": None,
        "status": 201,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "time": 5401.25,
        "links": {
            "trace": "http://127.0.0.1:16686/trace/4bf92f3577b34da6a3ce929d0e0e4736",
            "logs": "https://logs.example.com/?q=4bf92f3577b34da6a3ce929d0e0e4736&x=<y>",
        },
        "times": [
            {"service": "db", "seconds": 3.6, "reports": False},
            {"service": "orders", "seconds": 0.4, "reports": True},
            {"service": None, "seconds": 0.2, "reports": True},
        ],
        "failed_in": "db",
    }
    assert failed["links"] == {}
    assert (failed["failure"], failed["trace_id"], timeout["status"]) == ("status 500", None, None)


def test_links_and_the_times_of_services_reach_people_escaped() -> None:
    page, summary, screen = (
        REPORTERS[name].render(failing()) for name in ("html", "markdown", "terminal")
    )
    went = "db (reports no span) 3.6 s, orders 400 ms, outside any span 200 ms; failed in db"
    assert went in page
    assert (
        f'<a href="http://127.0.0.1:16686/trace/{TRACE}" target="_blank" rel="noopener noreferrer">trace</a>'
        in page
    )
    assert f'href="https://logs.example.com/?q={TRACE}&amp;x=&lt;y&gt;"' in page
    assert (
        f"[trace](<http://127.0.0.1:16686/trace/{TRACE}>) [logs](<https://logs.example.com/?q={TRACE}&x=%3Cy%3E>)"
        in summary
    )
    for text in (page, summary, screen):
        assert "85.7%" in text
        assert "something unnamed before orders" in " ".join(text.split())
    assert "](<" not in markdown.render(dataclasses.replace(failing(), links=()))
    assert "onerror=alert" not in markdown.render(hostile()).replace("onerror=alert(1)%3E", "")


@pytest.mark.parametrize(
    ("verdict", "tag"), [(Verdict.FAIL, "failure"), (Verdict.INCONCLUSIVE, "skipped")]
)
def test_junit_is_never_green_when_the_run_is_not(verdict: Verdict, tag: str) -> None:
    analysis = dataclasses.replace(
        passing(), verdict=verdict, reason="Aborted: errors > 50% for 30s."
    )
    case = suite(analysis).find("testcase")
    assert case is not None
    assert case.attrib["name"] == "verdict"
    assert case.find(tag) is not None


def test_markdown_tables_keep_their_shape_with_hostile_names() -> None:
    # The first shows service times, too; what grows by endpoint has a column an endpoint.
    for analysis, columns in ((failing(), {4, 10}), (hostile(), {2, 9})):
        lines = markdown.render(analysis).splitlines()
        tables = [line for line in lines if line.startswith("|")]
        assert {cells(line) for line in tables} == {9, *columns}


def cells(line: str) -> int:
    """How many cells GitHub sees in a table's row: a backslash takes the character after it along."""
    count, escaped = 0, False
    for char in line:
        count += char == "|" and not escaped
        escaped = char == "\\" and not escaped
    return count - 1


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", "a\\|b"),
        ("<b> & @all", "&#60;b&#62; &amp; &#64;all"),
        ("go_goroutines _x_", "go_goroutines \\_x\\_"),
        ("see http://evil.example", "see http:&#47;&#47;evil.example"),
        ("`x` ![y](z)", "\\`x\\` \\!\\[y\\](z)"),
    ],
)
def test_markdown_shows_special_characters_and_obeys_none(text: str, shown: str) -> None:
    assert markdown.escape(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("1. x", "1\\. x"), ("- x", "\\- x"), ("+3 MiB", "\\+3 MiB"), ("3 of 4", "3 of 4")],
)
def test_markdown_paragraphs_never_become_lists(text: str, shown: str) -> None:
    assert markdown.paragraph(text) == shown


def test_markdown_code_cannot_be_broken_out_of() -> None:
    assert markdown.code('x{pool="db"}') == '`x{pool="db"}`'
    assert markdown.code("a`b") == "<code>a\\`b</code>"
    assert markdown.code("a\\|<b") == "<code>a\\\\\\|&#60;b</code>"


def test_markdown_draws_each_series_in_characters() -> None:
    rows = REPORTERS["markdown"].render(failing()).splitlines()
    drawn = [row.split(" | ")[3] for row in rows if row.startswith("| ✗ fail")]
    assert any(re.fullmatch("[▁▂▃▄▅▆▇█]{12}", line) for line in drawn)


def test_markdown_has_sixty_lines_at_most_and_loses_passes_before_anything_else() -> None:
    analysis = failing()
    passed = next(finding for finding in analysis.findings if finding.verdict is Verdict.PASS)
    several = tuple(
        dataclasses.replace(passed, series=f"part_{number}_bytes") for number in range(90)
    )
    endpoints = tuple(
        dataclasses.replace(analysis.endpoints[0], name=f"GET /{number}") for number in range(40)
    )
    long = dataclasses.replace(
        analysis, findings=(*analysis.findings, *several), endpoints=endpoints
    )
    text = markdown.render(long)
    assert len(text.splitlines()) <= markdown.MOST_LINES
    open_ = [finding for finding in long.findings if finding.verdict is not Verdict.PASS]
    assert text.count("| ✗ fail") + text.count("| ? inconclusive") == len(open_)
    assert len(re.findall(r"… and \d+ more rows? in report.html", text)) == 2
    assert all(markdown.paragraph(warning) in text for warning in long.warnings)
    assert "more row" not in markdown.render(analysis)
