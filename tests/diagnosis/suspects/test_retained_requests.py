"""What counts as a request that outlives its answer, where a profiler samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from unittest import mock

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.catalog.node import ACTIVE_RESOURCES, KEPT_REQUESTS
from soak.catalog.python import CONTAINER_LENGTH
from soak.diagnosis.attribution.allocation_sites import SERVER_READS, AllocationSite, Stack
from soak.diagnosis.attribution.attribution import Amount, Attribution
from soak.diagnosis.attribution.levels import Levels
from soak.diagnosis.attribution.signals import GROUP, PLACE, Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects import growing_containers, retained_requests
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.evidence_kinds import EvidenceKind as Evidence
from soak.diagnosis.suspects.leak_classes import class_probabilities
from soak.diagnosis.suspects.retained_requests import context_package
from soak.model import Series
from tests.diagnosis.suspects.parts import amount, context, gauge, own, signal, site, stack, windows

SAMPLE = 2.0**19
HEAP = Signal(ResourceKind.HEAP, "x", "bytes", Amount("", 10.0, 9.0, 11.0), (), "It grows.")


def read_request(*frames: Frame) -> RunContext:
    """A run in which one sampled object of a request came at the third of ten snapshots, and stayed."""
    requests = np.arange(10.0) * 1000
    levels = np.where(requests >= 2000, SAMPLE, 0.0)
    place = AllocationSite(frames[0], requests, requests, levels, (Stack(frames, levels),), SAMPLE)
    nothing = SimpleNamespace(places=[place], prepared=None, series=lambda _: (), classes=None)
    return cast("RunContext", nothing)


@pytest.mark.parametrize(
    ("frames", "kept"),
    [
        (("net/http.readRequest", SERVER_READS[0]), True),
        (("parserOnHeadersComplete",), False),
    ],
)
def test_one_sample_that_stays_is_a_kept_request_in_go_alone(
    monkeypatch: pytest.MonkeyPatch, frames: tuple[str, ...], kept: bool
) -> None:
    monkeypatch.setattr(
        retained_requests, "attribute_by_endpoint", lambda *_: Attribution("x", "bytes", ())
    )
    case = Case("", (HEAP,), (Amount("", 10.0, 9.0, 11.0),))
    run = read_request(*(Frame(name, "/usr/lib/x", 1, False) for name in frames))
    assert bool(retained_requests.kept_requests(case, run)) is kept


def test_a_connection_that_is_never_closed_keeps_its_request_and_is_the_leak_itself() -> None:
    """An answer whose body nobody closes: its connection keeps the request, the request its context."""
    kept = [Evidence.CONTEXT_FRAMES, Evidence.REQUESTS_KEPT, Evidence.PLACE_GROWS]
    counted = [Evidence.DESCRIPTORS_GROW, Evidence.GOROUTINES_GROW, Evidence.COUNT_GROWS]
    assert next(iter(class_probabilities(kept))) == "request-context"
    for beside in ([], [Evidence.CONNECTION_GOROUTINES]):
        name, probability = next(iter(class_probabilities([*kept, *counted, *beside]).items()))
        assert name == "descriptor-leak", beside
        assert probability > 0.5


F, SERVE = own("main.f"), Frame("net/http.serve")
MADE = Frame("com.shop.RequestState")


def case(endpoint: str = "", what: ResourceKind | str = ResourceKind.HEAP, **more: Any) -> Case:
    grown = signal(what, **more)
    return Case(endpoint, (grown,), (grown.each,))


def said(*frames: Frame, gain: float = 90.0, endpoint: str = "", period: float = 0.0) -> str:
    """What is said of one stack that gains so much over 30 requests to `GET /a`."""
    place = site(stack(*frames, gain=gain), period=period)
    run = context(places=[place], requests=[windows("GET /a", [1] * 30)])
    return retained_requests.kept_requests(case(endpoint), run)


def test_objects_of_requests_that_stay_are_told_with_their_bytes() -> None:
    words = "Ever more of RequestState stay alive, 90 B of them: made for one request each, and kept beyond it."
    assert said(MADE, F) == words
    assert said(Frame("runtime.x"), MADE) == words
    assert said(MADE, F, endpoint="GET /a") == words
    assert said(MADE, F, endpoint="POST /b") == ""
    assert said(F, SERVE) == ""
    assert said(MADE, F, gain=0.0) == ""
    assert said(MADE, F, gain=-90.0) == ""


def test_stacks_of_one_kind_of_object_are_added_up_and_the_first_kind_is_told() -> None:
    def kept(*places: AllocationSite) -> str:
        run = context(places=places, requests=[windows("GET /a", [1] * 30)])
        return retained_requests.kept_requests(case(), run)

    other = Frame("com.shop.HttpExchange")
    both = site(stack(MADE, F, gain=60)), site(stack(MADE, own("main.g"), gain=30))
    assert "RequestState stay alive, 90 B" in kept(*both)
    assert "HttpExchange stay alive, 9 B" in kept(site(stack(other, gain=9)), *both)
    assert "RequestState stay alive" in kept(site(stack(other, gain=0)), *both)
    assert kept() == ""


@pytest.mark.parametrize(
    ("left", "kept"), [(0.0, False), (9.0, False), (28.0, False), (29.0, True), (60.0, True)]
)
def test_requests_that_are_gone_after_the_drain_were_under_way(left: float, kept: bool) -> None:
    """A count of 9 that rises to 60 under load; 20 more than the fewest must be left."""
    counted = gauge(KEPT_REQUESTS, [9.0] * 15 + [60.0] * 15 + [left] * 5)
    run = context(counted, requests=[windows("GET /a", [1] * 40)])
    assert bool(retained_requests._counted(case(), run)) is kept


def test_requests_that_the_runtime_counts_come_before_objects() -> None:
    place = site(stack(MADE, F, gain=90))
    made = [windows("GET /a", [1] * 40)]
    counted = gauge(KEPT_REQUESTS, [0.0] * 15 + [21.0] * 15)
    run = context(counted, places=[place], requests=made)
    words = (
        "21 more requests than at first are still on the heap after a collection: "
        "something keeps them beyond their answer."
    )
    assert retained_requests.kept_requests(case(), run) == words
    few = gauge(KEPT_REQUESTS, [0.0] * 15 + [10.0] * 15, 0.0, instance="a")
    more = gauge(KEPT_REQUESTS, [0.0] * 15 + [10.0] * 15, 0.0, instance="b")
    assert retained_requests._counted(case(), context(few, more, requests=made)) != ""
    assert retained_requests._counted(case(), context(few, requests=made)) == ""
    late = context(counted, requests=made, warmup=15.0)
    assert retained_requests._counted(case(), late) == ""
    short = Series(KEPT_REQUESTS, np.arange(2.0), np.array([0.0, 99.0]))
    assert retained_requests._counted(case(), context(short, requests=made)) == ""
    rises = gauge(KEPT_REQUESTS, np.arange(30.0))
    assert retained_requests._counted(case("GET /a"), context(rises, requests=made)) != ""
    assert retained_requests._counted(case("POST /b"), context(rises, requests=made)) == ""


def test_a_level_is_others_where_endpoints_add_to_it_and_none_is_the_case_s() -> None:
    def of_others(case_endpoint: str, *through: str, shared: tuple[str, ...] = ()) -> bool:
        steps = np.arange(4.0)
        subject = Case(case_endpoint, parts=tuple(Case(each) for each in shared))
        amounts = tuple(Amount(each, 1.0, 0.9, 1.1, 1.0) for each in through)
        with (
            mock.patch.object(retained_requests, "attribute_by_endpoint"),
            mock.patch.object(retained_requests, "contributors", return_value=amounts),
        ):
            return retained_requests._of_others(
                Levels(steps, steps, steps), "x", "bytes", subject, context()
            )

    assert of_others("GET /a", "GET /b")
    assert not of_others("GET /a", "GET /b", "GET /a")
    assert not of_others("GET /a")
    assert not of_others("", "GET /b")
    assert not of_others("both", "GET /b", shared=("GET /a", "GET /b"))


def test_requests_are_counted_to_the_case_s_endpoints_or_else_to_all() -> None:
    run = context(requests=[windows("GET /a", [1] * 30), windows("POST /b", [2] * 30)])
    for endpoint, count in (("GET /a", 30.0), ("POST /b", 60.0), ("", 90.0), ("GET /c", 90.0)):
        assert retained_requests._requests_to(Case(endpoint), run) == count
    shared = Case("both", parts=(Case("GET /a"), Case("POST /b")))
    assert retained_requests._requests_to(shared, run) == 90.0


def test_a_container_that_holds_requests_is_told_with_their_class() -> None:
    def told(*rows: tuple[str, str]) -> str:
        series = [
            gauge(CONTAINER_LENGTH, np.arange(30.0), 0.0, holder=name, kind="list", entries=entries)
            for name, entries in rows
        ]
        return retained_requests.kept_requests(
            case(), context(*series, requests=[windows("GET /a", [1] * 30)])
        )

    words = (
        "shop.KEPT (list) holds ever more of flask.wrappers.Request: "
        "made for one request each, and kept beyond it."
    )
    assert told(("shop.KEPT", "flask.wrappers.Request")) == words
    assert told(("shop.KEPT", "shop.Entry, flask.wrappers.Request")) == words
    assert told(("shop.SEEN", ""), ("shop.KEPT", "flask.wrappers.Request")) == words
    assert told(("shop.FAILED", "ValueError with its traceback")) == (
        "shop.FAILED (list) holds ever more of ValueError with its traceback: "
        "each keeps the frames of one request, and their variables."
    )
    assert told(("shop.KEPT", "")) == told(("shop.KEPT", "shop.Basket, shop.requests.Line")) == ""
    assert told() == ""


def test_what_a_growing_container_keeps_is_not_taken_for_requests_without_a_class() -> None:
    """A cache of aiohttp's gains an entry for each request that is not found."""

    def told(*, container: bool, gains: bool = True) -> str:
        lengths = np.arange(30.0) if gains else np.full(30, 30.0)
        cache = gauge(
            CONTAINER_LENGTH, lengths, 0.0, holder="aiohttp.web_app._build", kind="lru_cache"
        )
        made = site(stack(FLASK, gain=1e6))
        run = context(
            *([cache] if container else []), places=[made], requests=[windows("GET /a", [1] * 30)]
        )
        through = [amount("GET /a")]
        with (
            mock.patch.object(growing_containers, "contributors", return_value=through),
            mock.patch.object(retained_requests, "contributors", return_value=through),
        ):
            return retained_requests.kept_requests(case("GET /a"), run)

    assert "flask's objects" in told(container=False)
    assert "flask's objects" in told(container=True, gains=False)
    assert told(container=True) == ""


FLASK = Frame("wsgi_app", "/usr/lib/python3/site-packages/flask/app.py", 9)


@pytest.mark.parametrize(
    ("frames", "name"),
    [
        ((FLASK,), "flask's objects"),
        ((SERVE, FLASK), "flask's objects"),
        ((FLASK, F), ""),
        ((Frame("parserOnHeadersComplete"),), "IncomingMessage"),
        ((Frame("x"), Frame("parserOnHeadersComplete")), "IncomingMessage"),
        ((Frame("parserOnHeadersComplete"), F), ""),
        ((SERVE,), ""),
    ],
)
def test_what_a_server_makes_before_own_code_is_named(frames: tuple[Frame, ...], name: str) -> None:
    assert retained_requests._parsed(stack(*frames)) == name


READ = Frame(SERVER_READS[0])


@pytest.mark.parametrize(
    ("frames", "named"),
    [
        ((Frame("net/http.readRequest"), READ), True),
        ((Frame("net/url.parse"), READ), True),
        ((Frame("context.WithCancel"), READ), True),
        ((Frame("net/http.readRequest"), SERVE), False),
        ((SERVE, Frame("net/http.readRequest"), READ), False),
        ((Frame("net/http.readRequest"), READ, F), False),
        ((READ,), False),
    ],
)
def test_what_go_makes_of_a_request_s_head_is_named(frames: tuple[Frame, ...], named: bool) -> None:
    name = retained_requests._read_by_go(stack(*frames))
    assert name == ("http.Request" if named else "")


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("RequestContext", "RequestContext"),
        ("flask.ctx.RequestContext.__init__", "RequestContext"),
        ("sun.net.httpserver.HttpExchange.<init>", "HttpExchange"),
        ("com.shop.App$RequestState", "RequestState"),
        ("IncomingMessage", "IncomingMessage"),
        ("ServerResponse", "ServerResponse"),
        ("request", ""),
        ("com.shop.handleRequest", ""),
        ("RequestState.close", ""),
    ],
)
def test_a_class_is_one_of_requests_by_its_name(function: str, name: str) -> None:
    assert retained_requests._of_request(Frame(function)) == name


def test_ten_more_timers_of_any_kind_are_told() -> None:
    def waiting(**by_kind: float) -> str:
        series = [
            gauge(ACTIVE_RESOURCES, [5.0] * 15 + [5.0 + more] * 15, 0.0, type=kind)
            for kind, more in by_kind.items()
        ]
        return retained_requests.timers_grow(context(*series))

    words = "10 more timers wait than at first: nobody clears them."
    assert waiting(Timeout=10.0) == waiting(Timeout=4.0, Immediate=6.0) == words
    assert waiting(Timeout=9.9) == waiting(TCPSocketWrap=99.0) == waiting() == ""
    late = gauge(ACTIVE_RESOURCES, [5.0] * 15 + [99.0] * 15, 0.0, type="Timeout")
    assert retained_requests.timers_grow(context(late, warmup=15.0)) == ""


def test_a_package_named_context_is_told_where_its_function_makes_what_grows() -> None:
    def told(*places: AllocationSite | None, what: ResourceKind | str = PLACE) -> str:
        signals = tuple(signal(what, site=place) for place in places)
        return context_package(Case("", signals, tuple(each.each for each in signals)))

    keeps = Frame("github.com/gorilla/context.Set")
    words = (
        "Part of what grows was made by github.com/gorilla/context.Set: "
        "something registered for a request that stays registered."
    )
    assert told(site(stack(keeps, F))) == words
    assert told(None, site(stack(F)), site(stack(F), stack(keeps))) == words
    assert told(site(stack(F, keeps))) == ""
    assert told(site(stack(keeps, gain=0.0))) == ""
    assert told(site(stack(keeps)), what=GROUP) == ""
    assert told(site(stack(Frame("context.WithCancel")))) == ""
    levels = {words: [1.0, 9.5, 0.0, 9.0], "": [0.0, 9.0, 9.0, 0.0]}
    for said_of, column in levels.items():
        assert told(site(replace(stack(keeps, F), levels=np.array(column)))) == said_of
    empty = site(stack(F))
    assert told(replace(empty, stacks=(replace(empty.stacks[0], frames=()),))) == ""


def growing(name: str, levels: Sequence[float], period: float = 0.0, requests: int = 1) -> bool:
    """Whether objects of this name with such levels, ten requests apart, are told of so many requests a second."""
    column = np.array(levels)
    place = replace(site(stack(F, points=len(column))), levels=column, period=period)
    run = context(requests=[windows("GET /a", [requests] * 30)])
    rows = [(place, replace(place.stacks[0], levels=column))]
    return bool(list(retained_requests._growing(name, rows, case(), run)))


def test_objects_surely_grow_where_their_interval_is_narrower_than_their_slope() -> None:
    assert growing("X", [0, 10, 20, 30])
    assert growing("X", [0, 12, 18, 30])
    assert not growing("X", [0, 30, 0, 30])
    with mock.patch.object(retained_requests, "slope_and_error", return_value=(2.0, 1.0)):
        assert not growing("X", [0, 10, 20, 30])
    with mock.patch.object(retained_requests, "slope_and_error", return_value=(2.1, 1.0)):
        assert growing("X", [0, 10, 20, 30])


def test_a_sample_of_go_s_requests_that_stays_is_enough_and_no_other() -> None:
    """A level that rises once and stays, of which a line is not sure."""
    stays = [0.0, 0, 900, 900, 900, 900]
    goes = [0.0, 0, 900, 900, 900, 0]
    with mock.patch.object(retained_requests, "slope_and_error", return_value=(1.0, 1.0)):
        assert growing("http.Request", stays, period=900.0)
        assert growing("http.Request", stays, period=0.5)
        assert growing("http.Request", [each / 1800 for each in stays], period=0.5)
        assert not growing("http.Request", goes, period=900.0)
        assert not growing("http.Request", stays, period=0.0)
        assert not growing("IncomingMessage", stays, period=900.0)


def test_objects_without_a_class_are_requests_from_256_bytes_of_each_on() -> None:
    """Thirty requests: 256 bytes of each are 7,680."""
    exactly, less = 256.0 * np.arange(0.0, 40.0, 10.0), 255.9 * np.arange(0.0, 40.0, 10.0)
    assert growing("flask's objects", exactly.tolist())
    assert not growing("flask's objects", less.tolist())
    assert growing("RequestContext", less.tolist())
    assert not growing("flask's objects", exactly.tolist(), requests=2)
