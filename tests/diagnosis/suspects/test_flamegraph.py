"""How growth is prepared for drawing: boxes of a flame graph, and rows of a table."""

from __future__ import annotations

from dataclasses import replace
from unittest import mock

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.allocation_sites import AllocationSite, Stack
from soak.diagnosis.attribution.attribution import EVERY
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects import flamegraph
from soak.diagnosis.suspects.flamegraph import flame_of, table_of
from soak.growth_views import Flame, PlaceRow
from tests.diagnosis.suspects.parts import amount, own, signal, site, stack

F, G, HANDLE, SERVE = own("main.f"), own("main.g"), own("main.handle"), Frame("serve")


def changing(*stacks: tuple[tuple[Frame, ...], float]) -> AllocationSite:
    """A place whose stacks change by so much per request."""
    return site(*(stack(*frames, gain=30 * each, first=900.0) for frames, each in stacks))


def boxes(flame: Flame | None) -> list[tuple[str, int, float, float, float]]:
    assert flame is not None
    return [
        (box.function, box.depth, box.left, box.width, round(box.per_request, 6))
        for box in flame.boxes
    ]


def test_boxes_are_calls_outermost_first_and_as_wide_as_what_changes_below() -> None:
    flame = flame_of(
        [
            changing(((F, HANDLE, SERVE), 4.0), ((G, HANDLE, SERVE), 10.0)),
            changing(((HANDLE, own("main.other")), -2.0)),
        ]
    )
    assert boxes(flame) == [
        ("all that changes", 0, 0.0, 1.0, 12.0),
        ("serve", 1, 0.0, pytest.approx(0.875), 14.0),
        ("main.handle", 2, 0.0, pytest.approx(0.875), 14.0),
        ("main.g", 3, 0.0, pytest.approx(0.625), 10.0),
        ("main.f", 3, pytest.approx(0.625), pytest.approx(0.25), 4.0),
        ("main.other", 1, pytest.approx(0.875), pytest.approx(0.125), -2.0),
        ("main.handle", 2, pytest.approx(0.875), pytest.approx(0.125), -2.0),
    ]
    assert flame is not None
    assert (flame.unit, flame.stacks, flame.shrinking) == ("bytes", 3, 1)
    assert flame.per_request == pytest.approx(12.0)
    assert flame.boxes[3].where == "main.g main.go:1"


def test_growth_and_shrinkage_below_one_call_make_it_as_wide_as_both() -> None:
    flame = flame_of([changing(((F, HANDLE), 3.0), ((G, HANDLE), -1.0))])
    assert boxes(flame)[1] == ("main.handle", 1, 0.0, 1.0, 2.0)


def test_nothing_is_drawn_where_nothing_grows() -> None:
    assert flame_of([]) is None
    assert flame_of([changing(((F,), -3.0))]) is None
    assert flame_of([changing(((F,), 0.0))]) is None
    empty = site(stack(F, gain=30.0))
    assert flame_of([replace(empty, stacks=(Stack((), empty.levels),))]) is None
    assert flame_of([changing(((F,), -0.5))]) is None
    for slope, shrinking in ((0.5, 0), (-0.5, 1)):
        flame = flame_of([changing(((F,), slope)), changing(((G,), 0.5))])
        assert flame is not None
        assert (flame.stacks, flame.shrinking) == (2, shrinking)


@pytest.mark.parametrize(("small", "stacks"), [(1.0, 2), (0.99, 1), (-1.0, 2), (-0.99, 1)])
def test_a_stack_is_drawn_from_a_half_percent_of_the_fastest_on(small: float, stacks: int) -> None:
    flame = flame_of([changing(((G,), small), ((F,), 200.0))])
    assert flame is not None
    assert flame.stacks == stacks


def test_the_forty_stacks_that_change_most_either_way_are_drawn() -> None:
    rows = [((own(f"main.f{number}"),), 100.0 + number) for number in range(40)]
    flame = flame_of([changing(*rows, ((G,), -200.0))])
    assert flame is not None
    assert (flame.stacks, flame.shrinking) == (40, 1)
    assert "main.f0" not in {box.function for box in flame.boxes}


def test_a_fall_is_drawn_where_it_is_beyond_its_error() -> None:
    steps = 10.0 * np.arange(4.0)

    def shrinking(*levels: float) -> int:
        values = np.array(levels)
        falls = AllocationSite(F, steps, steps, values, (Stack((F,), values),))
        flame = flame_of([falls, changing(((G,), 10.0))])
        assert flame is not None
        return flame.shrinking

    assert shrinking(90, 60, 30, 0) == 1
    assert shrinking(90, 20, 80, 0) == 0
    # Growth is drawn, however unsure.
    jumps = np.array([0.0, 70.0, 10.0, 90.0])
    unsure = AllocationSite(F, steps, steps, jumps, (Stack((F,), jumps),))
    assert flame_of([unsure]) is not None
    # An error that comes from sampling counts, too.
    sampled = replace(changing(((F,), -1.0)), period=1000.0)
    flame = flame_of([sampled, changing(((G,), 10.0))])
    assert flame is not None
    assert flame.shrinking == 0
    bounds = [(-1.0, 1.0), (10.0, 1.0)]
    with mock.patch.object(flamegraph, "slope_and_error", side_effect=bounds):
        just = flame_of([changing(((F,), -1.0)), changing(((G,), 10.0))])
    assert just is not None
    assert just.shrinking == 0
    with mock.patch.object(flamegraph, "slope_and_error", side_effect=[(-0.5, 1.0), (10.0, 1.0)]):
        small = flame_of([changing(((F,), -1.0)), changing(((G,), 10.0))])
    assert small is not None
    assert (small.stacks, small.shrinking) == (1, 0)


def test_the_outermost_48_calls_are_drawn() -> None:
    deep = [own(f"main.f{number}") for number in range(49)]
    flame = flame_of([changing((tuple(deep), 1.0))])
    assert [row[0] for row in boxes(flame)] == [
        "all that changes",
        *(f"main.f{number}" for number in range(48, 0, -1)),
    ]


def test_a_box_is_drawn_from_a_half_percent_of_all_on() -> None:
    def names(small: float) -> list[str]:
        rows = [((F, HANDLE), 100.0 - small), ((G, HANDLE), small), ((own("main.h"),), 100.0)]
        return [row[0] for row in boxes(flame_of([changing(*rows)]))]

    assert "main.g" in names(1.0)
    assert "main.g" not in names(0.9)
    assert "main.handle" in names(0.9)


def test_a_table_has_the_endpoints_amounts_and_every_endpoint_s_for_the_rest() -> None:
    named = signal(ResourceKind.HEAP, amount("GET /a", 4.0), name="heap")
    every = signal(ResourceKind.HEAP, amount(EVERY, 7.0), amount("POST /b", 9.0), name="all")
    nobody = signal(ResourceKind.THREADS, unit="threads")
    table = table_of([nobody, named, every], ["GET /a", "POST /b"])
    assert table is not None
    assert table.endpoints == ("GET /a", "POST /b")
    assert table.rows == (
        PlaceRow("heap", "bytes", (4.0, 0.0)),
        PlaceRow("all", "bytes", (7.0, 9.0)),
    )
    assert table_of([nobody], ["GET /a"]) is None
    assert table_of([named], []) is None
    assert table_of([], ["GET /a"]) is None
