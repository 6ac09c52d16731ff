"""Find whose code a file is, and the function of a line: tracemalloc knows only files and lines."""

from __future__ import annotations

import dis
import functools
import os
import sys
import types
from collections.abc import Callable, Iterator
from typing import Tuple  # noqa: UP035

#: Parts of a function that are reported as the function.
_PARTS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
#: Methods that add something to a container.
_ADDING = frozenset(("append", "appendleft", "add", "extend", "insert", "setdefault", "update"))
#: What the methods begin with by which packages' objects (signals, brokers, applications) take what they then keep.
_REGISTERING = (
    "add",
    "append",
    "attach",
    "connect",
    "listen",
    "observe",
    "on",
    "put",
    "register",
    "schedule",
    "set",
    "subscribe",
    "watch",
)
_names: dict[str, dict[int, str]] = {}
_roots: list[str] = []
Call = Tuple[str, int, str]  # noqa: UP006 - Python 3.8 knows no other


def libraries() -> tuple[str, ...]:
    """Return path prefixes of code that is not the service's own: standard library, this hook, then installed packages."""
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


@functools.lru_cache(maxsize=4096)
def is_own(file: str) -> bool:
    """Return True if a file is the service's own."""
    return not file.startswith(("<", *libraries()))


def call(file: str, line: int) -> Call:
    """Return file, line, and the line's function; the function is empty for files that are not the service's own."""
    if file not in _names:
        _names[file] = _functions(file) if is_own(file) else {}
    return file, line, _names[file].get(line, "")


def lines_that_add(files: list[str], name: str) -> list[Call]:
    """Return the lines of these files whose bytecode mentions a container by name and adds to a container.

    Lines that run while a module is imported count only if there are no others, because they fill it once.
    """
    return _lines_that(files, name, lambda instruction: _loads(instruction) in _ADDING, stores=True)


def lines_that_register(files: list[str], name: str) -> list[Call]:
    """Return the lines of these files that mention an object by name and call a method that may register something."""
    return _lines_that(
        files, name, lambda instruction: _loads(instruction).startswith(_REGISTERING), stores=False
    )


def _loads(instruction: dis.Instruction) -> str:
    """Return the name that an instruction loads; empty if it loads none.

    An annotation stores a container's name as a constant, which adds nothing to the container.
    """
    loads = instruction.opname.startswith("LOAD_") and not instruction.opname.startswith(
        "LOAD_CONST"
    )
    return instruction.argval if loads and isinstance(instruction.argval, str) else ""


def _lines_that(
    files: list[str], name: str, adds: Callable[[dis.Instruction], bool], stores: bool
) -> list[Call]:
    adding: list[Call] = []
    for file in files:
        for code, function in _codes_that_mention(file, name):
            mentioned: set[int] = set()
            stored: set[int] = set()
            for line, instruction in _instructions(code):
                if _loads(instruction) == name:
                    mentioned.add(line)
                if adds(instruction) or (stores and instruction.opname == "STORE_SUBSCR"):
                    stored.add(line)
            adding += [(file, line, function) for line in sorted(mentioned & stored)]
    while_it_runs = [call for call in adding if call[2] != "<module>"]
    return while_it_runs or adding


def lines_that_use(files: list[str], name: str) -> list[Call]:
    """Return the lines within functions of these files that mention a function by name."""
    return [
        (file, line, function)
        for file in files
        for code, function in _codes_that_mention(file, name)
        if function != "<module>"
        for line in sorted(
            {
                line
                for line, instruction in _instructions(code)
                if instruction.opname.startswith("LOAD_") and instruction.argval == name
            }
        )
    ]


def _instructions(code: types.CodeType) -> Iterator[Tuple[int, dis.Instruction]]:  # noqa: UP006 - as above
    """Yield each instruction with its line; an instruction without one has the line of the one before."""
    line = 0
    for instruction in dis.get_instructions(code):
        line = _line(instruction, line)
        yield line, instruction


def _line(instruction: dis.Instruction, before: int) -> int:
    """Return an instruction's line, or `before` if it has none."""
    positions = getattr(instruction, "positions", None)  # from Python 3.11 on
    known = positions.lineno if positions is not None else instruction.starts_line
    return int(known) if known else before


def _functions(file: str) -> dict[int, str]:
    """Map each of a file's lines to its innermost function."""
    return {
        line: name for code, name in _codes(file) for _, line in dis.findlinestarts(code) if line
    }


def _codes_that_mention(file: str, name: str) -> list[tuple[types.CodeType, str]]:
    """Return a file's code objects that use a name; search the text first, as compiling takes 1,000 times as long."""
    return [
        (code, function)
        for code, function in _codes(file, name.encode())
        if name in (*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars)
    ]


def _codes(file: str, mentioned: bytes = b"") -> list[tuple[types.CodeType, str]]:
    """Return a file's code objects and function names, outer first; [] if it is unreadable or lacks `mentioned`."""
    try:
        with open(file, "rb") as source:
            text = source.read()
        if mentioned not in text:
            return []
        waiting = [(compile(text, file, "exec", dont_inherit=True), "<module>")]
    except (OSError, ValueError, SyntaxError):
        return []
    codes: list[tuple[types.CodeType, str]] = []
    while waiting:
        code, name = waiting.pop(0)
        codes.append((code, name))
        inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
        waiting += [
            (
                part,
                name if part.co_name in _PARTS else str(getattr(part, "co_qualname", part.co_name)),
            )
            for part in inner
        ]
    return codes
