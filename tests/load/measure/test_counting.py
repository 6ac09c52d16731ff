import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from soak.load.measure.counting import MAX_ENDPOINTS, MAX_KINDS, OTHER, Counting
from soak.load.plan.wire import window_line, window_of
from soak.windows import GeneratorWindow


def test_successes_and_failures_are_kept_apart() -> None:
    counting = Counting(("GET /a", "GET /b"))
    counting.count("GET /a", 0.010, 100)
    counting.count("GET /a", 5.0, 0, "timeout")
    counting.count("GET /a", 0.001, 20, "status 500")
    a, b = counting.close(1.0, 1.0, 3).endpoints
    assert (a.endpoint, a.requests, a.bytes, a.failures) == (
        "GET /a",
        3,
        120,
        {"timeout": 1, "status 500": 1},
    )
    assert a.latency.total() == 1
    assert a.failed_latency.total() == 2
    assert (b.endpoint, b.requests) == ("GET /b", 0)


def test_each_window_starts_empty() -> None:
    counting = Counting(("GET /a",))
    counting.count("GET /a", 0.01, 1)
    assert counting.close(1.0, 1.0, 1).endpoints[0].requests == 1
    assert counting.close(2.0, 1.0, 1).endpoints[0].requests == 0
    counting.count("GET /unplanned", 0.01, 1)
    assert len(counting.close(3.0, 1.0, 1).endpoints) == 2
    assert len(counting.close(4.0, 1.0, 1).endpoints) == 1


def test_a_thousand_names_and_errors_are_folded_and_none_is_lost() -> None:
    counting = Counting(())
    for number in range(1000):
        counting.count(f"GET /{number}", 0.01, 1, f"error {number}")
    window = counting.close(1.0, 1.0, 1)
    assert len(window.endpoints) == MAX_ENDPOINTS + 1
    assert sum(seen.requests for seen in window.endpoints) == 1000
    kinds = {kind for seen in window.endpoints for kind in seen.failures}
    assert len(kinds) == MAX_KINDS + 1
    assert OTHER in kinds


_requests = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "ü\n"]),
        st.floats(0, 1e4),
        st.integers(0, 10**9),
        st.none() | st.text(max_size=5),
    )
)


@given(_requests)
def test_a_window_survives_the_pipe(requests: list[tuple[str, float, int, str | None]]) -> None:
    counting = Counting(("a",))
    for endpoint, seconds, size, failure in requests:
        counting.count(
            endpoint, seconds, size, failure, seconds / 2 if size % 2 else None, size % 600, size
        )
        if size % 3 == 0:
            counting.drop(endpoint)
    window = counting.close(101.5, 1.0, 7, last=True)
    health = GeneratorWindow(0.5, 0.5, 0.001, 1 << 30, 12.5 if requests else None, 12, 3)
    window = replace(window, generator=health if len(requests) % 2 else None)
    line = window_line(window)
    assert line.count("\n") == 1
    read = window_of(json.loads(line), origin=100.0)
    assert read.time == 1.5
    assert read.endpoints == window.endpoints
    assert read.generator == window.generator
    assert read.exemplars == tuple(
        replace(exemplar, time=exemplar.time - 100.0) for exemplar in window.exemplars
    )
    assert bool(read.exemplars) == bool(requests)
