"""Lengths of a Node process's growing containers, through its inspector: maps, sets, arrays, lists of listeners, and objects
with many keys.

V8 lists all objects of a realm (`Runtime.queryObjects`). It collects all garbage for that and stands still
meanwhile, so they are listed a few times in a run; what was found is measured at every snapshot. A
container is told from when it has gained entries; the service holds no more than weak references.
https://chromedevtools.github.io/devtools-protocol/v8/Runtime/#method-queryObjects
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from soak.catalog.node import CONTAINER_HOLDER, CONTAINER_LENGTH
from soak.errors import SoakError
from soak.sampling.profilers.inspector import Inspector
from soak.sampling.profilers.profiler import Gauge
from soak.sampling.profilers.v8_heap import Location, holders

#: Bytes of the largest heap whose objects are listed: V8 stands still for 0.1 s for 10 MiB.
LISTED = 128 * 2**20
#: The snapshots under load at which objects are listed: the first, when requests have filled
#: containers, a little later, and then after so many. The containers of a service are there early.
_LISTS, _THEN = (0, 4), 24
#: Entries of a container at which it is noticed, and which it gains before it is told; keys of an
#: object used as a dictionary; containers noticed at most; those that are named; and fields of an
#: object in which those without a prototype are looked for.
_NOTICED, _KEYS, _MOST, _NAMED, _FIELDS = 20, 50, 5000, 10, 20
_GROUP = "soak.objects"
#: What was noticed, held by the inspector's session and nothing else.
_KNOWN = """({
  types: require('util').types, seen: new WeakMap(), noticed: new Set(), told: new Map(), last: 0,
  sizeOf: (type => type.map(each => Object.getOwnPropertyDescriptor(each.prototype, 'size').get))([Map, Set]),
})"""
_MEASURED = f"""
  const {{ types, seen, noticed, told, sizeOf: [mapSize, setSize] }} = known
  const listeners = target => {{
    const events = target[Object.getOwnPropertySymbols(target).find(key => key.description === 'kEvents')]
    return Math.max(0, ...(types.isMap(events) ? [...events.values()] : []).map(root => root?.size ?? 0))
  }}
  const keys = object => {{
    let counted = 0
    for (const key in object) if (++counted >= {_KEYS}) return Object.keys(object).length
    return 0
  }}
  const measured = object => {{
    if (Array.isArray(object)) return ['Array', object.length]
    if (types.isMap(object)) return ['Map', mapSize.call(object)]
    if (types.isSet(object)) return ['Set', setSize.call(object)]
    if (object instanceof EventTarget) return ['EventTarget', listeners(object)]
    return ['Object', keys(object)]
  }}"""
#: Notices the containers among all objects (`this`), and those without a prototype, which are in no
#: list, in the fields of the others.
_NOTICE = f"""function (known) {{{_MEASURED}
  const notice = object => {{
    if (seen.has(object) || noticed.size >= {_MOST} || object === noticed || object === told) return
    const [, size] = measured(object)
    if (size < {_NOTICED}) return
    seen.set(object, {{ id: 0, size }})
    noticed.add(new WeakRef(object))
  }}
  const inFields = object => {{
    for (const key of Object.keys(object).slice(0, {_FIELDS})) {{
      const {{ value }} = Object.getOwnPropertyDescriptor(object, key) ?? {{}}
      if (!value || typeof value !== 'object' || types.isProxy(value) || types.isModuleNamespaceObject(value)) continue
      if (Object.getPrototypeOf(value) === null) notice(value)
    }}
  }}
  for (const object of this) {{
    if (typeof object !== 'object' || types.isProxy(object)) continue
    notice(object)
    const prototype = Object.getPrototypeOf(object)
    if (prototype && prototype !== Object.prototype && prototype !== Array.prototype) inFields(object)
  }}
}}"""
_LENGTHS = f"""function () {{ const known = this;{_MEASURED}
  const lengths = []
  for (const reference of noticed) {{
    const object = reference.deref()
    if (!object) {{ noticed.delete(reference); continue }}
    const [kind, size] = measured(object), row = seen.get(object)
    if (!row.id && size >= row.size + {_NOTICED}) {{
      row.id = ++known.last
      told.set(row.id, reference)
    }}
    if (row.id) lengths.push([kind, row.id, size])
  }}
  return lengths
}}"""
_CONTAINER = "function (id) { return this.told.get(id)?.deref() }"


@dataclass(frozen=True, slots=True)
class Container:
    """A container that has gained entries: Map, Set, Array, Object or EventTarget; its number in the session; its length."""

    kind: str
    number: int
    length: float

    @property
    def holder(self) -> str:
        """The name by which its series tells it."""
        return f"{self.kind} {self.number}"


class ContainerLengths:
    """The containers of one process, for as long as a session with it lasts."""

    def __init__(self, session: Inspector) -> None:
        self._session = session
        self._known = ""
        self._turns = itertools.count()

    def measure(self, *, loaded: bool) -> list[Container]:
        """Return the containers that have gained entries; none where V8 cannot tell them.

        Under load (`loaded`), objects are listed now and then to notice containers.
        """
        try:
            if not self._known:
                self._known = self._evaluated(_KNOWN, includeCommandLineAPI=True)
            if loaded:
                self._notice(next(self._turns))
            told = self._call(_LENGTHS, self._known, returnByValue=True).get("value")
        except (SoakError, LookupError, TypeError):
            return []
        rows = told if isinstance(told, list) else []
        return [Container(str(kind), int(number), float(length)) for kind, number, length in rows]

    def _notice(self, turn: int) -> None:
        """Look for containers among all objects, if it is time to, and if there are not too many."""
        if turn not in _LISTS and (turn == 0 or turn % _THEN):
            return
        if float(self._session.call("Runtime.getHeapUsage")["usedSize"]) > LISTED:
            return
        try:
            root = self._evaluated("Object.prototype", objectGroup=_GROUP)
            listed = self._session.call(
                "Runtime.queryObjects", prototypeObjectId=root, objectGroup=_GROUP
            )
            self._call(_NOTICE, listed["objects"]["objectId"], [{"objectId": self._known}])
        finally:
            self._session.call("Runtime.releaseObjectGroup", objectGroup=_GROUP)

    def _evaluated(self, expression: str, **options: Any) -> str:
        """Return the inspector's name for the value of an expression."""
        told = self._session.call("Runtime.evaluate", expression=expression, **options)
        return str(told["result"]["objectId"])

    def _call(
        self, function: str, this: str, given: Sequence[object] = (), **options: Any
    ) -> dict[str, Any]:
        """Return what a function returns when it is called on an object."""
        told = self._session.call(
            "Runtime.callFunctionOn",
            objectId=this,
            functionDeclaration=function,
            arguments=list(given),
            **options,
        )
        return dict(told["result"])

    def numbers_on_heap(self, containers: Sequence[Container]) -> dict[str, int]:
        """Return the numbers that the longest containers have in heap snapshots, by holder."""
        longest = sorted(containers, key=lambda each: -each.length)[:_NAMED]
        numbers: dict[str, int] = {}
        for container in longest:
            number = [{"value": container.number}]
            found = self._call(_CONTAINER, self._known, number, objectGroup=_GROUP)
            if "objectId" in found:
                told = self._session.call(
                    "HeapProfiler.getHeapObjectId", objectId=found["objectId"]
                )
                numbers[container.holder] = int(told["heapSnapshotObjectId"])
        self._session.call("Runtime.releaseObjectGroup", objectGroup=_GROUP)
        return numbers


def length_rows(containers: Sequence[Sequence[Container]]) -> Iterator[Gauge]:
    """Yield the length of each container of each process."""
    for process, own in enumerate(containers):
        for container in own:
            labels = _labels(container.holder, process, len(containers))
            yield CONTAINER_LENGTH, {**labels, "kind": container.kind}, container.length


def holder_rows(
    heap: bytes, numbers: dict[str, int], process: int, processes: int
) -> Iterator[Gauge]:
    """Yield what holds each container, by a heap snapshot: a variable or property, with its file and line."""
    for name, location in holders(heap, numbers).items():
        labels = _labels(name, process, processes)
        yield CONTAINER_HOLDER, {**labels, **_described(location)}, 1.0


def _labels(holder: str, process: int, processes: int) -> dict[str, str]:
    return {"holder": holder if processes == 1 else f"{holder} of worker {process + 1}"}


def _described(location: Location) -> dict[str, str]:
    line = {"line": str(location.line)} if location.line else {}
    return {"name": location.name, "file": location.file, **line}
