"""Finds regular expressions that may take exponential time: a repetition that can match the same text in several ways.

As in Kirrage, Rathnayake, Thielecke, "Static Analysis for Regular Expression Denial-of-Service
Attacks", 2013, though plainer: what is refused is a repetition without bound of something that has
another one in it, or of alternatives that begin alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

_parser: Any = re._parser  # type: ignore[attr-defined]  # noqa: SLF001 - Python has no other parser of its expressions
_constants: Any = re._constants  # type: ignore[attr-defined]  # noqa: SLF001
#: A repetition of more than so many rounds is as good as one without bound.
MANY = 20
#: Possessive repetitions and atomic groups never try again.
_NEVER_AGAIN = (_constants.POSSESSIVE_REPEAT, _constants.ATOMIC_GROUP)


def refusal(pattern: str) -> str | None:
    """Why a regular expression of a profile is not taken: it is none, or may take for ever; None for any other."""
    try:
        re.compile(pattern)
        endless = backtracks(pattern)
    except RecursionError:
        return "not a regular expression: nested too deeply"
    except (re.error, OverflowError) as error:
        return f"not a regular expression: {error}"
    if endless:
        return "this regular expression could take for ever: no repetition inside of another, as in (a+)+"
    return None


def backtracks(pattern: str) -> bool:
    """Whether a pattern that compiles may take a time exponential in the length of the text."""
    return _backtracks(_parser.parse(pattern), inside=False)


def _backtracks(items: Iterable[Any], *, inside: bool) -> bool:
    """`inside`: within a repetition without bound."""
    for operator, argument in items:
        if operator in _NEVER_AGAIN:
            continue
        repeated = inside
        if operator in (_constants.MAX_REPEAT, _constants.MIN_REPEAT) and argument[1] > MANY:
            if inside:
                return True
            repeated = True
        if operator is _constants.BRANCH and inside and _begin_alike(argument[1]):
            return True
        if any(_backtracks(part, inside=repeated) for part in _parts(argument)):
            return True
    return False


def _parts(argument: Any) -> Iterator[Any]:
    """Every pattern within an operator's argument."""
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for item in argument:
            yield from _parts(item)


def _begin_alike(branches: list[Any]) -> bool:
    """Whether alternatives may begin with the same letter; no only where each begins with a letter of its own."""
    first = [branch[0] if len(branch) else None for branch in branches]
    letters = [item[1] for item in first if item is not None and item[0] is _constants.LITERAL]
    return len(letters) < len(branches) or len(set(letters)) < len(letters)
