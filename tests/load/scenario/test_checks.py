import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.load.plan.plan import PlannedRequest
from soak.load.scenario.checks import Checks, same
from soak.profile.requests import Expect


def checks(**expect: Any) -> Checks:
    found = Expect.model_validate(expect)
    given = found.model_dump(by_alias=True, exclude_defaults=True, exclude={"status"})
    return Checks(PlannedRequest("a", "GET", "/", 1.0, {}, statuses=tuple(found.status or ()), expect=given))


def check(
    expect: dict[str, Any], status: int = 200, body: bytes = b"", seconds: float = 0.1, **headers: str
) -> str | None:
    return checks(**expect).check(status, headers, body, seconds)


@pytest.mark.parametrize(
    ("expect", "answer", "failure"),
    [
        ({}, {"status": 399}, None),
        ({}, {"status": 404}, "status 404"),
        ({"status": [201, 404]}, {"status": 404}, None),
        ({"status": 201}, {"status": 200}, "status 200"),
        ({"within": "100ms"}, {"seconds": 0.1}, None),
        ({"within": "100ms"}, {"seconds": 0.11}, "expect within"),
        ({"body": "created"}, {"body": b"is created."}, None),
        ({"body": "ü"}, {"body": "ü".encode()}, None),
        ({"body": "created"}, {"body": b""}, "expect body"),
        ({"body": {"equals": "ok"}}, {"body": b"ok"}, None),
        ({"body": {"equals": "ok"}}, {"body": b"ok\n"}, "expect body"),
        ({"body": {"regex": "a+ü"}}, {"body": "xaaü".encode()}, None),
        ({"body": {"regex": "^a", "contains": "b"}}, {"body": b"ab"}, None),
        ({"body": {"regex": "^a", "contains": "b"}}, {"body": b"ba"}, "expect body"),
        ({"headers": {"X-Cache": "hit"}}, {"x-cache": "hit"}, None),
        ({"headers": {"X-Cache": "hit"}}, {"x-cache": "hits"}, "expect header X-Cache"),
        ({"headers": {"X-Cache": "hit"}}, {}, "expect header X-Cache"),
        ({"headers": {"location": {"regex": "^/a/"}}}, {"location": "/a/7"}, None),
        ({"json": {"$.state": "created"}}, {"body": b'{"state": "created"}'}, None),
        ({"json": {"$.state": "created"}}, {"body": b'{"state": "gone"}'}, "expect json $.state"),
        ({"json": {"$.state": "created"}}, {"body": b"[]"}, "expect json $.state"),
        ({"json": {"$.state": "created"}}, {"body": b"<html>"}, "expect json: not JSON"),
        ({"json": {"$.a[*].b": True}}, {"body": b'{"a": [{"b": true}, {"b": true}]}'}, None),
        ({"json": {"$.a[*].b": True}}, {"body": b'{"a": [{"b": true}, {"b": 1}]}'}, "expect json $.a[*].b"),
        ({"json": {"$.a": None}}, {"body": b'{"a": null}'}, None),
        ({"json": {"$.a": None}}, {"body": b"{}"}, "expect json $.a"),
        ({"json": {"$.a": {"b": [1, 2.0]}}}, {"body": b'{"a": {"b": [1.0, 2]}}'}, None),
        ({"status": 201, "body": "x"}, {"status": 500}, "status 500"),
        ({"body": "x", "within": "1ms"}, {}, "expect body"),
    ],
)
def test_why_an_answer_fails(expect: dict[str, Any], answer: dict[str, Any], failure: str | None) -> None:
    assert check(expect, **answer) == failure


def test_an_answer_is_only_read_where_it_must_be() -> None:
    def needs(**expect: Any) -> tuple[bool, bool]:
        return (found := checks(**expect)).needs_body, found.needs_headers

    assert needs(status=201, within="1s") == (False, False)
    assert needs(body="x") == (True, False)
    assert needs(json={"$.a": 1}) == (True, False)
    assert needs(headers={"a": "b"}) == (False, True)


@given(st.binary(), st.text())
def test_any_body_is_judged(body: bytes, text: str) -> None:
    for expect in ({"body": text}, {"body": {"equals": text}}, {"json": {"$.a": text}}, {"json": {"$..a": text}}):
        assert check(expect, body=body) in (
            None,
            "expect body",
            "expect json: not JSON",
            *(f"expect json {p}" for p in ("$.a", "$..a")),
        )


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(_json, _json)
def test_equal_as_json_is(one: Any, other: Any) -> None:
    assert same(one, one)
    assert same(one, other) == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))
