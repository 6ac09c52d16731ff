"""The basis of a verdict: how it was reached in five steps, what was watched, and what was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from soak.analysis.prepare.prepare import Prepared
from soak.catalog.metrics import metric_of, opening_of
from soak.catalog.row_types import ResourceKind
from soak.model import Analysis, Basis, EventKind, Finding, PhaseName, RuleName, Verdict
from soak.units import show_count, show_duration, show_number, show_ratio

#: Prefixes of series that are measured from outside the process or by soak; all others come from
#: its runtime, a pool or a proxy.
_FROM_OUTSIDE = ("process_", "cgroup_", "soak_", "scrape_", "http_request")
#: What decides the verdict, by the worst finding.
_DECIDES = {
    Verdict.FAIL: "one proven fail is enough, whatever else is open",
    Verdict.INCONCLUSIVE: "nothing failed, but what is open keeps it from a pass",
    Verdict.PASS: "all of them passed",
}


def with_basis(analysis: Analysis, prepared: Prepared, survive: float) -> Analysis:
    """Return the analysis with its basis; `survive` is how long (seconds) resources must last."""
    steps = (
        ("Load", _load(analysis, prepared)),
        ("Samples", _samples(prepared)),
        ("Warm-up", _warm_up(analysis, prepared)),
        ("Rules", _rules(analysis.findings, survive)),
        ("Verdict", _verdict(analysis)),
    )
    recording = prepared.recording
    seen = tuple(event.text for event in recording.events if event.kind == EventKind.PROBE)
    unwatched = tuple(_unwatched(prepared)) if prepared.driven else ()
    opening = "" if recording.snapshots else opening_of(recording.run.language)
    basis = Basis(steps, recording.sources, seen, unwatched, recording.mix_varied, opening)
    return replace(analysis, basis=basis)


def _load(analysis: Analysis, prepared: Prepared) -> str:
    if not prepared.driven:
        return f"None was made: this is a recording of {show_duration(analysis.run.seconds)}."
    windows = prepared.recording.windows
    requests = sum(int(endpoint.requests.sum()) for endpoint in windows)
    failures = sum(int(endpoint.failures.sum()) for endpoint in windows)
    share = f" ({show_ratio(failures / requests)})" if failures else ""
    made = (
        f"{show_count(requests, 'request')} to {show_count(len(windows), 'endpoint')} in "
        f"{show_duration(prepared.loaded_seconds)}, {show_number(failures)} failed{share}."
    )
    generator = next((f for f in analysis.findings if f.rule is RuleName.GENERATOR), None)
    return f"{made} {generator.reason}" if generator is not None else made


def _samples(prepared: Prepared) -> str:
    sources = prepared.recording.sources
    series = show_count(len(prepared.recording.series), "series", "series")
    if not sources:
        return f"{series} to look at."
    polls, failed = sum(s.scrapes for s in sources), sum(s.failed for s in sources)
    late = max(source.worst_late for source in sources)
    return (
        f"{series} of {show_count(len(sources), 'source')}, asked {show_count(polls, 'time')}: "
        f"{show_number(failed)} without an answer, the latest {show_duration(late)} late."
    )


def _warm_up(analysis: Analysis, prepared: Prepared) -> str:
    left_out = max(0.0, prepared.judged_from - prepared.start)
    first = (
        f"The first {show_duration(left_out)} were left out as the profile says"
        if left_out
        else "Nothing was left out beforehand"
    )
    settled = [
        finding.trend.settled_after_seconds
        for finding in analysis.findings
        if finding.trend is not None and finding.trend.settled_after_seconds is not None
    ]
    latest = max(settled, default=0.0)
    when = (
        f"the last of them after {show_duration(latest)}"
        if latest
        else "all of them from the start"
    )
    found = f" Each series is judged from where it had settled, {when}." if settled else ""
    masked = sum(1 for phase in prepared.masked if phase.name == PhaseName.SNAPSHOT)
    hidden = f" Samples beside {show_count(masked, 'snapshot')} are left out." if masked else ""
    return f"{first}; {show_duration(prepared.judged_seconds)} were judged.{found}{hidden}"


def _rules(findings: Sequence[Finding], survive: float) -> str:
    growth = [finding for finding in findings if finding.rule is RuleName.GROWTH]
    others = [finding for finding in findings if finding.rule is not RuleName.GROWTH]
    sentence = (
        f"{show_count(len(growth), 'series', 'series')} judged for growth, with a 95% interval each. Would it last "
        f"{show_duration(survive)}, or the limit that it has? {_tally(growth)}."
    )
    more = f" {show_count(len(others), 'other rule')}: {_tally(others)}." if others else ""
    changed = Counter(
        adjustment.by
        for finding in findings
        for adjustment in finding.adjustments
        if adjustment.before is not adjustment.after
    )
    steps = ", ".join(f"{by} ({number})" for by, number in changed.items())
    return sentence + more + (f" Verdicts changed by a closer look: {steps}." if steps else "")


def _verdict(analysis: Analysis) -> str:
    if analysis.broke:
        return "The run broke, so nothing is known of the target: inconclusive."
    worst = min(
        (finding.verdict for finding in analysis.findings), key=lambda v: v.rank, default=None
    )
    decided = (
        "there is nothing to judge"
        if worst is None
        else _DECIDES[worst]
        if worst is analysis.verdict
        else "all of them passed, but the run did not go to its end, or watched no resource"
    )
    return f"{_tally(analysis.findings)}: {decided}, so {analysis.verdict.value}."


def _unwatched(prepared: Prepared) -> Iterator[str]:
    """Yield what would have shown more, and how to get it."""
    recording = prepared.recording
    for source in recording.sources:
        if source.failed == source.scrapes:
            why = f": {source.last_error}" if source.last_error else ""
            yield f"{source.source} never answered{why}."
    names = {series.name for series in recording.series}
    if not any(
        not name.startswith("soak_") and not name.startswith("http_request") for name in names
    ):
        yield "Nothing of the target: name its process or its metrics page in `sources`."
    elif all(name.startswith(_FROM_OUTSIDE) for name in names):
        yield (
            "What its runtime knows of itself (live heap, collections, pools): the process was watched from outside alone. "
            "A metrics page in `sources` tells; docs/sources.md has one for each runtime."
        )
    elif not any(
        (known := metric_of(series.name, series.labels)) and known.kind is ResourceKind.HEAP
        for series in recording.series
    ):
        yield "Its live heap: no metric of it was offered; docs/sources.md says what each runtime can publish."
    if not recording.snapshots:
        how = opening_of(recording.run.language)
        opened = f"; for {recording.run.language}, {how}" if how else ""
        yield f"Its heap from within: no snapshots were taken, so no place is named. `--diagnose` takes them{opened}."
    if len(recording.windows) > 1 and not recording.mix_varied:
        yield (
            "Which endpoint leaks: all endpoints had the same share throughout. `--attribute` varies the mix, "
            "which tells them apart."
        )


def _tally(findings: Sequence[Finding]) -> str:
    """Return `1 fails, 2 are open, 9 pass`."""
    counts = Counter(finding.verdict for finding in findings)
    words = {
        Verdict.FAIL: ("fails", "fail"),
        Verdict.INCONCLUSIVE: ("is open", "are open"),
        Verdict.PASS: ("passes", "pass"),
    }
    parts = [
        f"{counts[verdict]} {one if counts[verdict] == 1 else more}"
        for verdict, (one, more) in words.items()
        if counts[verdict]
    ]
    return ", ".join(parts) or "none"
