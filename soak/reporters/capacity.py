"""A capacity search in words and rows, shared by the formats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from soak.capacity.steps import Capacity, Decision, StepFigures, StepKind
from soak.reporters import wording
from soak.units import show_duration, show_number, show_ratio

HEADER = ("Rate", "Outcome", "For", "Answered", "p50", "p99", "Errors", "CPU", "Pools")
ALIGN = "llrrrrrrl"
_KINDS = {StepKind.CONFIRM: "confirmed", StepKind.RECOVERY: "recovery", StepKind.WARMUP: "warm-up"}
MARKS = {Decision.HELD: "✓", Decision.BROKE: "✗", Decision.UNDECIDED: "?", Decision.GENERATOR: "!"}


def rows(capacity: Capacity) -> list[tuple[str, ...]]:
    """Return a row per step, in the order of the search, without recoveries and warm-up."""
    return [_row(step) for step in judged(capacity)]


def judged(capacity: Capacity) -> Sequence[StepFigures]:
    """Return the steps whose outcome says something about the capacity."""
    return [step for step in capacity.steps if step.outcome.step.judged]


def _row(step: StepFigures) -> tuple[str, ...]:
    return (
        f"{show_number(step.outcome.step.rate)}/s",
        outcome(step),
        show_duration(round(step.outcome.seconds)),
        f"{show_number(step.achieved)}/s",
        wording.latency(step.p50),
        wording.latency(step.p99),
        show_ratio(step.errors),
        "–" if step.cpu is None else f"{step.cpu:.2f} cores",
        ", ".join(
            f"{show_number(round(used, 1))} of {wording.clean(name)}" for name, used in step.pools
        )
        or "–",
    )


def outcome(step: StepFigures) -> str:
    """Return a step's outcome, such as `✓ held` or `? undecided, likely held`."""
    decision = step.outcome.decision
    likely = (
        f", likely {'held' if step.outcome.kept else 'broke'}"
        if decision is Decision.UNDECIDED
        else ""
    )
    text = "generator's limit" if decision is Decision.GENERATOR else decision.value
    kind = f" ({_KINDS[step.outcome.step.kind]})" if step.outcome.step.kind in _KINDS else ""
    return f"{MARKS[decision]} {text}{likely}{kind}"


def tree(capacity: Capacity) -> dict[str, Any]:
    """Return the capacity for programs: rates per second, latencies in seconds, shares of 1."""
    bracket, at = capacity.bracket, capacity.at
    return {
        "conclusion": capacity.conclusion.value,
        "rate": bracket.held,
        "low": bracket.low,
        "high": bracket.high,
        "p99": at.p99 if at else None,
        "errors": at.errors if at else None,
        "cpu_cores": at.cpu if at else None,
        "pools": dict(at.pools) if at else {},
        "steps": [
            {
                "kind": step.outcome.step.kind.value,
                "rate": step.outcome.step.rate,
                "decision": step.outcome.decision.value,
                "kept": step.outcome.kept,
                "reason": step.outcome.reason,
                "seconds": step.outcome.seconds,
                "answered": step.achieved,
                "p50": step.p50,
                "p99": step.p99,
                "errors": step.errors,
                "cpu_cores": step.cpu,
                "pools": dict(step.pools),
                "start": step.start,
                "end": step.end,
            }
            for step in capacity.steps
        ],
    }
