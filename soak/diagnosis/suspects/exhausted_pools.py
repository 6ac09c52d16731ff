"""A pool that is used up: most requests fail, and the stacks show that they wait for a connection."""

from __future__ import annotations

from collections import Counter

import numpy as np

from soak.diagnosis.attribution.allocation_sites import calls, where
from soak.diagnosis.attribution.blocked_stacks import BlockedGroup
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.stack_signatures import STACK_SIGNATURES
from soak.diagnosis.thresholds import LEAST_WAITING, MOST_NAMED
from soak.model import RuleName, Verdict
from soak.units import show_list, show_number

#: Rules that leave a run open because hardly any request was answered.
_UNANSWERED = (RuleName.COVERAGE, RuleName.ERRORS)


def exhausted_pool(context: RunContext) -> str:
    """Say who waits for a connection of a pool, in a run in which requests were not answered; empty if nobody does.

    What the stacks show late in the run counts: the median over the later half of the snapshots.
    """
    unanswered = any(
        finding.rule in _UNANSWERED and finding.verdict is not Verdict.PASS
        for finding in context.findings
    )
    if not unanswered:
        return ""
    callers: Counter[str] = Counter()
    pools: Counter[str] = Counter()
    for group in context.groups:
        many, pool = _waiting(group), _pool(group)
        if many and pool:
            callers[where(group.place)] += many
            pools[pool] += many
    waiting = pools.total()
    if waiting < LEAST_WAITING:
        return ""
    named = [caller for caller, _ in callers.most_common(MOST_NAMED)]
    return (
        f"{show_number(waiting)} {context.groups[0].noun} wait in {pools.most_common(1)[0][0]}, called by {show_list(named)}: "
        "the pool of connections is used up, because they are not returned, or it is too small for this load."
    )


def _waiting(group: BlockedGroup) -> int:
    levels = group.site.levels
    return int(np.median(levels[len(levels) // 2 :])) if group.own else 0


def _pool(group: BlockedGroup) -> str:
    """Return the function of a pool that a group waits in; empty if it is none."""
    frames = (frame for stack in group.site.stacks for frame in stack.frames)
    waits = STACK_SIGNATURES["pool waits"]
    return next((frame.function for frame in frames if calls((frame,), waits)), "")
