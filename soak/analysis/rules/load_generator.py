"""Check that the load generator kept up; if not, latency and rate describe the generator, not the target.

| threshold | why there |
|---|---|
| CPU from 90% of a core on | queueing: at 90% a request waits nine times its own CPU time for its turn, and ever more beyond |
| lag from 50 ms on | the interval of the generator's own probe: each answer may have waited this long to be read |
| half a second behind with the arrivals, or less than 95% made in all | no target delays the sending: the generator had no time |
| less than 95% answered in all, while its CPU or lag is high | an overloaded generator loses these first |
| more than 1% dropped, while its CPU or lag is high | they are missing from p99 and beyond |
| more than half of the arrivals late, while its CPU is high | then even the median is the generator's |
| in more than 5% of the windows: inconclusive | fewer cannot move a p95, nor its trend |
| in half of them or more: the run broke | then no statistic of latency describes the target |
| more than 1% late: a warning | p99 begins there |
| load average of its machine above 1 per core: overloaded | more tasks want to run than there are processors, so some wait |
| 70% of a core | the planned use of a process: queueing at 70% costs two requests' time, with room for a burst |

A generator that is sometimes late but makes every arrival has loaded the target correctly: what the
target keeps in memory is judged as usual, and only failing latency proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, isnan, nan, sqrt

import numpy as np
from numpy.typing import NDArray

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules.rule import RuleInput
from soak.generator_limits import BUSY, LAGGING
from soak.model import Finding, Floats, RuleName, Verdict
from soak.units import show_duration, show_number, show_ratio
from soak.windows import EndpointWindows, GeneratorWindows

SHORT, BEHIND, DROPPED, MOSTLY_LATE = 0.95, 0.5, 0.01, 0.5
PARTLY, THROUGHOUT, LATE, PLANNED, CROWDED = 0.05, 0.5, 0.01, 0.7, 1.0
#: Series name of the finding that the target did not keep the rate.
RATE = "load_rate"
#: Random arrivals are specified by their mean only: up to this many standard errors fewer is
#: chance. Of 1,000 runs at any rate at most one may be called saturated by chance; at 3, one in 200
#: of the short and slow runs is, at 4 none of 8,000.
CHANCE = 4.0


@dataclass(frozen=True, slots=True)
class Generator:
    """The judged stretch in figures: shares of 1, `lag` in seconds (99th percentile of windows), rates per second.

    `saturated` is the share of windows in which the generator was saturated, `delayed` the share in
    which it was under pressure and most arrivals were late; `late` counts only arrivals that the
    target did not delay. `asked` is the rate asked for, None in the closed model, and `achieved`
    the rate answered. `behind` is True if fewer were answered than asked for; `sent` is the rate
    sent if that was too low as well, else None. `processes` is how many processes would have been
    enough; `several` is True if several made the load already. `machine` is the highest load
    average of its machine, per core; NaN if unknown.
    """

    cpu: float
    lag: float
    saturated: float
    delayed: float
    busy: float
    late: float
    dropped: float
    asked: float | None
    achieved: float
    processes: int
    several: bool = False
    behind: bool = False
    machine: float = nan
    sent: float | None = None

    @property
    def broke(self) -> bool:
        """True if the generator was saturated throughout."""
        return self.saturated >= THROUGHOUT

    @property
    def short(self) -> bool:
        """True if fewer arrivals were answered than asked for, or too many were dropped."""
        return self.dropped > DROPPED or self.behind


def generator_of(prepared: Prepared) -> Generator | None:
    """Return how the generator performed in the judged stretch; None if this was not measured."""
    requests, recorded = prepared.judged_requests(), prepared.recording.generator
    if recorded is None or requests is None:
        return None
    own = recorded.between(prepared.judged_from, prepared.end)
    if not len(own.times):
        return None
    # The rest after the last whole window is too short to be measured.
    whole = np.isfinite(own.cpu_ratio) & (own.seconds > 0.5 * np.median(own.seconds))
    if not whole.any():
        return None
    figures, coverages = _figures(requests, own, whole), prepared.recording.coverages
    makers = int(coverages.expected.max()) if coverages is not None else 1
    # A generator that was too busy needs help, even if other processes were not.
    needed = max(figures.processes, makers + 1) if figures.busy > PARTLY else figures.processes
    return replace(figures, processes=needed, several=makers > 1)


def _figures(
    requests: EndpointWindows, own: GeneratorWindows, whole: NDArray[np.bool_]
) -> Generator:
    zeros = np.zeros(len(whole), np.int64)
    counts = (
        requests.requests,
        *(
            (requests.arrivals.late, requests.arrivals.dropped)
            if requests.arrivals
            else (zeros, zeros)
        ),
    )
    made, late, dropped = (column[whole].astype(np.float64) for column in counts)
    cpu, lag, seconds, spent = (
        column[whole] for column in (own.cpu_ratio, own.lag, own.seconds, own.cpu_seconds)
    )
    is_open = bool(np.isfinite(own.asked[whole]).any())
    asked = np.nan_to_num(own.asked[whole])
    busy, pressed = cpu >= BUSY, (cpu >= BUSY) | (lag >= LAGGING)
    # An arrival that found no free connection was delayed by the target, unless the generator was
    # too busy to free one.
    late = np.where(pressed, late, np.maximum(0.0, late - own.queued[whole]))
    if is_open:
        lost = (dropped > DROPPED * (made + dropped)) | _is_short(made, asked)
        if np.mean(pressed) < THROUGHOUT and _is_short(made[~pressed], asked[~pressed]):
            # Answers are missing without any pressure as well, so the target is the cause.
            lost = np.zeros(len(lost), np.bool_)
        saturated = (
            _short(own.made[whole], asked, seconds)
            | (pressed & lost)
            | (busy & (late > MOSTLY_LATE * made))
        )
    else:
        saturated = busy
    span, total = float(seconds.sum()), float(made.sum())
    known = np.isfinite(own.machine_load[whole])
    wanted = float(asked.sum()) if is_open else total
    needed = wanted * float(spent.sum()) / (total * span * PLANNED) if total else 1.0
    return Generator(
        float(np.mean(cpu)),
        float(np.quantile(lag, 0.99)),
        float(np.mean(saturated)),
        float(np.mean(pressed & (late > MOSTLY_LATE * made))),
        float(np.mean(busy)),
        float(late.sum()) / max(total, 1.0),
        float(dropped.sum()) / max(float((made + dropped).sum()), 1.0),
        wanted / span if is_open else None,
        total / span,
        max(1, ceil(needed)),
        behind=is_open and _is_short(made, asked),
        sent=float(own.made[whole].sum()) / span
        if is_open and _is_short(own.made[whole], asked)
        else None,
        machine=float(own.machine_load[whole][known].max()) if known.any() else nan,
    )


def _is_short(made: Floats, asked: Floats) -> bool:
    """Return True if fewer arrivals were made in the whole stretch than asked for, beyond chance."""
    return falls_short(float(made.sum()), float(asked.sum()))


def falls_short(made: float, asked: float) -> bool:
    """Return True if `made` arrivals are fewer than `asked`, beyond chance."""
    return asked - made > max((1 - SHORT) * asked, CHANCE * sqrt(asked))


def _short(made: Floats, asked: Floats, seconds: Floats) -> NDArray[np.bool_]:
    """Return the windows in which the generator was behind with the arrivals; all, if the whole stretch is short."""
    behind = np.cumsum(asked - made) > BEHIND * asked / seconds + CHANCE * np.sqrt(np.cumsum(asked))
    return np.asarray(behind | _is_short(made, asked))


def generator_findings(asked: RuleInput) -> Iterator[Finding]:
    """Yield one finding: whether the generator was saturated for too long; none if it was not measured."""
    generator = generator_of(asked.prepared)
    if generator is None:
        return
    how = "kept up" if generator.late <= LATE else "was not saturated, but sent some arrivals late"
    verdict, reason = Verdict.PASS, f"The load generator {how}: {_figures_of(generator)}."
    if generator.saturated > PARTLY:
        when = (
            "throughout"
            if generator.broke
            else f"in {show_ratio(generator.saturated)} of the time judged"
        )
        kept = " and did not keep the rate" if generator.sent is not None else ""
        reason = f"The load generator was saturated {when}{kept} ({_figures_of(generator)}), {_consequence(generator)}"
        verdict = Verdict.INCONCLUSIVE
    yield Finding(
        RuleName.GENERATOR, "soak_load_cpu_ratio", verdict, reason, (), None, generator.cpu, "ratio"
    )


def generator_warnings(asked: RuleInput, findings: Sequence[Finding]) -> Iterator[str]:
    """Yield warnings about late, dropped or missing arrivals, and about a generator that was nearly too busy."""
    generator = generator_of(asked.prepared)
    if generator is None or generator.saturated > PARTLY:
        return
    late = f"{show_ratio(generator.late)} of the arrivals were sent late because {_late_because(generator)}"
    told = any(finding.series == RATE for finding in findings)
    if generator.late > LATE and (told or not generator.short):
        yield f"{late}; their latency includes it, p99 and beyond above all."
    if generator.short and not told:
        dropped = (
            f", and {show_ratio(generator.dropped)} were dropped"
            if generator.dropped > DROPPED
            else ""
        )
        made = f"{_rates(generator)} requests/s asked for were {_outcome(generator)}"
        if generator.late > LATE:
            both = f"{made}{dropped}, and {late}"
            yield f"{both}: which of the two was too slow, target or load generator, cannot be told; {_remedy(generator)}."
        else:
            yield f"{made}{dropped}: the target was too slow; the load generator kept up ({_figures_of(generator)})."
    elif generator.busy > PARTLY:
        yield f"The load generator was busy ({_figures_of(generator)}); {_remedy(generator)}."


def unproven(findings: Iterable[Finding], generator: Generator | None) -> Iterator[Finding]:
    """Make failing latency and rate inconclusive if the generator was saturated; yield all other findings unchanged."""
    for finding in findings:
        rate, latency = (
            finding.series == "http_requests_per_second",
            finding.series.startswith("http_request_p"),
        )
        pressed = generator is not None and (
            (generator.saturated > PARTLY and (rate or latency))
            or (generator.delayed > PARTLY and latency)
        )
        if generator is not None and pressed and finding.verdict is Verdict.FAIL:
            own = "But the load generator did not keep up, and this may be its own doing."
            reason = f"{finding.reason} {own}"
            yield finding.adjusted("load generator", Verdict.INCONCLUSIVE, reason)
        else:
            yield finding


def saturated(generator: Generator | None, findings: Iterable[Finding]) -> str | None:
    """Return why no figure of the load describes the target, if the generator was saturated throughout; else None."""
    reason = next(
        (finding.reason for finding in findings if finding.series == "soak_load_cpu_ratio"), ""
    )
    return (
        f"{reason[:1].lower()}{reason[1:]}" if generator is not None and generator.broke else None
    )


def _figures_of(generator: Generator) -> str:
    """Return `97% of a core, event loop up to 12 ms late, 4,000 of 9,000 requests/s answered`."""
    figures = f"{show_ratio(generator.cpu)} of a core, event loop up to {show_duration(generator.lag)} late"
    if generator.machine > CROWDED and generator.lag >= LAGGING:
        figures += f", load average of its machine {show_number(generator.machine)} per core"
    if generator.asked is None or not generator.behind:
        return figures
    return f"{figures}, {_rates(generator)} requests/s {_outcome(generator)}"


def _rates(generator: Generator) -> str:
    reached = generator.achieved if generator.sent is None else generator.sent
    return f"{show_number(reached)} of {show_number(generator.asked or 0.0)}"


def _outcome(generator: Generator) -> str:
    return "answered" if generator.sent is None else "sent"


def _late_because(generator: Generator) -> str:
    """Return why arrivals were late that the target did not delay, as far as it was recorded."""
    if generator.busy > PARTLY or isnan(generator.machine):
        return "of the load generator"
    own = f"{show_ratio(generator.cpu)} of a core"
    machine = f"{show_number(generator.machine)} per core"
    if generator.machine > CROWDED:
        return f"the load generator's machine was overloaded (load average {machine}, while the load generator used {own})"
    others = (
        "bursts of other processes, a CPU limit of its container, a virtual machine that was paused"
    )
    return f"of the load generator, which was not busy ({own}; load average of its machine {machine}): look for {others}"


def _consequence(generator: Generator) -> str:
    return f"so that latency and rate say nothing about the target; {_remedy(generator)}."


def _remedy(generator: Generator) -> str:
    if generator.several:
        if generator.busy <= PARTLY:
            return "others use its workers' processors: give each worker a core of its own"
        needed = f"{generator.processes} workers would do, at {show_ratio(PLANNED)} of a core each"
        return f"{needed} (load.processes, or load.workers on other machines)"
    if generator.busy <= PARTLY:
        more = f", and load.processes: {generator.processes}" if generator.processes > 1 else ""
        return f"others use its processor: give it a core of its own{more}"
    return f"load.processes: {max(2, generator.processes)} would do, at {show_ratio(PLANNED)} of a core each"
