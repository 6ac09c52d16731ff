"""Look at objects of the service without running any of its code: by types, and by the methods of Python's own types."""

from __future__ import annotations

import collections
import itertools
from typing import Any

#: Python's own containers, and how these count their entries.
_CONTAINERS = (dict, list, set, collections.deque)
_LENGTHS = tuple(kind.__len__ for kind in _CONTAINERS)


def is_a(value: Any, kinds: Any) -> bool:
    """Return True if an object is of one of these types, by its type alone.

    isinstance() also asks the object for its `__class__`: a lazy object is then worked out, which runs the
    service's code, and a weak proxy whose object is gone raises.
    """
    return issubclass(type(value), kinds)


def attributes(item: Any) -> list[tuple[str, Any]]:
    """Return names and values of the attributes of an object or class, without running its code; [] if it has none."""
    try:
        own = object.__getattribute__(item, "__dict__")
        return [pair for pair in list(own.items()) if isinstance(pair[0], str)]
    except (AttributeError, RuntimeError):  # it has none, or it changes meanwhile
        return []


def is_container(value: Any) -> bool:
    """Return True for a container of Python's own, or of a class derived from one that does not count in its own way."""
    kind = type(value)
    return kind in _CONTAINERS or (
        issubclass(kind, _CONTAINERS) and getattr(kind, "__len__", None) in _LENGTHS
    )


def late_entries(container: Any, many: int, before: int) -> list[list[Any]]:
    """Return so many late entries of a container, keys with values, but for the last ones; any of a set.

    `before` is how many came after them. The container may change meanwhile.
    """
    try:
        if is_a(container, dict):
            pairs = itertools.islice(reversed(dict.items(container)), before, before + many)
            return [list(pair) for pair in pairs]
        if is_a(container, set):
            return [[item] for item in itertools.islice(set.__iter__(container), many)]
        item_of = list.__getitem__ if is_a(container, list) else collections.deque.__getitem__
        places = range(len(container) - 1 - before, -1, -1)
        return [[item_of(container, place)] for place in places[:many]]
    except (LookupError, RuntimeError, TypeError):
        return []
