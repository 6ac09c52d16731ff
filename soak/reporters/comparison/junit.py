"""comparison.xml: one test case per metric, for the test view of a CI server."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from soak.compared import Change, Comparison, Difference, GateVerdict
from soak.printable import clean
from soak.reporters.comparison import difference_rows
from soak.reporters.junit import suites_of


def render(comparison: Comparison) -> str:
    """Render worse metrics as failures and undecided ones as skipped; the overall verdict is a test case of its own."""
    name = f"{clean(comparison.candidate)} against {clean(comparison.base)}"
    cases = [
        _verdict_case(comparison, name),
        *(_case(difference, name) for difference in comparison.differences),
    ]
    totals = {
        "name": name,
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": "0",
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": f"{sum(run.seconds for run in (*comparison.base_runs, *comparison.candidate_runs)):.3f}",
    }
    suites, suite = suites_of(totals)
    suite.extend(cases)
    texts = [
        f"{title}: {text}"
        for title, several in difference_rows.sections(comparison)
        for text in several
    ]
    if texts:
        ET.SubElement(suite, "system-err").text = "\n".join(map(clean, texts))
    ET.indent(suites)
    return (
        "<?xml version='1.0' encoding='utf-8'?>\n" + ET.tostring(suites, encoding="unicode") + "\n"
    )


def _verdict_case(comparison: Comparison, suite: str) -> ET.Element:
    case = ET.Element("testcase", {"classname": suite, "name": "verdict", "time": "0"})
    reason = f"{difference_rows.headline(comparison)}: {clean(comparison.reason)}"
    tag = {GateVerdict.WORSE: "failure", GateVerdict.CANNOT_TELL: "skipped"}.get(comparison.verdict)
    if tag is None:
        ET.SubElement(case, "system-out").text = reason
    else:
        ET.SubElement(case, tag, {"message": reason}).text = reason
    return case


def _case(difference: Difference, suite: str) -> ET.Element:
    row = difference_rows.row(difference)
    case = ET.Element(
        "testcase", {"classname": suite, "name": f"{row.metric} {row.subject}".strip(), "time": "0"}
    )
    text = f"{row.reason}\nbase: {row.base}\ncandidate: {row.candidate}"
    tag = {Change.WORSE: "failure", Change.CANNOT_TELL: "skipped"}.get(difference.verdict)
    if tag is None or (tag == "skipped" and difference.not_worse):
        ET.SubElement(case, "system-out").text = text
    else:
        ET.SubElement(case, tag, {"message": row.reason}).text = text
    return case
