import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.load.plan.plan import PlannedRequest
from soak.load.scenario.rendering import RequestTemplate
from soak.load.scenario.templates import RenderError, json_source
from soak.load.scenario.virtual_user import VirtualUser


def request(
    path: str = "/a", headers: dict[str, str] | None = None, **more: object
) -> PlannedRequest:
    return PlannedRequest("GET /a", "GET", path, 1.0, headers or {}, **more)  # type: ignore[arg-type]


def virtual_user(**names: object) -> VirtualUser:
    user = VirtualUser(1)
    user.keep(names)
    return user


def test_a_request_without_templates_is_made_once() -> None:
    template = RequestTemplate(request(headers={"A": "b"}, body=base64.b64encode(b"x").decode()))
    assert template.constant == ("/a", {"A": "b"}, b"x", None)
    assert template.render(virtual_user().context) is template.constant
    assert template.names == frozenset()


def test_only_what_is_a_template_is_rendered() -> None:
    planned = request(
        "/a/{{ x }}",
        {"A": "b", "B": "{{ y }}"},
        template=json_source({"a": "{{ x }}"}),
        template_kind="json",
    )
    template = RequestTemplate(planned)
    assert template.constant is None
    assert template.names == {"x", "y"}
    rendered = template.render(virtual_user(x="1 2", y="c").context)
    assert rendered == ("/a/1%202", {"A": "b", "B": "c"}, b'{"a": "1 2"}', None)
    assert planned.headers["B"] == "{{ y }}"


@given(st.text() | st.integers() | st.none())
def test_nothing_inserted_breaks_out_of_its_line(value: object) -> None:
    template = RequestTemplate(request("/a/{{ x }}", {"A": "{{ x }}"}))
    try:
        path, headers, *_ = template.render(virtual_user(x=value).context)
    except RenderError:
        return
    assert not set(path) & set(" \r\n\0")
    assert not set(headers["A"]) & set("\r\n\0")


@pytest.mark.parametrize("value", ["a\r\nB: c", "a\nb", "a\rb", "a\0b", "a\x0bb", "λ"])
def test_a_header_that_would_be_two_is_a_failure(value: str) -> None:
    with pytest.raises(RenderError, match="in a header"):
        RequestTemplate(request(headers={"A": "{{ x }}"})).render(virtual_user(x=value).context)


def test_a_path_that_is_none_is_a_failure() -> None:
    with pytest.raises(RenderError, match="does not begin with /"):
        RequestTemplate(request("{{ x | path }}")).render(virtual_user(x="17").context)


def test_a_body_that_is_no_unicode_is_a_failure() -> None:
    with pytest.raises(RenderError, match="not Unicode"):
        RequestTemplate(request(template="{{ x }}")).render(virtual_user(x="\ud800").context)
