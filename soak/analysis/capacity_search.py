"""Judge a capacity search: decide each step again from its recorded windows, and find the capacity and its verdict.

A search is not a soak: no rate lasts long enough to judge growth, so only the capacity is judged,
and whether the target survived.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from soak.analysis.capacity_finding import capacity_finding
from soak.analysis.charts import charts
from soak.analysis.endpoint_summaries import endpoint_summaries
from soak.analysis.prepare.asked_load import AskedLoad
from soak.analysis.prepare.prepare import Prepared, prepare
from soak.analysis.prepare.shown_exemplars import shown
from soak.analysis.rules import RULES, RuleInput
from soak.analysis.rules.load_coverage import broken, nothing_sent
from soak.analysis.rules.run_validity import seen_events
from soak.capacity.search import bracket, conclusion
from soak.capacity.settings import SearchSettings
from soak.capacity.step_test import StepTest, WindowCounts
from soak.capacity.steps import Capacity, Conclusion, DrivenStep, StepFigures, StepOutcome
from soak.catalog.metrics import POOLS, pool_identity, selected
from soak.catalog.process import CPU_SECONDS
from soak.model import Analysis, Ending, Finding, Recording, RuleName, Series, Verdict
from soak.profile import Profile
from soak.windows import EndpointWindows

#: The rules that apply to a search as to every run: whether the target survived.
_RULES = ("abort", "validity")


def judge_search(recording: Recording, profile: Profile, asked_load: AskedLoad) -> Analysis:
    """Return the analysis of a capacity search."""
    find = profile.load.find
    assert find is not None
    settings = find.settings(profile.load.warmup)
    prepared = prepare(recording, 0.0, asked_load)
    asked = RuleInput(prepared, profile.limits, profile.own_limits)
    capacity = capacity_of(prepared, settings, flows=bool(profile.flows))
    survival = [
        finding for rule in _RULES for finding in RULES[rule].judge(asked) if _of_survival(finding)
    ]
    finding = capacity_finding(settings, capacity, recording.run.ended)
    findings = tuple(sorted((*survival, finding), key=lambda finding: finding.verdict.rank))
    broken = _broken(prepared, capacity)
    verdict, reason = findings[0].verdict, findings[0].reason
    if findings[0] is not finding:
        reason = f"{reason} {finding.reason}"
    if broken is not None and verdict is not Verdict.FAIL:
        verdict, reason = Verdict.INCONCLUSIVE, broken
    return Analysis(
        recording.run,
        verdict,
        reason,
        findings,
        endpoints=tuple(endpoint_summaries(_windows_at(prepared, capacity))),
        warnings=(*RULES["validity"].warn(asked, findings), *_not_judged(profile)),
        charts=charts(prepared, findings),
        phases=recording.phases,
        events=(*recording.events, *seen_events(prepared)),
        exemplars=shown(prepared),
        broken=broken,
        capacity=capacity,
    )


def _of_survival(finding: Finding) -> bool:
    """Return True for an abort or restart; a search overloads the target on purpose, so other failures are expected."""
    return finding.rule in (RuleName.ABORT, RuleName.RESTART)


def capacity_of(prepared: Prepared, settings: SearchSettings, *, flows: bool) -> Capacity:
    """Return the capacity that follows from the recorded steps."""
    windows = prepared.requests_of_all
    rows = [] if windows is None else list(window_rows(prepared.recording, windows))
    steps, outcomes = [], []
    for driven in prepared.recording.steps:
        inside = [row for row in rows if driven.start < row.end <= driven.end + 1e-3]
        outcome = _replayed(driven, inside, settings, flows=flows)
        outcomes.append(outcome)
        steps.append(_figures(prepared, windows, driven, outcome, inside))
    latency = next((limit.bound for limit in settings.limits if limit.name == "p99"), None)
    errors = next((limit.bound for limit in settings.limits if limit.quantile is None), None)
    judged = [outcome for outcome in outcomes if outcome.step.judged]
    return Capacity(conclusion(settings, outcomes), bracket(judged), tuple(steps), latency, errors)


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One recorded window: its end on the run's clock, and what was counted in it."""

    end: float
    counts: WindowCounts


def window_rows(recording: Recording, everything: EndpointWindows) -> Iterator[WindowRow]:
    """Yield every window of a run; `everything` holds the merged windows of all endpoints."""
    own, users = recording.generator, recording.users
    for index, end in enumerate(everything.times.tolist()):
        cells = slice(int(everything.offsets[index]), int(everything.offsets[index + 1]))
        buckets, counts = everything.buckets[cells].tolist(), everything.counts[cells].tolist()
        dropped = int(everything.arrivals.dropped[index]) if everything.arrivals is not None else 0
        generator: dict[str, float | None] = {}
        if own is not None and (at := _at(own.times, end)) is not None:
            columns = {"asked": own.asked, "made": own.made, "cpu": own.cpu_ratio, "lag": own.lag}
            generator = {name: _known(float(column[at])) for name, column in columns.items()}
        place = _at(users.times, end) if users is not None else None
        in_flight = int(users.values[place]) if users is not None and place is not None else 0
        yield WindowRow(
            end,
            WindowCounts(
                float(everything.seconds[index]),
                dict(zip(buckets, counts, strict=True)),
                int(everything.requests[index]),
                int(everything.failures[index]),
                dropped,
                in_flight,
                **generator,
            ),
        )


def _at(times: np.ndarray, moment: float) -> int | None:
    """Return the index of a moment in `times`; None if it is not there."""
    place = int(np.searchsorted(times, moment - 1e-6))
    return place if place < len(times) and abs(float(times[place]) - moment) < 1e-3 else None


def _known(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _replayed(
    driven: DrivenStep, rows: Sequence[WindowRow], settings: SearchSettings, *, flows: bool
) -> StepOutcome:
    """Return the outcome of a step, as it was decided during the run."""
    test = StepTest(driven.step, settings.limits, settings.risk, flows)
    for row in rows:
        outcome = test.add(row.counts)
        if outcome is not None:
            return outcome
    return test.ended()


def _figures(
    prepared: Prepared,
    everything: EndpointWindows | None,
    driven: DrivenStep,
    outcome: StepOutcome,
    rows: Sequence[WindowRow],
) -> StepFigures:
    """Return the measurements of a step after it had settled."""
    start = max(driven.start, driven.end - outcome.seconds)
    inside = [row for row in rows if row.end - row.counts.seconds / 2 >= start]
    seconds = sum(row.counts.seconds for row in inside)
    requests = sum(row.counts.requests for row in inside)
    failures = sum(row.counts.failures for row in inside)
    windows = everything.between(start, driven.end) if everything is not None else None
    return StepFigures(
        outcome,
        driven.start,
        driven.end,
        requests / seconds if seconds else 0.0,
        windows.quantile(0.5) if windows else None,
        windows.quantile(0.99) if windows else None,
        failures / requests if requests else 0.0,
        _mean_of(prepared.named(CPU_SECONDS), start, driven.end),
        tuple(_pools(prepared, start, driven.end)),
    )


def _mean_of(several: Sequence[Series], start: float, end: float) -> float | None:
    """Return the sum of the means of several series between `start` and `end`; None if none has a value there."""
    means = []
    for series in several:
        inside = (series.times > start) & (series.times <= end) & np.isfinite(series.values)
        if inside.any():
            means.append(float(series.values[inside].mean()))
    return sum(means) if means else None


def _pools(prepared: Prepared, start: float, end: float) -> Iterator[tuple[str, float]]:
    """Yield the mean use of each connection pool."""
    for pool in POOLS:
        for used in selected(pool.used, prepared.series):
            mean = _mean_of([used], start, end)
            if mean is not None:
                own = ", ".join(value for _, value in pool_identity(pool, used.labels))
                yield own or used.name, mean


def _broken(prepared: Prepared, capacity: Capacity) -> str | None:
    """Return why the search proves nothing; None if it is not broken."""
    run = prepared.recording.run
    why = run.failure or (None if run.ended is Ending.RUNNING else nothing_sent(prepared))
    if (
        why is None
        and capacity.conclusion is Conclusion.GENERATOR
        and capacity.bracket.held is None
    ):
        why = f"the load generator could not make the lowest rate: {capacity.steps[-1].outcome.reason}"
    return broken(why)


def _windows_at(prepared: Prepared, capacity: Capacity) -> Iterator[EndpointWindows]:
    """Yield each endpoint's windows at the capacity, or of the whole search if none was found."""
    at = capacity.at
    for windows in prepared.recording.windows:
        yield windows if at is None else windows.between(at.end - at.outcome.seconds, at.end)


def _not_judged(profile: Profile) -> Iterator[str]:
    """Yield the limits of the profile that a search does not judge, because they must not seem to hold."""
    given = [f"limits.{key}" for key in sorted(profile.limits.model_fields_set)]
    given += [f"the limits of {label}" for label in profile.own_limits]
    if given:
        verb = "is" if len(given) == 1 else "are"
        yield f"{', '.join(given)} {verb} not judged: a capacity search judges load.find.limits alone; a soak judges these"
