"""What keeps the objects of those classes of a JVM of which requests surely leave some, by a dump of its heap after the drain."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from soak.catalog.jvm import GROWING_CLASSES
from soak.catalog.metrics import ResourceKind
from soak.diagnosis.attribution.attribution import Amount
from soak.diagnosis.attribution.growing_classes import LAMBDA
from soak.diagnosis.attribution.signals import Signal
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.java_names import class_name, is_common, libraries_of
from soak.diagnosis.profiles.json_profile import amount, items, mapping, text
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.suspects.entry_amounts import EntryAmount
from soak.diagnosis.suspects.object_keepers import own_field
from soak.diagnosis.thresholds import HOLDS_OFF, KEEPS_SHARE, STANDARD_ERRORS
from soak.errors import OTHER_SHAPE
from soak.units import show_amount

#: The class by which a thread keeps the value of a thread-local, and names of fields that keep listeners.
_LOCAL = "java.lang.ThreadLocal$ThreadLocalMap$Entry"
_LISTENERS = re.compile(r"(?i)(listener|subscriber|subscription|observer|callback)s?$")


@dataclass(frozen=True, slots=True)
class ClassKeeper:
    """A field of the target's own code that keeps `share` of all objects of the class `name`; `local` if as a thread-local."""

    field: str
    name: str
    share: float
    objects: int
    local: bool

    @property
    def place(self) -> Frame:
        """The field as a place."""
        return Frame(self.field, own=True)

    @property
    def listens(self) -> bool:
        """True if the field keeps listeners, by its name."""
        return bool(_LISTENERS.search(self.field))

    @property
    def shown(self) -> str:
        """The class in a sentence: the name that the JVM gives to that of a lambda expression is in no source file."""
        outer, written, _ = self.name.partition(LAMBDA)
        return f"{outer}'s lambda expressions" if written else self.name

    @property
    def words(self) -> str:
        """What the field keeps, in a sentence."""
        kept = round(self.share * self.objects)
        return f"After the drain {self.field} keeps about {kept:,} of the {self.objects:,} objects of {self.shown} alive."


def class_keeper(case: Case, context: RunContext) -> ClassKeeper | None:
    """Return what keeps the objects that the case's requests leave; None if that is unknown.

    A class that is told of few things tells more than one of which any code makes objects.
    """
    classes = context.classes
    if classes is None or classes.endpoint not in case.endpoints or not case.of(ResourceKind.HEAP):
        return None
    told = context.drained("classes")
    made = sum(
        float(windows.requests.sum())
        for windows in context.prepared.recording.windows
        if windows.endpoint == classes.endpoint
    )
    left = {name: each * made for name, each in classes.each.items()}
    try:
        found = list(_keepers(mapping(json.loads(told)), left)) if told is not None else []
    except OTHER_SHAPE:
        return None
    return min(found, key=lambda each: (is_common(each.name), -each.share), default=None)


def kept_in_field(case: Case, context: RunContext) -> str:
    """Say which field gains what requests leave; empty if that is unknown."""
    keeper = class_keeper(case, context)
    return keeper.words if keeper is not None else ""


def registered_in_field(case: Case, context: RunContext) -> str:
    """Say that what requests leave is registered in a thread-local or among listeners; empty if it is not known to be."""
    keeper = class_keeper(case, context)
    if keeper is None:
        return ""
    if keeper.local:
        return f"{keeper.field} is a thread-local: what it holds stays as long as its thread."
    if keeper.listens:
        return f"{keeper.field} gains one of {keeper.shown} after the other: listeners that are never removed."
    return ""


def field_remedy(name: str, case: Case, context: RunContext) -> str:
    """Return the remedy for listeners or a thread-local in a field; empty if what requests leave is not known to be any."""
    keeper = class_keeper(case, context) if name == "request-context" else None
    if keeper is not None and keeper.local:
        return f"Call {keeper.field}.remove() in a finally block when the request ends: the threads of a pool never do."
    if keeper is not None and keeper.listens:
        return f"Remove from {keeper.field} what each request adds when it ends, whatever way it ends (finally, onClose)."
    return ""


def amount_of_objects(case: Case, told: Signal, context: RunContext) -> EntryAmount | None:
    """Return what the objects hold alone that each request leaves; None if the classes that `told` counts hold as much.

    Of such objects, one holds others of them: the entry of a map its key and its value.
    """
    classes = context.classes
    if classes is None or told.name != GROWING_CLASSES or classes.endpoint not in case.endpoints:
        return None
    exact = case.amount(told)
    held = [
        (each * holds, each * error, name)
        for name, holds, error in _holds(context)
        if (each := classes.each.get(name, 0.0)) and not is_common(name)
    ]
    whole, error, name = max(held, default=(0.0, 0.0, ""))
    if whole <= exact.per_request:
        return None
    off = STANDARD_ERRORS * error + HOLDS_OFF * whole
    shown = show_amount(whole / classes.each[name], "bytes")
    words = f"The amount is what an object of {name} holds alone after the drain, {shown}, for each that a request leaves."
    return EntryAmount(
        Amount(exact.endpoint, whole, max(exact.low, whole - off), whole + off, exact.share), words
    )


def _holds(context: RunContext) -> list[tuple[str, float, float]]:
    """Return the classes in the dump with the bytes that an object holds alone, and the standard error."""
    told = context.drained("classes")
    try:
        rows = items(mapping(json.loads(told)).get("kept", [])) if told is not None else []
        return [
            (class_name(text(row["class"])), amount(row["holds"]), amount(row["error"]))
            for row in map(mapping, rows)
            if "holds" in row
        ]
    except OTHER_SHAPE:
        return []


def _keepers(document: Mapping[str, Any], left: Mapping[str, float]) -> Iterator[ClassKeeper]:
    """Yield for each class the own field that keeps most of its objects, if those are most of what requests have `left` of it."""
    libraries = libraries_of(document)
    for row in map(mapping, items(document.get("kept", []))):
        name = class_name(text(row["class"]))
        objects, sampled = (amount(row.get(key, 0.0)) for key in ("objects", "sampled"))
        if name not in left or not sampled:
            continue
        fields: Counter[tuple[str, bool]] = Counter()
        for many, way in map(items, items(row["ways"])):
            field = own_field(items(way), libraries)
            if field is not None:
                local = any(text(items(step)[0]) == _LOCAL for step in items(way))
                fields[field[0], local] += int(amount(many))
        for (field_name, local), many in fields.most_common(1):
            share = many / sampled
            if share * objects >= KEEPS_SHARE * left[name]:
                yield ClassKeeper(field_name, name, share, int(objects), local)
