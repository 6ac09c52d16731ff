"""The matrix of real services, its fast part: each language healthy and leaking. `make matrix` runs all of it."""

from pathlib import Path

import pytest

from tests.targets import toolchain
from tests.targets.building import SERVICES
from tests.targets.known import WEIGHTS, leak_of
from tests.targets.matrix import run_cell
from tests.targets.postgres import Postgres

#: What V8 collects is young in less than a minute, and says little of what lasts; on a busy machine it collects its old
#: generation once in forty seconds, which proves no leak.
LONGER = {"node/none": 60.0, "node/map": 60.0}
CELLS = (
    "go/none",
    "go-gin/channel",
    "java/none",
    "java/connections",
    "node/none",
    "node/map",
    "python/none",
    "python/sessions",
)


@pytest.mark.parametrize("cell", CELLS)
def test_a_service_gets_the_verdict_that_it_deserves(
    cell: str, postgresql: Postgres, tmp_path: Path
) -> None:
    leak = leak_of(cell)
    with toolchain():
        SERVICES[leak.target]()
    healthy, seconds = cell.endswith("/none"), LONGER.get(cell, 40.0)
    # On a crowded machine a collector may run too seldom to prove a leak in so short a time.
    for length in (seconds,) if healthy else (seconds, 3 * seconds):
        result = run_cell(
            leak,
            postgresql.url,
            tmp_path / f"run-{length:.0f}",
            seconds=length,
            rate=sum(WEIGHTS.values()),
        )
        if result.verdict != "inconclusive":
            break
    # Forty seconds of a young healthy service may be too few to pass it; they are never enough to
    # fail it.
    open_ = healthy and result.verdict == "inconclusive"
    assert result.expected or open_, f"{result.line}\n{result.text}"
