"""Limits on series that nobody records."""

from soak.model import Event, Sample, Scrape
from soak.profile import Limits
from soak.sampling.limit_names import SCRAPES, TO_DO, AbsentNames, absent_names, limited_names

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


def absent(name: str) -> tuple[list[Scrape | Event], AbsentNames]:
    seen: list[Scrape | Event] = []
    return seen, AbsentNames(seen.append, Limits.model_validate({"max": {name: 1}}), ("a", "b"))


def events(seen: list[Scrape | Event]) -> list[tuple[str, str]]:
    return [(item.kind, item.text) for item in seen if isinstance(item, Event)]


SAID = "fdz has a limit, but no source gives it; the nearest are fds"


def test_a_run_tells_at_the_first_scrape_and_warns_once_after_some_of_every_source() -> None:
    seen, record = absent("fdz")
    for number in range(2 * SCRAPES):
        record(Scrape("a", float(number), 0, 0, (Sample("fds", 1),)))
    assert events(seen) == []
    assert not record.looked.is_set()
    record(Scrape("b", 1.0, 0, 0, (Sample("rss", 1),)))
    first = ("probe", f"{SAID}; {TO_DO}")
    assert events(seen) == [first]
    assert record.looked.is_set()
    for number in range(2 * SCRAPES):
        record(Scrape("b", float(number), 0, 0, (Sample("rss", 1),)))
    assert events(seen) == [first, ("warning", SAID)]


def test_a_name_that_comes_with_the_first_requests_is_no_warning() -> None:
    seen, record = absent("fdz")
    for number in range(SCRAPES):
        for source in ("a", "b"):
            record(Scrape(source, float(number), 0, 0, (Sample("fdz" if number else "fds", 1),)))
    assert [kind for kind, _ in events(seen)] == ["probe"]


def test_the_load_waits_neither_for_a_source_that_fails_nor_where_nothing_is_limited() -> None:
    seen, record = absent("fdz")
    record(Scrape("a", 0.0, 0, 0, (Sample("fds", 1),)))
    record(Scrape("b", 0.0, 0, 0, (), "refused"))
    assert record.looked.is_set()
    assert events(seen) == []
    assert AbsentNames(seen.append, Limits(), ("a",)).looked.is_set()
