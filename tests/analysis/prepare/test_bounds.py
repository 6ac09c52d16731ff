"""The limit of a series, as another one tells it."""

from __future__ import annotations

import numpy as np
import pytest

from soak.analysis.prepare.bounds import UNLIMITED, bound_of
from soak.analysis.prepare.prepare import prepare
from soak.model import Series
from tests.analysis.recordings import gauge, recording

USED, LIMIT = "process_open_fds", "process_max_fds"
A, B = {"instance": "a"}, {"instance": "b"}


@pytest.mark.parametrize(
    ("limits", "bound"),
    [
        ([], None),
        ([gauge(LIMIT, 9.0, **A)], 9.0),
        ([gauge(LIMIT, 9.0, **B)], 9.0),  # the only one
        ([gauge(LIMIT, 9.0, **B), gauge(LIMIT, 8.0)], None),
        ([gauge(LIMIT, 9.0, **B), gauge(LIMIT, 8.0, **A)], 8.0),
        ([gauge("x", 9.0, **A)], None),
        ([gauge(LIMIT, np.array([9.0, 7.0, np.nan]), **A)], 7.0),
        ([gauge(LIMIT, np.array([np.nan, np.nan]), **A)], None),
        ([gauge(LIMIT, 0.0, **A)], None),
        ([gauge(LIMIT, 0.5, **A)], 0.5),
        ([gauge(LIMIT, -1.0, **A)], None),
        ([gauge(LIMIT, 2.0**60, **A)], None),
        ([gauge(LIMIT, 2.0**60 - 2**8, **A)], 2.0**60 - 2**8),
    ],
)
def test_a_bound_is_of_the_same_process_or_the_only_one(
    limits: list[Series], bound: float | None
) -> None:
    series = gauge(USED, 1.0, **A)
    assert bound_of(prepare(recording(series, *limits, requests=()), 0.0), LIMIT, series) == bound
    assert UNLIMITED == 2.0**60
