"""Look at objects of the service without running any of its code: by types, and by the methods of Python's own types."""

from __future__ import annotations

import collections
import itertools
import types
from typing import Any

#: Python's own containers, and how these count their entries.
_CONTAINERS = (dict, list, set, collections.deque)
_LENGTHS = tuple(kind.__len__ for kind in _CONTAINERS)
#: The flag of a class that is not built into Python.
_HEAP_TYPE = 1 << 9
_ABSENT = object()
#: Slots by class, and of how many classes they are remembered.
_known_slots: dict[int, tuple[type, list[tuple[str, Any]]]] = {}
_MOST_KNOWN = 512


def is_a(value: Any, kinds: Any) -> bool:
    """Return True if an object is of one of these types, by its type alone.

    isinstance() also asks the object for its `__class__`: a lazy object is then worked out, which runs the
    service's code, and a weak proxy whose object is gone raises.
    """
    return issubclass(type(value), kinds)


def attributes(item: Any) -> list[tuple[str, Any]]:
    """Return names and values of the attributes of an object or class, without running its code; [] if it has none."""
    held = [
        (name, value)
        for name, slot in _slots(type(item))
        if (value := _value(slot, item)) is not _ABSENT
    ]
    try:
        own = object.__getattribute__(item, "__dict__")
        return held + [pair for pair in list(own.items()) if isinstance(pair[0], str)]
    except (AttributeError, RuntimeError):  # it has none, or it changes meanwhile
        return held


def _slots(kind: type) -> list[tuple[str, Any]]:
    """Return the slots (`__slots__`) of a class written in Python and of those that it derives from."""
    known = _known_slots.get(id(kind))  # by identity, as a metaclass may define its own hash
    if known is not None and known[0] is kind:
        return known[1]
    if len(_known_slots) >= _MOST_KNOWN:
        _known_slots.clear()
    slots = [
        (name, slot)
        for owner in kind.__mro__
        if owner.__flags__ & _HEAP_TYPE
        for name, slot in list(owner.__dict__.items())
        if type(slot) is types.MemberDescriptorType
    ]
    _known_slots[id(kind)] = kind, slots
    return slots


def _value(slot: Any, item: Any) -> Any:
    try:
        return slot.__get__(item)
    except AttributeError:  # it was never set
        return _ABSENT


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
