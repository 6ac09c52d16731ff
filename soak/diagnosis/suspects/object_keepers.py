"""What keeps a JVM's objects alive, by the ways from the roots of its heap to the objects that its recording sampled."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from typing import Any

from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.growing_classes import LAMBDA
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.java_names import is_java_own, libraries_of
from soak.diagnosis.profiles.json_profile import items, mapping, text
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.thresholds import KEEPS_SHARE, LEAST_SAMPLED_OBJECTS
from soak.errors import OTHER_SHAPE

#: Fields that are told of a way through the target's own objects.
_FIELDS = 3


@dataclass(frozen=True, slots=True)
class ObjectKeeper:
    """A field of the target's own code, such as `shop.Registry.INSTANCE.open`, keeps `count` of `total` sampled objects."""

    field: str
    count: int
    total: int

    @property
    def place(self) -> Frame:
        """The field as a place."""
        return Frame(self.field, own=True)

    @property
    def words(self) -> str:
        """What the field keeps, in a sentence."""
        return f"After the drain {self.field} keeps {self.count:,} of {self.total:,} sampled objects alive."


def object_keeper(case: Case, context: RunContext) -> ObjectKeeper | None:
    """Return what keeps most of the sampled objects after the drain; None if that is unknown.

    Nor is it known if the heap grows through other endpoints too: they may be the ones whose
    objects it keeps.
    """
    heap = [amount for signal in case.of(ResourceKind.HEAP) for amount in signal.contributors]
    others = {each.endpoint for each in heap} - set(case.endpoints)
    if context.language != "Java" or not case.of(ResourceKind.HEAP) or others:
        return None
    told = context.drained("classes")
    try:
        return _most(mapping(json.loads(told))) if told is not None else None
    except OTHER_SHAPE:
        return None


def _most(document: Mapping[str, Any]) -> ObjectKeeper | None:
    """Return the field of one own object that keeps most of the sampled objects, if it keeps half of them."""
    libraries = libraries_of(document)
    ways = [
        items(sample["way"])
        for sample in map(mapping, items(document.get("objects", [])))
        if "way" in sample
    ]
    fields = Counter(field for way in ways if (field := own_field(way, libraries)) is not None)
    if not fields:
        return None
    [((name, _), count)] = fields.most_common(1)
    enough = count >= LEAST_SAMPLED_OBJECTS and count >= KEEPS_SHARE * len(ways)
    return ObjectKeeper(name, count, len(ways)) if enough else None


def own_field(way: list[Any], libraries: tuple[str, ...]) -> tuple[str, int] | None:
    """Return the first fields of own classes on a way, and which object has the last of them; None without any.

    What lies behind them, such as the JDK's maps and what they hold, is not looked at.
    """
    owners = [_owner(step) for step in way]
    begin = next(
        (index for index, (name, *_) in enumerate(owners) if _is_own(name, libraries)), None
    )
    if begin is None:
        return None
    all_own = list(takewhile(lambda owner: _is_own(owner[0], libraries), owners[begin:]))
    # What a lambda expression or an inner class captured is in no source file: the field behind it is.
    own = (list(dropwhile(_is_captured, all_own)) or all_own[-1:])[:_FIELDS]
    known = takewhile(_is_written, (field for _, field, _ in own))
    return ".".join((own[0][0].partition(LAMBDA)[0], *known)), own[-1][2]


def _is_captured(owner: tuple[str, str, int]) -> bool:
    return bool(owner[1]) and not _is_written(owner[1])


def _is_written(field: str) -> bool:
    """Return True for a field that stands in the source, False for one that javac made, or that the JVM does not know."""
    return bool(field) and "$" not in field


def _owner(step: object) -> tuple[str, str, int]:
    match items(step):
        case [name, field, int(number)]:
            return text(name), text(field), number
    raise ValueError("a step that is not a class, a field and a number")


def _is_own(name: str, libraries: tuple[str, ...]) -> bool:
    return is_java_own(name) and not name.startswith(libraries) and not name.startswith("[")
