"""What keeps objects of one class alive, by V8's whole heap: names of variables, functions and files, and no contents.

https://github.com/v8/v8/blob/main/src/profiler/heap-snapshot-generator.cc writes JSON: `nodes` and
`edges` as flat lists of whole numbers, `locations` of functions, and `strings`, in this order. Weak
edges keep nothing alive.
"""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from soak.errors import OTHER_SHAPE, TargetError

Numbers = NDArray[np.signedinteger[Any]]

#: An object through which so many of the sought ones are kept is what collects them. Below it, on
#: the way to each, lies what was made for that one alone.
_COLLECTS = 10
_ROOT = 0
#: Names of a way that say where something is kept, the longest name, and functions told of a way.
_NAMES, _LONGEST, _FUNCTIONS = 3, 300, 5
#: Keepers told, and scopes searched outwards for a function whose file is known.
_MOST, _SCOPES = 20, 3
#: Files that are not the target's own code.
_OTHERS = re.compile(r"^node:|^evalmachine|(^|/)node_modules/")


@dataclass(frozen=True, slots=True)
class Location:
    """A variable or function, with its file (empty if unknown) and line (0 if unknown)."""

    name: str
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Keeper:
    """What keeps `count` objects alive: a `holder`, such as the variable `store.sessions`, and the functions, innermost
    first, that were made for each of the objects and captured it."""

    holder: Location
    captured: tuple[Location, ...]
    count: int


def keepers(heap: bytes, constructor: str) -> bytes:
    """Return a snapshot of kind `keepers`: what keeps the objects of a class, on a shortest way from the root to each.

    `heap` is a heap snapshot of V8. Raise TargetError if it is none.
    """
    try:
        graph = _Graph(heap)
        kept = graph.objects(constructor)
        told = _keepers(graph, kept)[:_MOST]
    except OTHER_SHAPE as error:
        raise TargetError(f"the heap snapshot cannot be read ({error!s:.100})") from error
    document = {
        "class": constructor,
        "objects": len(kept),
        "keepers": [asdict(keeper) for keeper in told],
    }
    return json.dumps(document, separators=(",", ":")).encode()


def holders(heap: bytes, numbers: Mapping[str, int]) -> dict[str, Location]:
    """Return the variable or property that holds each object, by the name that its number (V8's object id) is given under.

    Objects that are gone, or that nothing with a name holds, are left out. Raise TargetError if `heap`
    is no heap snapshot.
    """
    try:
        graph = _Graph(heap)
        nodes = {name: graph.node_of(number) for name, number in numbers.items()}
        found = {name: graph.holder(node) for name, node in nodes.items() if node is not None}
    except OTHER_SHAPE as error:
        raise TargetError(f"the heap snapshot cannot be read ({error!s:.100})") from error
    return {name: holder for name, holder in found.items() if holder is not None}


def _keepers(graph: _Graph, objects: list[int]) -> list[Keeper]:
    """Return what keeps these nodes, most of them first."""
    through = graph.kept_through(objects)
    seen: Counter[tuple[int, tuple[Location, ...]]] = Counter()
    for kept in objects:
        node = kept
        functions: list[Location] = []
        while node > _ROOT and through[node] < _COLLECTS:
            if (function := graph.function_at(node)) is not None:
                functions.append(function)
            node = graph.parent(node)
        if node > _ROOT:
            seen[node, tuple(functions[:_FUNCTIONS])] += 1
    counts: Counter[tuple[Location, tuple[Location, ...]]] = Counter()
    for (node, captured), count in seen.items():
        if (holder := graph.holder(node)) is not None:
            counts[holder, captured] += count
    return [Keeper(*pair, count) for pair, count in counts.most_common()]


class _Graph:
    """The graph of a heap: nodes by their index, and edges in the order of the nodes that they lead from."""

    def __init__(self, heap: bytes) -> None:
        nodes_at, edges_at, strings_at = (
            heap.index(mark) for mark in (b'"nodes":[', b'"edges":[', b'"strings":[')
        )
        meta = json.loads(heap[:nodes_at].rstrip().rstrip(b",") + b"}")["snapshot"]["meta"]
        self._node_kinds, self._edge_kinds = meta["node_types"][0], meta["edge_types"][0]
        strings = heap.index(b"[", strings_at)
        self._strings: list[str] = json.loads(heap[strings : heap.rindex(b"]") + 1])
        fields: list[str] = meta["node_fields"]
        nodes = _table(heap, nodes_at, len(fields))
        self._node_kind, self._node_name, self._ids, many = (
            nodes[:, fields.index(name)].copy() for name in ("type", "name", "id", "edge_count")
        )
        edges = _table(heap, edges_at, len(meta["edge_fields"]), np.int32)
        self._edge_kind, self._edge_name, to = (
            edges[:, meta["edge_fields"].index(name)]
            for name in ("type", "name_or_index", "to_node")
        )
        self._to = to // len(fields)
        self._first = np.concatenate(([0], np.cumsum(many)))
        fits = not len(edges) or (self._to.min() >= 0 and self._to.max() < len(nodes))
        if not fits or not len(nodes) or many.min() < 0 or self._first[-1] != len(edges):
            raise ValueError("its edges do not fit its nodes")
        places = _table(heap, heap.index(b'"locations":['), len(meta["location_fields"]))
        of, line = (meta["location_fields"].index(name) for name in ("object_index", "line"))
        self._holders: dict[int, Location | None] = {}
        self._lines = {int(row[of]) // len(fields): int(row[line]) + 1 for row in places}

    def objects(self, constructor: str) -> list[int]:
        """Return the nodes of a class's objects."""
        if constructor not in self._strings:
            return []
        kind, name = self._node_kinds.index("object"), self._strings.index(constructor)
        return _as_list(np.flatnonzero((self._node_kind == kind) & (self._node_name == name)))

    def node_of(self, number: int) -> int | None:
        """Return the node of the object with this id; None if it is gone."""
        found = np.flatnonzero(self._ids == number)
        return int(found[0]) if len(found) else None

    @cached_property
    def _ways(self) -> tuple[Numbers, Numbers]:
        """Of each node the one before it on a shortest way from the root, and its rank by distance from the root."""
        from scipy.sparse import csr_array  # noqa: PLC0415 - for the few runs with kept requests
        from scipy.sparse.csgraph import breadth_first_order  # noqa: PLC0415

        strong = self._edge_kind != self._edge_kinds.index("weak")
        first = np.concatenate(([0], np.cumsum(strong)))[self._first]
        many = len(self._node_kind)
        weights = np.ones(int(strong.sum()), dtype=np.int8)
        graph = csr_array((weights, self._to[strong], first), (many, many))
        order, before = breadth_first_order(graph, _ROOT)
        ranks = np.zeros(many, dtype=np.int64)
        ranks[order] = np.arange(len(order))
        return before, ranks

    def parent(self, node: int) -> int:
        """Return the node through which a node is reached; negative for the root and for what nothing keeps."""
        return int(self._ways[0][node])

    def kept_through(self, objects: list[int]) -> Counter[int]:
        """Return how many of the objects are reached through each node on their ways, the objects included."""
        counts = Counter(objects)
        on_ways = set(objects)
        for kept in objects:
            node = self.parent(kept)
            while node > _ROOT and node not in on_ways:
                on_ways.add(node)
                node = self.parent(node)
        ranks = self._ways[1]
        for node in sorted(on_ways, key=lambda node: -int(ranks[node])):
            counts[self.parent(node)] += counts[node]
        return counts

    def function_at(self, node: int) -> Location | None:
        """Return the node as a function; None if it is something else."""
        if self._node_kinds[self._node_kind[node]] != "closure":
            return None
        name = self._name(node) or "(anonymous)"
        return Location(name, self._script(node), self._lines.get(node, 0))

    def holder(self, node: int) -> Location | None:
        """Return the variable, or the property of a function, module or global object, that keeps a node; None if unnamed.

        A way begins anew at an object of the target's own class: `FlushService.units` says more than how a framework
        reaches it. Of a longer way its first names are told: `head.next` is the second item of a list, and every later one.
        """
        way = []
        while node not in self._holders and (parent := self.parent(node)) >= 0:
            way.append((parent, node))
            node = parent
        holder = self._holders.get(node)
        for parent, child in reversed(way):
            holder = self._holders[child] = self._part(holder, parent, *self._edge(parent, child))
        return holder

    def _part(self, holder: Location | None, owner: int, kind: str, name: str) -> Location | None:
        """Return what keeps a node if an edge of this kind and name leads to it from `owner`, which `holder` keeps."""
        if kind == "context":
            return Location(name, self._script_of_scope(owner))
        if kind != "property":
            return holder
        start = self.function_at(owner) or self._own_class(owner)
        if start is not None:
            return replace(start, name=_joined(start.name, name))
        if self._name(owner) == "Module" and (file := self._property(owner, "filename")):
            return Location(name, file)
        if holder is None:
            return Location(_joined(self._name(owner), name))
        return replace(holder, name=_joined(holder.name, name))

    def _own_class(self, node: int) -> Location | None:
        """Return the constructor of an object if the target's own code defines its class; else None."""
        if self._node_kinds[self._node_kind[node]] != "object":
            return None
        prototype = self._end(node, "__proto__")
        constructor = None if prototype is None else self._end(prototype, "constructor")
        made_by = None if constructor is None else self.function_at(constructor)
        own = made_by is not None and made_by.file and not _OTHERS.search(made_by.file)
        return made_by if own else None

    def _end(self, node: int, sought: str) -> int | None:
        """Return the node that a property of a node leads to; None if it has no such property."""
        ends = (
            end for kind, name, end in self._edges(node) if (kind, name) == ("property", sought)
        )
        return next(ends, None)

    def _name(self, node: int) -> str:
        return str(self._strings[self._node_name[node]])[:_LONGEST]

    def _edges(self, node: int) -> Iterator[tuple[str, str, int]]:
        """Yield kind, name and end of each edge that leads from a node; elements have no name."""
        for edge in range(int(self._first[node]), int(self._first[node + 1])):
            kind = self._edge_kinds[self._edge_kind[edge]]
            numbered = kind in ("element", "hidden")
            name = "" if numbered else self._strings[self._edge_name[edge]][:_LONGEST]
            yield kind, name, int(self._to[edge])

    def _edge(self, node: int, end: int) -> tuple[str, str]:
        """Return kind and name of a strong edge from one node to another; of several, one with a name."""
        edges = [
            (kind, name) for kind, name, to in self._edges(node) if to == end and kind != "weak"
        ]
        named = [edge for edge in edges if edge[0] in ("context", "property")]
        return (named or edges)[0]

    def _property(self, node: int, sought: str) -> str:
        """Return the text in a property of a node; empty if there is none."""
        end = self._end(node, sought)
        text = end is not None and self._node_kinds[self._node_kind[end]] == "string"
        return self._name(end) if end is not None and text else ""

    def _script(self, function: int) -> str:
        """Return the file of a function; empty if it is unknown."""
        node = function
        for names in (("shared",), ("script", "script_or_debug_info")):
            ends = (
                end for kind, name, end in self._edges(node) if kind == "internal" and name in names
            )
            if (node := next(ends, -1)) < 0:
                return ""
        return self._name(node).removeprefix("file://")

    def _script_of_scope(self, scope: int) -> str:
        """Return the file of a function that uses the variables of a scope, or of a scope inside it."""
        inner = self._edge_kind == self._edge_kinds.index("internal")
        scopes = [scope]
        for _ in range(_SCOPES):
            edges = np.flatnonzero(inner & np.isin(self._to, scopes))
            scopes = _as_list(np.searchsorted(self._first, edges, side="right") - 1)
            for user in scopes:
                function = self.function_at(user)
                if function is not None and function.file:
                    return function.file
        return ""


def _joined(way: str, name: str) -> str:
    """Return a way with another name, unless it repeats the last one or the way has names enough."""
    names = way.split(".")
    return way if names[-1] == name or len(names) >= _NAMES else f"{way}.{name}"[:_LONGEST]


def _table(
    heap: bytes, start: int, width: int, kind: type[np.signedinteger[Any]] = np.int64
) -> Numbers:
    """Return the list of whole numbers in the first brackets after `start`, in rows of `width`."""
    start = heap.index(b"[", start) + 1
    numbers = heap[start : heap.index(b"]", start)].replace(b"\n", b"")
    with warnings.catch_warnings():  # of text that is no number, where it stops
        warnings.simplefilter("ignore", DeprecationWarning)
        table = np.fromstring(numbers, dtype=kind, sep=",")
    if len(table) != (numbers.count(b",") + 1 if numbers else 0):
        raise ValueError("a list holds something that is no whole number")
    return table.reshape(-1, width)


def _as_list(numbers: NDArray[Any]) -> list[int]:
    return list(map(int, numbers))
