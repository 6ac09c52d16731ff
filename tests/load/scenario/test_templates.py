import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.load.scenario.feeder import DataRow
from soak.load.scenario.templates import (
    Kind,
    RenderError,
    Template,
    TemplateError,
    context_of,
    form_source,
    json_source,
    path_source,
)
from soak.load.scenario.virtual_user import VirtualUser

ROW = DataRow({"sku": 0, "items": 1}, ("A 1", "x"))
SOURCES: dict[Kind, Callable[[Any], str]] = {
    "text": str,
    "path": path_source,
    "json": json_source,
    "form": form_source,
}


def render(kind: Kind, tree: Any, /, **names: Any) -> str:
    return Template(kind, SOURCES[kind](tree)).render(context_of(names))


_text = st.text(st.characters(codec="utf-8"))
_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | _text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_text, inner, max_size=3),
    max_leaves=5,
)
#: Beside an expression, a brace would be one of its own; and a line break is a line feed.
_constant = _text.filter(
    lambda text: not any(part in text for part in ("{{", "{%", "\r")) and text[-1:] != "{"
)


@given(value=_values, constant=_constant, key=_constant)
def test_json_is_right_whatever_is_inserted_and_around_it(
    value: Any, constant: str, key: str
) -> None:
    document = [
        {"whole": "{{ x }}"},
        {key: "<" + constant + "{{ x }}" + constant},
        1,
        None,
        True,
        {},
        constant,
    ]
    parsed = json.loads(render("json", document, x=value))
    text = (
        value
        if isinstance(value, str)
        else parsed[1][key].removeprefix("<" + constant).removesuffix(constant)
    )
    assert parsed == [{"whole": value}, {key: "<" + constant + text + constant}, *document[2:]]


@given(_values, _constant)
def test_a_path_never_breaks_the_request_line(value: Any, constant: str) -> None:
    rendered = render("path", "/a/" + constant + "{{ x }}?q={{ x }}", x=value)
    assert all("!" <= letter <= "~" for letter in rendered)
    if isinstance(value, str):
        assert unquote(rendered.rpartition("?q=")[2]) == value


@given(_values)
def test_a_path_out_of_an_answer_never_breaks_the_request_line(value: Any) -> None:
    try:
        rendered = render("path", "{{ x | path }}", x=value)
    except RenderError:
        return
    assert all("!" <= letter <= "~" for letter in rendered)


@given(st.dictionaries(_constant, _text, max_size=3))
def test_a_form_holds_what_was_inserted(values: dict[str, str]) -> None:
    names = {f"x{number}": value for number, value in enumerate(values.values())}
    form = {key: f"{{{{ x{number} }}}}&" for number, key in enumerate(values)}
    source = form_source(form)
    rendered = Template("form", source).render(context_of(names))
    assert parse_qsl(rendered, keep_blank_values=True) == [
        (key, value + "&") for key, value in values.items()
    ]


@pytest.mark.parametrize(
    ("tree", "expected"),
    [
        ("{{ row.sku }}", "A 1"),
        ("{{ number }}", 17),
        ("{{- number -}}", 17),
        ("{{ number | string }}", "17"),
        ("{{ '007' }}", "007"),
        ("{{ '7' | int }}", 7),
        ("{{ yes }}", True),
        ("{{ none }}", None),
        ("{{ number if yes else 0 }}", 17),
        ("{{ tree }}", {"a": [1, "ü"]}),
        ("{{ tree | tojson }}", {"a": [1, "ü"]}),
        ("{{ row }}", {"sku": "A 1", "items": "x"}),
        ("n {{ number }}", "n 17"),
        ("{{ number }}{{ number }}", "1717"),
        ("is {{ yes }}", "is true"),
        ("is {{ none }}", "is null"),
        ("is {{ tree | tojson }}", 'is {"a": [1, "\\u00fc"]}'),
        ("{% if yes %}a{% endif %}", "a"),
        ("{% for x in [1, 2] %}{{ x }},{% endfor %}", "1,2,"),
        ('say "{{ row.items }}" {# x #}', 'say "x" {# x #}'),
    ],
)
def test_a_string_that_is_one_expression_becomes_its_value_and_any_other_stays_text(
    tree: str, expected: Any
) -> None:
    rendered = render(
        "json", {"a": tree}, row=ROW, number=17, yes=True, none=None, tree={"a": [1, "ü"]}
    )
    assert json.loads(rendered) == {"a": expected}


def test_a_template_may_be_a_key() -> None:
    assert render("json", {"{{ a }}": 1}, a='"') == '{"\\"": 1}'


def test_text_is_left_as_it_is() -> None:
    assert render("text", "<{{ a }}>\n", a="&") == "<&>\n"


def test_a_location_becomes_a_path_of_the_target() -> None:
    assert (
        render("path", "{{ x | path }}", x="http://evil.example/a b/%20?c=d#e") == "/a%20b/%20?c=d"
    )


def test_a_brace_before_what_is_encoded_begins_no_template() -> None:
    assert path_source("/a{ü") == "/a%7B%C3%BC"
    assert render("path", "/a{ü{{ x }}", x=1) == "/a%7B%C3%BC1"


def test_a_slash_in_a_value_does_not_make_another_segment() -> None:
    assert render("path", "/a/{{ x }}/b", x="../c d") == "/a/..%2Fc%20d/b"


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("{{ nothing }}", "template: 'nothing' is undefined"),
        ("{{ row.nothing }}", "template: UndefinedError"),
        ("{{ 1 / 0 }}", "template: ZeroDivisionError"),
        ("{{ row.__class__ }}", "template: not allowed"),
        ("{{ range(10 ** 9) | list }}", "template: OverflowError"),
        ("{{ nan }}", "template: ValueError"),
    ],
)
@pytest.mark.parametrize("where", ["text", "json"])
def test_what_cannot_be_rendered_is_a_failure_of_a_few_kinds(
    source: str, kind: str, where: Kind
) -> None:
    if where == "text" and "nan" in source:
        return
    virtual_user = VirtualUser(1)
    virtual_user.keep({"row": ROW, "nan": float("nan")})
    with pytest.raises(RenderError) as caught:
        Template(where, SOURCES[where](source)).render(virtual_user.context)
    assert caught.value.kind == kind


@pytest.mark.parametrize(
    "source", ["{{ a", "{{ }}", "{% if %}", "{{ a | nothing }}", "{% for x in y %}", "{{ 'a }}"]
)
@pytest.mark.parametrize("kind", SOURCES)
def test_what_is_no_template_says_so(source: str, kind: Kind) -> None:
    with pytest.raises(TemplateError, match="not a template: "):
        Template(kind, SOURCES[kind]({"a": source} if kind == "form" else source))


@pytest.mark.parametrize(
    "source",
    [
        "{% if a %}" * 2000 + "{% endif %}" * 2000,
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{% if a %}" * 120 + "{% endif %}" * 120,
        "{% for a in b %}" * 30 + "{% endfor %}" * 30,
        "{{ " + "-" * 500 + "1 }}",
    ],
)
def test_a_template_that_is_nested_too_deeply_is_refused(source: str) -> None:
    with pytest.raises(TemplateError, match="not a template: nested too deeply"):
        Template("text", source)


def test_the_names_and_columns_that_a_template_needs() -> None:
    template = Template(
        "text", "{{ row.sku }}{{ row['a b'] }}{% for x in y %}{{ x.z }}{% endfor %}{{ uuid() }}"
    )
    assert template.names == {"row", "y", "uuid"}
    assert template.columns("row") == {"sku", "a b"}


def test_what_a_rendering_sets_is_forgotten() -> None:
    context = context_of({})
    assert Template("text", "{% set a = 1 %}{{ a }}").render(context) == "1"
    with pytest.raises(RenderError):
        Template("text", "{{ a }}").render(context)


def test_a_sandbox_lets_nothing_out() -> None:
    virtual_user = VirtualUser(1)
    for source in (
        "{{ uuid.call.__self__ }}",
        "{{ randint.call.__func__ }}",
        "{{ ''.__class__.__mro__ }}",
    ):
        with pytest.raises(RenderError, match=r"not allowed|UndefinedError|is undefined"):
            Template("text", source).render(virtual_user.context)
