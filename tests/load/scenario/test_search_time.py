"""A regular expression that would take for ever is ended, and the load goes on."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from soak.load.plan.expectations import PlannedExtractor
from soak.load.scenario import search_time as module
from soak.load.scenario.extractors import CapturedFrom, CaptureError, Extractors
from soak.load.scenario.json_schema import SchemaCheck
from soak.load.scenario.search_time import SearchTooLongError, search_time
from soak.load.supervisor.compile_expectations import planned_extractors
from soak.profile.requests import Capture
from tests.load.scenario.test_expectations import check

#: Two to the power of 40 ways, of which soak.backtracking knows nothing; and a page for it.
ENDLESS, PAGE = "(a?){40}a{40}$", "a" * 39 + "b"


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 0.02)


@pytest.mark.parametrize(
    ("expect", "answer"),
    [
        ({"body": {"regex": ENDLESS}}, {"body": PAGE.encode()}),
        ({"headers": {"x": {"regex": ENDLESS}}}, {"x": PAGE}),
        ({"json": {"$.a": {"regex": ENDLESS}}}, {"body": b'{"a": "%s"}' % PAGE.encode()}),
        ({"schema": {"items": {"pattern": ENDLESS}}}, {"body": b'["%s"]' % PAGE.encode()}),
    ],
    ids=["body", "header", "json", "schema"],
)
def test_an_answer_that_takes_too_long_to_search_has_failed(
    expect: dict[str, Any], answer: dict[str, Any]
) -> None:
    assert check(expect, **answer) == "expect: a regular expression took too long"
    assert check({"body": {"regex": "a+b"}}, body=PAGE.encode()) is None


def test_so_has_a_capture() -> None:
    planned: tuple[PlannedExtractor, ...] = planned_extractors(
        {"it": Capture.model_validate({"regex": ENDLESS})}
    )
    with pytest.raises(CaptureError) as caught:
        Extractors(planned).take(CapturedFrom({}, PAGE.encode()))
    assert caught.value.kind == "capture it: took too long"


def test_the_time_is_over_with_the_search() -> None:
    with search_time.limit():
        assert SchemaCheck({"type": "string"}).wrong("a") is None
    search_time._over(0, None)  # the signal of a timer that was stopped a moment ago


def test_another_thread_has_no_timer() -> None:
    done = []

    def search() -> None:
        timer = module._Timer()
        with timer.limit():
            done.append(timer._installed)

    thread = threading.Thread(target=search)
    thread.start()
    thread.join()
    assert done == [False]
    assert issubclass(SearchTooLongError, Exception)
