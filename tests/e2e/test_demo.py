"""The main job on the bundled service: healthy passes, each leak fails by the right series."""

from pathlib import Path

import pytest

from tests.e2e.driving import soak

SERIES = {
    "memory": "process_resident_memory_bytes",
    "descriptors": "process_open_fds",
    "threads": "process_threads",
    "pool": "db_pool_connections_in_use",
}


def test_the_healthy_service_passes(tmp_path: Path) -> None:
    done = soak("demo", "--leak", "none", directory=tmp_path / "run")
    assert done.code == 0, done.explain()
    assert done.failing() == []


@pytest.mark.parametrize("leak", SERIES)
def test_a_leaking_service_fails_by_the_series_that_leaks(tmp_path: Path, leak: str) -> None:
    done = soak("demo", "--leak", leak, directory=tmp_path / "run")
    assert done.code == 1, done.explain()
    assert SERIES[leak] in done.failing(), done.explain()
    # What fails first is what the report shows in its first sentence.
    assert done.failing()[0] == SERIES[leak], done.explain()
