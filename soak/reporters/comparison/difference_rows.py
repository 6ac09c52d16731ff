"""Texts about one difference, shared by all formats."""

from __future__ import annotations

from dataclasses import dataclass

from soak.compared import Change, Comparison, Difference, GateVerdict, MeasuredRun
from soak.printable import clean
from soak.reporters import wording
from soak.units import show_amount, show_count, show_duration

MARK = {Change.WORSE: "✗", Change.CANNOT_TELL: "?", Change.BETTER: "✓", Change.SAME: "="}
VERDICT_MARK = {GateVerdict.WORSE: "✗", GateVerdict.CANNOT_TELL: "?", GateVerdict.NOT_WORSE: "✓"}
#: Titles of the metrics, used if there is room for a few words.
TITLES = {
    "p50": "median latency",
    "p95": "95th percentile of latency",
    "p99": "99th percentile of latency",
    "p999": "99.9th percentile of latency",
    "errors": "share of failed requests",
    "throughput": "successful requests",
    "memory": "memory, mean level",
    "memory_peak": "memory, peak",
    "count": "count, mean level",
    "cpu": "processor time per request",
    "allocation": "allocated per request",
    "gc_cycles": "garbage collections",
    "gc_pause": "mean pause of a collection",
    "gc_paused": "time in pauses",
    "gc_longest_pause": "longest pause",
    "growth": "growth",
    "horizon": "vouched for",
}


@dataclass(frozen=True)
class DifferenceRow:
    """One difference as text."""

    verdict: Change
    mark: str
    metric: str
    title: str
    subject: str
    base: str
    candidate: str
    change: str
    interval: str
    tolerance: str
    catches: str
    reason: str


def row(difference: Difference) -> DifferenceRow:
    """Return a difference as text."""
    catches = difference.catches_three
    return DifferenceRow(
        verdict=difference.verdict,
        mark=MARK[difference.verdict],
        metric=difference.metric,
        title=TITLES.get(difference.metric, difference.metric),
        subject=clean(difference.subject),
        base=value(difference.base, difference.unit),
        candidate=value(difference.candidate, difference.unit),
        change=difference.signed(difference.change),
        interval=_interval(difference),
        tolerance=difference.amount(difference.tolerance)
        + (", required" if difference.required else ""),
        catches="" if catches is None else difference.signed(catches),
        reason=clean(difference.reason),
    )


def _interval(difference: Difference) -> str:
    """Return the interval, such as `-7.3% to +9.6%` or `-5.1 to +8.2 descriptors`: a common unit is written once."""
    if difference.low is None or difference.high is None:
        return ""
    low, high = difference.signed(difference.low), difference.signed(difference.high)
    number, _, unit = low.partition(" ")
    if low == high:
        return low
    return f"{number if unit and high.endswith(f' {unit}') else low} to {high}"


def value(number: float, unit: str) -> str:
    """Format an amount in a metric's unit."""
    per_minute = unit.removesuffix("/min")
    return (
        f"{show_amount(number, per_minute)}/min"
        if per_minute != unit
        else show_amount(number, unit)
    )


def side(runs: tuple[MeasuredRun, ...]) -> str:
    """Describe a side, such as `3 runs of orders, 10 min each, 60 requests/s`."""
    names = ", ".join(dict.fromkeys(clean(run.name) for run in runs))
    loads = ", ".join(dict.fromkeys(clean(run.load) for run in runs))
    seconds = sorted(run.seconds for run in runs)[len(runs) // 2]
    count = show_count(len(runs), "run")
    return (
        f"{count} of {names}, {show_duration(seconds)}{' each' if len(runs) > 1 else ''}, {loads}"
    )


def headline(comparison: Comparison) -> str:
    """Return the verdict in capitals; if nothing is worse, also the number of metrics that cannot be told."""
    verdict = comparison.verdict.value.upper()
    if comparison.verdict is not GateVerdict.NOT_WORSE or not comparison.untold:
        return verdict
    total = len(comparison.differences)
    return f"{verdict}, but {comparison.untold} of {show_count(total, 'metric')} cannot be told"


def sections(comparison: Comparison) -> list[tuple[str, tuple[str, ...]]]:
    """Return what every format shows below the metrics: titles with their lines, which are not cleaned yet."""
    suspects = tuple(map(wording.suspected, comparison.new_suspects))
    named = (
        ("New suspects", suspects),
        ("Not compared", comparison.left_out),
        ("Warnings", comparison.warnings),
    )
    return [(title, texts) for title, texts in named if texts]


def tally(comparison: Comparison) -> str:
    """Count the differences by verdict: `1 worse, 3 cannot tell, 20 same`."""
    verdicts = [difference.verdict for difference in comparison.differences]
    counts = ((verdicts.count(verdict), verdict.value) for verdict in MARK)
    return ", ".join(f"{count} {word}" for count, word in counts if count) or "nothing compared"
