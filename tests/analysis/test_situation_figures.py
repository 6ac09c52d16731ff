"""What the whole pipeline says of short made runs, each figure and sentence of it, as it is stored.

One for each thing that a verdict may rest on (`tests/analysis/situations.py`). After a change that
is meant, `python -m tests.analysis.test_situation_figures` stores them anew.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.analysis.situations import SITUATIONS, judged
from tests.figures import hold, write

FIGURES = Path(__file__).with_name("situation_figures.json")


@pytest.mark.parametrize("name", SITUATIONS)
def test_an_analysis_says_what_it_said(name: str) -> None:
    hold(FIGURES, name, judged(name))


if __name__ == "__main__":
    write(FIGURES, {name: partial(judged, name) for name in SITUATIONS})
