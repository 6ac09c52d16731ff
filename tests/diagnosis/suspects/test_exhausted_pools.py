"""A pool that is used up: who waits for a connection in a run whose requests were not answered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from soak.diagnosis import thresholds
from soak.diagnosis.attribution.allocation_sites import Stack
from soak.diagnosis.attribution.blocked_stacks import BlockedGroup
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.exhausted_pools import exhausted_pool
from soak.model import Finding, RuleName, Verdict
from tests.boundaries import pins
from tests.diagnosis.suspects.parts import context, own, site

TAKES = Frame("com.zaxxer.hikari.pool.HikariPool.getConnection")
OPEN = Finding(RuleName.COVERAGE, "load_rate", Verdict.INCONCLUSIVE, "It fell behind.")
BOOK, LOOK = (
    own("org.shop.Rooms.book", "Rooms.java", 7),
    own("org.shop.Rooms.look", "Rooms.java", 9),
)


def waiting(*frames: Frame, levels: list[float]) -> BlockedGroup:
    held = site(Stack(frames, np.array(levels)))
    return BlockedGroup("parked", held.place, frames[-1], held, noun="threads")


def told(*groups: BlockedGroup, finding: Finding = OPEN) -> str:
    return exhausted_pool(context(findings=[finding], groups=groups))


def test_who_waits_for_a_pool_is_told_with_where_they_came_from() -> None:
    many = waiting(TAKES, BOOK, levels=[0.0, 2.0, 9.0, 9.0])
    few = waiting(TAKES, LOOK, levels=[0.0, 0.0, 3.0, 3.0])
    assert told(many, few) == (
        "12 threads wait in com.zaxxer.hikari.pool.HikariPool.getConnection, called by org.shop.Rooms.book Rooms.java:7 "
        "and org.shop.Rooms.look Rooms.java:9: the pool of connections is used up, because they are not returned, or it "
        "is too small for this load."
    )


def test_nothing_is_told_where_requests_were_answered_or_nobody_waits() -> None:
    many = waiting(TAKES, BOOK, levels=[0.0, 2.0, 9.0, 9.0])
    assert told(many, finding=replace(OPEN, verdict=Verdict.PASS)) == ""
    assert told(many, finding=replace(OPEN, rule=RuleName.GROWTH)) == ""
    assert told(many, finding=replace(OPEN, rule=RuleName.ERRORS)) != ""
    assert told(waiting(Frame("java.lang.Thread.sleep"), BOOK, levels=[9.0] * 4)) == ""
    assert told(waiting(TAKES, levels=[9.0] * 4)) == "", (
        "it is not the target's own code that waits"
    )
    assert told(waiting(TAKES, BOOK, levels=[9.0, 9.0, 9.0, 0.0, 0.0, 0.0])) == ""
    assert told() == ""


def test_only_those_that_wait_at_the_same_time_count() -> None:
    """Each place has two in half of the snapshots, and other stacks of it that do not wait."""
    even, odd = [2.0, 0.0] * 6, [0.0, 2.0] * 6
    busy = Stack((BOOK,), np.array([9.0] * 12))
    held = site(Stack((TAKES, BOOK), np.array(even)), busy)
    book = BlockedGroup("running", held.place, BOOK, held, noun="threads")
    assert told(book, waiting(TAKES, LOOK, levels=odd)) == ""
    assert told(book, waiting(TAKES, LOOK, levels=[4.0] * 12)) != ""


def test_a_connection_that_is_returned_waits_for_nothing() -> None:
    returns = Frame("QueuePool._do_return_conn", "/site-packages/sqlalchemy/pool/impl.py")
    takes = Frame("QueuePool._do_get", "/site-packages/sqlalchemy/pool/impl.py")
    assert told(waiting(returns, BOOK, levels=[9.0] * 4)) == ""
    assert told(waiting(takes, BOOK, levels=[9.0] * 4)) != ""


@pins(thresholds, "LEAST_WAITING")
def test_four_threads_wait() -> None:
    assert told(waiting(TAKES, BOOK, levels=[4.0] * 4))
    assert not told(waiting(TAKES, BOOK, levels=[3.0] * 4))
