import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.load.scenario.expectations import Checks, FailedCheck
from soak.load.scenario.matching import SHOWN, same, shown
from soak.load.scenario.templates import RenderError
from soak.load.scenario.virtual_user import VirtualUser
from soak.load.supervisor.compile_expectations import planned_expectations
from soak.profile.requests import Expect
from soak.profile.yamltext import Document


def checks(**expect: Any) -> Checks:
    return Checks(
        planned_expectations(
            Expect.model_validate(expect), ("endpoints", 0), Document({}, {}, "p.yaml")
        )
    )


def failed(
    expect: dict[str, Any],
    status: int = 200,
    body: bytes = b"",
    seconds: float = 0.1,
    **headers: str,
) -> FailedCheck | None:
    return checks(**expect).check(status, headers, body, seconds)


def check(expect: dict[str, Any], **answer: Any) -> str | None:
    return None if (failure := failed(expect, **answer)) is None else failure.kind


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
        (
            {"json": {"$.a[*].b": True}},
            {"body": b'{"a": [{"b": true}, {"b": 1}]}'},
            "expect json $.a[*].b",
        ),
        ({"json": {"$.a": None}}, {"body": b'{"a": null}'}, None),
        ({"json": {"$.a": None}}, {"body": b"{}"}, "expect json $.a"),
        ({"json": {"$.a": {"equals": {"b": [1, 2.0]}}}}, {"body": b'{"a": {"b": [1.0, 2]}}'}, None),
        ({"status": 201, "body": "x"}, {"status": 500}, "status 500"),
        ({"body": "x", "within": "1ms"}, {}, "expect body"),
    ],
)
def test_why_an_answer_fails(
    expect: dict[str, Any], answer: dict[str, Any], failure: str | None
) -> None:
    assert check(expect, **answer) == failure


@pytest.mark.parametrize(
    ("match", "right", "wrong"),
    [
        ({"gt": 3}, [4, 3.5], [3, "4", True, None, [4]]),
        ({"ge": 3, "lt": 5}, [3, 4.9], [5, 2]),
        ({"le": -1.5}, [-1.5, -2], [0]),
        ({"not": None}, [0, "", False], [None]),
        ({"not": "error"}, ["ok", 1], ["error"]),
        ({"not": {"contains": "error"}}, ["ok", 3], ["an error"]),
        ({"not": {"gt": 3}}, [3, "x"], [4]),
        ({"in": ["open", "paid", 3]}, ["open", 3.0], ["shut", True, None]),
        ({"contains": "b"}, ["abc", ["a", "b"]], ["ac", ["ab"], {"b": 1}, None]),
        ({"regex": "^a+$"}, ["aa"], ["ab", 3]),
        ({"length": 2}, ["ab", [1, 2], {"a": 1, "b": 2}], ["a", 2]),
        ({"length": {"ge": 1}}, [[0]], [[], ""]),
        ({"exists": True}, [None, 0, False], []),
        ({"exists": True, "gt": 3}, [4], [3]),
        ({"equals": {"a": 1}}, [{"a": 1.0}], [{"a": 1, "b": 2}]),
        ([1, "a"], [[1, "a"]], [["a", 1], 1]),
    ],
)
def test_operators_on_json(match: Any, right: list[Any], wrong: list[Any]) -> None:
    compiled = checks(json={"$.a": match})
    for value in right:
        assert compiled.check(200, {}, json.dumps({"a": value}).encode(), 0.1) is None, value
    for value in wrong:
        failed = compiled.check(200, {}, json.dumps({"a": value}).encode(), 0.1)
        assert failed is not None, value
        assert failed.kind == "expect json $.a"
    assert compiled.check(200, {}, b"{}", 0.1) is not None


def test_what_must_not_exist() -> None:
    gone = {"json": {"$.error": {"exists": False}}}
    assert check(gone, body=b"{}") is None
    assert check(gone, body=b'{"error": null}') == "expect json $.error"
    assert check({"headers": {"X-Debug": {"exists": False}}}) is None
    assert (
        check({"headers": {"X-Debug": {"exists": False}}}, **{"x-debug": "1"})
        == "expect header X-Debug"
    )
    assert check({"headers": {"X-Debug": {"exists": True}}}, **{"x-debug": ""}) is None


def test_operators_on_texts_read_numbers() -> None:
    assert check({"headers": {"X-Left": {"gt": 0}}}, **{"x-left": "12"}) is None
    assert check({"headers": {"X-Left": {"gt": 0}}}, **{"x-left": "0"}) == "expect header X-Left"
    assert check({"headers": {"X-Left": {"gt": 0}}}, **{"x-left": "many"}) == "expect header X-Left"
    assert check({"headers": {"X-Left": 12}}, **{"x-left": "12"}) is None
    assert check({"body": {"not": {"contains": "Error"}}}, body=b"fine") is None
    assert check({"body": {"not": {"contains": "Error"}}}, body=b"an Error") == "expect body"
    assert check({"body": {"length": {"gt": 2}}}, body=b"ab") == "expect body"


@pytest.mark.parametrize(
    ("status", "right", "wrong"),
    [
        ("2xx", [200, 299], [199, 300, 404]),
        ("200-204", [200, 204], [205]),
        ([200, "3xx"], [200, 302], [201]),
        ({"not": 500}, [200, 404, 503], [500]),
        ({"not": ["5xx", 404]}, [200, 403], [404, 503]),
        ({"ge": 200, "lt": 400}, [200, 399], [400, 199]),
        ({"gt": 200, "le": 204}, [201, 204], [200, 205]),
        ({"in": [200, "4xx"]}, [200, 418], [201]),
    ],
)
def test_statuses(status: Any, right: list[int], wrong: list[int]) -> None:
    for answered in right:
        assert check({"status": status}, status=answered) is None
    for answered in wrong:
        assert check({"status": status}, status=answered) == f"status {answered}"


def test_templates_in_expectations_see_rows_and_captures() -> None:
    user = VirtualUser(1)
    user.keep({"cart": 17, "name": 'a "b"', "codes": ["201"]})
    template = checks(
        status=["{{ codes[0] }}", "3xx"],
        json={"$.id": "{{ cart }}", "$.name": "{{ name }}", "$.total": {"gt": "{{ cart + 1 }}"}},
        headers={"Location": "/carts/{{ cart }}"},
    )
    assert template.templated
    assert template.names == {"codes", "cart", "name"}
    bound = template.bound(user.context)
    body = json.dumps({"id": 17, "name": 'a "b"', "total": 19}).encode()
    assert bound.check(201, {"location": "/carts/17"}, body, 0.1) is None
    assert bound.check(302, {"location": "/carts/17"}, body, 0.1) is None
    failure = bound.check(200, {"location": "/carts/17"}, body, 0.1)
    assert failure is not None
    assert failure.kind == "status 200"
    user.keep({"cart": 18})
    failure = template.bound(user.context).check(201, {"location": "/carts/17"}, body, 0.1)
    assert failure is not None
    assert failure.text == 'expect header Location: expected "/carts/18", found "/carts/17"'
    user.keep({"cart": "x"})
    with pytest.raises(RenderError, match="template: TypeError"):
        template.bound(user.context)
    with pytest.raises(RenderError, match="expect: not a number to compare with"):
        checks(json={"$.a": {"gt": "{{ cart }}"}}).bound(user.context)


@pytest.mark.parametrize(
    ("expect", "answer", "text"),
    [
        (
            {"json": {"$.n": {"gt": 3}}},
            {"body": b'{"n": 2}'},
            "expect json $.n: expected above 3, found 2",
        ),
        (
            {"json": {"$.n": None}},
            {"body": b"{}"},
            "expect json $.n: expected null, found nothing there",
        ),
        (
            {"json": {"$.n": {"not": {"in": ["a"]}}}},
            {"body": b'{"n": "a"}'},
            'expect json $.n: expected not one of ["a"], found "a"',
        ),
        (
            {"body": "created"},
            {"body": "<b>\x1b[31mgöne".encode()},
            'expect body: expected something with "created" in it, found "<b>\\u001b[31mg\\u00f6ne"',
        ),
        ({"status": "2xx"}, {"status": 404}, "status 404: expected 200-299, found 404"),
        ({"status": [201, 204]}, {"status": 200}, "status 200: expected 201 or 204, found 200"),
        ({}, {"status": 500}, "status 500: expected a status below 400, found 500"),
        (
            {"within": "100ms"},
            {"seconds": 1.5},
            "expect within: expected at most 100 ms, found 1,500 ms",
        ),
    ],
)
def test_a_failure_says_what_was_expected_and_found(
    expect: dict[str, Any], answer: dict[str, Any], text: str
) -> None:
    failure = failed(expect, **answer)
    assert failure is not None
    assert failure.text == text


def test_what_is_shown_is_bounded_and_escaped() -> None:
    assert shown("a" * SHOWN) == json.dumps("a" * SHOWN)[:SHOWN] + "…"
    assert shown("a" * (SHOWN - 2)) == json.dumps("a" * (SHOWN - 2))
    assert (
        shown([list(range(100))] * 10**5)
        == "[[" + ", ".join(map(str, range(100)))[: SHOWN - 2] + "…"
    )
    assert shown(b"\xff\x00") == '"\\ufffd\\u0000"'


def test_a_json_schema_is_checked() -> None:
    schema = {
        "type": "object",
        "required": ["items"],
        "properties": {"items": {"items": {"$ref": "#/$defs/price"}}},
    }
    expect = {"schema": {**schema, "$defs": {"price": {"type": "number", "minimum": 0}}}}
    assert check(expect, body=b'{"items": [1, 2.5]}') is None
    assert check(expect, body=b"[]") == "expect schema"
    failure = failed(expect, body=b'{"items": [1, -2]}')
    assert failure is not None
    assert failure.text == (
        "expect schema: expected a document of the schema, found -2 at $.items[1], against minimum: 0"
    )


def test_an_answer_is_only_read_where_it_must_be() -> None:
    def needs(**expect: Any) -> tuple[bool, bool]:
        return (compiled := checks(**expect)).needs_body, compiled.needs_headers

    assert needs(status=201, within="1s") == (False, False)
    assert needs(body="x") == (True, False)
    assert needs(json={"$.a": 1}) == (True, False)
    assert needs(headers={"a": "b"}) == (False, True)


@given(st.binary(), st.text().filter(lambda text: "{" not in text))
def test_any_body_is_judged(body: bytes, text: str) -> None:
    for expect in (
        {"body": text},
        {"body": {"equals": text}},
        {"json": {"$.a": text}},
        {"json": {"$..a": text}},
    ):
        assert check(dict(expect), body=body) in (
            None,
            "expect body",
            "expect json: not JSON",
            *(f"expect json {p}" for p in ("$.a", "$..a")),
        )


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
)


@given(_json, _json)
def test_equal_as_json_is(first: Any, other: Any) -> None:
    assert same(first, first)
    assert same(first, other) == (
        json.dumps(first, sort_keys=True) == json.dumps(other, sort_keys=True)
    )
