"""Lengths of containers in the service's own modules and of function caches, to name the holder of a leak."""

from __future__ import annotations

import collections
import contextvars
import functools
import gc
import itertools
import sys
import threading
import types
import weakref
from collections.abc import Iterator
from typing import Any

from .objects import attributes, is_a, is_container, late_entries
from .registries import HANDLERS, adds, registries
from .source_code import Call, libraries, lines_that_add, lines_that_register, lines_that_use

#: The kind of holder that is a class of the service's, of which ever more objects live.
OBJECTS = "objects"
#: Shortest container that is reported, and most containers that are reported (the longest).
_SHORTEST, _MOST = 20, 40
#: Most classes of a container's entries that are told, and most parts of an entry that are looked at.
_CLASSES, _PARTS = 4, 8
#: Levels of packages' objects in attributes that are looked into.
_INSIDE = 1
#: Objects of one class of which the containers are looked at: what there is more of, each request has.
_HOLDERS = 20
_CACHE = type(functools.lru_cache(maxsize=1)(len))


#: The line that fills each holder, once it has been searched for.
_filling: dict[str, Call | None] = {}
#: The classes of each holder's entries, as of when it was first reported: a label must not change.
_entries: dict[str, str] = {}
#: Caches, and objects of the service's classes, that gc.get_objects() no longer lists because they are frozen.
_frozen: list[Any] = []


def lengths() -> list[tuple[dict[str, str], int]]:
    """Return labels and number of entries of the longest containers, longest first."""
    return lengths_and_containers()[0]


def lengths_and_containers() -> tuple[list[tuple[dict[str, str], int]], dict[str, Any]]:
    """Return labels and number of entries of the longest containers, longest first, and containers by their holder.

    It looks at the globals of the service's own modules, the attributes of their classes, of packages'
    objects in them, of objects of these classes wherever they are held, and of thread-locals (added up
    over all threads), every functools cache of a function of the service or of a package, standard
    library registries that only grow, and how many objects of each of the service's classes there are.

    Labels are the holder (`service.SESSIONS`), the kind and, if only one function adds entries, its
    file, line and name; `bound` is how many entries there may be, `none` if they are never dropped. `entries` are the classes of
    the last entry and its parts, such as `flask.wrappers.Request`, without Python's own; closures by
    name (`shop.answer.<locals>.flush()`), and exceptions that hold their traceback.
    """
    lengths_by_id: dict[Any, tuple[str, str, int]] = {}
    containers: dict[str, Any] = {}
    bounds: dict[str, str] = {}
    filled: dict[str, Any] = {}
    caches, few, many = _caches_and_objects()
    for identity, holder, kind, container, length in _in_globals():
        lengths_by_id.setdefault(identity, (holder, kind, length))
        containers.setdefault(holder, container)
    for holder, container in _in_objects(few):
        if holder not in containers and id(container) not in lengths_by_id:
            lengths_by_id[id(container)] = holder, type(container).__name__, len(container)
            containers[holder] = container
    for holder, kind, registry, length in registries():
        lengths_by_id[holder if registry is None else id(registry)] = (holder, kind, length)
        if not holder.endswith(HANDLERS):  # which may be removed
            bounds[holder] = "none"
    for cache in caches:
        name = f"{cache.__module__}.{cache.__wrapped__.__qualname__}"
        code = cache.__wrapped__.__code__
        _filling[name] = code.co_filename, code.co_firstlineno, cache.__wrapped__.__qualname__
        _, _, most, length = cache.cache_info()
        lengths_by_id[id(cache)] = (name, "lru_cache", length)
        bounds[name] = "none" if most is None else str(most)
        if most is None:
            filled[name] = _entries_of(cache, length)
    for holder, items in many.items():
        if holder not in containers:
            lengths_by_id[holder] = holder, OBJECTS, len(items)
            filled[holder] = items
    bounds.update(_maxima(containers))
    longest = sorted(lengths_by_id.values(), key=lambda row: -row[2])[:_MOST]
    told = [
        (
            {
                "holder": holder,
                "kind": kind,
                **({"bound": bounds[holder]} if holder in bounds else {}),
                **_filled_at(holder, kind),
                **_classes_in(holder, containers.get(holder)),
            },
            length,
        )
        for holder, kind, length in longest
        if length >= _SHORTEST
    ]
    return told, {**containers, **filled}


def _maxima(containers: dict[str, Any]) -> dict[str, str]:
    """Return how many entries each ring may have, by holder."""
    rings = {
        holder: container.maxlen
        for holder, container in containers.items()
        if is_a(container, collections.deque)
    }
    return {holder: str(most) for holder, most in rings.items() if most is not None}


def _entries_of(cache: Any, length: int) -> Any:
    """Return the dictionary of a cache without a maximum; an empty one if this Python does not tell."""
    inside = (inner for inner in gc.get_referents(cache) if type(inner) is dict)
    return next((inner for inner in inside if len(inner) == length), {})


def remember_frozen() -> None:
    """Keep references to the existing caches, and to objects of the service's classes, before all objects are frozen."""
    caches, few, _ = _caches_and_objects()
    _frozen[:] = [*map(weakref.ref, caches), *filter(None, map(_reference, few))]


def _reference(holder: Any) -> Any:
    """Return a weak reference to an object; None if its class does not allow any."""
    try:
        return weakref.ref(holder)
    except TypeError:
        return None


def _caches_and_objects() -> tuple[list[Any], list[Any], dict[str, list[Any]]]:
    """Return every functools cache of a function of the service or of a package, and the objects of the service's classes.

    Those of classes with more than `_HOLDERS` objects are returned apart, by the class's name.
    """
    own = {module.__name__ for module in _own_modules()}
    are_own: dict[int, bool] = {}  # by identity, as classes may define their own equality
    caches: list[Any] = []
    objects: dict[int, dict[int, Any]] = {}
    frozen = [item for known in _frozen if (item := known()) is not None]
    for item in itertools.chain(frozen, gc.get_objects()):
        kind = type(item)
        if kind is _CACHE:
            if _is_no_runtime(getattr(item.__wrapped__, "__code__", None)):
                caches.append(item)
            continue
        is_own = are_own.get(id(kind))
        if is_own is None:
            is_own = are_own[id(kind)] = kind.__module__ in own
        if is_own:
            objects.setdefault(id(kind), {})[id(item)] = item
    few: list[Any] = []
    many: dict[str, list[Any]] = {}
    for items in [list(of_kind.values()) for of_kind in objects.values()]:
        if len(items) <= _HOLDERS:
            few += items
        else:  # the oldest are listed last, and are of no request under way
            kind = type(items[0])
            many[f"{kind.__module__}.{kind.__qualname__}"] = items[::-1]
    return caches, few, many


def _in_objects(objects: list[Any]) -> Iterator[tuple[str, Any]]:
    """Yield holder (`shop.Store.rows`) and container for the attributes of these objects: the longest of each class."""
    longest: dict[str, Any] = {}
    for item in objects:
        kind = type(item)
        for holder, inner in _in_attributes(f"{kind.__module__}.{kind.__qualname__}", item):
            if len(inner) >= len(longest.get(holder, ())):
                longest[holder] = inner
    yield from longest.items()


def _filled_at(holder: str, kind: str) -> dict[str, str]:
    """Return the line of the only function that adds entries to a container; empty if there are several or none.

    A cache's entries are added by the function that it caches; objects of a class by who mentions the class.
    """
    if holder not in _filling:
        name = holder.rpartition(".")[2]
        files = {module.__name__: str(module.__file__) for module in _own_modules()}
        everywhere = list(files.values())
        home = [file for module, file in files.items() if holder.startswith(f"{module}.")]
        if adds(holder):
            adding = lines_that_use(everywhere, adds(holder))
        elif kind == OBJECTS:
            adding = lines_that_use(everywhere, name)
        else:
            adding = lines_that_add(home, name) or lines_that_add(everywhere, name)
            for owner in _owners(holder, list(files)):  # a package's object adds to it
                adding = adding or lines_that_register(home, owner)
                adding = adding or lines_that_register(everywhere, owner)
        _filling[holder] = adding[0] if len({function for _, _, function in adding}) == 1 else None
    place = _filling[holder]
    if place is None:
        return {}
    file, line, function = place
    return {"file": file, "line": str(line), "function": function}


def _owners(holder: str, modules: list[str]) -> list[str]:
    """Return the names in a holder between the module that it begins with and the container, innermost first."""
    module = max((name for name in modules if holder.startswith(f"{name}.")), key=len, default="")
    return holder[len(module) + 1 :].split(".")[-2::-1] if module else []


def _classes_in(holder: str, container: Any) -> dict[str, str]:
    """Return the classes of a container's last entry and its parts as a label; nothing for numbers, text and the like."""
    if container is None:
        return {}
    if holder not in _entries:
        names = dict.fromkeys(
            filter(None, map(_name, _with_parts(next(iter(late_entries(container, 1, 0)), []))))
        )
        _entries[holder] = ", ".join(list(names)[:_CLASSES])
    return {"entries": _entries[holder]} if _entries[holder] else {}


def _name(part: Any) -> str:
    """Return what tells of a part: its class, or the name of a closure; empty for Python's own classes."""
    kind = type(part)
    if kind is types.FunctionType and part.__closure__:
        return f"{part.__module__}.{part.__qualname__}()"
    if issubclass(kind, BaseException) and object.__getattribute__(part, "__traceback__"):
        return f"{kind.__qualname__} with its traceback"
    return "" if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def _with_parts(entry: list[Any]) -> Iterator[Any]:
    """Yield objects, each with the items of a tuple, list or dictionary, or the attributes of an object; one level deep."""
    for item in entry:
        yield item
        try:
            plain = type(item) in (tuple, list, dict)
            inner = item if plain else object.__getattribute__(item, "__dict__")
            parts = list(inner.values()) if isinstance(inner, dict) else list(inner)
        except (AttributeError, RuntimeError):  # it has none, or it changes meanwhile
            continue
        yield from parts[:_PARTS]


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


def _in_globals() -> Iterator[tuple[Any, str, str, Any, int]]:
    """Yield identity, holder, kind, container and length of what the globals of the service's own modules hold."""
    for module in _own_modules():
        for name, value in list(vars(module).items()):
            holder = f"{module.__name__}.{name}"
            if is_a(value, threading.local):
                for attribute, longest, length in _of_threads(value):
                    kind = f"thread-local {type(longest).__name__}"
                    yield (id(value), attribute), f"{holder}.{attribute}", kind, longest, length
            elif not name.startswith("__"):
                for inside, container in _containers(holder, value, module.__name__):
                    kind = type(container).__name__
                    yield id(container), inside, kind, container, len(container)


def _containers(holder: str, value: Any, module: str) -> Iterator[tuple[str, Any]]:
    """Yield a container itself, or the containers in attributes of a class or object that `module` or a package defines.

    Of a context variable, it is the default, which all contexts share.
    """
    kind = type(value)
    if kind is contextvars.ContextVar:
        value = _default(value)
    if is_container(value):
        yield holder, value
    elif (value if issubclass(kind, type) else kind).__module__ == module or _is_of_package(kind):
        yield from _in_attributes(holder, value)


def _default(variable: contextvars.ContextVar[Any]) -> Any:
    try:
        return variable.get()
    except LookupError:  # it has none
        return None


def _in_attributes(holder: str, value: Any, deeper: int = _INSIDE) -> Iterator[tuple[str, Any]]:
    """Yield the containers in attributes, and so many levels deeper those in packages' objects in attributes."""
    for name, inner in attributes(value):
        if is_container(inner):
            yield f"{holder}.{name}", inner
        elif deeper and _is_of_package(type(inner)):
            yield from _in_attributes(f"{holder}.{name}", inner, deeper - 1)


def _is_of_package(kind: type) -> bool:
    """Return True for a class that an installed package defines."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    packages = libraries()[2:]
    return isinstance(file, str) and bool(packages) and file.startswith(packages)


def _of_threads(local: threading.local) -> Iterator[tuple[str, Any, int]]:
    """Yield the containers in attributes of a thread-local: name, the longest of all threads, and the length of all."""
    of_all: dict[str, list[Any]] = {}
    # CPython keeps a dictionary of the attributes of every thread, by weak reference.
    of_threads = [held for held in gc.get_referents(local) if type(held) is dict]
    for own in [inner for held in of_threads for inner in list(held.values())]:
        for name, inner in list(own.items()) if type(own) is dict else ():
            if isinstance(name, str) and is_container(inner):
                of_all.setdefault(name, []).append(inner)
    for name, parts in of_all.items():
        yield name, max(parts, key=len), sum(map(len, parts))


def _is_no_runtime(code: types.CodeType | None) -> bool:
    """Return True for code of neither the standard library nor this hook, whose folders come first among `libraries`."""
    if code is None:
        return False
    packages = libraries()[2:]
    return code.co_filename.startswith(packages) or not code.co_filename.startswith(libraries())
