"""What an entry of a growing container holds alone: the objects that nothing else refers to, by a few late entries.

Where allocations cannot be traced, this tells how many bytes each new entry of a container keeps.
"""

from __future__ import annotations

import gc
import sys
import types
from typing import Any, Dict, List, Optional, Tuple  # noqa: UP035 - Python 3.8 cannot subscript collections.abc

from .containers import OBJECTS
from .objects import is_a, late_entries

#: Entries that a container must have gained since the last look, containers looked at each time, entries of each, and
#: how often a container is looked at in all.
_GAINED, _CONTAINERS, _ENTRIES, _TIMES = 10, 3, 3, 6
#: Most objects that an entry may lead to, and references from which an object is shared and not looked into.
_MOST, _SHARED = 2000, 20
#: What an entry refers to and does not hold.
_NOT_HELD = (type, types.ModuleType, types.BuiltinFunctionType, types.CodeType)

#: The flag of a type whose objects have no dict until it is asked for, and what such an object with a dict leads to.
_MANAGED_DICT, _DICT_AND_TYPE = 1 << 4, 2
_POINTER = 8

_lengths: Dict[str, int] = {}  # noqa: UP006
#: The first length of each container, and how many looks ago the entries came that are looked at.
_firsts: Dict[str, int] = {}  # noqa: UP006
_BACK = 3
_sizes: Dict[str, List[float]] = {}  # noqa: UP006


def entry_sizes(
    lengths: List[Tuple[Dict[str, str], int]],  # noqa: UP006
    containers: Dict[str, Any],  # noqa: UP006
) -> List[Tuple[Dict[str, str], float]]:  # noqa: UP006
    """Return the holder and the mean bytes of an entry, for the containers that have grown since the first call."""
    gained = sorted(
        (
            (length - _lengths[labels["holder"]], labels["holder"], labels["kind"])
            for labels, length in lengths
            if labels["holder"] in _lengths and labels["holder"] in containers
        ),
        reverse=True,
    )
    for more, holder, kind in gained[:_CONTAINERS]:
        known = _sizes.setdefault(holder, [])
        if more >= _GAINED and len(known) < _TIMES:
            container = containers[holder]
            apart = kind == OBJECTS  # the list of a class's objects is soak's own
            own = 0.0 if apart else sys.getsizeof(container, 0) / max(len(container), 1)
            # The last ones may be of requests under way, whose frames and timers refer to what they hold, too.
            since_first = _lengths[holder] + more - _firsts[holder]
            before = max(min(_BACK * more, since_first, len(container)) - _ENTRIES, 0)
            for entry in late_entries(container, _ENTRIES, before):
                size = _held_alone(entry, apart)
                if size is not None:
                    known.append(own + size)
    for labels, length in lengths:
        _lengths[labels["holder"]] = length
        _firsts.setdefault(labels["holder"], length)
    return [
        ({"holder": holder}, sum(sizes) / len(sizes)) for holder, sizes in _sizes.items() if sizes
    ]


def forget() -> None:
    """Forget all sizes and lengths."""
    _lengths.clear()
    _firsts.clear()
    _sizes.clear()


def _held_alone(entry: List[Any], whole: bool) -> Optional[float]:  # noqa: UP006, UP045
    """Return the bytes of the objects that only this entry leads to; None if it leads to too many to tell.

    Nor is it told if others refer to the entry itself: then they hold as much of it. With `whole`, it
    counts nevertheless.
    """
    objects, roots = list(entry), len(entry)
    entry.clear()  # of a reference that would make each seem shared
    counts = {id(item): 1 for item in objects}  # the container's own
    leads: List[List[int]] = []  # noqa: UP006
    place = 0
    while place < len(objects):
        inside = _inside(objects[place])
        leads.append([id(inner) for inner in inside])
        new = {id(inner): inner for inner in inside if id(inner) not in counts}
        objects += new.values()
        for identity in leads[-1]:
            counts[identity] = counts.get(identity, 0) + 1
        del inside, new  # references of this function's would make an object seem shared
        if len(objects) > _MOST:
            return None
        place += 1
    places = {id(item): number for number, item in enumerate(objects)}
    waiting, seen, size = [id(item) for item in objects[:roots]], set(), 0
    while waiting:
        identity = waiting.pop()
        number = places[identity]
        # Beyond its own: that of the list, and of the call.
        alone = sys.getrefcount(objects[number]) - 2 <= counts[identity]
        if number < roots and not alone and gc.is_tracked(objects[number]):
            if not whole:
                return None
            alone = True
        if identity not in seen and alone:
            seen.add(identity)
            size += _size(objects[number], len(leads[number]))
            waiting += leads[number]
    return float(size)


def _size(item: Any, leads: int) -> int:
    """Return the bytes of an object that leads to so many others, with those of its attributes' own table.

    Since Python 3.11 an object has a plain table of its attributes instead of a dict, until somebody asks
    for the dict. No function of Python's tells its size.
    """
    without_dict = bool(type(item).__flags__ & _MANAGED_DICT) and leads > _DICT_AND_TYPE
    return sys.getsizeof(item, 0) + (_POINTER * (leads + 2) if without_dict else 0)


def _inside(item: Any) -> List[Any]:  # noqa: UP006
    """Return what an object refers to, unless it is shared by many or is code."""
    # Beyond the service's own: those of the list, of this call's argument and of the question.
    if is_a(item, _NOT_HELD) or sys.getrefcount(item) - 3 > _SHARED:
        return []
    if type(item) is types.FunctionType:  # and not the globals of its module
        return [*(item.__closure__ or ()), item.__defaults__, item.__kwdefaults__]
    inside = gc.get_referents(item)
    if is_a(item, dict):  # of a dict whose keys are all strings, only the values are told
        keys = list(dict.keys(item))
        inside += keys if all(type(key) is str for key in keys) else []
    return inside
