"""The analysis on a terminal: verdict and reason, suspects, findings worst first, endpoints, warnings."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from soak.capacity.steps import Capacity, Decision
from soak.model import Analysis, EndpointSummary, Finding, Suspect, Verdict
from soak.reporters import capacity, trace_wording, wording
from soak.reporters.console import as_text, banner
from soak.traces import TraceReport
from soak.units import show_number, show_ratio

STYLE = {Verdict.FAIL: "red", Verdict.INCONCLUSIVE: "yellow", Verdict.PASS: "green"}
MOST_HOPS = 5
WIDE = 104  # columns from which a finding's numbers get columns of their own


def render(analysis: Analysis, width: int | None = None, color: bool = False) -> str:
    """Render the report as text of `width` columns (default: the terminal's), with ANSI colours if `color`."""
    return as_text(lambda columns: _parts(analysis, columns), width, color)


def _parts(analysis: Analysis, width: int) -> list[RenderableType]:
    """Return everything to show, from top to bottom."""
    parts: list[RenderableType] = [_banner(analysis), Text()]
    if analysis.capacity:
        parts += [_steps(analysis.capacity, width), Text()]
    for suspect in analysis.suspects:
        parts += [_suspect(suspect), Text()]
    if analysis.findings:
        findings = wording.worst_first(analysis.findings)
        parts += _findings_table(findings, width) if width >= WIDE else _findings_list(findings)
    if analysis.endpoints:
        parts += [
            _endpoints(analysis, analysis.endpoints, "endpoint", width),
            *(Text(text, style="dim") for text in wording.not_judged(analysis)),
            *_failures(analysis),
            Text(),
        ]
    for kind, summaries in analysis.groups_by_kind():
        parts += [_endpoints(analysis, summaries, kind, width), Text()]
    if analysis.traces and analysis.traces.found:
        parts += [_traces(analysis.traces), Text()]
    if analysis.warnings:
        parts += [_warnings(analysis.warnings), Text()]
    return parts


def _banner(analysis: Analysis) -> Panel:
    """Return the verdict in its colour, with its one sentence, and the run's name and time."""
    style, (mark, word) = STYLE[analysis.verdict], wording.headline(analysis)
    lines = [
        Text(f"{mark} {word}", style=f"bold {style}"),
        Text(wording.clean(analysis.reason), style="bold"),
        Text(
            "  ".join(filter(None, (wording.started(analysis.run), wording.course(analysis)))),
            style="dim",
        ),
    ]
    name = Text(wording.clean(analysis.run.name), style=style, no_wrap=True, overflow="ellipsis")
    return banner(
        lines, name, wording.tally(analysis), style, calm=analysis.verdict is Verdict.PASS
    )


def _steps(search: Capacity, width: int) -> Table:
    """Return a row per step of a capacity search; a narrow screen leaves out duration and answered requests."""
    shown = range(len(capacity.HEADER)) if width >= WIDE else (0, 1, 4, 5, 6, 7)
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))
    for index in shown:
        right = capacity.ALIGN[index] == "r"
        table.add_column(capacity.HEADER[index], justify="right" if right else "left")
    for row, step in zip(capacity.rows(search), capacity.judged(search), strict=True):
        cells = [Text(row[index]) for index in shown]
        cells[1].stylize(
            "green"
            if step.outcome.kept
            else "red"
            if step.outcome.decision is Decision.BROKE
            else "yellow"
        )
        table.add_row(*cells)
    return table


def _findings_table(findings: list[Finding], width: int) -> list[RenderableType]:
    """Return a row per finding, its reason below from the series' column to the right edge."""
    words = ("verdict", "rule", "series", "growth (95% interval)", "limit", "settled")
    rows = [[Text(word, style="dim") for word in words]] + [
        [
            _verdict(finding),
            Text(wording.clean(finding.rule)),
            Text(wording.series(finding), style="bold"),
            *_numbers(finding),
        ]
        for finding in findings
    ]
    sizes = [min(44, max(cell.cell_len for cell in column)) for column in zip(*rows, strict=True)]
    sizes[2] = max(16, width - sum(sizes) + sizes[2] - 2 * (len(sizes) - 1))
    parts: list[RenderableType] = []
    for row, finding in zip(rows, [None, *findings], strict=True):
        grid = Table.grid(padding=(0, 2, 0, 0), pad_edge=False)
        for index, size in enumerate(sizes):
            grid.add_column(width=size, justify="right" if index > 2 else "left", overflow="fold")
        grid.add_row(*row)
        parts.append(grid)
        if finding:
            below = _blank_below(finding, findings)
            parts.append(Padding(_why(finding), (0, 0, below, sizes[0] + sizes[1] + 4)))
    return parts


def _findings_list(findings: list[Finding]) -> list[RenderableType]:
    """Return the findings for a narrow screen: a block each, with the numbers in one line; passes take fewer lines."""
    parts: list[RenderableType] = []
    for finding in findings:
        rule, series = wording.clean(finding.rule), wording.series(finding)
        below = (0, 0, _blank_below(finding, findings), 2)
        if finding.verdict is Verdict.PASS:
            growth, *_ = _numbers(finding)
            head = Text.assemble(_verdict(finding), "  ", (series, "bold"), "  ", growth)
            parts += [head, Padding(_why(finding), below)]
            continue
        head = Text.assemble(_verdict(finding), "  ", rule, "  ", (series, "bold"))
        named = zip(
            ("", "limit ", "settled "), (cell.plain for cell in _numbers(finding)), strict=True
        )
        numbers = ",  ".join(f"{name}{value}" for name, value in named if value).replace(
            "settled not yet", "not settled yet"
        )
        lines = [Text(numbers)] if numbers else []
        parts += [head, Padding(Group(*lines, _why(finding)), below)]
    return parts


def _blank_below(finding: Finding, findings: list[Finding]) -> int:
    """Return the number of blank lines below a finding: none between passes, so that a small screen holds more of them."""
    return 0 if finding.verdict is Verdict.PASS and finding is not findings[-1] else 1


def _verdict(finding: Finding) -> Text:
    """Return the verdict as mark and word, in its colour."""
    return Text(
        f"{wording.MARK[finding.verdict]} {finding.verdict.value}", style=STYLE[finding.verdict]
    )


def _why(finding: Finding) -> Text:
    """Return the reason, and when the resource runs out."""
    text = Text(
        wording.clean(finding.reason), style="dim" if finding.verdict is Verdict.PASS else ""
    )
    if runs_out := wording.runs_out(finding):
        text.append(f"\nruns out {runs_out}", style=f"bold {STYLE[finding.verdict]}")
    return text


def _numbers(finding: Finding) -> list[Text]:
    """Return growth with its interval (else what was observed), limit, settled."""
    growth = wording.growth_and_interval(finding.trend, wording.brief(wording.slope_unit(finding)))
    brief = wording.brief(finding.unit)
    limit, observed = wording.amount(finding.limit, brief), wording.observed(finding, brief)
    return [Text(growth or observed), Text(limit), Text(wording.settled(finding.trend))]


def _suspect(suspect: Suspect) -> Table:
    """Return one likely cause: what, where, through which endpoint, why, and what to do."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    sure = wording.sure(suspect)
    more = f", {sure}" if sure else ""
    grid.add_row("suspect", Text.assemble((wording.leak_class(suspect), "bold"), more))
    rows = [
        ("where", suspect.where),
        ("through", wording.through(suspect)),
        (wording.does(suspect), wording.per_request(suspect)),
    ]
    rows += [
        ("evidence" if index == 0 else "", line) for index, line in enumerate(suspect.evidence)
    ]
    rows += [("next likely", suspect.runner_up), ("remedy", suspect.remedy)]
    for name, text in rows:
        if text:
            grid.add_row(name, Text(wording.clean(text)))
    return grid


def _endpoints(
    analysis: Analysis, summaries: Sequence[EndpointSummary], kind: str, width: int
) -> Table:
    """Return a row per endpoint, scenario or tag: counts, rate, latencies of successes, and service times if wide."""
    table = Table(box=None, header_style="dim", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(kind, overflow="fold", min_width=12)
    service = ("service p99",) if wording.any_delayed(analysis) and width >= WIDE else ()
    for header in ("requests", "failures", "rate", "p50", "p95", "p99", *service, "max"):
        table.add_column(header, justify="right", no_wrap=True)
    for endpoint in summaries:
        failures = Text(show_number(endpoint.failures), style="red" if endpoint.failures else "")
        served = (endpoint.service_p99,) if service else ()
        quantiles = (
            wording.latency(value)
            for value in (endpoint.p50, endpoint.p95, endpoint.p99, *served, endpoint.max)
        )
        name, rate = (
            Text(wording.clean(endpoint.name), style="bold"),
            f"{show_number(endpoint.rate)}/s",
        )
        table.add_row(name, show_number(endpoint.requests), failures, rate, *quantiles)
    return table


def _failures(analysis: Analysis) -> list[Text]:
    """Return a line for each endpoint with failures, with the number of each kind."""
    return [
        Text(
            f"failures of {wording.clean(endpoint.name)} in the whole run: {wording.failure_kinds(endpoint.failure_kinds)}",
            style="dim",
        )
        for endpoint in analysis.endpoints
        if endpoint.failure_kinds
    ]


def _traces(report: TraceReport) -> Table:
    """Return how the slowest requests' time divides, and which hops report no span."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    if report.slow:
        split = ", ".join(
            f"{name} {show_ratio(share)}" for name, _, share in trace_wording.shares(report.slow)
        )
        grid.add_row("slowest's time", Text(split))
    for index, line in enumerate(trace_wording.silent_hops(report)[:MOST_HOPS]):
        grid.add_row("no spans" if index == 0 else "", Text(line))
    return grid


def _warnings(warnings: tuple[str, ...]) -> Table:
    """Return the warnings, with the marks in a column of their own so that long texts wrap next to them."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for warning in warnings:
        grid.add_row(Text("! warning", style="yellow"), Text(wording.clean(warning)))
    return grid
