"""Abort rules on records as a run makes them: when they act, and what they do not take for a breach."""

from collections.abc import Iterable, Sequence

import pytest

from soak.abort import AbortWatch
from soak.latency import Histogram, bucket_of
from soak.model import Event, EventKind, Kind, Sample, Scrape
from soak.profile.abort import parse_rule
from soak.windows import EndpointWindow, GeneratorWindow, Window


def watch(*rules: str, interval: float = 1.0) -> tuple[AbortWatch, list[Event]]:
    events: list[Event] = []
    return AbortWatch([parse_rule(rule) for rule in rules], interval, events.append), events


def window(
    end: float, requests: int = 100, failed: int = 0, latency: float = 0.01, endpoint: str = "GET /"
) -> Window:
    good = requests - failed
    seen = EndpointWindow(
        endpoint,
        requests,
        {"status 500": failed} if failed else {},
        0,
        Histogram({bucket_of(latency): good} if good else {}),
        Histogram(),
    )
    return Window(end, 1.0, 1, (seen,) if requests else (), GeneratorWindow(0.99, 0.99, 0.0, 1))


def scrape(time: float, value: float, name: str = "x_bytes", kind: Kind = Kind.GAUGE) -> Scrape:
    return Scrape("process", time, 0.0, 0.0, (Sample(name, value, (("a", "b"),), kind),))


def acted(rules: Sequence[str] | str, records: Iterable[Window | Scrape]) -> float | None:
    """When the rules ended the run: the time of the record that they acted at."""
    watched, events = watch(*([rules] if isinstance(rules, str) else rules))
    for record in records:
        watched.saw(record)
        if watched.aborted is not None:
            assert watched.aborted.time == record.time
            assert [event.kind for event in events] == [EventKind.ABORT]
            return record.time
    return None


def test_errors_end_the_run_at_the_window_that_completes_the_time() -> None:
    """Failing from second 10 on: 30 s later, at the window that ends there, and not at the one before."""
    failing = [window(t, failed=51 if t > 10 else 0) for t in range(1, 100)]
    assert acted("errors > 50% for 30s", failing) == 40


def test_exactly_half_is_not_more_than_half() -> None:
    assert acted("errors > 50% for 30s", [window(t, failed=50) for t in range(1, 100)]) is None
    assert acted("errors >= 50% for 30s", [window(t, failed=50) for t in range(1, 100)]) == 30


def test_an_outage_shorter_than_the_time_ends_nothing() -> None:
    """29 s of failures, again and again, with a good second between."""
    records = [window(t, failed=0 if t % 30 == 0 else 100) for t in range(1, 400)]
    assert acted("errors > 50% for 30s", records) is None


def test_a_percentile_over_a_minute() -> None:
    assert (
        acted("p99 > 2s for 1m", [window(t, latency=3.0 if t > 5 else 0.1) for t in range(1, 100)])
        == 65
    )
    assert acted("p99 > 2s for 1m", [window(t, latency=1.9) for t in range(1, 200)]) is None


@pytest.mark.parametrize("every", [1, 5, 20])
def test_one_bad_request_among_few_ends_nothing(every: int) -> None:
    """A request every so many seconds; one of them fails, another is slow."""
    records = [
        window(
            t, 1 if t % every == 0 else 0, failed=int(t == 100), latency=9.0 if t == 160 else 0.01
        )
        for t in range(1, 400)
    ]
    assert acted(["errors > 5% for 30s", "p99 > 2s for 30s"], records) is None


@pytest.mark.parametrize("every", [1, 5, 12])
def test_few_requests_that_all_fail_end_the_run(every: int) -> None:
    records = [window(t, int(t % every == 0), failed=int(t % every == 0)) for t in range(1, 400)]
    ended = acted("errors > 50% for 30s", records)
    assert ended is not None
    assert 30 <= ended <= 30 + 2 * every


def test_without_a_time_few_requests_say_nothing() -> None:
    assert acted("errors > 50%", [window(t, 9, failed=9) for t in range(1, 50)]) is None
    assert acted("errors > 50%", [window(t, 10, failed=10) for t in range(1, 50)]) == 1


def test_a_rate_below_what_is_wanted() -> None:
    assert (
        acted("rate < 50/s for 10s", [window(t, 100 if t < 20 else 49) for t in range(1, 60)]) == 29
    )
    assert (
        acted("rate < 50/s for 10s", [window(t, 0 if t > 5 else 100) for t in range(1, 60)]) == 15
    )


def test_one_endpoint_of_several() -> None:
    def both(t: float) -> Window:
        good, bad = window(t, 1000), window(t, 10, failed=10, endpoint="GET /bad")
        return Window(t, 1.0, 1, (*good.endpoints, *bad.endpoints))

    records = [both(t) for t in range(1, 60)]
    assert acted("errors > 50% for 10s", records) is None
    assert acted('errors{endpoint="GET /bad"} > 50% for 10s', records) == 10


def test_a_series_at_its_first_sample_beyond_the_limit() -> None:
    assert acted("x_bytes > 2GiB", [scrape(t, 2**31 + (t == 7)) for t in range(20)]) == 7
    assert acted("x_* > 2GiB", [scrape(t, 2**31 + (t == 7)) for t in range(20)]) == 7
    assert acted('x_bytes{a="c"} > 1', [scrape(t, 5) for t in range(20)]) is None


def test_a_series_for_a_time() -> None:
    assert acted("x_bytes > 1 for 5s", [scrape(t, 2 if t >= 3 else 0) for t in range(20)]) == 8


def test_a_counter_counts_as_a_rate_per_second() -> None:
    totals = [
        scrape(t, 1000 + (t * 10 if t < 10 else t * 30), "x_total", Kind.COUNTER) for t in range(20)
    ]
    assert acted("x_total > 40 for 3s", totals) is None
    assert acted("x_total > 25 for 3s", totals) == 13


def test_a_gap_is_no_proof_that_the_condition_held() -> None:
    """Beyond the limit before and after an hour that nobody saw."""
    assert acted("x_bytes > 1 for 30s", [scrape(0, 2), scrape(3600, 2)]) is None


def test_values_that_are_not_there_and_failed_scrapes_neither_begin_nor_end_anything() -> None:
    records = [scrape(t, float("nan") if t == 3 else 2) for t in range(20)]
    assert acted("x_bytes > 1 for 5s", records) == 5


def test_the_load_s_own_processor_is_a_series_too() -> None:
    watched, _ = watch("soak_load_cpu_ratio > 95% for 10s")
    for t in range(1, 12):
        watched.saw(window(t))
    assert watched.aborted is not None
    assert not watched.aborted.of_target


def test_memory_stays_bounded_however_long_the_rule() -> None:
    watched, _ = watch("p99 > 2s for 10h")
    for t in range(1, 2000):
        watched.saw(window(t, requests=1))
    assert len(watched._windows[0]._recent) <= 120


def test_the_sentence_names_rule_and_value() -> None:
    watched, [*_] = watch("errors > 50% for 2s")
    watched.saw(window(1, failed=75))
    watched.saw(window(2, failed=75))
    assert watched.aborted is not None
    assert (
        "'errors > 50% for 2s' came true: http_request_error_ratio was 75%" in watched.aborted.text
    )
