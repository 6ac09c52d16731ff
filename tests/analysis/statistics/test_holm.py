"""Holm's procedure: each next hypothesis is held to a milder bound, and the first that stands ends it."""

import pytest

from soak.analysis.statistics.holm import holm


@pytest.mark.parametrize(
    ("probabilities", "rejected"),
    [
        ([], []),
        ([0.05], [True]),
        ([0.051], [False]),
        ([0.03, 0.02], [True, True]),  # 0.02 against 0.05 / 2, then 0.03 against 0.05
        ([0.03, 0.026], [False, False]),  # none is below 0.05 / 2, so the second is not looked at
        ([0.5, 0.001, 0.02], [False, True, True]),
        ([0.04, 0.001, 0.03], [False, True, False]),
    ],
)
def test_which_of_a_family_are_rejected(probabilities: list[float], rejected: list[bool]) -> None:
    assert holm(probabilities, 0.05) == rejected
