"""Containers of the service's own modules, and function caches: how long they are, which names who keeps what grows."""

from __future__ import annotations

import collections
import functools
import gc
import sys
import types
import weakref
from collections.abc import Iterator
from typing import Any

from .source_code import Call, libraries, lines_that_add, lines_that_use

#: Shorter ones are no leak yet, and of the longest so many are told.
_SHORTEST, _MOST = 20, 40
_CONTAINERS = (dict, list, set, collections.deque)
#: Registries of the standard library that keep for ever what a program puts in, by holder: their path, and who puts in.
_REGISTRIES = {
    "logging.Logger.manager.loggerDict": "getLogger",
    "weakref.finalize._registry": "finalize",
}
_CACHE = type(functools.lru_cache(maxsize=1)(len))


#: Where each holder is filled, once that was looked for.
_filling: dict[str, Call | None] = {}
#: Caches that collections look at no more, for they are frozen.
_frozen_caches: list[Any] = []


def lengths() -> list[tuple[dict[str, str], int]]:
    """Labels and number of entries of the longest containers, longest first.

    Looked at are the globals of the service's own modules, the attributes of their classes and of
    objects that are globals, every functools cache on a function of its own, and registries of the
    standard library that only grow. Labels are the
    holder (`service.SESSIONS`), the kind and, where one line alone puts entries in, that line's
    file, number and function; `bound` is `none` where nothing ever drops an entry.
    """
    lengths_by_id: dict[int, tuple[str, str, int]] = {}
    unbounded: set[str] = set()
    for module in _own_modules():
        for name, value in list(vars(module).items()):
            if not name.startswith("__"):
                for holder, container in _containers(
                    f"{module.__name__}.{name}", value, module.__name__
                ):
                    lengths_by_id.setdefault(
                        id(container), (holder, type(container).__name__, len(container))
                    )
    for holder in _REGISTRIES:
        registry = _registry(holder)
        if registry is not None:
            lengths_by_id[id(registry)] = (holder, type(registry).__name__, len(registry))
            unbounded.add(holder)
    for cache in _caches():
        name = f"{cache.__module__}.{cache.__wrapped__.__qualname__}"
        _, _, most, length = cache.cache_info()
        lengths_by_id[id(cache)] = (name, "lru_cache", length)
        if most is None:
            unbounded.add(name)
    longest = sorted(lengths_by_id.values(), key=lambda row: -row[2])[:_MOST]
    return [
        (
            {
                "holder": holder,
                "kind": kind,
                **({"bound": "none"} if holder in unbounded else {}),
                **_filled_at(holder, kind),
            },
            length,
        )
        for holder, kind, length in longest
        if length >= _SHORTEST
    ]


def remember_caches() -> None:
    """Keep the caches that there are in sight, before a collection's objects are frozen."""
    _frozen_caches[:] = [weakref.ref(cache) for cache in _caches()]


def _caches() -> list[Any]:
    """Every functools cache on a function of the service's own."""
    kept = [cache for known in _frozen_caches if (cache := known()) is not None]
    return kept + [
        cache
        for cache in gc.get_objects()
        if type(cache) is _CACHE and _is_own(getattr(cache.__wrapped__, "__code__", None))
    ]


def _filled_at(holder: str, kind: str) -> dict[str, str]:
    """The line of the only function that puts entries into a container; empty where there are several, or none is seen."""
    if kind == "lru_cache":
        return {}
    if holder not in _filling:
        name = holder.rpartition(".")[2]
        files = {module.__name__: str(module.__file__) for module in _own_modules()}
        home = [file for module, file in files.items() if holder.startswith(f"{module}.")]
        if holder in _REGISTRIES:
            adding = lines_that_use(list(files.values()), _REGISTRIES[holder])
        else:
            adding = lines_that_add(home, name) or lines_that_add(list(files.values()), name)
        _filling[holder] = adding[0] if len({function for _, _, function in adding}) == 1 else None
    place = _filling[holder]
    if place is None:
        return {}
    file, line, function = place
    return {"file": file, "line": str(line), "function": function}


def _registry(holder: str) -> Any:
    """A registry of the standard library; None where its module is not loaded, or has none in this version."""
    module, *path = holder.split(".")
    found = sys.modules.get(module)
    for name in path:
        found = getattr(found, name, None)
    return found if hasattr(found, "__len__") else None


def _own_modules() -> Iterator[types.ModuleType]:
    roots = libraries()
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if (
            isinstance(module, types.ModuleType)
            and isinstance(file, str)
            and not file.startswith(roots)
        ):
            yield module


def _containers(holder: str, value: Any, module: str) -> Iterator[tuple[str, Any]]:
    """A container itself, and those among a class's or an object's attributes; of another module's classes none."""
    if type(value) in _CONTAINERS or isinstance(value, collections.OrderedDict):
        yield holder, value
        return
    owner = value if isinstance(value, type) else type(value)
    if owner.__module__ != module:
        return
    for name, inner in list(getattr(value, "__dict__", {}).items()):
        if type(inner) in _CONTAINERS:
            yield f"{holder}.{name}", inner


def _is_own(code: types.CodeType | None) -> bool:
    return code is not None and not code.co_filename.startswith(libraries())


def trim() -> int | None:
    """Bytes of resident memory that the C library's allocator gives back when it is told to; None where it cannot be told."""
    try:
        import ctypes  # noqa: PLC0415 - only where it is asked for

        give_back = ctypes.CDLL(None).malloc_trim
    except (ImportError, OSError, AttributeError):
        return None
    before = _resident()
    give_back(0)
    after = _resident()
    return None if before is None or after is None else max(before - after, 0)


def _resident() -> int | None:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096
    except (OSError, ValueError, IndexError):
        return None
