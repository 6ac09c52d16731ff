"""What keeps requests on V8's heap: on heaps made by hand, and on documents that are none."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from soak.errors import TargetError
from soak.sampling.profilers.v8_heap import keepers

REQUEST = "IncomingMessage"
NODE_KINDS = ["hidden", "array", "string", "object", "code", "closure", "synthetic"]
EDGE_KINDS = ["context", "element", "property", "internal", "hidden", "shortcut", "weak"]


@dataclass
class Heap:
    """A heap, node by node; the root is node 0. Edges are added later, so each node's are sorted when it is written."""

    nodes: list[tuple[str, str]] = field(default_factory=lambda: [("synthetic", "")])
    edges: list[tuple[int, str, str | int, int]] = field(default_factory=list)
    lines: dict[int, int] = field(default_factory=dict)

    def add(self, kind: str, name: str, *by: tuple[int, str, str | int]) -> int:
        """Add a node with the edges that lead to it, each as (from, kind, name or index)."""
        self.nodes.append((kind, name))
        node = len(self.nodes) - 1
        self.edges += [(origin, edge, label, node) for origin, edge, label in by]
        return node

    def function(self, name: str, file: str, line: int, *by: tuple[int, str, str | int]) -> int:
        """Add a function of a file, with its line counted from 1."""
        node = self.add("closure", name, *by)
        shared = self.add("code", name, (node, "internal", "shared"))
        self.add("code", file, (shared, "internal", "script_or_debug_info"))
        self.lines[node] = line - 1
        return node

    def scope(self, file: str, *by: tuple[int, str, str | int]) -> int:
        """Add the variables of a module: one of its functions uses them."""
        node = self.add("object", "system / Context", *(by or [(0, "element", 1)]))
        self.edges.append((self.function("", file, 1), "internal", "context", node))
        return node

    def requests(self, count: int, *by: tuple[int, str, str | int]) -> list[int]:
        return [self.add("object", REQUEST, *by) for _ in range(count)]

    def written(self, **changed: Any) -> bytes:
        """The heap as V8 writes it."""
        strings: list[str] = ["<dummy>"]

        def number(text: str) -> int:
            if text not in strings:
                strings.append(text)
            return strings.index(text)

        edges = sorted(self.edges, key=lambda edge: edge[0])
        many = [sum(edge[0] == node for edge in edges) for node in range(len(self.nodes))]
        rows = [
            (NODE_KINDS.index(kind), number(name), 2 * index + 1, 16, count, 0, 0)
            for index, ((kind, name), count) in enumerate(zip(self.nodes, many, strict=True))
        ]
        leads = [
            (EDGE_KINDS.index(kind), label if isinstance(label, int) else number(label), 7 * end)
            for _, kind, label, end in edges
        ]
        fields = ["type", "name", "id", "self_size", "edge_count", "trace_node_id", "detachedness"]
        places = [(7 * node, 1, line, 0) for node, line in self.lines.items()]
        meta = {
            "node_fields": fields,
            "node_types": [NODE_KINDS, "string", "number", "number", "number", "number", "number"],
            "edge_fields": ["type", "name_or_index", "to_node"],
            "edge_types": [EDGE_KINDS, "string_or_number", "node"],
            "location_fields": ["object_index", "script_id", "line", "column"],
        }
        document = {
            "snapshot": {"meta": meta, "node_count": len(rows), "edge_count": len(leads)},
            "nodes": _flat(rows),
            "edges": _flat(leads),
            "locations": _flat(places),
            "strings": strings,
            **changed,
        }
        parts = (f'"{key}":{json.dumps(value)}' for key, value in document.items())
        return ("{" + ",\n".join(parts) + "}").encode()


def _flat(rows: Iterable[tuple[int, ...]]) -> list[int]:
    return [number for row in rows for number in row]


def told(heap: Heap) -> list[tuple[str, str, int, list[str], int]]:
    """Name, file and line of each holder, the functions that captured, and how many."""
    document = json.loads(keepers(heap.written(), REQUEST))
    assert document["class"] == REQUEST
    return [
        (
            *row["holder"].values(),
            [f"{f['name']} {f['file']}:{f['line']}" for f in row["captured"]],
            row["count"],
        )
        for row in document["keepers"]
    ]


def test_the_variable_that_keeps_requests_is_named_with_its_file() -> None:
    heap = Heap()
    scope = heap.scope("file:///srv/app.js")
    kept = heap.add("object", "Array", (scope, "context", "kept"))
    heap.requests(12, (kept, "element", 3))
    assert told(heap) == [("kept", "/srv/app.js", 0, [], 12)]


@pytest.mark.parametrize(("count", "named"), [(9, False), (10, True)])
def test_what_collects_keeps_ten(count: int, named: bool) -> None:
    heap = Heap()
    kept = heap.add("object", "Array", (heap.scope("/srv/app.js"), "context", "kept"))
    heap.requests(count, (kept, "element", 1))
    assert bool(told(heap)) is named
    assert json.loads(keepers(heap.written(), REQUEST))["objects"] == count


def test_a_weak_edge_keeps_nothing_alive() -> None:
    heap = Heap()
    scope = heap.scope("/srv/app.js")
    near = heap.add("object", "WeakSet", (scope, "context", "near"))
    far = heap.add("object", "Map", (scope, "context", "far"))
    table = heap.add("array", "", (far, "internal", "table"))
    heap.requests(10, (near, "weak", "1"), (table, "internal", "2"))
    assert told(heap) == [("far", "/srv/app.js", 0, [], 10)]


def test_the_functions_that_captured_each_request_are_told_from_inside_out() -> None:
    heap = Heap()
    kept = heap.add("object", "Array", (heap.scope("/srv/app.js"), "context", "onEnd"))
    for index in range(11):
        outer = heap.function("later", "/srv/app.js", 7, (kept, "element", index))
        inner = heap.function("", "/srv/app.js", 8, (outer, "context", "then"))
        own = heap.add("object", "system / Context", (inner, "internal", "context"))
        heap.requests(1, (own, "context", "request"))
    functions = ["(anonymous) /srv/app.js:8", "later /srv/app.js:7"]
    assert told(heap) == [("onEnd", "/srv/app.js", 0, functions, 11)]


def test_a_part_of_an_object_is_named_after_the_variable() -> None:
    heap = Heap()
    store = heap.add("object", "Store", (heap.scope("/srv/app.js"), "context", "store"))
    sessions = heap.add("object", "Object", (store, "property", "sessions"))
    table = heap.add("array", "", (sessions, "internal", "properties"))
    heap.requests(10, (table, "internal", "1"))
    assert told(heap) == [("store.sessions", "/srv/app.js", 0, [], 10)]


def test_a_list_is_one_holder_however_long() -> None:
    heap = Heap()
    last = heap.add("object", "Item", (heap.scope("/srv/app.js"), "context", "head"))
    for _ in range(30):
        heap.requests(1, (last, "property", "request"))
        last = heap.add("object", "Item", (last, "property", "next"))
    assert {(name, file) for name, file, *_ in told(heap)} == {
        ("head", "/srv/app.js"),
        ("head.next", "/srv/app.js"),
    }


def test_a_property_of_a_function_a_module_or_a_global_object_is_named() -> None:
    heap = Heap()
    scope = heap.scope("/srv/app.js")
    made = heap.function("Registry", "/srv/registry.js", 4, (scope, "context", "Registry"))
    module = heap.add("object", "Module", (0, "element", 2))
    heap.add("string", "/srv/log.js", (module, "property", "filename"))
    exported = heap.add("object", "Object", (module, "property", "exports"))
    everywhere = heap.add("object", "global", (0, "shortcut", "2"))
    for count, owner, name in ((12, made, "all"), (11, exported, "recent"), (10, everywhere, "x")):
        heap.requests(count, (heap.add("object", "Array", (owner, "property", name)), "element", 1))
    assert told(heap) == [
        ("Registry.all", "/srv/registry.js", 4, [], 12),
        ("exports.recent", "/srv/log.js", 0, [], 11),
        ("global.x", "", 0, [], 10),
    ]


def test_what_has_no_name_is_not_told() -> None:
    heap = Heap()
    heap.requests(10, (heap.add("object", "Array", (0, "element", 1)), "element", 1))
    heap.requests(10)  # nothing keeps these
    assert told(heap) == []
    assert told(Heap()) == []


def test_a_variable_of_a_scope_that_only_an_inner_scope_uses_has_its_file() -> None:
    heap = Heap()
    outer = heap.add("object", "system / Context", (0, "element", 1))
    inner = heap.scope("/srv/app.js", (0, "element", 2))
    heap.edges.append((inner, "internal", "previous", outer))
    kept = heap.add("object", "Array", (outer, "context", "kept"))
    heap.requests(10, (kept, "element", 1))
    assert told(heap) == [("kept", "/srv/app.js", 0, [], 10)]


def test_twenty_keepers_are_told_at_most() -> None:
    heap = Heap()
    scope = heap.scope("/srv/app.js")
    for index in range(25):
        kept = heap.add("object", "Array", (scope, "context", f"kept{index}"))
        heap.requests(10, (kept, "element", 1))
    assert len(told(heap)) == 20


WHOLE = Heap().written()


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\x00",
        WHOLE[: len(WHOLE) // 2],
        WHOLE[:-20],
        WHOLE.replace(b'"node_fields"', b'"fields"'),
        Heap().written(nodes=[]),
        Heap().written(nodes=[0, 0, 1, 16, 5, 0, 0]),
        Heap().written(nodes=[0, 0, 1]),
        Heap().written(nodes="x"),
        Heap().written(edges=[[1], [2]]),
        WHOLE.replace(b'"nodes":[', b'"nodes":["x",'),
        WHOLE.replace(b'"nodes":[', b'"nodes":[1.5,'),
        Heap().written(nodes=[6, 1, 1, 16, 1, 0, 0], edges=[1, 1, -7]),
        Heap().written(nodes=[6, 1, 1, 16, 1, 0, 0], edges=[1, 1, 7]),
        Heap().written(nodes=[6, 1, 1, 16, -1, 0, 0, 6, 1, 1, 16, 2, 0, 0], edges=[1, 1, 0]),
    ],
)
def test_what_is_no_heap_is_refused(document: bytes) -> None:
    with pytest.raises(TargetError, match="heap snapshot cannot be read"):
        keepers(document, REQUEST)


@pytest.mark.parametrize(
    ("file", "name", "line"),
    [
        ("/srv/src/flush.service.js", "FlushService.units", 6),
        ("/srv/node_modules/lib/flush.js", "container.flush.units", 0),
        ("node:internal/flush", "container.flush.units", 0),
    ],
)
def test_a_way_begins_anew_at_an_object_of_the_target_s_own_class(
    file: str, name: str, line: int
) -> None:
    """A framework's container reaches a service, whose set keeps each request."""
    heap = Heap()
    scope = heap.scope("/srv/node_modules/core/container.js")
    container = heap.add("object", "Container", (scope, "context", "container"))
    service = heap.add("object", "FlushService", (container, "property", "flush"))
    prototype = heap.add("object", "FlushService", (service, "property", "__proto__"))
    heap.function("FlushService", file, 6, (prototype, "property", "constructor"))
    units = heap.add("object", "Set", (service, "property", "units"))
    heap.requests(12, (units, "internal", "table"))
    [(holder, where, at, captured, count)] = told(heap)
    assert (holder, at, captured, count) == (name, line, [], 12)
    assert where == (file if line else "/srv/node_modules/core/container.js")


def test_an_object_without_a_class_is_reached_by_its_own_way() -> None:
    heap = Heap()
    scope = heap.scope("/srv/store.js")
    store = heap.add("object", "Object", (scope, "context", "store"))
    heap.add("object", "Object", (store, "property", "__proto__"))
    sessions = heap.add("object", "Map", (store, "property", "sessions"))
    heap.requests(12, (sessions, "internal", "table"))
    [(holder, where, *_)] = told(heap)
    assert (holder, where) == ("store.sessions", "/srv/store.js")
