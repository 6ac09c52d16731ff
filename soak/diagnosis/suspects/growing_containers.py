"""Find containers that gain entries, by the lengths that snapshots tell: module-level collections and function caches of
Python, maps, sets and arrays of Node."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from soak.analysis.prepare.stretches import known_between
from soak.catalog.metrics import CONTAINERS, ResourceKind
from soak.catalog.node import CONTAINER_HOLDER
from soak.catalog.node import CONTAINER_LENGTH as NODE_LENGTH
from soak.catalog.row_types import Unit
from soak.diagnosis.attribution.allocation_sites import place_at
from soak.diagnosis.attribution.attribution import EVERY, Amount
from soak.diagnosis.attribution.levels import (
    Levels,
    attribute_by_endpoint,
    contributors,
    requests_at,
)
from soak.diagnosis.attribution.site_growth import slope_and_error
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext
from soak.diagnosis.thresholds import (
    AS_MANY,
    CLEARED_SHARE,
    DROPPED_SHARE,
    ENTRY_SEEN,
    FULL_SHARE,
    LARGEST_ENTRY,
    LEAST_ENTRIES,
    LEAST_SNAPSHOTS,
    MOST_NAMED,
)
from soak.model import Floats, Place, Series
from soak.units import show_number

#: In the name of what holds an emitter's listeners in Node.
LISTENERS = "._events."
#: The kind of container that holds the listeners of an EventTarget, such as an AbortSignal.
TARGET = "EventTarget"
#: The kind of holder that is a class of the service's own, and its entries its objects.
OBJECTS = "objects"
#: Classes of Python's own whose objects hold memory from the system.
_OFF_HEAP = ("mmap.mmap", "multiprocessing.shared_memory.SharedMemory")
#: Names of classes of the objects by which Python's clients hold a connection.
_OF_DATABASE = re.compile(r"\.\w*(?:Session|[Cc]onnection|[Cc]ursor)(?:Proxy|Fairy)?$")


@dataclass(frozen=True, eq=False)
class GrowingContainer:
    """One container: its holder and kind, its growth in entries per request, the endpoints through which it grows, the
    only line that fills it, or the holder if no such line is known (None if it has no name), the classes of its entries,
    and how many bytes one of them holds alone (0 if unknown)."""

    holder: str
    kind: str
    per_request: float
    endpoints: tuple[Amount, ...]
    place: Place | None
    entries: tuple[str, ...] = ()
    entry_bytes: float = 0.0


def containers(context: RunContext) -> list[GrowingContainer]:
    """Return the containers that surely gain entries over the run's snapshots, fastest first."""
    growing = [
        _growing(series, context, rows.entry)
        for rows in CONTAINERS
        for series in context.series(rows.lengths)
        if not rows.is_bounded(series.labels)
    ]
    return sorted(filter(None, growing), key=lambda container: -_telling(container))


def _telling(container: GrowingContainer) -> float:
    """Return the entries per request, by a tenth for objects of a class: a container says more, as it is what keeps them.

    An entry may hold several: the rows of an answer.
    """
    return container.per_request * (0.1 if container.kind == OBJECTS else 1.0)


def containers_of(case: Case, context: RunContext) -> list[GrowingContainer]:
    """Return the containers that grow through the case's endpoint or an unknown one; all if the case's is unknown."""
    return [
        container
        for container in containers(context)
        if (
            not case.endpoint
            or not container.endpoints
            or any(amount.endpoint in case.endpoints for amount in container.endpoints)
        )
        and _may_explain(container, case)
    ]


def _may_explain(container: GrowingContainer, case: Case) -> bool:
    """Return True unless each entry of the container would have to be far larger than it is to make up the growth of memory."""
    grown = [
        signal.each.per_request
        for signal in case.signals
        if signal.unit == Unit.BYTES and signal.what in (ResourceKind.HEAP, ResourceKind.MEMORY)
    ]
    if not grown or not case.memory_alone:
        return True
    largest = ENTRY_SEEN * container.entry_bytes if container.entry_bytes else LARGEST_ENTRY
    return min(grown) <= largest * container.per_request


def with_siblings(container: GrowingContainer, case: Case, context: RunContext) -> GrowingContainer:
    """Return the container with what the others of the same owner hold that gain as many entries (indexes of one store)."""
    owner = container.holder.rpartition(".")[0]
    others = [
        other.entry_bytes
        for other in containers_of(case, context)
        if other.holder != container.holder
        and other.holder.rpartition(".")[0] == owner
        and OBJECTS not in (other.kind, container.kind)
        and abs(other.per_request - container.per_request) <= AS_MANY * container.per_request
    ]
    known = container.entry_bytes > 0
    return (
        replace(container, entry_bytes=container.entry_bytes + sum(others)) if known else container
    )


def growing_containers(case: Case, context: RunContext) -> str:
    """Describe the growing containers of a case; empty if the case is not one of memory alone."""
    if not case.memory_alone or not case.signals:
        return ""
    sentences = [
        f"{named_holder(container)} gains {_gain(container)}"
        for container in containers_of(case, context)[:MOST_NAMED]
        if not entry_of(container, _OFF_HEAP.__contains__)
    ]
    return f"{'; '.join(sentences)}." if sentences else ""


def entry_of(container: GrowingContainer, wanted: Callable[[str], object]) -> str:
    """Return the first of a container's entries that is `wanted`; empty if none is."""
    return next(filter(wanted, container.entries), "")


def containers_of_closures(case: Case, context: RunContext) -> list[GrowingContainer]:
    """Return the growing containers of the service that hold closures."""
    return _holding(_is_closure, case, context)


def containers_of_connections(case: Case, context: RunContext) -> list[GrowingContainer]:
    """Return the growing containers of the service that hold connections of a database, or sessions, which hold them."""
    return _holding(_OF_DATABASE.search, case, context)


def containers_as_many(case: Case, context: RunContext) -> list[GrowingContainer]:
    """Return the growing containers that gain about as many entries a request as a case's count does: clients, handles."""
    counts = [
        case.amount(signal).per_request
        for signal in case.signals
        if signal.counted and case.amount(signal).endpoint == case.endpoint
    ]
    return [
        container
        for container in containers_of(case, context)
        for amount in container.endpoints
        if amount.endpoint in case.endpoints
        and any(abs(amount.per_request - count) <= AS_MANY * count for count in counts)
    ]


def containers_off_heap(case: Case, context: RunContext) -> list[GrowingContainer]:
    """Return the growing containers of the service that hold memory from the system, which Python does not allocate."""
    return _holding(_OFF_HEAP.__contains__, case, context)


def kept_closures(case: Case, context: RunContext) -> str:
    """Say which growing container holds closures; empty if none does, or if something counted grows."""
    what = "a closure, which keeps the variables of the function around it"
    return _kept(_is_closure, what, case, context)


def listening_container(case: Case, context: RunContext) -> GrowingContainer | None:
    """Return the growing container of Node that holds an emitter's listeners; None if there is none."""
    found = containers_of(case, context)
    return next((each for each in found if LISTENERS in each.holder or each.kind == TARGET), None)


def kept_listeners(case: Case, context: RunContext) -> str:
    """Say that listeners stay on an emitter, if they do; else return an empty string."""
    container = listening_container(case, context) if case.memory_alone else None
    if container is None:
        return ""
    return f"{named_holder(container)} gains {_gain(container)}: listeners that are never removed."


def kept_off_heap(case: Case, context: RunContext) -> str:
    """Say which growing container holds memory from the system; empty if none does, or if something counted grows."""
    return _kept(
        _OFF_HEAP.__contains__, "memory from the system, outside of the heap", case, context
    )


def _holding(
    wanted: Callable[[str], object], case: Case, context: RunContext
) -> list[GrowingContainer]:
    return [container for container in containers_of(case, context) if entry_of(container, wanted)]


def _kept(wanted: Callable[[str], object], what: str, case: Case, context: RunContext) -> str:
    for container in _holding(wanted, case, context)[:1] if case.memory_alone else ():
        held = f"{container.holder} ({container.kind}) holds ever more of {entry_of(container, wanted)}"
        return f"{held}: {what}."
    return ""


def named_holder(container: GrowingContainer) -> str:
    """Return the holder with its kind: `shop.CARTS (dict)`, or `class shop.Cart`."""
    if container.kind == OBJECTS:
        return f"class {container.holder}"
    if container.place is None:
        return f"an {container.kind}" if container.kind[:1] in "AO" else f"a {container.kind}"
    return f"{container.holder} ({container.kind})"


def _is_closure(entry: str) -> bool:
    return entry.endswith("()")


def _gain(container: GrowingContainer) -> str:
    """Return the entries gained per request to the endpoint that fills the container, or to any if that is unknown."""
    each, scope = container.per_request, "of any kind"
    if len(container.endpoints) == 1 and container.endpoints[0].endpoint != EVERY:
        [through] = container.endpoints
        each, scope = through.per_request, f"to {through.endpoint}"
    return f"{show_entries(each, container.kind)} per request {scope}"


def show_entries(each: float, kind: str = "") -> str:
    """Format entries per request: `1 entry`, `0.5 entries`; the singular if it reads as one. A class has objects."""
    number = show_number(each)
    one, more = ("object", "objects") if kind == OBJECTS else ("entry", "entries")
    return f"{number} {one if number == '1' else more}"


def _growing(series: Series, context: RunContext, entry: str = "") -> GrowingContainer | None:
    times, lengths = known_between(series, context.prepared.judged_from)
    if len(times) < LEAST_SNAPSHOTS or lengths[-1] - lengths[0] < LEAST_ENTRIES:
        return None
    requests = requests_at(context.prepared, times)
    slope, error = slope_and_error(requests, lengths) if np.ptp(requests) > 0 else (0.0, 0.0)
    if slope <= error or _is_bounded(requests, lengths):
        return None
    labels = dict(series.labels)
    levels = Levels(times, lengths, requests)
    told = attribute_by_endpoint(context.prepared, levels, series.key, "entries", integer=True)
    holder = labels.get("holder", "?")
    sizes = [sizes.last or 0.0 for sizes in context.series(entry, holder=holder)] if entry else []
    holder, place = _named(series, holder, context)
    return GrowingContainer(
        holder,
        labels.get("kind", "container"),
        slope,
        contributors(told),
        place,
        tuple(filter(None, labels.get("entries", "").split(", "))),
        max(sizes, default=0.0),
    )


def _named(series: Series, holder: str, context: RunContext) -> tuple[str, Place | None]:
    """Return what holds a container, and its place; None if nothing that holds it has a name.

    Python's hook names holders as it counts, Node's heap after the drain.
    """
    labels = dict(series.labels)
    if series.name == NODE_LENGTH:
        found = [dict(row.labels) for row in context.recorded(CONTAINER_HOLDER)]
        labels = next((row for row in found if row.get("holder") == holder), {})
        if not labels.get("name"):
            return holder, None
        holder = labels["name"]
    return holder, place_at(frame_of_labels(labels, holder))


def _is_bounded(requests: Floats, lengths: Floats) -> bool:
    """Return True if a container has hardly gained anything over the last third of the requests, or drops what it gained."""
    late = lengths[requests >= requests[0] + 2 / 3 * (requests[-1] - requests[0])]
    gained = float(lengths[-1] - lengths[0])
    full = len(late) >= LEAST_SNAPSHOTS and float(late[-1] - late[0]) < FULL_SHARE * gained
    most = float(lengths.max())
    highest = np.maximum.accumulate(lengths)
    cleared = (highest - lengths > CLEARED_SHARE * (highest - lengths[0])).any()
    return (
        full
        or bool(cleared)
        or most - float(lengths[-1]) > DROPPED_SHARE * (most - float(lengths[0]))
    )


def frame_of_labels(labels: Mapping[str, str], function: str = "", own: bool = False) -> Frame:
    """Return the line that the hook's labels give as a frame; `function` is used if they name none."""
    line = labels.get("line", "")
    number = int(line) if line.isdecimal() else 0
    return Frame(labels.get("function", function), labels.get("file", ""), number, own)
