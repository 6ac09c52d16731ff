"""The input and the type of a rule; see RULES in `soak/analysis/rules/__init__.py` for how to add one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.statistics.growth_input import Subject
from soak.model import Finding
from soak.profile import EndpointLimits, Limits

#: Replaces the clock of a subject, if the mix of traffic was varied on purpose.
RequestClock = Callable[[Prepared, Subject], Subject]


@dataclass(frozen=True, slots=True, eq=False)
class RuleInput:
    """A prepared recording and the limits that it is judged by.

    `endpoint_limits` maps endpoint names to limits of their own. `judge_unknown` is for files that
    a user chose to have judged: series that the catalog does not know as resources are judged too.
    `request_clock` is None if time is the clock.
    """

    prepared: Prepared
    limits: Limits
    endpoint_limits: Mapping[str, EndpointLimits] = field(default_factory=dict)
    judge_unknown: bool = False
    request_clock: RequestClock | None = None


def _no_warnings(_asked: RuleInput, _findings: Sequence[Finding]) -> Iterable[str]:
    return ()


@dataclass(frozen=True, slots=True)
class Rule:
    """`judge` returns a rule's findings; `warn` its warnings, once all rules' findings are known."""

    judge: Callable[[RuleInput], Iterable[Finding]]
    warn: Callable[[RuleInput, Sequence[Finding]], Iterable[str]] = _no_warnings
