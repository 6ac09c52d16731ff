"""An open rate that is not kept is told within seconds, and what only looks like it is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from soak.latency import Histogram
from soak.live.rate_watch import LiveRate
from soak.windows import EndpointWindow, GeneratorWindow, Window


def window(
    second: int,
    sent: float,
    done: int,
    *,
    timeouts: int = 0,
    asked: float | None = None,
    cpu: float = 0.1,
    lag: float = 0.002,
) -> Window:
    """One that ends a little after its second, as real ones do."""
    failures = {"timeout": timeouts} if timeouts else {}
    seen = EndpointWindow("GET /", done, failures, 0, Histogram(), Histogram())
    own = GeneratorWindow(cpu, cpu, lag, 1, sent if asked is None else asked, int(sent))
    return Window(second + 1.003 - 0.001 * (second % 3), 1.0, 1, (seen,), own)


def first_said(seconds: int, of: Callable[[int], Window]) -> tuple[float | None, str]:
    """When something was said first, in seconds of load, and what was said last."""
    watch, first = LiveRate(), None
    for second in range(seconds):
        watch.saw(of(second))
        first = second + 1.0 if watch.said and first is None else first
    return first, watch.said


def test_a_rate_that_the_target_does_not_keep_is_told_within_fifteen_seconds() -> None:
    first, said = first_said(20, lambda second: window(second, 40, 20))
    assert first is not None
    assert 10 <= first <= 15
    assert said == (
        "the target does not keep the rate: 40 requests/s asked for, 20 answered, 400 requests waiting; "
        "try less than 20 requests/s"
    )


def test_timeouts_are_no_answers_and_what_was_kept_before_them_is_what_is_kept() -> None:
    first, said = first_said(
        22,
        lambda second: window(second, 40, 20 if second < 18 else 40, timeouts=30 * (second >= 18)),
    )
    assert first is not None
    assert "12 answered" in said
    assert "try less than 20 requests/s" in said


def test_a_target_that_stops_answering_is_told_so() -> None:
    _, said = first_said(30, lambda second: window(second, 40, 40 if second < 12 else 0))
    assert said == (
        "the target answers nothing any more: 40 requests/s asked for, 720 requests waiting"
    )


@pytest.mark.parametrize(
    "of",
    [
        lambda second: window(second, 40, 40),
        lambda second: window(second, 40, 38),  # a little less than all
        lambda second: window(second, 40, 40 if second >= 4 else 0),  # each takes four seconds
        lambda second: window(second, 4 * second, max(0, 4 * (second - 2))),  # a ramp, two seconds
        lambda second: window(second, 100 if second < 12 else 10, 100 if second < 12 else 10),
        lambda second: window(second, 1, second % 4),  # too few to tell
        lambda second: window(second, 40, 0 if 12 <= second < 15 else 40 + 120 * (second == 15)),
    ],
    ids=["kept", "nearly", "latency", "ramp", "stage", "few", "pause"],
)
def test_what_only_looks_like_it_is_not_told(of: Callable[[int], Window]) -> None:
    assert first_said(40, of)[0] is None


def test_the_load_generator_is_named_where_it_is_the_one() -> None:
    _, said = first_said(20, lambda second: window(second, 25, 25, asked=40.0, cpu=0.97))
    assert said == (
        "the load generator does not keep the rate: 40 requests/s asked for, 25 sent (97% of a core)"
    )
    _, both = first_said(20, lambda second: window(second, 40, 20, cpu=0.97))
    assert both.startswith("the target or the load generator does not keep the rate: 40 ")


def test_it_ends_when_the_rate_is_kept_again() -> None:
    watch = LiveRate()
    for second in range(60):
        watch.saw(window(second, 40, 20 if second < 30 else 40))
    assert watch.said == ""


def test_a_closed_model_asks_for_no_rate() -> None:
    watch = LiveRate()
    for second in range(30):
        seen = EndpointWindow("GET /", 0, {}, 0, Histogram(), Histogram())
        watch.saw(Window(second + 1.0, 1.0, 1, (seen,), GeneratorWindow(0.1, 0.1, 0.0, 1)))
    assert watch.said == ""


def test_nothing_is_compared_across_a_hole() -> None:
    watch = LiveRate()
    for second in (*range(10), *range(100, 109)):
        watch.saw(window(second, 40, 40 if second < 90 else 20))
    assert watch.said == ""
