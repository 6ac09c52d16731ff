"""A few mutations of everything that soak reads; `make fuzz` runs thousands."""

from __future__ import annotations

import pytest

from tests.faults.fuzzing import Reader, fuzz, surfaces


@pytest.mark.parametrize(
    ("name", "seeds", "reader"), [pytest.param(*surface, id=surface[0]) for surface in surfaces()]
)
def test_damaged_input_is_read_or_refused_and_nothing_else(
    name: str, seeds: list[bytes], reader: Reader
) -> None:
    outcome = fuzz(name, seeds, reader, 15, seed=1)
    assert outcome.faults == []
    assert outcome.read + outcome.refused == 15
