"""Limits on the work of one rendering: rounds of loops, length of texts, size of numbers.

A profile may come from someone else, and a template that never ends would stop the whole load,
because rendering blocks the event loop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, nodes
from jinja2.exceptions import SecurityError
from jinja2.visitor import NodeTransformer

#: Rounds of all loops in one rendering, and calls of its macros; together they take about 10 ms.
MAX_ROUNDS = 100_000
#: Characters of any text, and items of any list, that an expression creates.
MAX_LENGTH = 1 << 20
#: Bits of a whole number: Python displays at most 4,300 digits.
MAX_BITS = 8192
#: Operators that the sandbox checks. Constants with these operators are not computed at compile
#: time.
BOUNDED_OPERATORS = frozenset(("**", "*", "%", "+"))
_PADDING = ("center", "ljust", "rjust", "zfill", "expandtabs")


class Function:
    """One of soak's own functions, which templates may call without a check by the sandbox at each call."""

    __slots__ = ("call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call


class Rounds:
    """Counts the rounds of loops in one rendering."""

    __slots__ = ("left",)

    def __init__(self) -> None:
        self.left = MAX_ROUNDS

    def begin(self) -> None:
        """Reset the count for another rendering."""
        self.left = MAX_ROUNDS

    def count(self) -> str:
        """Count one round of a loop or call of a macro. Raise SecurityError if there are too many."""
        self.left -= 1
        if self.left < 0:
            raise SecurityError(f"more than {MAX_ROUNDS:,} rounds of loops")
        return ""


class Counted(NodeTransformer):
    """Inserts calls into a template so that the environment's `rounds` counts each loop round and macro call."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - as Jinja calls it
        """Count the rounds of a loop."""
        return self._counted(node)

    def visit_Macro(self, node: nodes.Macro) -> nodes.Node:  # noqa: N802
        """Count the calls of a macro."""
        return self._counted(node)

    def visit_CallBlock(self, node: nodes.CallBlock) -> nodes.Node:  # noqa: N802
        """Count the calls of a block that a macro calls."""
        return self._counted(node)

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """Replace `a ~ b` by a sum of texts, whose length is checked."""
        self.generic_visit(node)
        texts: list[nodes.Expr] = [
            nodes.Filter(item, "string", [], [], None, None) for item in node.nodes
        ]
        total = texts[0]
        for text in texts[1:]:
            total = nodes.Add(total, text)
        return total.set_lineno(node.lineno).set_environment(_environment(node))

    def _counted(self, node: nodes.For | nodes.Macro | nodes.CallBlock) -> nodes.Node:
        self.generic_visit(node)
        call = nodes.Call(nodes.EnvironmentAttribute("count_round"), [], [], None, None)
        statement = nodes.ExprStmt(call)
        node.body.insert(0, statement)
        statement.set_lineno(node.lineno).set_environment(_environment(node))
        return node


def _environment(node: nodes.Node) -> Environment:
    assert node.environment is not None
    return node.environment


def check_operands(operator: str, left: Any, right: Any) -> None:
    """Raise SecurityError if an operator's result would be enormous."""
    if operator == "**":
        if (
            isinstance(left, int)
            and isinstance(right, int)
            and left.bit_length() * max(right, 0) > MAX_BITS
        ):
            raise SecurityError("a number of too many digits")
    elif operator == "*":
        if isinstance(left, int) and isinstance(right, int):
            if left.bit_length() + right.bit_length() > MAX_BITS:
                raise SecurityError("a number of too many digits")
        else:
            sized, times = (right, left) if isinstance(left, int) else (left, right)
            if hasattr(sized, "__len__") and isinstance(times, int):
                check_length(len(sized) * times)
    elif operator == "+":
        if hasattr(left, "__len__") and hasattr(right, "__len__"):
            check_length(len(left) + len(right))
    elif isinstance(left, str):
        check_layout(left)


def check_length(length: int) -> None:
    """Raise SecurityError if a text or a list is too long."""
    if length > MAX_LENGTH:
        raise SecurityError("a text that is too long")


def check_layout(layout: str) -> None:
    """Raise SecurityError for a layout with a width of more than four digits (`%99999d`) or a width from an argument."""
    digits = 0
    for place, letter in enumerate(layout):
        digits = digits + 1 if letter.isdigit() else 0
        if digits > 4 or (letter == "*" and "%" in layout[:place]):
            raise SecurityError("a layout that is too wide")


def check_method(method: Any, args: tuple[Any, ...]) -> None:
    """Raise SecurityError if a text method's result would be enormous."""
    method = getattr(method, "__wrapped__", method)  # the sandbox's own `format`
    text, name = getattr(method, "__self__", None), getattr(method, "__name__", "")
    if not isinstance(text, str):
        return
    if name in _PADDING:
        check_length(
            len(text) * (1 + args[0])
            if name == "expandtabs" and args
            else max(len(text), *args[:1], 0)
        )
    elif name == "replace" and len(args) > 1:
        check_length(len(text) + (len(text) + 1) * len(str(args[1])))
    elif name == "join" and args and hasattr(args[0], "__len__"):
        check_length(len(text) * len(args[0]) + sum(len(str(item)) for item in args[0]))
    elif name in ("format", "format_map"):
        check_layout(text)
        if text.count("{") > text.count("{{") * 2 and "{" in text.partition(":")[2]:
            raise SecurityError("a layout within a layout")


def bounded_filters(filters: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Return Jinja's filters; those that lengthen text check the resulting length first, and some are removed."""

    def center(value: Any, width: int = 80) -> Any:
        check_length(width)
        return filters["center"](value, width)

    def layout(value: Any, *args: Any, **kwargs: Any) -> Any:
        check_layout(str(value))
        return filters["format"](value, *args, **kwargs)

    def replace(text: Any, old: Any, new: Any, count: int | None = None) -> str:
        check_method(str(text).replace, (old, new))
        return str(text).replace(str(old), str(new), -1 if count is None else count)

    def join(items: Any, separator: Any = "") -> str:
        texts = [str(item) for item in items]
        check_method(str(separator).join, (texts,))
        return str(separator).join(texts)

    bounded: dict[str, Callable[..., Any]] = {
        "center": center,
        "format": layout,
        "replace": replace,
        "join": join,
    }
    #: Filters that no request needs, and that can turn a small input into a large output.
    refused = ("batch", "slice", "indent", "wordwrap", "pprint", "urlize", "xmlattr", "map")
    return {name: filter_ for name, filter_ in filters.items() if name not in refused} | bounded
