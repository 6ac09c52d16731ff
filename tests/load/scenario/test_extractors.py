from typing import Any

import pytest

from soak.load.plan.plan import PlannedRequest
from soak.load.scenario.extractors import MAX_CAPTURED, CaptureError, Extractors


def extractors(**places: dict[str, str]) -> Extractors:
    return Extractors(PlannedRequest("a", "GET", "/", 1.0, {}, extractors=places))


def take(place: dict[str, str], body: bytes = b"", **headers: str) -> Any:
    return extractors(it=place).take(headers, body)["it"]


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
        ({"regex": "x+"}, b"x" * (MAX_CAPTURED + 1), "capture it: too long"),
    ],
)
def test_what_is_not_there_is_a_failure(place: dict[str, str], body: bytes, kind: str) -> None:
    with pytest.raises(CaptureError) as caught:
        take(place, body)
    assert caught.value.kind == kind


def test_an_answer_is_only_read_where_it_must_be() -> None:
    assert (extractors().needs_body, extractors().needs_headers) == (False, False)
    assert extractors(a={"header": "A"}).needs_headers
    assert extractors(a={"regex": "A"}).needs_body
    assert extractors().take({}, b"") == {}
