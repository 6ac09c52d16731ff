"""Limits on series that nobody records."""

from soak.model import Event, Sample, Scrape
from soak.profile import Limits
from soak.sampling.limit_names import SCRAPES, absent_names, limited_names, warning_of_absent

SERIES = [("go_goroutines", ()), ("orders_queue_length", (("shard", "1"),))]


def test_names_that_never_appear_are_told_with_the_nearest() -> None:
    names = ["go_gorutines", "orders_*", 'orders_queue_length{shard="1"}', "entirely_else"]
    assert absent_names(names, SERIES) == [
        "go_gorutines has a limit, but no source gives it; the nearest are go_goroutines",
        "entirely_else has a limit, but no source gives it",
    ]


def test_what_soak_records_itself_needs_no_source() -> None:
    assert limited_names(
        Limits.model_validate({"max": {"http_request_p99_seconds": 1, "fds": 2}})
    ) == ["fds"]


def test_a_run_warns_once_after_the_first_scrapes_of_every_source() -> None:
    seen: list[Scrape | Event] = []
    record = warning_of_absent(seen.append, Limits.model_validate({"max": {"fdz": 1}}), ("a", "b"))
    for number in range(2 * SCRAPES):
        record(Scrape("a", float(number), 0, 0, (Sample("fds", 1),)))
    assert not any(isinstance(item, Event) for item in seen)
    for number in range(2 * SCRAPES):
        record(Scrape("b", float(number), 0, 0, (Sample("rss", 1),)))
    [event] = [item for item in seen if isinstance(item, Event)]
    assert (event.kind, event.text) == (
        "warning",
        "fdz has a limit, but no source gives it; the nearest are fds",
    )
