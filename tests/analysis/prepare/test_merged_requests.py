"""Windows of several endpoints as those of one: exact, whatever is taken together."""

from dataclasses import replace

import numpy as np
import pytest

from soak.analysis.prepare.merged_requests import merged
from soak.latency import LAST
from soak.windows import Arrivals, EndpointWindows


def windows(seed: int, rows: int) -> EndpointWindows:
    """Windows with up to four buckets each, the outermost among them; some have none."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 4, rows)
    buckets = [np.sort(rng.choice([0, 5, 80, LAST], size, replace=False)) for size in sizes]
    offsets = np.concatenate(([0], np.cumsum(sizes)))
    cells = np.concatenate([np.zeros(0, np.int64), *buckets])
    counts = rng.integers(1, 2**40, len(cells))
    whole = np.arange(rows) + seed
    arrivals = Arrivals(whole, whole, offsets, cells, counts)
    times, seconds = np.arange(1.0, rows + 1), np.ones(rows)
    return EndpointWindows(
        f"GET /{seed}", times, seconds, whole, whole, whole, offsets, cells, counts,
        {"timeout": seed}, arrivals,
    )  # fmt: skip


def dense(ragged: EndpointWindows | Arrivals) -> dict[tuple[int, int], int]:
    """The count of each row and bucket."""
    cells: dict[tuple[int, int], int] = {}
    for row in range(len(ragged.offsets) - 1):
        for cell in range(ragged.offsets[row], ragged.offsets[row + 1]):
            key = (row, int(ragged.buckets[cell]))
            assert key not in cells
            cells[key] = int(ragged.counts[cell])
    return cells


@pytest.mark.parametrize("rows", [0, 1, 6, 7, 20])
def test_every_bucket_of_every_window_adds_up(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    monkeypatch.setattr("soak.analysis.prepare.merged_requests._TOGETHER", 6)
    several = tuple(windows(seed, rows) for seed in (1, 2, 3))
    all_of_them = merged(several)
    assert all_of_them.arrivals is not None
    expected: dict[tuple[int, int], int] = {}
    for each in several:
        for key, count in dense(each).items():
            expected[key] = expected.get(key, 0) + count
    assert dense(all_of_them) == dense(all_of_them.arrivals) == dict(sorted(expected.items()))
    assert list(dense(all_of_them)) == sorted(expected)
    assert all_of_them.requests.tolist() == [3 * row + 6 for row in range(rows)]
    assert all_of_them.failure_kinds == {"timeout": 6}


def test_the_windows_of_one_endpoint_stay_as_they_are() -> None:
    only = windows(1, 6)
    assert merged((only,)) is only


def test_the_windows_of_two_endpoints_add_up_with_the_schedule_of_one_of_them() -> None:
    one, other = windows(1, 3), replace(windows(2, 3), arrivals=None, failure_kinds={"refused": 5})
    both = merged((other, one))
    assert both.endpoint == ""
    assert both.requests.tolist() == both.failures.tolist() == both.bytes.tolist() == [3, 5, 7]
    assert both.failure_kinds == {"timeout": 1, "refused": 5}
    assert one.arrivals is not None
    assert both.arrivals is not None
    assert dense(both.arrivals) == dense(one.arrivals)
    assert both.arrivals.late.tolist() == both.arrivals.dropped.tolist() == [1, 2, 3]
    assert merged((other, other)).arrivals is None
