"""Find regular expressions that may take exponential time: a repetition that can match the same text in several ways.

This is a simplified form of Kirrage, Rathnayake, Thielecke, "Static Analysis for Regular Expression
Denial-of-Service Attacks", 2013. It refuses an unbounded repetition that contains another one, or
that contains alternatives with the same beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

_parser: Any = re._parser  # type: ignore[attr-defined]  # noqa: SLF001 - Python has no other parser of its expressions
_constants: Any = re._constants  # type: ignore[attr-defined]  # noqa: SLF001
#: A repetition with a higher maximum counts as unbounded.
MANY = 20
#: Possessive repetitions and atomic groups never backtrack.
_NEVER_AGAIN = (_constants.POSSESSIVE_REPEAT, _constants.ATOMIC_GROUP)


def refusal(pattern: str) -> str | None:
    """Return why a regular expression is refused: it is invalid or may take exponential time; None if accepted."""
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
    """Return True if a valid pattern may take time exponential in the length of the text."""
    return _backtracks(_parser.parse(pattern), inside=False)


def _backtracks(items: Iterable[Any], *, inside: bool) -> bool:
    """Return True if any item may backtrack exponentially; `inside` means inside an unbounded repetition."""
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
    """Yield every pattern within an operator's argument."""
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, tuple | list):
        for item in argument:
            yield from _parts(item)


def _begin_alike(branches: list[Any]) -> bool:
    """Return True if two alternatives may begin alike; False only if each begins with a different literal."""
    first = [branch[0] if len(branch) else None for branch in branches]
    letters = [item[1] for item in first if item is not None and item[0] is _constants.LITERAL]
    return len(letters) < len(branches) or len(set(letters)) < len(letters)
