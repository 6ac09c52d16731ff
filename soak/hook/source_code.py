"""Whose code a file is, and the function that a line is in: tracemalloc tells only files and lines."""

from __future__ import annotations

import dis
import os
import sys
import types
from typing import Tuple  # noqa: UP035

#: Parts of a function that are shown as the function.
_PARTS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
_names: dict[str, dict[int, str]] = {}
_roots: list[str] = []
Call = Tuple[str, int, str]  # noqa: UP006 - Python 3.8 knows no other


def libraries() -> tuple[str, ...]:
    """How paths of what is not the service's own begin: the standard library, wherever packages are installed, this hook."""
    if not _roots:
        _roots.extend(
            (
                os.path.dirname(os.__file__) + os.sep,
                os.path.dirname(os.path.abspath(__file__)) + os.sep,
            )
        )
        _roots.extend(
            os.path.abspath(place) + os.sep for place in sys.path if _holds_packages(place)
        )
    return tuple(_roots)


def _holds_packages(place: str) -> bool:
    if place.endswith(("site-packages", "dist-packages")):
        return True
    try:
        return any(name.endswith(".dist-info") for name in os.listdir(place))
    except OSError:
        return False


def call(file: str, line: int) -> Call:
    """File, line, and the function that the line is in; empty for files that are not the service's own."""
    if file not in _names:
        _names[file] = {} if file.startswith(("<", *libraries())) else _functions(file)
    return file, line, _names[file].get(line, "")


def _functions(file: str) -> dict[int, str]:
    """The innermost function of each of a file's lines."""
    names: dict[int, str] = {}
    try:
        with open(file, "rb") as source:
            codes = [(compile(source.read(), file, "exec", dont_inherit=True), "<module>")]
    except (OSError, ValueError, SyntaxError):
        return names
    while codes:
        code, name = codes.pop(0)
        names.update((line, name) for _, line in dis.findlinestarts(code) if line)
        inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
        codes += [
            (
                part,
                name if part.co_name in _PARTS else str(getattr(part, "co_qualname", part.co_name)),
            )
            for part in inner
        ]
    return names
