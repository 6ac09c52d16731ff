"""The long tests first, so that the short ones fill up the time beside them; and what a session of tests shares."""

from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.targets import toolchain
from tests.targets.postgres import Postgres, postgres

# A busy machine is no failure.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


#: Folders whose tests run whole services or take seconds each; single tests elsewhere carry the marker themselves.
SLOW_FOLDERS = (
    "tests/e2e/",
    "tests/targets/",
    "tests/demo/",
    "tests/faults/",
    "tests/load/cluster/",
    "tests/load/locustfile/",
    "tests/load/supervisor/",
    "tests/load/test_driver.py",
    "tests/test_alert_rules.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(SLOW_FOLDERS):
            item.add_marker(pytest.mark.slow)
    items.sort(key=lambda item: (not item.nodeid.startswith("tests/e2e/"), item.get_closest_marker("slow") is None))


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """A throw-away PostgreSQL for each test process; skips without its programs, but fails so in CI."""
    cluster = postgres()
    with toolchain():
        server = cluster.__enter__()
    try:
        yield server
    finally:
        cluster.__exit__(None, None, None)
