"""The main job on the bundled service: healthy passes, each leak fails by the right series."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.e2e.driving import Outcome, soak, until_decided

SERIES = {
    "memory": "process_resident_memory_bytes",
    "descriptors": "process_open_fds",
    "threads": "process_threads",
    "pool": "db_pool_connections_in_use",
}


def demo(leak: str, tmp_path: Path) -> Outcome:
    return until_decided(
        lambda directory: soak("demo", "--leak", leak, directory=directory), tmp_path / leak
    )


def test_the_healthy_service_passes(tmp_path: Path) -> None:
    done = demo("none", tmp_path)
    assert done.code == 0, done.explain()
    assert done.failing() == []


def test_leaking_services_fail_by_the_series_that_leaks(tmp_path: Path) -> None:
    """All at once: each takes a minute, most of it waiting."""
    with ThreadPoolExecutor() as pool:
        runs = {leak: pool.submit(demo, leak, tmp_path) for leak in SERIES}
        outcomes = {leak: run.result() for leak, run in runs.items()}
    for leak, done in outcomes.items():
        assert done.code == 1, done.explain()
        # What fails first is what the report shows in its first sentence.
        assert done.failing()[0] == SERIES[leak], done.explain()
