"""What keeps objects alive, told from heap dumps of a few objects."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soak.errors import TargetError
from soak.sampling.profilers import heap_dump, hprof
from soak.sampling.profilers.heap_dump import KeptClass, kept_by
from tests.sampling.heap_dumps import INT, OBJECT, HeapDump

MAP, NODE, NODES = "java/util/HashMap", "java/util/HashMap$Node", "[Ljava/util/HashMap$Node;"
REFERENCE = "java/lang/ref/Reference"


def own(name: str) -> bool:
    return name.startswith("shop.")


def kept(dump: HeapDump, path: Path, *wanted: str) -> dict[str, KeptClass]:
    return {each.name: each for each in kept_by(dump.write(path / "x.hprof"), wanted, own)}


def fields(found: KeptClass) -> dict[str, int]:
    """How often each way was found, as `class.field > class.field`."""
    return {
        " > ".join(f"{name}.{by}" for name, by, _ in way): many for way, many in found.ways.items()
    }


def with_map(entries: int = 3) -> HeapDump:
    """A registry with a static instance, whose map holds orders in a chain of nodes in one slot."""
    dump = HeapDump()
    dump.add_class("java/lang/Object")
    dump.add_class(
        NODE, (("hash", INT), ("val", OBJECT), ("next", OBJECT)), parent="java/lang/Object"
    )
    dump.add_class(MAP, (("table", OBJECT),), parent="java/lang/Object")
    dump.add_class("shop/Order", (("id", INT),), parent="java/lang/Object")
    following = 0
    for _ in range(entries):
        order = dump.add("shop/Order", bytes(4))
        following = dump.add(NODE, bytes(4), order, following)
    table = dump.add_array(NODES, 0, following)
    orders = dump.add(MAP, table)
    dump.add_class("shop/Base", (("orders", OBJECT),), parent="java/lang/Object")
    dump.add_class("shop/Registry", (("size", INT),), parent="shop/Base")
    registry = dump.add("shop/Registry", bytes(4), orders)
    dump.add_class("shop/Shop", statics={"REGISTRY": registry})
    return dump


def test_the_fields_on_the_way_to_objects_are_told(tmp_path: Path) -> None:
    found = kept(with_map(), tmp_path, "shop.Order", "java.util.HashMap$Node", "shop.Nothing")
    assert set(found) == {"shop.Order", "java.util.HashMap$Node"}
    way = "shop.Shop.REGISTRY > shop.Registry.orders > java.util.HashMap.table"
    for each in found.values():
        assert (each.objects, each.sampled, fields(each)) == (3, 3, {way: 3})
    [told] = found["shop.Order"].ways
    assert told[-1][2] == 0
    assert told[0][2] != told[1][2]


def test_an_object_holds_itself_and_what_nothing_else_refers_to(tmp_path: Path) -> None:
    found = kept(with_map(), tmp_path, "shop.Order", MAP, NODE, "shop.Registry")
    # A header of 12 bytes, 4 for each number and reference, in multiples of 8.
    assert (found["shop.Order"].holds, found["shop.Order"].error) == (16.0, 0.0)
    # A node holds its order, and not the next node.
    assert found["java.util.HashMap$Node"].holds == 24 + 16
    # A map of 16 bytes holds an array of 16 and 4 for each of two slots, and all nodes.
    assert found["java.util.HashMap"].holds == 16 + 24 + 3 * (24 + 16)
    assert found["shop.Registry"].holds == 24 + 16 + 24 + 3 * (24 + 16)


def test_what_several_objects_refer_to_is_held_by_none(tmp_path: Path) -> None:
    dump = HeapDump()
    dump.add_class("java/lang/Object")
    dump.add_class("shop/Item", (("page", OBJECT),), parent="java/lang/Object")
    shared, own_page = dump.add_bytes(bytes(1000)), dump.add_bytes(bytes(100))
    items = [dump.add("shop/Item", page) for page in (shared, shared, own_page)]
    dump.add_class("shop/Shop", statics={"items": dump.add_array("[Lshop/Item;", *items)})
    [found] = kept(dump, tmp_path, "shop.Item").values()
    assert found.holds == pytest.approx(16 + 120 / 3)
    assert found.error == pytest.approx(np.std([0, 0, 120]) / np.sqrt(3))


def test_of_many_objects_two_hundred_are_looked_at(tmp_path: Path) -> None:
    [found] = kept(with_map(1000), tmp_path, "shop/Order").values()
    assert (found.objects, found.sampled, sum(found.ways.values())) == (1000, 200, 200)
    assert found.document["objects"] == 1000


def test_a_long_chain_is_followed_so_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heap_dump, "_FOLLOWED", 5)
    [found] = kept(with_map(30), tmp_path, "shop.Order").values()
    assert sum(found.ways.values()) < 30


def test_own_static_fields_come_first_and_what_nothing_keeps_is_not_told(tmp_path: Path) -> None:
    dump = HeapDump()
    dump.add_class("java/lang/Object")
    dump.add_class("shop/Item", parent="java/lang/Object")
    both, lone, held = (dump.add("shop/Item") for _ in range(3))
    listed = dump.add_array("[Lshop/Item;", both)
    dump.add_class("java/util/Jdk", statics={"CACHE": both, "OTHER": held})
    dump.add_class("shop/Shop", statics={"<resolved_references>": lone, "items": listed})
    [found] = kept(dump, tmp_path, "shop.Item").values()
    assert (found.objects, found.sampled) == (3, 3)
    assert fields(found) == {"shop.Shop.items": 1}


def test_own_fields_do_not_lead_through_classes_or_threads(tmp_path: Path) -> None:
    """A mapper knows a class of the JDK, and a thread, which keep what another field of an own object keeps as well."""
    dump = HeapDump()
    dump.add_class("java/lang/Object")
    dump.add_class("shop/Item", parent="java/lang/Object")
    dump.add_class("java/lang/Thread", (("target", OBJECT),), parent="java/lang/Object")
    dump.add_class("shop/Worker", (("queue", OBJECT),), parent="java/lang/Thread")
    dump.add_class("lib/Mapper", (("type", OBJECT), ("thread", OBJECT)), parent="java/lang/Object")
    of_class, of_thread = dump.add("shop/Item"), dump.add("shop/Item")
    known = dump.add_class("java/util/Jdk", statics={"CACHE": of_class})
    worker = dump.add("shop/Worker", of_thread, 0)
    dump.root(worker, 0x08)
    dump.add_class("shop/Shop", statics={"JSON": dump.add("lib/Mapper", known, worker)})
    [found] = kept(dump, tmp_path, "shop.Item").values()
    assert fields(found) == {"shop.Worker.queue": 1}


@pytest.mark.parametrize("kind", ["Weak", "Soft", "Phantom", "Final"])
def test_only_strong_references_keep_anything(tmp_path: Path, kind: str) -> None:
    dump = HeapDump()
    dump.add_class("java/lang/Object")
    dump.add_class(REFERENCE, (("referent", OBJECT), ("queue", OBJECT)), parent="java/lang/Object")
    name = f"java/lang/ref/{kind}Reference"
    dump.add_class(name, parent=REFERENCE)
    dump.add_class("shop/Own", parent=name)
    dump.add_class("shop/Item", parent="java/lang/Object")
    reference = dump.add("shop/Own", dump.add("shop/Item"), 0)
    dump.add_class("shop/Shop", statics={"ref": reference})
    [found] = kept(dump, tmp_path, "shop.Item").values()
    assert fields(found) == ({"shop.Shop.ref > shop.Own.referent": 1} if kind == "Final" else {})


def test_what_a_thread_local_holds_is_kept_by_who_made_it(tmp_path: Path) -> None:
    entry = "java/lang/ThreadLocal$ThreadLocalMap$Entry"
    dump = HeapDump()
    dump.add_class("java/lang/Object")
    dump.add_class(REFERENCE, (("referent", OBJECT),), parent="java/lang/Object")
    dump.add_class("java/lang/ref/WeakReference", parent=REFERENCE)
    dump.add_class(entry, (("value", OBJECT),), parent="java/lang/ref/WeakReference")
    dump.add_class("java/lang/ThreadLocal", parent="java/lang/Object")
    dump.add_class("java/lang/Thread", (("locals", OBJECT),), parent="java/lang/Object")
    local = dump.add("java/lang/ThreadLocal")
    data = dump.add_bytes(b"1234567")
    values = dump.add_array("[Ljava/lang/Object;", data)
    entries = dump.add_array(f"[L{entry};", 0, dump.add(entry, values, local))
    thread = dump.add("java/lang/Thread", entries)
    dump.root(thread, 0x08)
    dump.add_class("shop/Shop", statics={"scratch": local})
    [found] = kept(dump, tmp_path, "[B").values()
    assert fields(found) == {
        "shop.Shop.scratch > java.lang.ThreadLocal$ThreadLocalMap$Entry.value": 1
    }


@pytest.mark.parametrize("tag", [0x01, 0x03, 0x05, 0x06, 0x08])
def test_roots_of_all_kinds_are_read(tmp_path: Path, tag: int) -> None:
    dump = HeapDump()
    dump.add_class("shop/Task", (("state", OBJECT),))
    dump.add_class("shop/State")
    dump.root(dump.add("shop/Task", dump.add("shop/State")), tag)
    [found] = kept(dump, tmp_path, "shop.State").values()
    assert fields(found) == {"shop.Task.state": 1}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda whole: whole[:-20], "cut short"),
        (lambda whole: whole[1:], "no heap dump"),
        (lambda whole: b"", "cannot be read"),
        (lambda whole: whole.replace(b"\x1c\0\0\0\0", b"\x1c\0\0\0\0", 1)[:40], "cut short"),
    ],
)
def test_a_damaged_dump_is_refused(tmp_path: Path, damage: object, said: str) -> None:
    path = tmp_path / "x.hprof"
    path.write_bytes(damage(with_map().content()))  # type: ignore[operator]
    with pytest.raises(TargetError, match=r"x\.hprof: the heap dump cannot be read") as raised:
        kept_by(path, ["shop.Order"], own)
    assert said in str(raised.value)


def test_a_dump_with_short_identities_or_an_unknown_record_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.hprof"
    path.write_bytes(with_map().content(width=4))
    with pytest.raises(TargetError, match="identities of 4 bytes"):
        kept_by(path, ["shop.Order"], own)
    odd = with_map()
    odd.heap += b"\x77"
    with pytest.raises(TargetError, match="a record of kind 0x77"):
        kept_by(odd.write(path), ["shop.Order"], own)


def test_reading_is_given_up_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = with_map().write(tmp_path / "x.hprof")
    monkeypatch.setattr(hprof, "PATIENCE", 30.0)
    monkeypatch.setattr(heap_dump, "PATIENCE", -1.0)
    with pytest.raises(TargetError, match="it takes longer than 30 s"):
        kept_by(path, ["shop.Order"], own)
