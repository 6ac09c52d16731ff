"""junit.xml: one test case per finding, for the test view of a CI server."""

from __future__ import annotations

import math
from xml.etree import ElementTree as ET

from soak.model import Analysis, Ending, Finding, Suspect, Verdict
from soak.reporters import wording


def render(analysis: Analysis) -> str:
    """Render breaches as failures, inconclusive findings as skipped, and a broken run as an error; totals count each.

    A verdict that no finding explains has a test case of its own: a run that failed must never look
    green.
    """
    run = analysis.run
    cases = [_case(finding, analysis) for finding in wording.worst_first(analysis.findings)]
    if run.ended is Ending.CRASHED or analysis.broken:
        cases.insert(0, _own_case(analysis, "run", "error", analysis.broken or analysis.reason))
    elif analysis.verdict not in {finding.verdict for finding in analysis.findings}:
        tag = {Verdict.FAIL: "failure", Verdict.INCONCLUSIVE: "skipped", Verdict.PASS: None}[
            analysis.verdict
        ]
        cases.insert(0, _own_case(analysis, "verdict", tag, analysis.reason))
    totals = {
        "name": wording.clean(run.name),
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": f"{run.seconds:.3f}",
    }
    suites, suite = suites_of(totals, {"timestamp": wording.clean(run.started)})
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(analysis):
        ET.SubElement(properties, "property", {"name": name, "value": wording.clean(value)})
    suite.extend(cases)
    if analysis.suspects:
        ET.SubElement(suite, "system-out").text = "\n".join(
            _suspect(suspect) for suspect in analysis.suspects
        )
    if analysis.warnings:
        ET.SubElement(suite, "system-err").text = "\n".join(map(wording.clean, analysis.warnings))
    ET.indent(suites)
    return (
        "<?xml version='1.0' encoding='utf-8'?>\n" + ET.tostring(suites, encoding="unicode") + "\n"
    )


def suites_of(
    totals: dict[str, str], more: dict[str, str] | None = None
) -> tuple[ET.Element, ET.Element]:
    """Return the root and its one suite, with the attributes that the schema of Jenkins' xUnit plugin (junit-10.xsd) allows."""
    known = {name: value for name, value in totals.items() if name != "skipped"}
    suites = ET.Element("testsuites", known)
    return suites, ET.SubElement(suites, "testsuite", totals | (more or {}))


def _properties(analysis: Analysis) -> list[tuple[str, str]]:
    """Return the main results of a run for programs, as (name, text) pairs."""
    properties = [
        ("verdict", analysis.verdict.value),
        ("reason", analysis.reason),
        ("ended", analysis.run.ended.value),
    ]
    if analysis.vouched is not None:
        seconds, more = analysis.vouched.seconds, analysis.vouched.more_seconds
        properties += [("vouched_seconds", f"{seconds:.0f}"), ("vouched_by", analysis.vouched.by)]
        properties += [("vouch_more_seconds", f"{more:.0f}")] if math.isfinite(more) else []
    if analysis.more_seconds is not None:
        properties.append(("more_seconds", f"{analysis.more_seconds:.0f}"))
    if analysis.capacity is not None:
        bracket = analysis.capacity.bracket
        figures = {
            "capacity": bracket.held,
            "capacity_low": bracket.low,
            "capacity_high": bracket.high,
        }
        properties += [(name, f"{rate:g}") for name, rate in figures.items() if rate is not None]
        properties.append(("capacity_conclusion", analysis.capacity.conclusion.value))
    return properties


def _suspect(suspect: Suspect) -> str:
    """Describe one suspect in lines: class and place, evidence, remedy."""
    place = f"{wording.clean(suspect.where)} through {wording.through(suspect)}"
    sure = wording.sure(suspect)
    head = f"suspect: {wording.leak_class(suspect)}{f' ({sure})' if sure else ''} in {place}"
    leaves = wording.per_request(suspect)
    lines = [
        f"{head}, {leaves}" if leaves else head,
        *(f"  {wording.clean(line)}" for line in suspect.evidence),
    ]
    return "\n".join([*lines, f"  remedy: {wording.clean(suspect.remedy)}"])


def _case(finding: Finding, analysis: Analysis) -> ET.Element:
    """Return one finding as a test case; its text has the reason and all known numbers."""
    case = _named(f"{wording.clean(finding.rule)} {wording.series(finding)}", analysis)
    numbers = "\n".join(f"{name}: {value}" for name, value in wording.facts(finding))
    text = f"{wording.clean(finding.reason)}\n{numbers}".strip()
    if finding.verdict is Verdict.PASS:
        ET.SubElement(case, "system-out").text = text
        return case
    tag = "failure" if finding.verdict is Verdict.FAIL else "skipped"
    ET.SubElement(case, tag, {"message": _message(finding)}).text = text
    return case


def _message(finding: Finding) -> str:
    """Return the reason, then the observed value and the limit if there are any."""
    seen, limit = (
        wording.amount(value, finding.unit) for value in (finding.observed, finding.limit)
    )
    numbers = ", ".join(
        part for part in (seen and f"observed {seen}", limit and f"limit {limit}") if part
    )
    return wording.clean(finding.reason) + (f" ({numbers})" if numbers else "")


def _own_case(analysis: Analysis, name: str, tag: str | None, why: str) -> ET.Element:
    """Return the run's own verdict, or why it broke, as a test case."""
    case = _named(name, analysis)
    reason = wording.clean(why)
    if tag:
        ET.SubElement(
            case, tag, {"message": reason}
        ).text = f"{reason}\nthe run {wording.course(analysis)}"
    return case


def _named(name: str, analysis: Analysis) -> ET.Element:
    """Return an empty test case of this run."""
    return ET.Element(
        "testcase", {"classname": wording.clean(analysis.run.name), "name": name, "time": "0"}
    )
