"""Whether the target was overloaded: requests in flight, timeouts, and what either leaves of other findings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from soak.analysis.prepare.prepare import Prepared
from soak.analysis.rules import overload
from soak.analysis.rules.load_generator import Generator
from soak.analysis.rules.overload import Overload, failed_before, overload_of, without_overload
from soak.model import Finding, RuleName, Trend, Verdict
from tests.analysis.prepared import own_rows, prepared, rows


@pytest.mark.parametrize(
    ("timeouts", "doubtful", "said"),
    [
        (0.5, False, "the target did not keep the rate: requests in flight rose from 2 to 9"),
        (0.5, True, "the target or the load generator did not keep the rate: requests in flight rose from 2 to 9"),
        (0.51, False, "the target was overloaded: 51% of the requests got no answer in time"),
        (0.51, True, "the target or the load generator was overloaded: 51% of the requests got no answer in time"),
    ],
)  # fmt: skip
def test_an_overload_says_who_and_which_rate_would_tell(
    timeouts: float, doubtful: bool, said: str
) -> None:
    seen = Overload(2.0, 9.0, 40.0, timeouts, doubtful)
    assert seen.sentence == f"{said}; it answered 40 requests/s; a rate below that would tell"
    assert Overload(2.0, 9.0, 40.0, timeouts).doubtful is False


def in_flight(*levels: float, **more: Any) -> Prepared:
    """A run in which so many requests were in flight at the end of each second; ten are answered in each."""
    made = 10.0 + np.diff([0.0, *levels])
    count = len(levels)
    seen = rows([10] * count, more.pop("failures", 0), kinds=more.pop("kinds", None))
    return prepared(seen, generator=own_rows(made, made, count=count), end=float(count), **more)


@pytest.mark.parametrize(
    ("levels", "rose"),
    [
        ([5, 0, 10], (5.0, 10.0)),
        ([5, 0, 9], None),  # less than twice as many
        ([10, 0, 16], None),
        ([0, 0, 5], (0.0, 5.0)),
        ([0, 0, 4], None),  # less than five more
        ([3, 0, 7], None),
        ([0, 10], None),
        # Of the first third all but the highest quarter, of the last all but the lowest.
        ([0, 1, 2, 3, 4, 9, 9, 9, 9, 9, 10, 11, 12, 13, 14], (3.0, 11.0)),
        ([4, 3, 2, 1, 0, 6, 7, 8, 9, 9, 14, 13, 12, 11, 10], (3.0, 11.0)),
        ([9, 9, 9, 9, 0, 0, 0, 0, 20, 20, 0, 0], None),  # it empties again
    ],
)
def test_a_target_is_overloaded_whose_requests_in_flight_double_and_stay(
    levels: list[float], rose: tuple[float, float] | None
) -> None:
    seen = overload_of(in_flight(*levels))
    assert seen == (None if rose is None else Overload(*rose, 10.0, 0.0))


@pytest.mark.parametrize(
    ("failures", "kinds", "timeouts"),
    [
        (6, {"timeout": 18}, 0.6),
        (5, {"timeout": 15}, None),
        (6, {"timeout": 9, "reset": 9}, None),
        (6, {"timeout": 7, "read timed out": 3, "reset": 8}, 0.6),
        (6, {}, None),
    ],
)
def test_a_target_is_overloaded_if_most_requests_time_out(
    failures: int, kinds: dict[str, int], timeouts: float | None
) -> None:
    seen = overload_of(in_flight(0, 0, 0, failures=failures, kinds=kinds))
    assert seen == (None if timeouts is None else Overload(0.0, 0.0, 4.0, timeouts))
    few = overload_of(in_flight(7, 9, failures=failures, kinds=kinds))
    assert few == seen  # two windows have no thirds, so nothing is said of what was in flight


def test_an_overload_counts_the_answers_per_second() -> None:
    seen = rows([10, 10, 10], 9, seconds=2.0, kinds={"timeout": 27})
    found = overload_of(prepared(seen))
    assert found == Overload(0.0, 0.0, 0.5, 0.9)


def test_without_requests_there_is_no_overload() -> None:
    assert overload_of(prepared()) is None
    assert overload_of(prepared(rows([9]), judged_from=20.0)) is None
    assert overload_of(prepared(rows([0, 0, 0], kinds={"timeout": 4}))) is None


@pytest.mark.parametrize(("saturated", "doubtful"), [(None, False), (0.05, False), (0.06, True)])
def test_an_overload_is_doubtful_where_the_generator_was_saturated_too(
    saturated: float | None, doubtful: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = None
    if saturated is not None:
        own = Generator(0.2, 0.0, saturated, 0.0, 0.0, 0.0, 0.0, 50.0, 50.0, 1)
    monkeypatch.setattr(overload, "generator_of", lambda _: own)
    seen = overload_of(in_flight(0, 5, 9))
    assert seen is not None
    assert seen.doubtful is doubtful


def test_in_flight_is_what_was_sent_and_not_yet_answered_by_any_endpoint() -> None:
    one, other = rows([1, 2, 3, 4]), rows([1, 1, 1, 1], endpoint="GET /other")
    own = own_rows(9.0, [4.0, 6.0, 4.0, 5.0], count=4)
    run = prepared(one, other, generator=own, end=4.0)
    assert overload._in_flight(run).tolist() == [2.0, 5.0, 5.0, 5.0]
    part = prepared(one, other, generator=own, judged_from=2.0, end=3.0)
    assert overload._in_flight(part).tolist() == [5.0, 5.0]


def test_in_flight_is_unknown_without_a_whole_record_of_what_was_sent() -> None:
    own = own_rows(9.0, 9.0, count=4)
    assert len(overload._in_flight(prepared(rows([1] * 4), generator=own))) == 4
    assert len(overload._in_flight(prepared(rows([1] * 4)))) == 0
    assert len(overload._in_flight(prepared(generator=own))) == 0
    assert len(overload._in_flight(prepared(rows([1] * 5), generator=own))) == 0
    unknown = own_rows(9.0, [9.0, np.nan, 9.0, 9.0], count=4)
    assert len(overload._in_flight(prepared(rows([1] * 4), generator=unknown))) == 0


SEEN = Overload(2.0, 9.0, 40.0, 0.0)


def growth(verdict: Verdict, slope_high: float | None = 1.0, limit: float | None = None) -> Finding:
    trend = None if slope_high is None else Trend(0.0, -1.0, slope_high, 1.0, None, 100.0)
    return Finding(
        RuleName.GROWTH, "process_open_fds", verdict, "It is so.", limit=limit, trend=trend
    )


@pytest.mark.parametrize(
    ("finding", "changed"),
    [
        (growth(Verdict.FAIL), True),
        (growth(Verdict.PASS), True),
        (growth(Verdict.PASS, 0.0), False),
        (growth(Verdict.FAIL, 0.0), True),
        (growth(Verdict.INCONCLUSIVE), False),
        (growth(Verdict.FAIL, limit=5.0), False),
        (growth(Verdict.FAIL, None), False),
        (growth(Verdict.PASS, np.nan), False),
    ],
)
def test_growth_under_an_overload_says_nothing_of_leaks(finding: Finding, changed: bool) -> None:
    seen = without_overload(finding, SEEN)
    assert without_overload(finding, None) is finding
    if not changed:
        assert seen is finding
        return
    assert seen.verdict is Verdict.INCONCLUSIVE
    assert seen.reason == f"It is so; but {SEEN.sentence}."
    assert [(note.by, note.before) for note in seen.adjustments] == [("overload", finding.verdict)]


@pytest.mark.parametrize(
    ("finding", "earlier", "changed"),
    [
        (growth(Verdict.INCONCLUSIVE), growth(Verdict.FAIL), True),
        (growth(Verdict.INCONCLUSIVE), growth(Verdict.PASS), False),
        (growth(Verdict.INCONCLUSIVE), None, False),
        (growth(Verdict.PASS), growth(Verdict.FAIL), False),
    ],
)
def test_a_leak_that_was_there_before_the_overload_is_a_leak(
    finding: Finding, earlier: Finding | None, changed: bool
) -> None:
    seen = failed_before(finding, earlier, 600.0)
    if not changed:
        assert seen is finding
        return
    assert earlier is not None
    assert (seen.verdict, seen.trend) == (Verdict.FAIL, earlier.trend)
    assert seen.reason == (
        "It is so; judged over the first 10 min of the load, because after that the target did not keep the rate."
    )
    assert [(note.by, note.before, note.after) for note in seen.adjustments] == [
        ("overload", Verdict.INCONCLUSIVE, Verdict.FAIL)
    ]
