"""Templates: profile text with `{{ … }}` in it, compiled once, rendered per request, escaped for where the text goes.

Jinja2, sandboxed: a profile may come from somebody else. What is inserted is escaped by the
template's kind: percent-encoded in a path or a form, JSON-escaped in a JSON body, as it is in a
header or a text body. An undefined name is an error. As always in Jinja, a line break in a template
is a line feed.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping, Sequence
from json.encoder import encode_basestring_ascii
from typing import Any, Literal
from urllib.parse import quote, quote_plus, urlsplit

from jinja2 import Environment, StrictUndefined, TemplateSyntaxError, meta, nodes
from jinja2.exceptions import SecurityError, UndefinedError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

from soak.load.scenario.feeder import DataRow, FeederExhausted
from soak.load.scenario.filters import missing, signing_filters, wrong_arguments
from soak.load.scenario.template_limits import (
    BOUNDED_OPERATORS,
    Counted,
    Function,
    Rounds,
    bounded_filters,
    check_method,
    check_operands,
)
from soak.profile.yamltext import Document, as_text
from soak.profile.yamltext import Path as Place

Kind = Literal["text", "path", "form", "json"]

#: Jinja's text of a name that there is not.
_UNDEFINED = re.compile(r"'\w{1,40}' is undefined").match
#: What may stand in a path as it is: all that is printed, and so no blank, no line break and nothing beyond ASCII; but no
#: braces, for with the `%` of what is encoded after it, a brace would begin a template.
PRINTED = "".join(set(map(chr, range(0x21, 0x7F))) - set("{}"))


class TemplateError(ValueError):
    """A template that cannot be compiled; the message says why."""


class RenderError(Exception):
    """A request that could not be made of its templates: counted as a failure of this kind, one of a few."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def is_template(text: str) -> bool:
    """Whether there is anything to render in a text."""
    return "{{" in text or "{%" in text


class _EscapedText(str):
    """Text that is escaped already."""

    __slots__ = ()


class _Json(str):
    """What the filter tojson made."""

    __slots__ = ()


def _text(value: Any) -> str:
    """A value as text: what is no text is shown as JSON shows it."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, bool | list | dict | tuple | DataRow):
        return _json(value)
    return str(value)


def _json(value: Any) -> str:
    return json.dumps(value, allow_nan=False, default=_row)


def _row(value: Any) -> Any:
    if isinstance(value, DataRow):
        return value.as_dict()
    str(value)  # an undefined name says so
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


def _in_path(value: Any) -> str:
    if type(value) is _EscapedText:
        return value
    text = _text(value)
    return text if text.isascii() and text.isalnum() else quote(text, safe="")


def _in_form(value: Any) -> str:
    return quote_plus(_text(value))


def _in_json(value: Any) -> str:
    return value if type(value) is _EscapedText else encode_basestring_ascii(_text(value))[1:-1]


def _as_json_value(value: Any) -> _EscapedText:
    """A string that is one expression only becomes that expression's value, with its type."""
    if type(value) is int:
        return _EscapedText(str(value))
    return _EscapedText(
        value
        if type(value) is _Json
        else encode_basestring_ascii(value)
        if type(value) is str
        else _json(value)
    )


def _as_path(value: Any) -> _EscapedText:
    """A path or URL out of an answer as a path of the target: its host is left out, blanks are percent-encoded."""
    parts = urlsplit(_text(value))
    return _EscapedText(
        quote(parts.path + (f"?{parts.query}" if parts.query else ""), safe=PRINTED)
    )


FINALIZE: dict[Kind, Callable[[Any], str]] = {
    "text": _text,
    "path": _in_path,
    "form": _in_form,
    "json": _in_json,
}


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja's sandbox, in which `row.items` is the column and not a method, and no rendering is endless or enormous."""

    intercepted_binops = BOUNDED_OPERATORS
    rounds = Rounds()
    count_round = Function(rounds.count)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """An operator's value; SecurityError where it would be enormous."""
        check_operands(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = Counted().visit(super()._parse(source, name, filename))
        return tree

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A column, a key, or else whatever the sandbox allows."""
        if (type(obj) is DataRow or type(obj) is dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805, PYI063 - as in Jinja
        """A function called: soak's own at once, anything else as the sandbox does."""
        if type(__obj) is Function:
            kwargs.pop("_loop_vars", None)  # which Jinja gives every call inside of a loop
            kwargs.pop("_block_vars", None)
            return __obj.call(*args, **kwargs)
        check_method(__obj, args)
        return super().call(__context, __obj, *args, **kwargs)


@functools.cache
def environment(kind: Kind) -> Environment:
    """The one environment for templates of a kind."""
    # No comments: `{#` is plain text, so that `{{` and `{%` are all there is to know. No text in
    # UTF-8 has a half of a pair.
    made = _Sandbox(
        undefined=StrictUndefined,
        finalize=FINALIZE[kind],
        keep_trailing_newline=True,
        comment_start_string="\udfff#",
        comment_end_string="#\udfff",
    )
    made.globals = {}
    made.filters = (
        bounded_filters(made.filters)
        | {
            "tojson": lambda value: _Json(_json(value)),
            "as_json_value": _as_json_value,
            "path": _as_path,
        }
        | signing_filters()
    )
    return made


class Template:
    """One compiled template. `names` are the names that it needs to be given."""

    def __init__(self, kind: Kind, source: str) -> None:
        try:
            self._tree = environment(kind).parse(source)
            self._render = environment(kind).from_string(source).root_render_func
        except TemplateSyntaxError as error:
            line = f" (line {error.lineno} of the text)" if error.lineno > 1 else ""
            raise TemplateError(
                f"not a template: {error.message}{line}{missing(str(error.message))}"
            ) from None
        except (RecursionError, MemoryError, SyntaxError):  # of Jinja's parser, or of Python's
            raise TemplateError("not a template: nested too deeply") from None
        if (wrong := wrong_arguments(self._tree)) is not None:
            raise TemplateError(wrong)
        self.names: frozenset[str] = frozenset(meta.find_undeclared_variables(self._tree))

    def columns(self, name: str) -> set[str]:
        """What the template takes of `name`: `sku` of `row.sku` or of `row["sku"]`."""
        columns = {
            node.attr
            for node in self._tree.find_all(nodes.Getattr)
            if isinstance(node.node, nodes.Name) and node.node.name == name
        }
        for item in self._tree.find_all(nodes.Getitem):
            if (
                isinstance(item.node, nodes.Name)
                and item.node.name == name
                and isinstance(item.arg, nodes.Const)
            ):
                columns.add(str(item.arg.value))
        return columns

    def render(self, context: Context) -> str:
        """The text, with what `context_of` holds now; RenderError when a name is missing or an expression fails."""
        _Sandbox.rounds.begin()
        try:
            text = "".join(self._render(context))
        except (FeederExhausted, RenderError):
            raise
        except SecurityError:
            raise RenderError("template: not allowed") from None
        except UndefinedError as error:
            # Of a whole name alone: what an expression looks up in a value may be a value itself.
            named = _UNDEFINED(str(error))
            raise RenderError(f"template: {named[0] if named else 'UndefinedError'}") from None
        except Exception as error:  # noqa: BLE001 - an expression may do anything; its type is a kind, its text is not
            raise RenderError(f"template: {type(error).__name__}") from None
        if context.vars:  # what `{% set %}` made is of this rendering alone
            context.vars.clear()
            context.exported_vars.clear()
        return text


def context_of(names: dict[str, Any]) -> Context:
    """A context for templates of every kind that looks names up in `names` each time it renders."""
    return Context(environment("text"), names, None, {})


def literal(tree: Any, place: Place, document: Document, key: str = "") -> Any:
    """The value at a place of a profile, with braces that came from the environment made to stand for themselves."""
    if not document.literal:
        return tree
    here = (*place, key) if key else place
    if isinstance(tree, dict):
        return {name: literal(value, (*here, name), document) for name, value in tree.items()}
    if isinstance(tree, list):
        return [literal(value, (*here, index), document) for index, value in enumerate(tree)]
    short = key == "request" and place in document.literal
    return as_text(tree) if isinstance(tree, str) and (short or here in document.literal) else tree


def json_source(tree: Any) -> str:
    """A whole JSON document as the source of one template.

    A string that is one expression and nothing else becomes that expression's value: a number that
    an answer held stays a number, text stays text (`| int` and `| string` change it). In any other
    string what is inserted is text.
    """
    if isinstance(tree, dict):
        return (
            "{"
            + ", ".join(
                f"{_in_quotes(str(key))}: {json_source(value)}" for key, value in tree.items()
            )
            + "}"
        )
    if isinstance(tree, list):
        return "[" + ", ".join(map(json_source, tree)) + "]"
    if not isinstance(tree, str):
        return _json(tree)
    return _sole_expression(tree) or _in_quotes(tree)


def form_source(form: Mapping[str, str | Sequence[str]]) -> str:
    """A form body as the source of one template; a field with several values comes as often."""
    several = ((key, [given] if isinstance(given, str) else given) for key, given in form.items())
    pairs = [(key, value) for key, values in several for value in values]
    return "&".join(
        f"{_escaped(key, 'form', quote_plus)}={_escaped(value, 'form', quote_plus)}"
        for key, value in pairs
    )


def path_source(path: str) -> str:
    """A path, with what may not stand in a request line percent-encoded outside of expressions."""
    return _escaped(path, "path", lambda text: quote(text, safe=PRINTED))


def _in_quotes(text: str) -> str:
    return '"' + _escaped(text, "json", lambda part: encode_basestring_ascii(part)[1:-1]) + '"'


def _escaped(text: str, kind: Kind, escape: Callable[[str], str]) -> str:
    """The text with its constant parts escaped and its templates as they are."""
    if not is_template(text):
        return escape(text)
    return "".join(escape(part) if token == "data" else part for token, part in _tokens(text, kind))


def _sole_expression(text: str) -> str | None:
    """The source that inserts a text's one expression with its type; None when the text is anything else."""
    if not is_template(text):
        return None
    tokens = _tokens(text, "json")
    begins = [token for token, _ in tokens if token.endswith("_begin")]
    inside = "".join(part for _, part in tokens[1:-1])
    if (
        begins != ["variable_begin"]
        or tokens[0][0] != "variable_begin"
        or tokens[-1][0] != "variable_end"
    ):
        return None
    return "{{ (" + inside + ") | as_json_value }}" if inside.strip() else None


def _tokens(text: str, kind: Kind) -> list[tuple[str, str]]:
    try:
        return [(token, part) for _, token, part in environment(kind).lex(text)]
    except TemplateSyntaxError as error:
        raise TemplateError(f"not a template: {error.message}") from None
