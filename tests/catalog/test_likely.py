"""Unknown series that look like resources."""

from soak.catalog.likely import MOST, likely_resources
from soak.model import Kind


def test_memory_threads_handles_and_pools_are_recognised_by_their_words() -> None:
    names = [
        "app_heapUsed",
        "app_worker_threads",
        "app_open_sockets",
        "app_job_queue",
        "app_temperature",
        "app_memory_max",
    ]
    recognised = likely_resources((name, (), Kind.GAUGE) for name in names)
    assert [(likely.name, str(likely.kind), str(likely.unit)) for likely in recognised] == [
        ("app_heapUsed", "memory", "bytes"),
        ("app_worker_threads", "threads", "threads"),
        ("app_open_sockets", "descriptors", "descriptors"),
        ("app_job_queue", "pool", "objects"),
    ]
    assert [likely.what for likely in recognised[:2]] == ["memory in bytes", "threads"]
    assert recognised[0].line == "limits: {growth: {app_heapUsed: 1MiB/h}}"


def test_counters_and_known_series_are_none_and_the_list_is_bounded() -> None:
    assert (
        likely_resources([("app_memory", (), Kind.COUNTER), ("process_open_fds", (), Kind.GAUGE)])
        == []
    )
    assert (
        len(likely_resources((f"app_threads_{number}", (), Kind.GAUGE) for number in range(50)))
        == MOST
    )


def test_a_limit_is_in_the_unit_that_the_name_tells() -> None:
    names = ("arena_heap_mb", "arena_heap_kb", "arena_heap_gib", "arena_heap_pages", "arena_heap")
    recognised = likely_resources((name, (), Kind.GAUGE) for name in names)
    assert [(likely.unit, likely.limit) for likely in recognised] == [
        ("MB", "1/h"),
        ("kB", "1024/h"),
        ("GB", "0.001/h"),
        ("objects", "0/h"),
        ("bytes", "1MiB/h"),
    ]
