"""summary.md: the analysis for a CI job's summary page, in GitHub's Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from soak.growth_views import PlaceTable
from soak.model import Analysis, EndpointSummary, Exemplar, Finding, Suspect, Verdict
from soak.reporters import capacity, sparkline, trace_wording, wording
from soak.units import show_count, show_number, show_ratio

BADGE = {Verdict.FAIL: "❌ FAIL", Verdict.INCONCLUSIVE: "⚠️ INCONCLUSIVE", Verdict.PASS: "✅ PASS"}
BROKEN = "⚠️ BROKEN"
MOST = 5  # slow requests shown, and failed requests shown
_ENTITY = {char: f"&#{ord(char)};" for char in "<>@$"} | {"&": "&amp;"}
_SPECIAL = re.compile(r"[\\`*\[\]{}#!|~<>@$&]|(?<!\w)_|_(?!\w)|(?<=:)//")
_BLOCK = re.compile(r"^(?=[-+=])|(?<=^\d)(?=[.)])|(?<=^\d\d)(?=[.)])")

#: Maximum lines of the summary, so that it is read to its end, and minimum lines of a table:
#: header, rule and a row.
MOST_LINES, FEWEST_ROWS = 60, 3


def render(analysis: Analysis) -> str:
    """Render verdict, reason, suspects, findings worst first, endpoints, warnings; text of a target is escaped."""
    run = analysis.run
    when = f", started {escape(wording.started(run))}" if run.started else ""
    parts = [
        f"## {BROKEN if analysis.broke else BADGE[analysis.verdict]} – {escape(run.name)}",
        paragraph(analysis.reason),
        f"The run {escape(wording.course(analysis))}{when}: {wording.tally(analysis)}.",
    ]
    if analysis.capacity:
        steps = [[escape(cell) for cell in row] for row in capacity.rows(analysis.capacity)]
        parts += ["### Capacity search", _table(capacity.HEADER, capacity.ALIGN, steps)]
    if analysis.suspects:
        parts += ["### Suspects", "\n".join(_suspect(suspect) for suspect in analysis.suspects)]
    if analysis.places:
        parts += ["### What grows through which endpoint, per request", _places(analysis.places)]
    if analysis.findings:
        parts += ["### Findings", _findings(analysis)]
    if analysis.endpoints:
        parts += ["### Endpoints", _endpoints(analysis, analysis.endpoints, "Endpoint")]
        parts += [paragraph(text) for text in wording.not_judged(analysis)]
    for kind, summaries in analysis.groups_by_kind():
        parts += [f"### {kind.capitalize()}s", _endpoints(analysis, summaries, kind.capitalize())]
    if analysis.exemplars and (analysis.links or analysis.traces):
        parts += ["### Slowest and failed requests", *_exemplars(analysis)]
    if analysis.warnings:
        parts += [
            "### Warnings",
            "\n".join(f"- {paragraph(warning)}" for warning in analysis.warnings),
        ]
    return "\n\n".join(_shortened(parts)) + "\n"


def _shortened(parts: Sequence[str]) -> list[str]:
    """Shorten the parts to MOST_LINES: repeatedly drop the last row of the longest table, and state how many.

    Failing and open findings, suspects and warnings are kept.
    """
    blocks, lost = [part.split("\n") for part in parts], [0] * len(parts)
    while sum(len(block) + 1 for block in blocks) - 1 + 2 * sum(map(bool, lost)) > MOST_LINES:
        longest = max(filter(_can_lose, blocks), key=len, default=None)
        if longest is None:
            break
        longest.pop()
        lost[next(index for index, block in enumerate(blocks) if block is longest)] += 1
    told = [
        f"\n\n… and {show_count(rows, 'more row')} in report.html" if rows else "" for rows in lost
    ]
    return ["\n".join(block) + more for block, more in zip(blocks, told, strict=True)]


def _can_lose(block: list[str]) -> bool:
    """Return True for a table with rows to spare, the last of which is not a failing or open finding."""
    spare = len(block) > FEWEST_ROWS and block[0].startswith("|")
    return spare and not block[-1].startswith(
        (f"| {wording.MARK[Verdict.FAIL]}", f"| {wording.MARK[Verdict.INCONCLUSIVE]}")
    )


def escape(text: str) -> str:
    """Escape a target's text as plain words, in a table or elsewhere: no markup, HTML, mention or link."""
    return _SPECIAL.sub(lambda match: _inert(match[0]), wording.clean(text))


def paragraph(text: str) -> str:
    """Escape a target's text as a paragraph or list item, so that it cannot form a list, heading or rule."""
    return _BLOCK.sub(r"\\", escape(text))


def _inert(special: str) -> str:
    """Escape one special character, so that Markdown shows it literally."""
    if special == "//":
        return "&#47;&#47;"
    return _ENTITY.get(special, f"\\{special}")


def code(text: str) -> str:
    """Format a target's text as code, in a table or elsewhere; as HTML if the text could end a plain code span."""
    cleaned = wording.clean(text)
    if not re.search(r"[|`\\]", cleaned):
        return f"`{cleaned}`" if cleaned else ""
    return f"<code>{escape(cleaned)}</code>"


def _table(header: Sequence[str], align: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a table; `align` has an l or r for each column."""
    rule = ["---:" if side == "r" else "---" for side in align]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))


def _findings(analysis: Analysis) -> str:
    """Return a row per finding."""
    findings = wording.worst_first(analysis.findings)
    curves = [curve for chart in analysis.charts for curve in chart.curves if curve.series]
    lines = {wording.clean(curve.series): sparkline.text(curve) for curve in curves}
    header = (
        "Verdict",
        "Rule",
        "Series",
        "Over the run",
        "Growth (95% interval)",
        "Limit",
        "Settled",
        "Runs out",
        "Why",
    )
    rows = [_finding(finding, lines.get(wording.series(finding), "")) for finding in findings]
    return _table(header, "llllrrrrl", rows)


def _finding(finding: Finding, line: str) -> list[str]:
    """Return one finding's cells; a rule that is not about growth shows its observed value instead of growth."""
    unit = wording.slope_unit(finding)
    brief = wording.brief(finding.unit)
    limit, observed = wording.amount(finding.limit, brief), wording.observed(finding, brief)
    growth = wording.growth_and_interval(finding.trend, wording.brief(unit))
    return [
        f"{wording.MARK[finding.verdict]} {finding.verdict.value}",
        escape(finding.rule),
        code(wording.series(finding)),
        line,
        escape(growth or observed),
        escape(limit),
        wording.settled(finding.trend),
        wording.runs_out(finding),
        escape(finding.reason),
    ]


def _suspect(suspect: Suspect) -> str:
    """Return one suspect as a list item, its evidence below."""
    place = f"{code(suspect.where)} through {code(wording.through(suspect))}"
    sure = wording.sure(suspect)
    head = f"- **{escape(wording.leak_class(suspect))}**{f' ({sure})' if sure else ''} in {place}"
    cost = ". ".join(filter(None, (escape(wording.per_request(suspect)), escape(suspect.remedy))))
    rival = [f"  - next likely: {escape(suspect.runner_up)}"] if suspect.runner_up else []
    return "\n".join(
        [f"{head}: {cost}", *(f"  - {paragraph(line)}" for line in suspect.evidence), *rival]
    )


def _places(table: PlaceTable) -> str:
    """Return a row per place, a column per endpoint."""
    rows = [
        [code(row.place), *(escape(wording.counted(value, row.unit)) for value in row.amounts)]
        for row in table.rows
    ]
    return _table(
        ("Grows", *(code(name) for name in table.endpoints)), "l" + "r" * len(table.endpoints), rows
    )


def _endpoints(analysis: Analysis, summaries: Sequence[EndpointSummary], kind: str) -> str:
    """Return a row per endpoint, scenario or tag."""
    service = ("Service p99",) if wording.any_delayed(analysis) else ()
    header = (kind, "Requests", "Failures", "Rate", "p50", "p95", "p99", *service, "p99.9", "Max")
    rows = []
    for endpoint in summaries:
        kinds = wording.failure_kinds(endpoint.failure_kinds)
        failures = f"{show_number(endpoint.failures)}{f' ({escape(kinds)})' if kinds else ''}"
        quantiles = (
            endpoint.p50,
            endpoint.p95,
            endpoint.p99,
            *((endpoint.service_p99,) if service else ()),
            endpoint.p999,
            endpoint.max,
        )
        counts = [show_number(endpoint.requests), failures, f"{show_number(endpoint.rate)}/s"]
        rows.append([code(endpoint.name), *counts, *map(wording.latency, quantiles)])
    return _table(header, "l" + "r" * (len(header) - 1), rows)


def _exemplars(analysis: Analysis) -> list[str]:
    """Return a few requests with links and how their time divides, and the summary of all traces."""
    slow = [exemplar for exemplar in analysis.exemplars if not exemplar.failure][:MOST]
    failed = [exemplar for exemplar in analysis.exemplars if exemplar.failure][:MOST]
    parts = ["\n".join(_exemplar(exemplar, analysis) for exemplar in (*slow, *failed))]
    report = analysis.traces
    if report and report.slow:
        split = ", ".join(
            f"{escape(name)} {show_ratio(share)}"
            for name, _, share in trace_wording.shares(report.slow)
        )
        parts.append(f"Time of the {report.slow_traces} slowest with a trace: {split}.")
    silent = trace_wording.silent_hops(report) if report else []
    return [*parts, "\n".join(f"- {paragraph(line)}" for line in silent)] if silent else parts


def _exemplar(exemplar: Exemplar, analysis: Analysis) -> str:
    """Return one request as a list item."""
    links = " ".join(
        f"[{name}](<{_address(url)}>)" for name, url in wording.links(analysis, exemplar)
    )
    went = escape(trace_wording.time_went(analysis, exemplar))
    known = ": ".join(filter(None, (links, went)))
    outcome = f"{escape(wording.outcome(exemplar))}, {wording.latency(exemplar.seconds)}"
    return f"- {code(exemplar.endpoint)} {outcome} {known}".rstrip()


def _address(url: str) -> str:
    """Escape an address so that it cannot end the link or a table's cell, or contain HTML."""
    return re.sub(r"[<>|\\`\"]", lambda match: f"%{ord(match[0]):02X}", url)
