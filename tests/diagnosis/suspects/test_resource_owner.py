"""Who opened what was never closed, by the stacks that allocate, hold or run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from soak.diagnosis import thresholds
from soak.diagnosis.attribution.allocation_sites import AllocationSite, Stack
from soak.diagnosis.attribution.attribution import EVERY, Amount, Attribution
from soak.diagnosis.attribution.blocked_stacks import BlockedGroup
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects import resource_owner
from soak.diagnosis.suspects.resource_owner import (
    counted_opener,
    find_borrower,
    find_maker,
    find_opener,
    find_starter,
    find_wrapper,
    growing_opened_class,
    kept_connections,
)
from soak.model import Series
from tests.boundaries import pins
from tests.diagnosis.suspects.parts import (
    amount,
    context,
    gauge,
    library,
    own,
    site,
    stack,
    windows,
)

OPEN, SERVE = Frame("os.Open"), Frame("net/http.serve")
F, G, HANDLE = own("main.f"), own("main.g"), own("main.handle")


def name(frame: Frame | None) -> str:
    return frame.function if frame is not None else ""


def opening(function: str, gain: float = 9.0) -> AllocationSite:
    """An own place that opens files."""
    return site(stack(OPEN, own(function), SERVE, gain=gain))


def told(*shares: tuple[str, float]) -> tuple[Amount, ...]:
    return tuple(amount(endpoint, share=share) for endpoint, share in shares)


def test_the_class_of_what_is_open_is_the_first_that_surely_grows_and_is_opened() -> None:
    socket, other = Frame("java.net.Socket"), Frame("java.lang.String")
    stays = site(stack(socket, gain=0.0))
    files = site(stack(Frame("java.io.FileInputStream"), gain=5))
    grows, text = site(stack(socket, gain=5)), site(stack(other, gain=9))
    seen = context(places=[stays, text, files, grows])
    assert growing_opened_class(seen, ("connections",), 0.0) == socket
    assert growing_opened_class(seen, ("files", "connections"), 0.0) == files.place
    assert growing_opened_class(seen, ("database",), 0.0) is None
    assert growing_opened_class(seen, ("pools",), 0.0) is None
    assert growing_opened_class(context(places=[stays]), ("connections",), 0.0) is None


TAKES = Frame("acquire", "/srv/node_modules/generic-pool/index.js", 1, own=True)


def test_the_borrower_is_the_only_own_function_that_takes_and_gains() -> None:
    def borrower(held: Sequence[AllocationSite], running: Sequence[AllocationSite] = ()) -> str:
        return name(find_borrower(context(places=held, running=running)))

    first, second = site(stack(TAKES, F, gain=1)), site(stack(TAKES, G, gain=1))
    assert borrower([first]) == "main.f"
    assert borrower([], [first]) == "main.f"
    assert borrower([first], [first]) == "main.f"
    assert borrower([first], [second]) == ""
    assert borrower([first, site(stack(TAKES, G, gain=0))]) == "main.f"
    outer = [site(stack(TAKES, each, HANDLE)) for each in (F, G)]
    assert (borrower(outer[:1]), borrower(outer)) == ("main.f", "")
    assert borrower([]) == ""
    assert borrower([site(stack(TAKES, SERVE, gain=1))]) == ""
    # A function of that name elsewhere, one that is called further in, and none at all.
    assert borrower([site(stack(Frame("acquire", "/srv/pool.js"), F, gain=1))]) == ""
    assert borrower([site(stack(TAKES, library("query"), F, gain=1))]) == ""
    assert borrower([site(stack(F, gain=1))]) == ""
    assert borrower([site(stack(library("dial"), TAKES, F, gain=1))]) == "main.f"


DERBY = Frame("org.apache.derby.impl.jdbc.EmbedConnection")


def lives(*levels: float, of: Frame = DERBY) -> str:
    """What is said where these bytes of a class live, half of them made by other code."""
    parts = [np.array(levels) * share for share in (0.5, 0.5)]
    sites = [site(Stack((of, each), part)) for each, part in zip((F, G), parts, strict=True)]
    return kept_connections(context(places=sites))


@pins(thresholds, "TIMES_AS_MANY", "LATE_SHARE")
def test_connections_that_are_lost_are_twice_as_many_at_the_end_and_a_fifth_of_them_late() -> None:
    assert lives(60, 120, 180, 240, 300, 360) == (
        "Ever more of org.apache.derby.impl.jdbc.EmbedConnection stay alive until the end: "
        "connections that are not returned."
    )
    assert lives(60, 70, 80, 90, 105, 120) != ""
    assert lives(60, 70, 80, 90, 105, 119) == ""
    assert lives(0, 20, 60, 75, 80, 100) != ""  # the last third begins at 80
    assert lives(0, 20, 60, 75, 81, 100) == ""
    assert lives(0, 0, 0, 0, 0, 0) == ""
    assert lives(60, 120, 180, 240, 300, 360, of=Frame("java.lang.String")) == ""


CREATE = Frame("tick.New", "/go/pkg/mod/example.com/tick@v1/tick.go", 4, own=True)


def starter(places: Sequence[AllocationSite], allocated: Sequence[AllocationSite] = ()) -> str:
    waits = Frame("tick.run", CREATE.file, 9, own=True)
    parked = Frame("runtime.gopark")
    other = stack(parked, waits, Frame("other.New", CREATE.file, 9, own=True))
    held = site(stack(parked, waits, CREATE), other)
    group = BlockedGroup("in a select", waits, waits, held)
    return name(find_starter(context(places=places, allocated=allocated), group))


def test_the_starter_is_the_own_function_outside_the_creator_that_holds_most() -> None:
    first, more = site(stack(CREATE, F, gain=5)), site(stack(CREATE, G, HANDLE, gain=6))
    assert starter([first, more]) == "main.g"
    assert starter([first, first, more]) == "main.f"
    assert starter([], [first, more]) == "main.g"
    assert starter([first], [more]) == "main.f"
    twice = site(stack(CREATE, G, HANDLE, gain=3), stack(CREATE, G, HANDLE, gain=3))
    assert starter([first, twice]) == "main.g"
    assert starter([]) == ""


def test_stacks_without_the_creator_or_without_own_callers_start_nothing() -> None:
    assert starter([site(stack(library("tick.Parse"), F, gain=5))]) == ""
    assert starter([site(stack(CREATE, SERVE, gain=5))]) == ""
    # An own function that the creator calls is not its caller.
    assert starter([site(stack(F, CREATE, G, gain=5))]) == "main.g"
    assert starter([site(stack(F, CREATE, gain=5))]) == ""
    # What is held at the end decides, whatever was held at first.
    assert starter([site(stack(CREATE, F, gain=-5, first=5))]) == ""
    assert starter([site(stack(CREATE, F, gain=-5, first=6))]) == "main.f"
    passing = replace(stack(CREATE, F), levels=np.array([0.0, 90.0, 90.0, 5.0]))
    assert starter([site(passing), site(stack(CREATE, G, gain=9))]) == "main.g"
    falling, rising = stack(CREATE, F, gain=-5, first=20), stack(CREATE, G, gain=14)
    assert starter([site(falling), site(rising)]) == "main.f"


def opens(function: str, kind: str = "file", by: float = 1.0, each: int = 2) -> Series:
    values = by * each * np.arange(30.0)
    place = {"file": "/srv/shop.py", "line": "7", "function": function}
    return gauge("python_openings", values, 0.0, type=kind, **place)


def test_the_counted_opener_opens_more_and_more_of_the_type_for_the_endpoint() -> None:
    def opener(*series: Series, kind: str = "file", endpoints: Sequence[str] = ("GET /a",)) -> Any:
        run = context(*series, requests=[windows("GET /a", [2] * 40)])
        return counted_opener(run, kind, endpoints)

    frame = opener(opens("stock"))
    assert (frame, frame.own) == (Frame("stock", "/srv/shop.py", 7), True)
    assert opener(opens("stock"), kind="") == frame
    assert opener(opens("stock"), kind="socket") is None
    assert opener(opens("stock"), opens("audit", kind="socket")) == frame
    assert opener(opens("audit", kind="socket"), opens("log", by=0.0), opens("stock")) == frame
    assert opener(opens("stock", by=0.02)) == frame
    assert opener(opens("stock"), opens("audit", kind="socket"), kind="") is None
    assert opener(opens("stock"), opens("audit")) is None
    assert opener(opens("stock", by=0.0)) is None
    few = opens("stock")
    assert opener(replace(few, times=few.times[:9], values=few.values[:9])) is None
    assert opener(opens("stock", by=-1.0)) is None
    assert opener(opens("stock"), endpoints=("POST /b",)) is None
    assert opener(opens("stock"), endpoints=("POST /b", "GET /a")) == frame
    assert opener() is None


def test_only_the_judged_stretch_of_a_counted_opening_is_attributed() -> None:
    run = context(opens("stock"), requests=[windows("GET /a", [2] * 40)], warmup=10.0)
    nothing = Attribution("x", "openings", ())
    with mock.patch.object(
        resource_owner, "attribute_by_endpoint", return_value=nothing
    ) as attributed:
        counted_opener(run, "file", ("GET /a",))
    levels = attributed.call_args.args[1]
    assert levels.times.tolist() == list(range(10, 30))
    assert levels.values.tolist() == [2 * each for each in range(10, 30)]
    assert levels.requests.tolist() == [2 * each for each in range(10, 30)]
    assert attributed.call_args.kwargs == {"integer": True}


def opener(
    *places: AllocationSite,
    callers: Sequence[tuple[Amount, ...]] = (),
    endpoints: Sequence[str] = ("GET /a",),
    held: Sequence[AllocationSite] = (),
    language: str = "Go",
) -> str:
    """Who opens files, where the callers of each place allocate for these endpoints."""
    run = context(allocated=places, places=held, language=language)
    with mock.patch.object(resource_owner, "_callers", side_effect=list(callers)):
        return name(find_opener(run, ("files",), endpoints))


def test_of_several_openers_it_is_whose_callers_allocate_most_for_the_endpoint() -> None:
    f, g = opening("main.f", 5), opening("main.g", 9)  # in order of gain: g, f
    for of_g, of_f, named in (
        ([("GET /a", 0.6)], [("GET /a", 0.7)], "main.f"),
        ([("GET /a", 0.7)], [("GET /a", 0.6)], "main.g"),
        ([("GET /a", 0.3), ("GET /c", 0.3)], [], ""),
        # Half of it is not more than half; neither is anything that is not excluded the only one.
        ([("GET /a", 0.5)], [], ""),
        ([("POST /b", 0.6)], [], "main.f"),
        ([("POST /b", 0.5)], [], ""),
        ([("POST /b", 0.3), ("GET /c", 0.3)], [], "main.f"),
        ([(EVERY, 0.9)], [], ""),
        ([("POST /b", 0.9)], [("GET /c", 0.9)], ""),
    ):
        assert opener(f, g, callers=[told(*of_g), told(*of_f)]) == named, (of_g, of_f)
    both = [told(("GET /a", 0.3), ("GET /c", 0.3)), ()]
    assert opener(f, g, callers=both, endpoints=("GET /a", "GET /c")) == "main.g"


def test_callers_are_not_asked_where_the_endpoint_is_not_known() -> None:
    f, g = opening("main.f"), opening("main.g")
    assert opener(f, endpoints=("",)) == "main.f"
    assert opener(f, endpoints=(EVERY,)) == "main.f"
    assert opener(f, g, endpoints=("",)) == ""
    assert opener(f, callers=[told(("GET /a", 0.9))], endpoints=(EVERY, "GET /a")) == "main.f"
    assert opener(callers=[]) == ""


def test_one_opener_alone_is_it_where_every_allocation_counts_or_it_is_held() -> None:
    f = opening("main.f")
    assert opener(f, endpoints=("",)) == "main.f"
    assert opener(f, endpoints=("",), language="JavaScript") == ""
    assert opener(endpoints=("",), held=[f], language="JavaScript") == "main.f"
    assert opener(endpoints=("",), held=[f], language="Go") == "main.f"
    # Another file has a function of that name.
    namesake = site(stack(Frame("main.f", "other.go", 1, own=True), gain=9))
    assert opener(endpoints=("",), held=[f, namesake], language="JavaScript") == "main.f"


def test_of_several_openers_it_is_the_only_one_whose_resources_are_still_held() -> None:
    f, g = opening("main.f", 5), opening("main.g", 9)
    assert opener(f, g, endpoints=("",), held=[f]) == "main.f"
    assert opener(f, g, endpoints=("",), held=[opening("main.f", 0.5)]) == "main.f"
    assert opener(f, g, endpoints=("",), held=[f, g]) == ""
    fell = site(stack(OPEN, own("main.g"), gain=-5, first=9))
    assert opener(f, g, endpoints=("",), held=[f, fell]) == "main.f"
    assert opener(f, g, endpoints=("",), held=[opening("main.h")]) == "main.h"


@pins(thresholds, "HOLDS_MOST")
def test_an_opener_whose_resources_are_most_of_what_the_heap_gained_is_it() -> None:
    """Whatever its callers allocate for other endpoints: a middleware calls all handlers."""
    callers = [told(("GET /b", 0.9))]
    for other, named in ((4.5, "main.f"), (4.6, ""), (-9.0, "main.f")):
        held = [opening("main.f", 9.0), site(stack(own("main.g"), SERVE, gain=other, first=9.0))]
        found = opener(opening("main.f"), callers=callers, endpoints=("GET /a",), held=held)
        assert found == named


def test_the_six_openers_that_gain_most_are_compared() -> None:
    places = [opening(f"main.f{number}", 1.0 + number) for number in range(8)]
    callers = [told(("GET /a", 0.51 + 0.01 * number)) for number in range(6)]
    assert opener(*places, callers=callers) == "main.f2"


@pytest.mark.parametrize(
    ("running", "named"),
    [
        ([opening("main.f", 5)], "main.f"),
        ([opening("main.f", 4.9)], ""),
        ([opening("main.f", 5), opening("main.g", 5)], ""),
        ([opening("main.f", 5), site(stack(own("main.g"), gain=9))], "main.f"),
        ([opening("main.f", 5), site(stack(OPEN, library("lib.Read"), G, gain=9))], "main.f"),
        ([site(stack(OPEN, library("lib.Read"), F, gain=9))], ""),
        ([site(stack(OPEN, F, library("lib.Serve"), gain=9))], "main.f"),
        ([], ""),
    ],
)
def test_whom_the_processor_was_seen_opening_five_times_opens(
    running: list[AllocationSite], named: str
) -> None:
    assert name(find_opener(context(running=running), ("files",), ("GET /a",))) == named


def test_the_calls_inside_are_those_of_the_innermost_own_function() -> None:
    assert list(resource_owner._inside((OPEN, F, G, SERVE))) == [OPEN]
    assert list(resource_owner._inside((F, SERVE))) == []
    assert list(resource_owner._inside((OPEN, SERVE))) == [OPEN, SERVE]


def test_what_is_held_counts_as_allocated_but_for_go() -> None:
    f, g = opening("main.f"), opening("main.g")
    again = opening("main.f", 7)
    assert list(resource_owner._allocating(context(allocated=[f], places=[g]))) == [f]
    java = context(allocated=[again, f], places=[f, g], language="Java")
    assert list(resource_owner._allocating(java)) == [again, g]


def test_the_maker_is_the_only_own_function_that_allocates_the_class() -> None:
    made = Frame("shop.Line")

    def maker(*allocated: AllocationSite) -> str:
        return name(find_maker(context(allocated=allocated), made))

    assert maker(site(stack(made, F))) == "main.f"
    assert maker(site(stack(made, F), stack(made, own("main.f", line=9)))) == "main.f"
    assert maker(site(stack(made, F)), site(stack(made, G))) == ""
    assert maker(site(stack(made, F)), site(stack(Frame("shop.Other"), G))) == "main.f"
    assert maker(site(stack(made, F)), site(stack(made, SERVE))) == "main.f"
    assert maker(site(stack(made, SERVE))) == ""
    assert maker() == ""


def test_the_wrapper_is_the_first_own_place_of_these_endpoints_alone() -> None:
    def wrapper(*endpoints: str, places: Sequence[AllocationSite], of: list[list[str]]) -> str:
        amounts = [tuple(amount(each) for each in row) for row in of]
        with (
            mock.patch.object(resource_owner, "attribute_by_endpoint"),
            mock.patch.object(resource_owner, "contributors", side_effect=amounts),
        ):
            return name(find_wrapper(context(places=places), endpoints))

    f, g = site(stack(F, gain=9)), site(stack(G, gain=9))
    assert wrapper("GET /a", places=[f, g], of=[["GET /a"], ["GET /a"]]) == "main.f"
    assert wrapper("GET /a", places=[f, g], of=[["GET /b"], ["GET /a"]]) == "main.g"
    assert wrapper("GET /a", places=[f, g], of=[["GET /a", "GET /b"], []]) == ""
    both = [["GET /b", "GET /a"]]
    assert wrapper("GET /a", "GET /b", places=[f], of=both) == "main.f"
    steady, foreign = site(stack(F, gain=0)), site(stack(SERVE, gain=9))
    assert wrapper("GET /a", places=[steady, foreign, g], of=[["GET /a"]]) == "main.g"


def test_the_wrapper_s_levels_are_attributed_in_bytes() -> None:
    run = context(places=[site(stack(F, gain=60))], requests=[windows("GET /a", [1] * 40)])
    assert find_wrapper(run, ("GET /a",)) == F
    assert find_wrapper(run, ("GET /b",)) is None


def test_stacks_open_where_an_own_place_calls_what_opens_without_dialing_and_gains() -> None:
    files = ("os.Open",)

    def stacks(place: AllocationSite) -> int:
        return len(resource_owner._opening(place, files))

    assert stacks(site(stack(OPEN, F), stack(OPEN, F, G), stack(F, G))) == 2
    assert stacks(site(stack(OPEN, SERVE))) == 0
    assert stacks(site(stack(OPEN, library("lib.f")))) == 0
    dials = Frame("database/sql.(*DB).conn")
    assert stacks(site(stack(OPEN, dials, F))) == 0
    assert stacks(site(stack(OPEN, dials, F), stack(OPEN, F))) == 1
    assert stacks(site(stack(OPEN, F, gain=0))) == 0
    assert stacks(site(stack(OPEN, F, gain=5), stack(OPEN, F, G, gain=-5))) == 0
    assert stacks(site(stack(OPEN, F, gain=6), stack(OPEN, F, G, gain=-5))) == 2


def test_the_gain_of_stacks_is_what_they_have_at_the_end_beyond_the_beginning() -> None:
    assert resource_owner._gain([stack(F, gain=5, first=7), stack(F, gain=-2, first=9)]) == 3.0
    assert resource_owner._gain([]) == 0.0


def test_the_callers_of_an_opener_are_asked_for_all_that_they_allocate() -> None:
    opened = site(stack(OPEN, F, own("main.read"), HANDLE, SERVE, gain=3))
    beside = site(stack(G, own("main.show"), HANDLE, SERVE, gain=57))
    other = site(stack(own("main.h"), own("main.other"), SERVE, gain=999))
    foreign = site(stack(SERVE, gain=999))
    run = context(
        allocated=[opened, beside, other, foreign], requests=[windows("GET /a", [1] * 40)]
    )
    [found] = resource_owner._callers(run, opened, opened.stacks)
    assert found.endpoint == "GET /a"
    assert found.per_request == pytest.approx(60 / 30)
    elsewhere = replace(run, allocated=[opened, other])
    [found] = resource_owner._callers(elsewhere, opened, opened.stacks)
    assert found.per_request == pytest.approx(3 / 30)
