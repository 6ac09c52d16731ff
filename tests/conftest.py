"""The order of tests, so that short ones fill up the time beside long ones; and what a session of tests shares."""

import contextlib
import importlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

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


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    """In a run of everything, each worker begins to import the tests at another place of their list.

    Each needs all of them. In a fresh checkout the first that comes to one compiles it, and the
    others read that: in the same order all workers would compile all of them.
    """
    config = session.config
    workers: dict[str, str] | None = getattr(config, "workerinput", None)
    if workers is None or config.args != config.getini("testpaths"):
        return
    folder = Path(__file__).parent
    names = [
        ".".join(path.relative_to(folder.parent).with_suffix("").parts)
        for path in sorted(folder.rglob("test_*.py"))
    ]
    number, count = int(workers["workerid"].removeprefix("gw")), int(workers["workercount"])
    begin = len(names) * number // count
    for name in names[begin:] + names[:begin]:
        with contextlib.suppress(Exception, pytest.skip.Exception):  # the collection tells of it
            importlib.import_module(name)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(SLOW_FOLDERS):
            item.add_marker(pytest.mark.slow)
    items[:] = _spread(items)


def _spread(items: list[pytest.Item]) -> list[pytest.Item]:
    """The long tests first in each quarter, for `make test-all` has four workers that begin with a quarter each.

    Whole runs begin in two of the four, for each of them loads a machine.
    """
    runs = [item for item in items if item.nodeid.startswith("tests/e2e/")]
    slow = [
        item
        for item in items
        if item.get_closest_marker("slow") and not item.nodeid.startswith("tests/e2e/")
    ]
    fast = iter([item for item in items if item.get_closest_marker("slow") is None])
    spread: list[pytest.Item] = []
    for part in (runs[0::2], slow[0::2], runs[1::2], slow[1::2]):
        spread += [*part, *islice(fast, max(0, len(items) // 4 - len(part)))]
    return [*spread, *fast]


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
