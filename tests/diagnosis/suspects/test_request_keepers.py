"""What keeps requests on Node's heap, as the snapshot after the drain tells it: place, variable and words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from soak.catalog.metrics import ResourceKind
from soak.catalog.node import KEPT_REQUESTS
from soak.diagnosis import thresholds
from soak.diagnosis.suspects import retained_requests
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.place_and_amount import place_and_amount
from soak.diagnosis.suspects.remedies import remedy
from soak.diagnosis.suspects.request_keepers import RequestKeeper, request_keeper
from soak.diagnosis.suspects.retained_requests import keeper_of, kept_requests
from soak.diagnosis.suspects.suspects import _variable
from soak.snapshots import Snapshot, SnapshotStage
from tests.boundaries import pins
from tests.diagnosis.suspects.parts import amount, context, gauge, own, signal, site, stack, windows

APP, LIBRARY = "/srv/app.js", "/srv/node_modules/express-session/memory.js"


def at(name: str, file: str = APP, line: int = 0) -> dict[str, Any]:
    return {"name": name, "file": file, "line": line}


def row(count: float, holder: dict[str, Any], *captured: dict[str, Any]) -> dict[str, Any]:
    return {"holder": holder, "captured": list(captured), "count": count}


def run(
    *rows: Mapping[str, Any],
    objects: float = 100,
    grown: float = 100.0,
    stage: SnapshotStage = "drained",
    data: bytes | None = None,
    error: str | None = None,
    places: Any = (),
) -> RunContext:
    """A run at whose end so many requests are on the heap, after it gained `grown`."""
    told = json.dumps({"class": "IncomingMessage", "objects": objects, "keepers": rows}).encode()
    taken = Snapshot(40.0, 0.1, "keepers", stage, error, lambda: told if data is None else data)
    counted = gauge(KEPT_REQUESTS, grown * np.repeat([0.0, 1.0], 15))
    made = context(counted, requests=[windows("GET /a", [1] * 30)], places=places)
    prepared = made.prepared
    recording = replace(prepared.recording, snapshots=(taken,))
    return replace(made, prepared=replace(prepared, recording=recording))


def keeper(*rows: Mapping[str, Any], grown: float = 100.0, **more: Any) -> RequestKeeper | None:
    return request_keeper(run(*rows, **more), grown)


def place_of(*rows: Mapping[str, Any]) -> str:
    known = keeper(*rows)
    assert known is not None
    return f"{known.place.function} {known.place.file}:{known.place.line}"


def test_the_place_is_the_variable_or_the_own_function_that_captured_each() -> None:
    kept = row(90, at("audit.entries"))
    assert place_of(kept) == "audit.entries /srv/app.js:0"
    remember, timer = at("remember", APP, 7), at("listOnTimeout", "node:timers", 3)
    assert place_of(row(90, at("hooks"), remember)) == "remember /srv/app.js:7"
    assert place_of(row(90, at("hooks"), timer, remember)) == "remember /srv/app.js:7"
    assert place_of(row(90, at("hooks"), at("wrap", LIBRARY, 2))) == "hooks /srv/app.js:0"
    nameless = at("(anonymous)", APP, 9)
    assert (
        place_of(row(90, at("process._events.x", ""), nameless))
        == "process._events.x /srv/app.js:9"
    )


def test_one_place_with_several_holders_counts_as_one() -> None:
    poll = at("poll", APP, 19)
    lists = [at(f"timers.{name}", "node:timers") for name in ("next", "previous")]
    known = keeper(row(30, lists[0], poll), row(25, lists[1], poll), row(40, at("recent")))
    assert known is not None
    assert (known.place.function, known.count, known.total) == ("poll", 55, 100)
    assert (known.holder.function, known.variable) == ("timers.next", "")


def test_a_variable_is_named_only_if_it_is_the_target_s_own() -> None:
    for holder, named in (
        (at("kept"), "kept"),
        (at("sessions", LIBRARY), ""),
        (at("global.x", ""), ""),
    ):
        known = keeper(row(90, holder))
        assert known is not None
        assert known.variable == named


@pins(thresholds, "KEEPS_SHARE")
def test_a_place_must_keep_half_of_the_requests_on_the_heap() -> None:
    assert keeper(row(51, at("kept"))) is not None
    assert keeper(row(49, at("kept"))) is None


@pins(thresholds, "KEPT_IN_RUN")
def test_half_of_the_requests_on_the_heap_must_have_come_in_the_run() -> None:
    assert keeper(row(90, at("kept")), grown=51.0) is not None
    assert keeper(row(90, at("kept")), grown=49.0) is None


def test_few_requests_are_chance() -> None:
    assert keeper(row(20, at("kept")), objects=20) is not None
    assert keeper(row(19, at("kept")), objects=19) is None


@pytest.mark.parametrize(
    "more",
    [
        {"stage": "end"},
        {"error": "no answer"},
        {"data": b""},
        {"data": b"[]"},
        {"data": b'{"objects": 100}'},
        {"data": b'{"objects": 100, "keepers": [{}]}'},
        {"data": b'{"objects": "x", "keepers": []}'},
    ],
)
def test_without_a_document_that_can_be_read_nothing_is_known(more: dict[str, Any]) -> None:
    assert keeper(row(90, at("kept")), **more) is None
    assert keeper() is None


def case(endpoint: str = "") -> Case:
    grown = signal(ResourceKind.HEAP)
    return Case(endpoint, (grown,), (grown.each,))


def test_what_keeps_them_is_told_with_their_number() -> None:
    counted = "100 more requests than at first are still on the heap after a collection: "
    by = "audit.entries keeps 1,090 of the 1,100 that are there after the drain."
    known = run(row(1090, at("audit.entries")), objects=1100, grown=900.0)
    assert kept_requests(case(), known) == counted.replace("100", "900") + by
    unknown = run(row(9, at("audit.entries")))
    assert kept_requests(case(), unknown) == counted + "something keeps them beyond their answer."
    assert keeper_of(case(), run(row(90, at("kept")), objects=100, grown=19.0)) is None


def test_requests_of_other_endpoints_have_no_keeper_here() -> None:
    counted = gauge(KEPT_REQUESTS, np.arange(30.0))
    known = run(row(30, at("kept")), objects=30)
    series = replace(known.prepared, series=(counted,))
    rises = replace(known, prepared=series)
    assert keeper_of(case("GET /a"), rises) is not None
    assert keeper_of(case("POST /b"), rises) is None


def test_where_several_endpoints_keep_requests_it_is_not_known_which_are_meant() -> None:
    def known(endpoint: str, *through: str, shared: tuple[str, ...] = ()) -> bool:
        amounts = [amount(each) for each in through]
        subject = replace(case(endpoint), parts=tuple(Case(each) for each in shared))
        with mock.patch.object(retained_requests, "contributors", return_value=amounts):
            return keeper_of(subject, run(row(90, at("kept")))) is not None

    assert known("GET /a")
    assert known("GET /a", "GET /a")
    assert not known("GET /a", "GET /a", "POST /b")
    assert known("both", "GET /a", "POST /b", shared=("GET /a", "POST /b"))
    assert known("", "GET /a")
    assert not known("", "GET /a", "POST /b")


def test_a_stack_of_own_code_is_the_place_before_what_keeps() -> None:
    def place(*frames: Any, name: str = "request-context") -> str:
        places = (
            [signal("place", name="place", site=site(stack(*frames, gain=9)))] if frames else []
        )
        told = (signal(ResourceKind.HEAP), *places)
        grown = Case("", told, tuple(each.each for each in told))
        return str(place_and_amount(name, grown, run(row(90, at("kept", APP)))).place)

    assert place() == "kept app.js"
    assert place(own("remember", APP, 7)) == "remember app.js:7"
    runtime = replace(own("parserOnIncoming", "node:_http_server", 9), own=False)
    assert place(runtime) == "kept app.js"
    assert place(name="goroutine-leak") == "None"


def test_the_remedy_names_the_variable_of_a_kept_request() -> None:
    known = run(row(90, at("audit.entries")))
    assert _variable("request-context", case(), known) == "audit.entries"
    assert _variable("unbounded-cache", case(), known) == ""
    assert _variable("request-context", case(), run(row(9, at("audit.entries")))) == ""
    first, rest = (
        "Take each request out of audit.entries when it ends",
        "or keep only the values that are needed of it.",
    )
    for language, when in (("JavaScript", ", on the 'close' of its response"), ("", "")):
        told = remedy("request-context", language, (), "audit.entries")
        assert told == f"{first}{when}, {rest}"
