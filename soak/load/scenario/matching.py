"""Compiled matches: operators and operands become one function; also a short form of values for messages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from soak.load.scenario.search_time import search_time

Predicate = Callable[[Any], bool]
#: Characters of a value in a message: enough to identify it, too few to fill a report with
#: responses.
SHOWN = 80


class MatchError(ValueError):
    """Operands that cannot be compared with any value; the message says why."""


def predicate_of(operands: Mapping[str, Any], *, text: bool = False) -> Predicate:
    """Return a function that tests a value with all operators. Raise MatchError for invalid operands.

    With `text`, the value is a body or a header: numbers in it are parsed, and operands that are not
    texts are compared as JSON text.
    """
    tests = [
        _OPERATORS[operator](operand, text)
        for operator, operand in operands.items()
        if operator != "exists"
    ]
    if len(tests) == 1:
        return tests[0]
    return lambda value: all(test(value) for test in tests)


def same(actual: Any, wanted: Any) -> bool:
    """Return True if two values are equal as JSON: `true` is not 1, but 1 is 1.0."""
    if isinstance(actual, dict) and isinstance(wanted, dict):
        return actual.keys() == wanted.keys() and all(
            same(actual[key], wanted[key]) for key in wanted
        )
    if isinstance(actual, list) and isinstance(wanted, list):
        return len(actual) == len(wanted) and all(map(same, actual, wanted))
    return isinstance(actual, bool) == isinstance(wanted, bool) and bool(actual == wanted)


def shown(value: Any) -> str:
    """Return a value as JSON, with all non-ASCII characters escaped, cut to `SHOWN` characters."""
    if isinstance(value, bytes):
        value = value[: 4 * SHOWN].decode(errors="replace") + (
            "…" if len(value) > 4 * SHOWN else ""
        )
    if isinstance(value, str):
        value = value[: 2 * SHOWN]
    pieces, length = [], 0
    for piece in json.JSONEncoder(default=str).iterencode(value):
        pieces.append(piece)
        length += len(piece)
        if length > SHOWN:
            return "".join(pieces)[:SHOWN] + "…"
    return "".join(pieces)


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _equals(operand: Any, text: bool) -> Predicate:
    if text:
        wanted = _as_text(operand)
        return lambda value: bool(value == wanted)
    return lambda value: same(value, operand)


def _one_of(operand: Any, text: bool) -> Predicate:
    if not isinstance(operand, list):
        raise MatchError("in: not a list")
    tests = [_equals(item, text) for item in operand]
    return lambda value: any(test(value) for test in tests)


def _contains(operand: Any, text: bool) -> Predicate:
    wanted = _as_text(operand)

    def holds(value: Any) -> bool:
        if isinstance(value, str):
            return (text or isinstance(operand, str)) and wanted in value
        return isinstance(value, list) and any(same(item, operand) for item in value)

    return holds


def _matches(operand: Any, _text: bool) -> Predicate:
    search = re.compile(operand).search

    def holds(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        with search_time.limit():
            return search(value) is not None

    return holds


def _negated(operand: Any, text: bool) -> Predicate:
    test = predicate_of(operand, text=text)
    return lambda value: not test(value)


def _length(operand: Any, _text: bool) -> Predicate:
    test = predicate_of(operand)
    return lambda value: isinstance(value, str | list | dict) and test(len(value))


def _compared(compare: Callable[[float, float], bool]) -> Callable[[Any, bool], Predicate]:
    def made(operand: Any, text: bool) -> Predicate:
        bound = _number(operand, read=True)
        if bound is None:
            raise MatchError("not a number to compare with")

        def holds(value: Any) -> bool:
            number = _number(value, read=text)
            return number is not None and compare(number, bound)

        return holds

    return made


def _number(value: Any, *, read: bool) -> float | None:
    """Return a JSON number, or with `read` the number that a text contains; None for anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    if read and isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return None


_OPERATORS: dict[str, Callable[[Any, bool], Predicate]] = {
    "equals": _equals,
    "not": _negated,
    "gt": _compared(lambda value, bound: value > bound),
    "ge": _compared(lambda value, bound: value >= bound),
    "lt": _compared(lambda value, bound: value < bound),
    "le": _compared(lambda value, bound: value <= bound),
    "in": _one_of,
    "contains": _contains,
    "regex": _matches,
    "length": _length,
}
