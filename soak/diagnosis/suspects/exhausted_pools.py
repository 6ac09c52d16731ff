"""A pool that is used up: most requests fail, and the stacks show that they wait for a connection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from soak.diagnosis.attribution.allocation_sites import calls, where
from soak.diagnosis.attribution.blocked_stacks import BlockedGroup
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.stack_signatures import STACK_SIGNATURES
from soak.diagnosis.thresholds import LEAST_WAITING, MOST_NAMED
from soak.model import Floats, RuleName, Verdict
from soak.units import show_list, show_number

#: Rules that leave a run open because hardly any request was answered.
_UNANSWERED = (RuleName.COVERAGE, RuleName.ERRORS)


def exhausted_pool(context: RunContext) -> str:
    """Say who waits for a connection of a pool, in a run in which requests were not answered; empty if nobody does.

    What the stacks show late in the run counts: how many wait at once, in the median over the later half
    of the snapshots. A busy pool has one or two now and then.
    """
    unanswered = any(
        finding.rule in _UNANSWERED and finding.verdict is not Verdict.PASS
        for finding in context.findings
    )
    if not unanswered:
        return ""
    waits = [wait for group in context.groups if group.own for wait in _waits(group)]
    at_once = np.sum([wait.levels for wait in waits], axis=0) if waits else np.zeros(1)
    waiting = int(np.median(at_once))
    if waiting < LEAST_WAITING:
        return ""
    callers: Counter[str] = Counter()
    pools: Counter[str] = Counter()
    for wait in waits:
        callers[wait.caller] += int(wait.levels.sum())
        pools[wait.pool] += int(wait.levels.sum())
    named = [caller for caller, _ in callers.most_common(MOST_NAMED)]
    return (
        f"{show_number(waiting)} {context.groups[0].noun} wait in {pools.most_common(1)[0][0]}, called by {show_list(named)}: "
        "the pool of connections is used up, because they are not returned, or it is too small for this load."
    )


class _Wait(NamedTuple):
    """How many threads waited in a pool at each late snapshot, in its function, called by own code."""

    pool: str
    caller: str
    levels: Floats


def _waits(group: BlockedGroup) -> Iterator[_Wait]:
    """Yield the stacks of a group that wait in a pool, in the later half of the snapshots."""
    waits = STACK_SIGNATURES["pool waits"]
    for stack in group.site.stacks:
        pool = next((frame.function for frame in stack.frames if calls((frame,), waits)), None)
        if pool is not None:
            yield _Wait(pool, where(group.place), stack.levels[len(stack.levels) // 2 :])
