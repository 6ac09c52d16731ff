"""Recordings of software that nobody here wrote, made by tests/bench/record_foreign.py: none may get a wrong verdict.

A healthy one must not fail, and a leaking one must not pass; that a recording cannot tell is no
wrong answer.
"""

from pathlib import Path

import pytest

from soak.analysis import analyze
from soak.formats import read_recording
from soak.model import Verdict
from soak.profile import Limits
from tests.bench.foreign.cells import LONG, Cell
from tests.bench.foreign.short import SHORT, STARVED

DATA = Path(__file__).parents[1] / "data" / "foreign"
CELLS = {cell.name: cell for cell in (*LONG, *STARVED, *SHORT)}


def test_every_recording_is_labelled_and_every_label_has_a_recording() -> None:
    assert {path.name.removesuffix(".csv.gz") for path in DATA.glob("*.csv.gz")} == CELLS.keys()


def shortest_of_its_software(cell: Cell) -> bool:
    """Whether it is the smallest short recording of its software: those alone are fast tests."""
    if cell not in SHORT:
        return False
    alike = [other.name for other in SHORT if other.name.split("-")[1] == cell.name.split("-")[1]]
    return cell.name == min(alike, key=lambda name: (DATA / f"{name}.csv.gz").stat().st_size)


@pytest.mark.parametrize(
    "cell",
    [
        pytest.param(
            cell, marks=() if shortest_of_its_software(cell) else pytest.mark.thorough, id=name
        )
        for name, cell in CELLS.items()
    ],
)
def test_software_of_others_gets_no_wrong_verdict(cell: Cell) -> None:
    analysis = analyze(read_recording(DATA / f"{cell.name}.csv.gz"), Limits(), judge_unknown=True)
    wrong = Verdict.PASS if cell.leak else Verdict.FAIL
    assert analysis.verdict is not wrong, analysis.reason
