"""A few mutations of everything that soak reads; `make fuzz` runs thousands."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import pytest

from soak.errors import SoakError
from tests.faults.fuzzing import Reader, fuzz, surfaces

JSON = (
    "load's messages",
    "workers' messages",
    "snapshot tracemalloc",
    "snapshot v8heap",
    "run.json",
)


@pytest.mark.parametrize(
    ("name", "seeds", "reader"), [pytest.param(*surface, id=surface[0]) for surface in surfaces()]
)
def test_damaged_input_is_read_or_refused_and_nothing_else(
    name: str, seeds: list[bytes], reader: Reader
) -> None:
    outcome = fuzz(name, seeds, reader, 15, seed=1)
    assert outcome.faults == []
    assert outcome.read + outcome.refused == 15


@pytest.mark.parametrize("odd", [b"9" * 400, b"1e999", b"-1", b"null"])
@pytest.mark.parametrize(
    ("seeds", "reader"),
    [pytest.param(seeds, reader, id=name) for name, seeds, reader in surfaces() if name in JSON],
)
def test_a_number_that_no_double_holds_is_read_or_refused(
    tmp_path: Path, seeds: list[bytes], reader: Reader, odd: bytes
) -> None:
    """In the place of each number of a JSON text, whose whole numbers have no largest."""
    for match in re.finditer(rb'(?<![\w."])-?\d+(\.\d+)?(?![\w"])', seeds[0]):
        with suppress(SoakError):
            reader(seeds[0][: match.start()] + odd + seeds[0][match.end() :], tmp_path)
