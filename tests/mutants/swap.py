"""Puts a mutant in the place of a module that is loaded already, so that no process has to load anything again."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from tests.mutants.generate import ROOT, Mutant
from tests.mutants.nearest import place_of


class NotImportableError(Exception):
    """A mutant whose module cannot be compiled or imported."""


def functions() -> dict[str, list[FunctionType]]:
    """All functions there are of soak's modules, by module: methods, properties and cached ones included."""
    known: dict[str, list[FunctionType]] = {}
    for thing in gc.get_objects():
        if isinstance(thing, FunctionType) and (thing.__module__ or "").startswith("soak."):
            known.setdefault(thing.__module__, []).append(thing)
    return known


def swap_in(mutant: Mutant, known: dict[str, list[FunctionType]]) -> None:
    """Make this process a mutant: every function of the file gets its mutated code, every value its mutated value."""
    module = sys.modules[
        mutant.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    ]
    try:
        whole = compile(mutant.source(), str(ROOT / mutant.path), "exec", dont_inherit=True)
    except SyntaxError as error:  # of a pattern's `|` made into `&`
        raise NotImportableError from error
    codes = {(code.co_qualname, code.co_firstlineno): code for code in _codes(whole)}
    for function in known.get(module.__name__, ()):
        code = codes.get((function.__code__.co_qualname, function.__code__.co_firstlineno))
        if code is not None and code.co_freevars == function.__code__.co_freevars:
            function.__code__ = code
    if not place_of(mutant.path, mutant.line)[0]:
        _rebind(module, whole)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _rebind(module: ModuleType, whole: CodeType) -> None:
    """What the module makes when it is imported: its values wherever they were imported to, its defaults, its classes' ones."""
    fresh: dict[str, Any] = {
        **{name: module.__dict__[name] for name in module.__dict__ if name.startswith("__")}
    }
    try:
        exec(whole, fresh)
    except Exception as error:
        raise NotImportableError from error
    for name, new in fresh.items():
        old = module.__dict__.get(name)
        if (
            name.startswith("__")
            or old is None
            or new is old
            or (isinstance(new, type | FunctionType) and new.__module__ != module.__name__)
        ):
            continue
        if isinstance(old, FunctionType):
            old.__defaults__, old.__kwdefaults__ = new.__defaults__, new.__kwdefaults__
        elif isinstance(old, type):
            for method in (vars(old).get(key) for key in ("__init__",)):
                if isinstance(method, FunctionType):
                    made = vars(new)["__init__"]
                    method.__defaults__, method.__kwdefaults__ = (
                        made.__defaults__,
                        made.__kwdefaults__,
                    )
        elif not isinstance(old, ModuleType):
            for other in [
                loaded for loaded in sys.modules.values() if isinstance(loaded, ModuleType)
            ]:
                if other.__dict__.get(name) is old:
                    setattr(other, name, new)
