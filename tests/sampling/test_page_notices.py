"""What a user is told of a page before its series are judged."""

from soak.model import Sample, label_pairs
from soak.sampling.page_notices import page_notices


def container(pod: str, path: str) -> Sample:
    return Sample(
        "container_memory_working_set_bytes",
        1e6,
        label_pairs({"pod": pod, "container": "app", "id": path}),
    )


def test_a_page_of_many_processes_says_how_many_and_how_to_choose() -> None:
    pods = [container(f"orders-{number}", f"/kubepods/{number}") for number in range(7)]
    [notice] = page_notices([*pods, container("", "/kubepods")])
    assert notice.startswith(
        "it tells of 7 processes (pod orders-0, orders-1, orders-2, orders-3, orders-4 and 2 more)"
    )
    assert "choose with keep: ['container_memory_working_set_bytes{pod=~\"orders-0.*\"}']" in notice


def test_a_page_of_one_process_says_nothing() -> None:
    assert (
        list(
            page_notices([Sample("process_resident_memory_bytes", 1e6), Sample("go_goroutines", 3)])
        )
        == []
    )


def test_an_exporters_own_process_is_not_the_targets() -> None:
    page = [Sample("redis_exporter_build_info", 1), Sample("process_resident_memory_bytes", 1e6)]
    [notice] = page_notices(page)
    assert notice.startswith("an exporter serves it")
