"""What bounded containers hold, and a JVM's bounded classes: which of them a level may follow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from soak.diagnosis.attribution import bounded_holders as module
from soak.diagnosis.attribution.bounded_holders import bounded_holders
from soak.diagnosis.attribution.growing_classes import CountedClasses
from soak.model import Floats, Kind, Series

STEPS = np.arange(18.0)
SECONDS = np.arange(1.0, 92.0)
FULL, SWEPT = np.minimum(300 * STEPS, 3000.0), 100.0 + 50 * (STEPS // 3 % 3)


def container(entries: Floats, holder: str, first: float = 5.0) -> Series:
    times = np.arange(first, first + 5.0 * len(entries) - 1, 5.0)
    labels = (("holder", holder),)
    return Series("nodejs_container_length", times, entries, labels, Kind.GAUGE, "snapshot")


def held(
    lengths: Sequence[Series] = (),
    classes: Mapping[str, Floats] | None = None,
    snapshots: Sequence[float] = (5.0,),
) -> Floats:
    """What is held at each second; of classes the objects at each step, of 10 B each."""
    names = tuple(classes or ())
    counts = np.column_stack([np.empty((18, 0)), *(classes or {}).values()])
    counted = CountedClasses(5.0 + 5 * STEPS, names, (True,) * len(names), counts, 10 * counts)
    taken = tuple(SimpleNamespace(kind="gauges", error=None, time=time) for time in snapshots)
    run: Any = SimpleNamespace(
        recording=SimpleNamespace(snapshots=taken),
        judged_from=0.0,
        named=lambda name: [series for series in lengths if series.name == name],
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "counted_classes", lambda _: counted)
        return bounded_holders(run, SECONDS)


def test_a_level_may_follow_the_entries_of_containers_that_are_full_or_swept() -> None:
    others = {
        "grows": 300 * STEPS,
        "hardly moves": np.minimum(4 * STEPS, 40.0),
        "still fills": 3000 * (1 - np.exp(-STEPS / 6)),
        "full": FULL,
        "swept": SWEPT,
    }
    rows = [container(values, name) for name, values in others.items()]
    found = held([*rows, container(FULL[::4], "few")])
    assert found.shape == (91, 2)
    assert found[-1].tolist() == [3000.0, 200.0]
    assert found[9].tolist() == [300.0, 100.0]  # at 10 s


def test_a_level_may_follow_the_objects_of_bounded_classes() -> None:
    found = held(classes={"shop.Leaked": 300 * STEPS, "shop.Cached": FULL, "shop.Session": SWEPT})
    assert found.shape == (91, 2)
    assert found[-1].tolist() == [3000.0, 200.0]


def test_the_six_that_move_most_are_followed_of_each() -> None:
    many = {f"shop.Cached{number}": FULL * number for number in range(1, 9)}
    rows = [container(FULL * number, str(number)) for number in range(1, 9)]
    assert held(rows, many)[-1].tolist() == [3000.0 * each for each in (8, 7, 6, 5, 4, 3)] * 2


def test_a_rise_that_was_gone_again_is_left_out_as_in_the_levels() -> None:
    brief = SWEPT.copy()
    brief[4] += 5000.0
    assert held([container(brief, "swept")]).max() == 200.0


@pytest.mark.parametrize(
    ("snapshots", "before"), [((5.0, 20.0), 75.0), ((20.0, 25.0), 225.0), ((), 225.0)]
)
def test_a_container_that_is_noticed_later_held_nothing_at_the_first_snapshot(
    snapshots: Sequence[float], before: float
) -> None:
    later = container(np.minimum(225 + 300 * STEPS[:15], 3000.0), "full", first=20.0)
    assert held([later], snapshots=snapshots)[9].tolist() == [before]  # at 10 s
