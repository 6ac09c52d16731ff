import random
from typing import Any

import pytest

from soak.load.scenario.extractors import (
    MAX_CAPTURED,
    MAX_VALUES,
    CapturedFrom,
    CaptureError,
    Extractors,
)
from soak.load.supervisor.compile_expectations import planned_extractors
from soak.profile.requests import Capture


def extractors(**places: dict[str, Any]) -> Extractors:
    return Extractors(
        planned_extractors({name: Capture.model_validate(place) for name, place in places.items()})
    )


MORE: Any = {"url": "http://a/b?code=7", "cookie": {"s": "1"}.get, "random": random.Random(1)}


def take(place: dict[str, Any], body: bytes = b"", **headers: str) -> Any:
    return extractors(it=place).take(CapturedFrom(headers, body, **MORE))["it"]


def test_values_keep_their_type() -> None:
    body = b'{"id": 17, "items": [{"sku": "A"}, {"sku": "B"}], "none": null}'
    assert take({"json": "$.id"}, body) == 17
    assert take({"json": "$.none"}, body) is None
    assert take({"json": "$.items[*].sku"}, body) == "A"


def test_headers_and_patterns() -> None:
    assert take({"header": "Location"}, location="/a/7") == "/a/7"
    assert take({"regex": r"token=(\w+)"}, b"<a token=abc>") == "abc"
    assert take({"regex": r"tok\w+"}, b"<a token=abc>") == "token"


@pytest.mark.parametrize(
    ("place", "body", "kind"),
    [
        ({"json": "$.id"}, b"{}", "capture it"),
        ({"json": "$.id"}, b"<html>", "capture it: not JSON"),
        ({"header": "Location"}, b"", "capture it"),
        ({"regex": "a(b)?"}, b"ac", "capture it"),
        ({"regex": "x"}, b"ac", "capture it"),
        ({"cookie": "sid"}, b"", "capture it"),
        ({"url": "state=(.)"}, b"", "capture it"),
        (
            {"json": "$[*]", "take": "all"},
            b"[" + b"1," * MAX_VALUES + b"1]",
            "capture it: more than 1,000 values",
        ),
        (
            {"regex": ".", "take": "all"},
            b"x" * (MAX_VALUES + 1),
            "capture it: more than 1,000 values",
        ),
        (
            {"json": "$.id", "default": 1},
            b'{"id": "' + b"x" * (MAX_CAPTURED + 1) + b'"}',
            "capture it: too long",
        ),
        ({"regex": "x+"}, b"x" * (MAX_CAPTURED + 1), "capture it: too long"),
    ],
)
def test_what_is_not_there_is_a_failure(place: dict[str, Any], body: bytes, kind: str) -> None:
    with pytest.raises(CaptureError) as caught:
        take(place, body)
    assert caught.value.kind == kind


def test_urls_and_cookies() -> None:
    assert take({"url": True}) == "http://a/b?code=7"
    assert take({"url": "code=(.)"}) == "7"
    assert take({"cookie": "s"}) == "1"
    assert take({"cookie": "t", "default": None}) is None


def test_defaults_stand_for_what_is_not_there_and_keep_their_type() -> None:
    assert take({"json": "$.next", "default": None}, b"{}") is None
    assert take({"json": "$.next", "default": {"a": [1]}}, b"<html>") == {"a": [1]}
    assert take({"json": "$.next", "default": 1}, b'{"next": null}') is None
    assert take({"header": "X-Next", "default": "end"}) == "end"


def test_several_values_are_taken_as_asked() -> None:
    body = b'{"items": [{"id": 1}, {"id": 2}, {"id": 3}]}'
    assert take({"json": "$.items[*].id", "take": "all"}, body) == [1, 2, 3]
    assert take({"json": "$.items[*].id", "take": "last"}, body) == 3
    assert {take({"json": "$.items[*].id", "take": "random"}, body) for _ in range(50)} == {1, 2, 3}
    assert take({"regex": r"id\D+(\d)", "take": "all"}, body) == ["1", "2", "3"]
    assert take({"regex": r"id\D+(\d)", "take": "last"}, body) == "3"
    assert take({"json": "$.none", "take": "all", "default": []}, body) == []


def test_an_answer_is_only_read_where_it_must_be() -> None:
    assert (extractors().needs_body, extractors().needs_headers) == (False, False)
    assert extractors(a={"header": "A"}).needs_headers
    assert extractors(a={"regex": "A"}).needs_body
    assert extractors().take(CapturedFrom({}, b"")) == {}
