"""How much of a level each endpoint adds: where there is a single one, where all add alike, and where no count is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest
from scipy import stats

from soak.diagnosis.attribution import levels as module
from soak.diagnosis.attribution.attribution import EVERY, Amount, Attribution
from soak.diagnosis.attribution.levels import (
    Levels,
    attribute_by_endpoint,
    contributors,
    levels_of,
    requests_at,
)
from soak.model import Series

TIMES = np.array([1.0, 2.0, 4.0, 8.0])
LEVELS = Levels(TIMES, np.array([5.0, 9.0, 8.0, 14.0]), 10 * TIMES, (3.0,))


def prepared(requests: Series | None = None, **endpoints: int) -> Any:
    windows = [
        SimpleNamespace(endpoint=name, requests=np.array([count, 0]))
        for name, count in endpoints.items()
    ]
    return SimpleNamespace(
        requests=requests,
        windows=lambda: windows,
        recording=SimpleNamespace(windows="of the whole run"),
        cuts=lambda _: (4.0, 6.0),
    )


def test_a_level_has_the_requests_done_by_then_and_where_processes_were_replaced() -> None:
    done = Series("requests", np.array([0.0, 4.0]), np.array([100.0, 180.0]))
    with mock.patch.object(module, "retained_levels", return_value=(TIMES, 2 * TIMES)):
        levels = levels_of(prepared(done), Series("x", TIMES, TIMES))
    assert levels is not None
    assert levels.values.tolist() == [2, 4, 8, 16]
    assert levels.requests.tolist() == [120, 140, 180, 180]
    assert levels.borders == (4.0, 6.0)


@pytest.mark.parametrize("done", [None, Series("requests", np.zeros(0), np.zeros(0))])
def test_the_times_stand_for_requests_that_were_not_counted(done: Series | None) -> None:
    assert requests_at(prepared(done), TIMES) is TIMES


def test_a_single_sample_of_requests_counts() -> None:
    done = Series("requests", np.array([4.0]), np.array([7.0]))
    assert requests_at(prepared(done), TIMES).tolist() == [7, 7, 7, 7]


def test_a_single_endpoint_adds_all_of_it() -> None:
    line = stats.linregress(LEVELS.requests, LEVELS.values)
    half = float(line.stderr * stats.t.ppf(0.975, 2))
    told = attribute_by_endpoint(prepared(idle=0, a=1), LEVELS, "x", "bytes")
    [amount] = told.amounts
    assert (told.key, told.unit, amount.endpoint, amount.share) == ("x", "bytes", "a", 1.0)
    assert (amount.per_request, amount.low, amount.high) == pytest.approx(
        (line.slope, line.slope - half, line.slope + half)
    )


@pytest.mark.parametrize(
    ("endpoints", "requests"),
    [({"a": 1, "b": 2}, 10 * TIMES), ({"a": 0}, 10 * TIMES), ({"a": 1}, np.full(4, 5.0))],
)
@pytest.mark.parametrize("integer", [True, False])
def test_several_endpoints_are_told_apart_by_the_whole_run_s_windows(
    endpoints: dict[str, int], requests: Any, integer: bool
) -> None:
    levels = Levels(TIMES, LEVELS.values, requests, (3.0,))
    with mock.patch.object(module, "attribute", return_value="told") as asked:
        told: Any = attribute_by_endpoint(
            prepared(None, **endpoints), levels, "x", "bytes", integer=integer
        )
    assert told == "told"
    assert asked.call_args.args == (TIMES, LEVELS.values, "of the whole run")
    assert asked.call_args.kwargs == {
        "key": "x",
        "unit": "bytes",
        "integer": integer,
        "borders": (3.0,),
    }


def test_levels_are_no_counts_unless_that_is_said() -> None:
    with mock.patch.object(module, "attribute") as asked:
        attribute_by_endpoint(prepared=prepared(a=1, b=1), levels=LEVELS, key="x", unit="bytes")
    assert asked.call_args.kwargs["integer"] is False


def test_requests_that_differ_by_half_of_one_are_enough() -> None:
    levels = Levels(TIMES, LEVELS.values, TIMES / 14)
    with mock.patch.object(module, "attribute") as asked:
        attribute_by_endpoint(prepared(a=1), levels, "x", "bytes")
    asked.assert_not_called()


def told(
    *amounts: tuple[float, float], every: Amount | None = None, refused: str | None = None
) -> Attribution:
    """Endpoints with these amounts and half widths of their intervals, each with a fair share."""
    made = tuple(
        Amount(f"e{i}", each, each - half, each + half, 0.3)
        for i, (each, half) in enumerate(amounts)
    )
    return Attribution("x", "bytes", made, refused=refused, every=every)


ALL = Amount(EVERY, 3.0, 2.0, 4.0, 1.0)


@pytest.mark.parametrize(
    ("attribution", "endpoints"),
    [
        (told((4.0, 1.0), (3.0, 1.0), (2.0, 1.0)), [(EVERY, 4.0)]),
        (told((4.0, 1.0), (3.0, 0.5), (2.0, 1.0)), [(EVERY, 3.0)]),
        (told((4.0, 1.0), (3.0, 5.0), (2.0, 0.5)), [(EVERY, 2.0)]),
        (told((4.0, 1.0), (3.0, 1.0), (2.0, 1.0), every=ALL), [(EVERY, 3.0)]),
        (told((4.0, 1.0), (3.0, 1.0), (1.9, 1.0)), [("e0", 4.0), ("e1", 3.0), ("e2", 1.9)]),
        (
            told((4.0, 1.0), (3.0, 1.0), (1.9, 1.0), every=ALL),
            [("e0", 4.0), ("e1", 3.0), ("e2", 1.9)],
        ),
        (told((4.0, 1.0), (3.0, 1.0)), [("e0", 4.0), ("e1", 3.0)]),
        (told((4.0, 1.0), (1.0, 2.0), (9.0, 9.5)), [("e0", 4.0)]),
        (told((4.0, 5.0), (4.0, 5.0), (4.0, 5.0)), []),
        (told((4.0, 1.0), (4.0, 1.0), (4.0, 1.0), refused="too few"), []),
        (told(), []),
    ],
)
def test_three_endpoints_or_more_that_add_alike_are_all_of_them(
    attribution: Attribution, endpoints: list[tuple[str, float]]
) -> None:
    contributing = contributors(attribution)
    assert [(each.endpoint, each.per_request) for each in contributing] == endpoints
    if endpoints and endpoints[0][0] == EVERY:
        assert contributing[0].share == 1.0


@pytest.mark.parametrize(("count", "known"), [(2, False), (3, True)])
def test_three_points_make_a_level(count: int, known: bool) -> None:
    points = TIMES[:count], TIMES[:count]
    with mock.patch.object(module, "retained_levels", return_value=points):
        assert (levels_of(prepared(), Series("x", TIMES, TIMES)) is not None) is known
