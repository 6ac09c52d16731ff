"""Which requests are kept as examples."""

from hypothesis import given
from hypothesis import strategies as st

from soak.load.http.trace_context import trace_id
from soak.load.measure.counting import Counting
from soak.load.measure.exemplars import A_MINUTE, EACH
from soak.windows import Exemplar


def kept(counting: Counting, time: float = 0.0, last: bool = True) -> tuple[Exemplar, ...]:
    return counting.close(time, 1.0, 1, last).exemplars


@given(st.lists(st.floats(0, 100, allow_subnormal=False), max_size=40))
def test_the_slowest_are_kept_whatever_the_order(latencies: list[float]) -> None:
    counting = Counting(("a",))
    for number, seconds in enumerate(latencies):
        counting.count("a", seconds, 1, None, None, 200, number + 1)
    exemplars = kept(counting)
    assert sorted(exemplar.seconds for exemplar in exemplars) == sorted(latencies)[-EACH:]
    assert {exemplar.trace for exemplar in exemplars} <= {
        trace_id(number + 1) for number in range(len(latencies))
    }
    assert all(
        (exemplar.endpoint, exemplar.status, exemplar.failure) == ("a", 200, "")
        for exemplar in exemplars
    )


def test_each_kind_of_failure_comes_before_a_kind_again() -> None:
    counting = Counting(("a",))
    for _ in range(100):
        counting.count("a", 0.1, 1, "timeout")
    for number in range(10):
        counting.count("a", 0.1, 1, f"status 50{number}", None, 500 + number, 7)
    exemplars = kept(counting)
    assert len(exemplars) == EACH
    assert {exemplar.failure for exemplar in exemplars} == {
        "timeout",
        *(f"status 50{number}" for number in range(EACH - 1)),
    }
    assert {exemplar.trace for exemplar in exemplars} == {"", trace_id(7)}


def test_a_minute_is_kept_until_it_is_over_and_then_forgotten() -> None:
    counting = Counting(("a",))
    for second in range(61):
        counting.count("a", 1.0 + second, 1)
        exemplars = kept(counting, float(second), last=False)
        assert bool(exemplars) == (second == 60)
    assert [
        exemplar.seconds for exemplar in sorted(exemplars, key=lambda exemplar: exemplar.seconds)
    ] == [
        57,
        58,
        59,
        60,
        61,
    ]
    counting.count("a", 0.001, 1)
    assert [exemplar.seconds for exemplar in kept(counting, 62.0)] == [0.001]


def test_many_endpoints_share_what_a_minute_may_keep() -> None:
    counting = Counting(())
    for number in range(300):
        for _ in range(20):
            counting.count(f"GET /{number}", 0.1 + number, 1)
    exemplars = kept(counting)
    assert len(exemplars) == A_MINUTE
    assert (
        len({exemplar.endpoint for exemplar in exemplars}) == A_MINUTE
    )  # the slowest of each before any second
    assert min(exemplar.seconds for exemplar in exemplars) == 200.1
