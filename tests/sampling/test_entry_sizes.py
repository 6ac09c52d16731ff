"""What an entry of a container holds alone, as the Python hook adds it up."""

from __future__ import annotations

import sys
import tracemalloc
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from soak.hook import containers, entry_sizes
from soak.hook.entry_sizes import forget

SHARED = {"settings": "x" * 100_000}


class Job:
    def __init__(self, number: int) -> None:
        self.body = b"x" * (4000 + number % 10)
        self.tags = [f"{number}-{tag}" for tag in range(10)]
        self.shared = SHARED


def refuse(number: int) -> None:
    blob = b"z" * (3000 + number % 10)
    raise ValueError(number, len(blob))


def raised(number: int) -> ValueError:
    try:
        refuse(number)
    except ValueError as error:
        return error
    raise AssertionError


def closed(number: int) -> Callable[[], int]:
    held = [b"c" * (3000 + number % 10), number]

    def flush() -> int:
        return len(held)

    return flush


def table(number: int) -> dict[str, int]:
    return {f"{number} {key} " + 60 * "k": key for key in range(40)}


class Record:
    """It has no dict of its attributes until somebody asks for one."""

    def __init__(self, number: int) -> None:
        for attribute in range(25):
            setattr(self, f"attribute_{attribute}", number)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    forget()
    yield
    forget()


def told(container: Any, length: int, kind: str = "dict") -> float | None:
    labels = {"holder": "shop.KEPT", "kind": kind}
    rows = entry_sizes.entry_sizes([(labels, length)], {"shop.KEPT": container})
    return rows[0][1] if rows else None


def made(kind: str, count: int) -> Any:
    makes: dict[str, Callable[[int], Any]] = {
        "exceptions": raised,
        "closures": closed,
        "tables": table,
        "records": Record,
    }
    items = (makes.get(kind, Job)(n) for n in range(count))
    if kind in ("dict", "OrderedDict"):
        return {"dict": dict, "OrderedDict": OrderedDict}[kind](
            (f"key {n}", job) for n, job in enumerate(items)
        )
    return {"list": list, "deque": deque, "set": set}.get(kind, list)(items)


@pytest.mark.parametrize(
    "kind",
    [
        *("dict", "OrderedDict", "list", "deque", "set"),
        *("exceptions", "closures", "tables", "records"),
    ],
)
def test_an_entry_is_as_large_as_the_memory_that_it_takes(kind: str) -> None:
    tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept = made(kind, 1000)
    each = (tracemalloc.get_traced_memory()[0] - before) / 1000
    if not tracing:
        tracemalloc.stop()
    assert told(kept, 900) is None, "it is not known yet whether it grows"
    assert told(kept, 1000) == pytest.approx(each, rel=0.1)


@pytest.mark.parametrize(("length", "looked"), [(909, False), (910, True)])
def test_a_container_is_looked_at_once_it_gained_ten_entries(length: int, looked: bool) -> None:
    kept = made("list", 20)
    told(kept, 900)
    assert (told(kept, length) is not None) is looked


def test_an_entry_that_leads_to_too_much_says_nothing_and_shared_objects_are_not_its() -> None:
    told([], 0)
    assert told([[object() for _ in range(3000)]], 100) is None
    forget()
    told([], 0)
    size = told([(SHARED, "own" * n) for n in range(50)], 100)
    assert size is not None
    assert size < 400


@pytest.mark.parametrize("kind", ["dict", "list", "deque"])
def test_entries_of_requests_that_are_under_way_do_not_count(kind: str) -> None:
    """Their frames refer to what the last entries hold as well."""
    kept = made(kind, 1000)
    last = list(kept.values() if kind == "dict" else kept)[-10:]
    under_way = [(job.body, job.tags) for job in last]
    told(kept, 960)
    size = told(kept, 1000)
    assert size is not None
    assert size > 4000
    assert len(under_way) == 10


def test_of_an_object_of_a_class_all_counts_though_others_refer_to_it() -> None:
    """A session refers to each of its rows; as entries of a container, both would hold as much of them."""
    rows = [Job(number) for number in range(60)]
    session = {id(row): row for row in rows}
    told(rows, 20, "objects")
    size = told(rows, 60, "objects")
    assert size is not None
    assert 4000 < size < 6000
    forget()
    told(rows, 20)
    assert told(rows, 60) is None
    assert len(session) == 60


def test_each_container_is_looked_at_six_times() -> None:
    sizes = [b"x" * 1000 for _ in range(50)]
    told(sizes, 0)
    for length in (20, 40):
        told(sizes, length)
    first = told(sizes, 60)
    sizes[:] = [b"y" * 90_000 for _ in range(50)]
    assert told(sizes, 80) == first


def test_what_a_cache_without_a_maximum_keeps_is_known() -> None:
    import functools  # noqa: PLC0415

    @functools.cache
    def page(number: int) -> bytes:
        return b"p" * (5000 + number % 10)

    for number in range(1000, 1100):
        page(number)
    entries = containers._entries_of(page, 100)
    assert len(entries) == 100
    told(entries, 50)
    assert told(entries, 100) == pytest.approx(5000 + sys.getsizeof(b""), rel=0.1)
    assert containers._entries_of(page, 99) == {}
