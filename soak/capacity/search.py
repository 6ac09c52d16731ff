"""The search as a function of its history: which step comes next, and the result of the steps so far.

The rate is doubled until it does not hold; then the bracket is halved on a logarithmic scale until
its ends differ by no more than `within`. Both ends are then measured again: the lower one for
longer, since a slowly growing queue takes time to show, and the upper one because a stall of the
machine may have broken it. The last outcome of a rate counts. After a rate that did not hold, half
of the highest rate that held is driven until the target answers within its limits again, so that no
step inherits a queue.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from soak.capacity.settings import GROWTH, RECOVERY_SECONDS, SETTLE_SECONDS, SearchSettings
from soak.capacity.steps import Bracket, Conclusion, Decision, Step, StepKind, StepOutcome

#: Rate of a recovery, as a share of the highest rate that held, or else of the search's lowest.
RECOVERY_SHARE = 0.5
#: Number of measurements in which a rate must fail to hold before the search stops repeating it.
BREAKS = 2


def next_step(settings: SearchSettings, history: Sequence[StepOutcome]) -> Step | None:
    """Return the next step; None if the search is over."""
    judged = [outcome for outcome in history if outcome.step.judged]
    if not history and settings.warmup > 0:
        return Step(StepKind.WARMUP, settings.lowest, 0.0, settings.warmup, settings.warmup)
    if len(judged) >= settings.most_steps or _stuck(history):
        return None
    following = _following(settings, judged)
    if following is None or not judged or history[-1].step.kind is StepKind.RECOVERY:
        return following
    if judged[-1].kept:
        return following
    base = bracket(judged).held or settings.lowest
    return Step(StepKind.RECOVERY, rounded(RECOVERY_SHARE * base), 0.0, 0.0, RECOVERY_SECONDS)


def _stuck(history: Sequence[StepOutcome]) -> bool:
    """Return True if the last recovery failed."""
    return (
        bool(history)
        and history[-1].step.kind is StepKind.RECOVERY
        and history[-1].decision is not Decision.HELD
    )


def _following(settings: SearchSettings, judged: Sequence[StepOutcome]) -> Step | None:
    """Return the next step that is judged; None if there is none."""
    bounds = bracket(judged)
    held, open_ = bounds.held, bounds.open
    if held is None:
        return (
            _step(settings, settings.lowest) if open_ is None else _again(settings, judged, open_)
        )
    rate = (
        min(rounded(GROWTH * held), settings.highest)
        if open_ is None
        else _middle(settings, held, open_)
    )
    if rate is not None and rate > held:
        return _step(settings, rate)
    again = None if open_ is None else _again(settings, judged, open_)
    if again is not None:
        return again
    return None if _confirmed(judged, held) else _step(settings, held, StepKind.CONFIRM)


def _middle(settings: SearchSettings, held: float, open_: float) -> float | None:
    """Return the logarithmic middle of a bracket; None if its ends are close enough."""
    middle = rounded(math.sqrt(held * open_))
    return middle if open_ > (1 + settings.within) * held and held < middle < open_ else None


def _step(settings: SearchSettings, rate: float, kind: StepKind = StepKind.STEP) -> Step:
    least = settings.confirm if kind is StepKind.CONFIRM else settings.step
    return Step(kind, rate, SETTLE_SECONDS, least, settings.longest_of(rate, least))


def _again(settings: SearchSettings, judged: Sequence[StepOutcome], rate: float) -> Step | None:
    """Return a step that repeats a rate that did not hold, with the same duration as before.

    Return None once the rate has not held `BREAKS` times, or has not held in a step of full length,
    which a single stall cannot have broken.
    """
    tried = [outcome for outcome in judged if outcome.step.rate == rate]
    kind = (
        StepKind.CONFIRM if any(o.step.kind is StepKind.CONFIRM for o in tried) else StepKind.STEP
    )
    failed = [outcome for outcome in tried if not outcome.kept]
    long = any(outcome.seconds >= outcome.step.least for outcome in failed)
    return None if long or len(failed) >= BREAKS else _step(settings, rate, kind)


def _confirmed(judged: Sequence[StepOutcome], rate: float) -> bool:
    """Return True if a rate held in a confirmation step."""
    return any(
        outcome.step.rate == rate and outcome.step.kind is StepKind.CONFIRM and outcome.kept
        for outcome in judged
    )


def bracket(judged: Sequence[StepOutcome]) -> Bracket:
    """Return the bracket from the last outcome of each rate; a rate above one that did not hold does not count."""
    last = {outcome.step.rate: outcome for outcome in judged if outcome.step.judged}
    open_ = min((rate for rate, outcome in last.items() if not outcome.kept), default=None)
    kept = [
        rate for rate, outcome in last.items() if outcome.kept and (open_ is None or rate < open_)
    ]
    held = max(kept, default=None)
    low = max((rate for rate in kept if last[rate].decision is Decision.HELD), default=None)
    broke = (rate for rate, outcome in last.items() if outcome.decision is Decision.BROKE)
    return Bracket(held, open_, low, min(broke, default=None))


def conclusion(settings: SearchSettings, history: Sequence[StepOutcome]) -> Conclusion:
    """Return how the search ended; UNFINISHED if it should go on."""
    judged = [outcome for outcome in history if outcome.step.judged]
    bounds = bracket(judged)
    if next_step(settings, history) is not None or not judged:
        return Conclusion.UNFINISHED
    if bounds.held is None and bounds.high == settings.lowest:
        return Conclusion.BELOW
    if _stuck(history):
        starved = history[-1].decision is Decision.GENERATOR  # which says nothing about the target
        return Conclusion.GENERATOR if starved else Conclusion.UNRECOVERED
    if bounds.open is None:
        return (
            Conclusion.AT_LEAST if _confirmed(judged, settings.highest) else Conclusion.UNFINISHED
        )
    last = next(
        outcome.decision for outcome in reversed(judged) if outcome.step.rate == bounds.open
    )
    if last is Decision.GENERATOR:
        return Conclusion.GENERATOR
    done = bounds.held is not None and _middle(settings, bounds.held, bounds.open) is None
    return (
        Conclusion.FOUND
        if done and _confirmed(judged, bounds.held or 0.0)
        else Conclusion.UNFINISHED
    )


def rounded(rate: float) -> float:
    """Round a rate to three significant figures, as people write it."""
    return float(f"{rate:.3g}")
