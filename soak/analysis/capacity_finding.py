"""The capacity as a finding: the verdict of a capacity search, and its sentence.

| the search | verdict |
|---|---|
| found the capacity, or every rate up to `to` held | pass |
| `from` surely broke a limit | fail: the target does not hold what it should hold at least |
| the target did not recover after a rate that it did not hold, or died | fail |
| the generator was the limit, or the search ended before its bracket was narrow | inconclusive |
| the generator could not make even `from` | the run broke |
"""

from __future__ import annotations

from soak.capacity.search import rounded
from soak.capacity.settings import SearchSettings
from soak.capacity.steps import Bracket, Capacity, Conclusion, Decision
from soak.model import Ending, Finding, RuleName, Verdict
from soak.units import show_number

#: Series name and unit of the capacity in findings.
SERIES, UNIT = "capacity_requests_per_second", "requests/s"


def capacity_finding(settings: SearchSettings, capacity: Capacity, ended: Ending) -> Finding:
    """Return the capacity as a finding, with its verdict by the table above and its sentence."""
    bracket = capacity.bracket
    verdict, reason = _said(settings, capacity)
    if capacity.conclusion is Conclusion.UNFINISHED and ended in _ENDED:
        reason = f"The search was {_ENDED[ended]} before it was done: {known_so_far(bracket)}."
    return Finding(RuleName.CAPACITY, SERIES, verdict, reason, (), None, bracket.held, UNIT)


#: How a search ended whose run was cut short.
_ENDED = {
    Ending.INTERRUPTED: "interrupted",
    Ending.ABORTED: "aborted",
    Ending.CRASHED: "broken off",
    Ending.RUNNING: "still under way",
    Ending.EARLY: "ended by the target's death",
}


def _said(settings: SearchSettings, capacity: Capacity) -> tuple[Verdict, str]:
    bracket, lowest, highest = (
        capacity.bracket,
        _per_second(settings.lowest),
        _per_second(settings.highest),
    )
    steps = [step.outcome for step in capacity.steps]
    last = steps[-1] if steps else None
    match capacity.conclusion:
        case Conclusion.FOUND:
            assert bracket.held is not None
            interval = interval_text(bracket)
            return (
                Verdict.PASS,
                f"Capacity is {_per_second(bracket.held)} (95% interval {interval}){_at_it(capacity)}.",
            )
        case Conclusion.AT_LEAST:
            reason = (
                f"Capacity is at least {highest}, the highest rate of the search: every rate held"
            )
            return Verdict.PASS, f"{reason}; raise load.find.to to find it."
        case Conclusion.BELOW:
            broke = next(outcome for outcome in reversed(steps) if outcome.step.judged)
            reason = f"Capacity is below {lowest}, the lowest rate of the search: {broke.reason}"
            return Verdict.FAIL, f"{reason}; lower load.find.from to find it."
        case Conclusion.UNRECOVERED:
            assert last is not None
            broke = next(outcome for outcome in reversed(steps) if outcome.step.judged)
            reason = (
                f"The target did not recover from {_per_second(broke.step.rate)}: {last.reason}"
            )
            return (
                Verdict.FAIL,
                f"{reason} at {_per_second(last.step.rate)}; {known_so_far(bracket)}.",
            )
        case Conclusion.GENERATOR:
            limits = [step for step in steps if step.decision is Decision.GENERATOR]
            limit = next((step for step in reversed(limits) if step.step.judged), limits[-1])
            why = f"at {_per_second(limit.step.rate)} {limit.reason}"
            known = (
                "nothing is known of the target" if bracket.held is None else known_so_far(bracket)
            )
            reason = f"The load generator was the limit, and not the target: {why}; {known}"
            return (
                Verdict.INCONCLUSIVE,
                f"{reason}. Give it more cores (load.processes) or a machine of its own.",
            )
        case _:
            why = "it did not settle in the time or the steps it had"
            return (
                Verdict.INCONCLUSIVE,
                f"The search found no capacity: {why}; {known_so_far(bracket)}.",
            )


def known_so_far(bracket: Bracket) -> str:
    """Say what an unfinished search has found."""
    if bracket.held is None:
        return "no rate has held yet"
    return f"capacity is at least {_per_second(bracket.held)}{'' if bracket.low == bracket.held else ', as far as can be told'}"


def interval_text(bracket: Bracket) -> str:
    """Return `950/s to 1,000/s`: the rate that certainly held, and the rate that certainly broke a limit."""
    low = "below" if bracket.low is None else f"{show_number(bracket.low)}/s"
    return f"{low} to {'any rate' if bracket.high is None else _per_second(bracket.high)}".replace(
        " requests/s", "/s"
    )


def _at_it(capacity: Capacity) -> str:
    """Return the target's CPU and pool use at the capacity."""
    at = capacity.at
    if at is None or at.cpu is None:
        return ""
    pools = "".join(
        f", {show_number(round(used, 1))} connections of {name}" for name, used in at.pools[:1]
    )
    return f", at {show_number(round(at.cpu, 2))} cores of CPU{pools}"


def _per_second(rate: float) -> str:
    return f"{show_number(rounded(rate))} requests/s"
