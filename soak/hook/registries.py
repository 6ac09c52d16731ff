"""Registries of the standard library that keep what they are given, and the functions that add to them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

#: Containers by their path, and the function that adds entries. What they hold stays for ever.
_CONTAINERS = {
    "logging.Logger.manager.loggerDict": "getLogger",
    "weakref.finalize._registry": "finalize",
}
#: What runs as the interpreter ends: CPython tells only how many functions wait (`_ncallbacks`).
_AT_EXIT = "atexit"
#: How the holder of a logger's handlers ends.
HANDLERS = ".handlers"


def registries() -> Iterator[tuple[str, str, Any, int]]:
    """Yield holder, kind, container (None if it cannot be looked into) and length of each registry that is in use."""
    for holder in _CONTAINERS:
        container = _at(holder)
        if hasattr(container, "__len__"):
            yield holder, type(container).__name__, container, len(container)
    waiting = _at(f"{_AT_EXIT}._ncallbacks")
    if waiting is not None:
        yield _AT_EXIT, "functions", None, waiting()
    yield from _handlers()


def adds(holder: str) -> str:
    """Return the function that adds entries to a registry; empty if the holder is none."""
    if holder == _AT_EXIT:
        return "register"
    if holder.startswith("logging.") and holder.endswith(HANDLERS):
        return "addHandler"
    return _CONTAINERS.get(holder, "")


def _handlers() -> Iterator[tuple[str, str, Any, int]]:
    """Yield the handlers of each logger, past any `__getattr__`: loggers stay, and what is added to them."""
    root = _at("logging.root")
    loggers = dict(_at("logging.Logger.manager.loggerDict") or {}, **{"": root} if root else {})
    for name, logger in list(loggers.items()):
        try:
            handlers = object.__getattribute__(logger, "handlers")
        except AttributeError:  # a placeholder
            continue
        if type(handlers) is list:
            yield f"logging.getLogger({name!r}){HANDLERS}", "list", handlers, len(handlers)


def _at(path: str) -> Any:
    """Return what lies at a path in a loaded module; None if it is not there in this version."""
    module, *names = path.split(".")
    found = sys.modules.get(module)
    for name in names:
        found = getattr(found, name, None)
    return found
