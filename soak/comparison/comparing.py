"""Compare two sides of measured runs: measurements present on both sides are compared, the others are listed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from soak.compared import Change, Comparison, Difference, GateVerdict, MeasuredRun, Measurement
from soak.comparison.judging import Pair, judge_pairs
from soak.comparison.metrics import METRICS
from soak.comparison.new_suspects import new_suspects, suspects_left_out
from soak.model import Chart
from soak.profile.compare import CompareRule

_ORDER = {Change.WORSE: 0, Change.CANNOT_TELL: 1, Change.BETTER: 2, Change.SAME: 3}
#: Most subjects that are listed by name for each metric left out.
_NAMED = 6

_OTHER_LOAD = (
    "The loads differ, so latency, memory and collections are not compared; in what a request costs nothing is known to be "
    "worse. Compare runs of one load, or set the baseline anew."
)

Key = tuple[str, str]


def compare(
    base: Sequence[MeasuredRun],
    candidate: Sequence[MeasuredRun],
    rules: Mapping[str, CompareRule],
    *,
    names: tuple[str, str] = ("base", "candidate"),
    paired: bool = False,
) -> Comparison:
    """Compare candidate with base, each of one or several runs; `paired` if run i of one side was made alongside run i
    of the other.
    """
    same_load = len({run.load for run in (*base, *candidate)}) == 1
    sides = [_by_key(side) for side in (base, candidate)]
    shared = [key for key in sides[0] if key in sides[1]]
    measured = [
        key
        for key in shared
        if len({measurement.unit for side in sides for measurement in side[key]}) == 1
    ]
    rare = [key for key in measured if _error(sides, key) > METRICS[key[0]].most_error]
    judged = [
        key
        for key in measured
        if key not in rare and (same_load or not METRICS[key[0]].needs_same_load)
    ]
    pairs = [Pair(*key, tuple(sides[0][key]), tuple(sides[1][key])) for key in judged]
    differences = sorted(
        judge_pairs(pairs, rules, paired=paired), key=lambda pair: _ORDER[pair.verdict]
    )
    left_out = [
        *_only(sides[0], sides[1], names[0]),
        *_only(sides[1], sides[0], names[1]),
        *(
            f"{metric} of {subject}: in different units"
            for metric, subject in shared
            if (metric, subject) not in measured
        ),
        *(f"{metric} of {subject}: too few on both sides" for metric, subject in rare),
        *_of_other_load(base, candidate, same_load=same_load),
        *suspects_left_out(base, candidate, names),
    ]
    suspects = new_suspects(base, candidate)
    verdict, reason = overall(differences, rules, same_load=same_load)
    return Comparison(
        base=names[0],
        candidate=names[1],
        base_runs=tuple(base),
        candidate_runs=tuple(candidate),
        verdict=verdict,
        reason=reason,
        differences=tuple(differences),
        left_out=tuple(left_out),
        warnings=(
            *_unlike(base, candidate, paired=paired),
            *(text for run in (*base, *candidate) for text in run.warnings),
        ),
        charts=_worse_first(overlaid(base[0], candidate[0], names), differences),
        paired=paired,
        new_suspects=suspects,
    )


def overall(
    differences: Sequence[Difference], rules: Mapping[str, CompareRule], *, same_load: bool = True
) -> tuple[GateVerdict, str]:
    """Return the verdict of a comparison with its reason.

    Worse if any difference is worse. Cannot tell if a required metric is missing or unclear, if all
    metrics are unclear, or if the loads differ: then latency and memory, which matter most, are not
    compared. Otherwise not worse.
    """
    worse = [difference for difference in differences if difference.verdict is Change.WORSE]
    if worse:
        more = (
            f" {len(worse) - 1} more {'is' if len(worse) == 2 else 'are'} worse."
            if len(worse) > 1
            else ""
        )
        return GateVerdict.WORSE, worse[0].reason + more
    known = {difference.metric for difference in differences}
    missing = [name for name, rule in rules.items() if rule.required and name not in known]
    if missing:
        return (
            GateVerdict.CANNOT_TELL,
            f"{', '.join(missing)} is required, and was not measured on both sides.",
        )
    open_ = [
        difference for difference in differences if difference.required and not difference.not_worse
    ]
    if open_:
        return GateVerdict.CANNOT_TELL, f"A required metric cannot be told: {open_[0].reason}"
    told = [difference for difference in differences if difference.not_worse]
    if not same_load:
        return GateVerdict.CANNOT_TELL, _OTHER_LOAD
    if not told:
        return (
            GateVerdict.CANNOT_TELL,
            "None of the metrics can be told: longer runs, or more of them, would.",
        )
    better = sum(difference.verdict is Change.BETTER for difference in differences)
    untold = len(differences) - len(told)
    parts = [f"Nothing is known to be worse: {_of(len(told), len(differences))} surely not"]
    parts += [f", {better} of them better" if better else ""]
    parts += [
        f"; {untold} may or may not be: longer runs, or more of them, would tell" if untold else "",
        ".",
    ]
    return GateVerdict.NOT_WORSE, "".join(parts)


def _of(count: int, total: int) -> str:
    """Return, for example, `4 of 29 metrics are`."""
    return f"{count} of {total} {'metric is' if total == 1 else 'metrics are'}"


def _by_key(runs: Iterable[MeasuredRun]) -> dict[Key, list[Measurement]]:
    by_key: dict[Key, list[Measurement]] = {}
    for name in METRICS:
        for run in runs:
            for measurement in run.measurements:
                if measurement.metric == name:
                    by_key.setdefault((name, measurement.subject), []).append(measurement)
    return by_key


def _error(sides: Sequence[Mapping[Key, Sequence[Measurement]]], key: Key) -> float:
    """Return the smallest counting error of a measurement among all runs of both sides."""
    return min(measurement.error for side in sides for measurement in side[key])


def _only(side: Mapping[Key, object], other: Mapping[Key, object], name: str) -> Iterator[str]:
    """Yield a line for each metric that names the subjects which only one side has."""
    for metric in METRICS:
        subjects = [key[1] for key in side if key[0] == metric and key not in other]
        if subjects:
            more = f" and {len(subjects) - _NAMED} more" if len(subjects) > _NAMED else ""
            yield f"{metric} of {', '.join(subjects[:_NAMED])}{more}: only {name} has it"


def _of_other_load(
    base: Sequence[MeasuredRun], candidate: Sequence[MeasuredRun], *, same_load: bool
) -> Iterator[str]:
    if not same_load:
        loads = [", ".join(sorted({run.load for run in side})) for side in (base, candidate)]
        metrics = ", ".join(name for name, metric in METRICS.items() if metric.needs_same_load)
        yield f"{metrics}: the loads differ ({loads[0]} against {loads[1]}), so only what a request costs is compared"


def _unlike(
    base: Sequence[MeasuredRun], candidate: Sequence[MeasuredRun], *, paired: bool
) -> Iterator[str]:
    """Yield warnings about other differences between the sides; the targets of a gate differ by intent."""
    for what, of in (("profiles", "name"), ("targets", "target")):
        left, right = ({str(getattr(run, of)) for run in side} for side in (base, candidate))
        if left != right and not (paired and of == "target"):
            yield f"the {what} differ: {', '.join(sorted(left))} against {', '.join(sorted(right))}"
    left, right = (
        {
            measurement.subject
            for run in side
            for measurement in run.measurements
            if measurement.metric == "errors"
        }
        for side in (base, candidate)
    )
    if left != right:
        yield "the endpoints differ: what all requests share (memory, CPU, collections) is compared under unlike traffic"
    lengths = [run.seconds for run in (*base, *candidate)]
    if max(lengths) > 1.5 * min(lengths):
        yield "the runs are not equally long: levels that are still settling may differ for that alone"


def _worse_first(charts: Iterable[Chart], differences: Sequence[Difference]) -> tuple[Chart, ...]:
    """Return the charts of series that are worse, then the others, each group in its order."""
    worse = {difference.subject for difference in differences if difference.verdict is Change.WORSE}
    return tuple(
        sorted(charts, key=lambda chart: worse.isdisjoint(curve.series for curve in chart.curves))
    )


def overlaid(base: MeasuredRun, candidate: MeasuredRun, names: tuple[str, str]) -> Iterator[Chart]:
    """Yield the charts that both runs have, each with the curves of both, the base's first."""
    others = {chart.title: chart for chart in candidate.charts}
    for chart in base.charts:
        other = others.get(chart.title)
        if other is None:
            continue
        several = max(len(chart.curves), len(other.curves)) > 1
        curves = tuple(
            replace(curve, label=f"{name}: {curve.label}" if several else name)
            for name, side in zip(names, (chart, other), strict=True)
            for curve in side.curves
        )
        yield replace(chart, curves=curves, verdict=None, warm_up=None)
