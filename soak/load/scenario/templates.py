"""Templates: profile text with `{{ … }}`, compiled once, rendered per request, escaped for its context.

Uses Jinja2 in a sandbox, because a profile may come from someone else. Inserted values are escaped
by the template's kind: percent-encoded in a path or a form, JSON-escaped in a JSON body, unchanged
in a header or a text body. An undefined name is an error. As always in Jinja, a line break in a
template is a line feed.
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

#: Matches Jinja's message for an undefined name.
_UNDEFINED = re.compile(r"'\w{1,40}' is undefined").match
#: Characters kept as they are in a path: printable ASCII without spaces. Braces are excluded,
#: because a brace before the `%` of an encoded character would start a template.
PRINTED = "".join(set(map(chr, range(0x21, 0x7F))) - set("{}"))


class TemplateError(ValueError):
    """A template that cannot be compiled; the message says why."""


class RenderError(Exception):
    """A request that could not be rendered. It counts as a failure of this kind, one of a few."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


def is_template(text: str) -> bool:
    """Return True if a text contains anything to render."""
    return "{{" in text or "{%" in text


class _EscapedText(str):
    """Text that is already escaped."""

    __slots__ = ()


class _Json(str):
    """Output of the filter tojson."""

    __slots__ = ()


def _text(value: Any) -> str:
    """Return a value as text; null, booleans, lists, mappings and rows are written as JSON."""
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
    str(value)  # raises for an undefined name
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
    """Convert the value of a string that is only one expression to JSON, so that it keeps its type."""
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
    """Convert a path or URL from a response to a path of the target: drop the host, percent-encode blanks."""
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
    """Jinja's sandbox, where `row.items` is a column instead of a method, and renderings are bounded in time and size."""

    intercepted_binops = BOUNDED_OPERATORS
    rounds = Rounds()
    count_round = Function(rounds.count)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Return an operator's value. Raise SecurityError if it would be enormous."""
        check_operands(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree: nodes.Template = Counted().visit(super()._parse(source, name, filename))
        return tree

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a column or a key; anything else is left to the sandbox."""
        if (type(obj) is DataRow or type(obj) is dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805, PYI063 - as in Jinja
        """Call a function: soak's own directly, any other through the sandbox."""
        if type(__obj) is Function:
            kwargs.pop("_loop_vars", None)  # Jinja passes these to every call inside a loop
            kwargs.pop("_block_vars", None)
            return __obj.call(*args, **kwargs)
        check_method(__obj, args)
        return super().call(__context, __obj, *args, **kwargs)


@functools.cache
def environment(kind: Kind) -> Environment:
    """Return the shared environment for templates of a kind."""
    # No comments: `{#` is plain text, so `{{` and `{%` are the only markers. UTF-8 text cannot
    # contain a lone surrogate, so these comment marks never occur.
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
    """One compiled template. `names` are the names that it needs."""

    def __init__(self, kind: Kind, source: str) -> None:
        try:
            self._tree = environment(kind).parse(source)
            self._render = environment(kind).from_string(source).root_render_func
        except TemplateSyntaxError as error:
            line = f" (line {error.lineno} of the text)" if error.lineno > 1 else ""
            raise TemplateError(
                f"not a template: {error.message}{line}{missing(str(error.message))}"
            ) from None
        except (RecursionError, MemoryError, SyntaxError):  # from Jinja's parser, or from Python's
            raise TemplateError("not a template: nested too deeply") from None
        if (wrong := wrong_arguments(self._tree)) is not None:
            raise TemplateError(wrong)
        self.names: frozenset[str] = frozenset(meta.find_undeclared_variables(self._tree))

    def columns(self, name: str) -> set[str]:
        """Return the attributes and keys that the template uses of `name`: `sku` for `row.sku` or `row["sku"]`."""
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
        """Render with the names in `context`. Raise RenderError if a name is missing or an expression fails."""
        _Sandbox.rounds.begin()
        try:
            text = "".join(self._render(context))
        except (FeederExhausted, RenderError):
            raise
        except SecurityError:
            raise RenderError("template: not allowed") from None
        except UndefinedError as error:
            # Report only plain names: a name looked up in a value may itself be a value.
            named = _UNDEFINED(str(error))
            raise RenderError(f"template: {named[0] if named else 'UndefinedError'}") from None
        except Exception as error:  # noqa: BLE001 - an expression may do anything; its type is a kind, its text is not
            raise RenderError(f"template: {type(error).__name__}") from None
        if context.vars:  # variables of `{% set %}` belong to this rendering only
            context.vars.clear()
            context.exported_vars.clear()
        return text


def context_of(names: dict[str, Any]) -> Context:
    """Return a context for templates of every kind that looks up names in `names` at each rendering."""
    return Context(environment("text"), names, None, {})


def literal(tree: Any, place: Place, document: Document, key: str = "") -> Any:
    """Return the value at a place of a profile, with braces that came from the environment escaped."""
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
    """Return the source of one template for a whole JSON document.

    A string that is only one expression becomes that expression's value: a number from a response
    stays a number, text stays text (`| int` and `| string` convert it). In any other string, the
    inserted value becomes text.
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
    """Return the source of one template for a form body; a field with several values is repeated."""
    several = ((key, [given] if isinstance(given, str) else given) for key, given in form.items())
    pairs = [(key, value) for key, values in several for value in values]
    return "&".join(
        f"{_escaped(key, 'form', quote_plus)}={_escaped(value, 'form', quote_plus)}"
        for key, value in pairs
    )


def path_source(path: str) -> str:
    """Percent-encode the characters of a path that a request line must not contain, except in expressions."""
    return _escaped(path, "path", lambda text: quote(text, safe=PRINTED))


def _in_quotes(text: str) -> str:
    return '"' + _escaped(text, "json", lambda part: encode_basestring_ascii(part)[1:-1]) + '"'


def _escaped(text: str, kind: Kind, escape: Callable[[str], str]) -> str:
    """Escape the constant parts of a text, and keep its templates unchanged."""
    if not is_template(text):
        return escape(text)
    return "".join(escape(part) if token == "data" else part for token, part in _tokens(text, kind))


def _sole_expression(text: str) -> str | None:
    """Return the source that inserts a text's only expression with its type; None if the text is anything else."""
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
