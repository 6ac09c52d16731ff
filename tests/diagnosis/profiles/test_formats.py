"""What each runtime's profiler tells, read: by hand, damaged, and at random."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak.diagnosis.profiles.formats import HELD, READERS, read_profile
from soak.diagnosis.profiles.java_names import class_name, is_java_own
from soak.diagnosis.profiles.pprof import Frame, ProfileFormatError, StackProfile
from soak.errors import SoakError
from soak.snapshots import SnapshotKind

BASELINE = """ num     #instances         #bytes  class name (module)
-------------------------------------------------------
   1:            10           1000  [B (java.base@17.0.15)
   2:             5            120  java.lang.String (java.base@17.0.15)
Total            15           1120
"""
HISTOGRAM = BASELINE.replace("10           1000", "50           5000").replace(
    "120  java", "144  java"
)
SAMPLED = [
    {"class": "[B", "frames": [["Leaks.rememberSearch", 51], ["Shop.search", 120]]},
    {"class": "[B", "frames": [["Leaks.rememberSearch", 51], ["Shop.search", 120]]},
    {"class": "[B", "frames": [["java.util.Arrays.copyOf", 3], ["Shop.orders", 80]]},
    {"class": "[B", "frames": [["Leaks.rememberSearch", 51], ["Shop.search", 120]]},
]
CLASSES = {"histogram": HISTOGRAM, "baseline": BASELINE, "objects": SAMPLED}
DUMP = """2026-11-23 20:15:56
Full thread dump OpenJDK 64-Bit Server VM (17.0.15+6-Debian-1deb12u1 mixed mode, sharing):

"watcher" #12 daemon prio=5 os_prio=0 cpu=1.23ms elapsed=26.12s tid=0x00007f38 nid=0x6370 waiting on condition  [0x00007f]
   java.lang.Thread.State: WAITING (parking)
\tat jdk.internal.misc.Unsafe.park(java.base@17.0.15/Native Method)
\t- parking to wait for  <0x00000000e101b098> (a java.util.concurrent.CountDownLatch$Sync)
\tat java.util.concurrent.CountDownLatch.await(java.base@17.0.15/CountDownLatch.java:230)
\tat Leaks.awaitReply(Leaks.java:80)

"pool-3-thread-1" #13 prio=5 os_prio=0 cpu=1.23ms elapsed=26.12s tid=0x00007f38 nid=0x6371 waiting on condition  [0x00007f]
   java.lang.Thread.State: WAITING (parking)
\tat jdk.internal.misc.Unsafe.park(java.base@17.0.15/Native Method)

"C2 CompilerThread1" #14 daemon prio=9 os_prio=0 cpu=12.19ms elapsed=26.31s tid=0x00007f38 nid=0x6372 waiting on condition  [0x0]
   java.lang.Thread.State: RUNNABLE
   No compile task

"VM Thread" os_prio=0 cpu=12.19ms elapsed=26.31s tid=0x00007f382404a5b0 nid=0x6364 runnable
"""
JVM_THREADS = {
    "dump": DUMP,
    "started": {"13": [["java.lang.Thread.start", 802], ["Leaks.startExecutor", 93]]},
}
CALLS = [["/usr/lib/python3.11/threading.py", 327, ""], ["/srv/shop/leaks.py", 46, "Cache.keep"]]
LIBRARIES = ["/usr/lib/python3.11/", "/srv/venv/lib/python3.11/site-packages/"]
MEMORY = {
    "libraries": LIBRARIES,
    "tracebacks": [{"size": 16384, "count": 2, "frames": CALLS}],
    "rest": {"size": 9, "count": 1},
}
PYTHON_THREADS = {"libraries": LIBRARIES, "threads": [{"count": 3, "frames": CALLS}]}


def call(name: str, url: str, line: int) -> dict[str, Any]:
    return {
        "functionName": name,
        "scriptId": "7",
        "url": url,
        "lineNumber": line,
        "columnNumber": 1,
    }


LEAF = {
    "callFrame": call("remember", "file:///srv/leaks.js", 26),
    "selfSize": 32768,
    "id": 3,
    "children": [],
}
INNER = {"callFrame": call("emit", "node:events", 512), "selfSize": 96, "id": 2, "children": [LEAF]}
HEAP = {
    "interval": 32768,
    "profile": {
        "head": {"callFrame": call("(root)", "", -1), "selfSize": 0, "id": 1, "children": [INNER]}
    },
}
RAN = {
    "profile": {
        "nodes": [
            {"id": 1, "callFrame": call("(root)", "", -1), "hitCount": 0, "children": [2, 3]},
            {"id": 2, "callFrame": call("(idle)", "", -1), "hitCount": 4000},
            {
                "id": 3,
                "callFrame": call("invoice", "file:///srv/shop.js", 78),
                "hitCount": 2,
                "children": [4],
            },
            {"id": 4, "callFrame": call("openSync", "node:fs", 580), "hitCount": 9, "children": []},
        ]
    }
}
DOCUMENTS: list[tuple[SnapshotKind, Mapping[str, Any]]] = [
    ("classes", CLASSES),
    ("threads", JVM_THREADS),
    ("threads", PYTHON_THREADS),
    ("tracemalloc", MEMORY),
    ("v8heap", HEAP),
    ("v8cpu", RAN),
]


def told(profile: StackProfile, column: str) -> list[tuple[str, float]]:
    """Each stack's functions, innermost first, with what it holds."""
    held = profile.column(column).tolist()
    return [
        ("<".join(frame.function for frame in profile.stack(place)), held[place])
        for place in range(len(held))
    ]


def read(kind: SnapshotKind, document: Mapping[str, Any]) -> StackProfile:
    return read_profile(kind, json.dumps(document).encode())


def test_what_a_class_gained_is_shared_out_among_those_who_allocated_what_is_alive_of_it() -> None:
    profile = read("classes", CLASSES)
    assert told(profile, "inuse_space") == [
        ("byte[]", 1000.0),
        ("byte[]<Leaks.rememberSearch<Shop.search", 3000.0),
        ("byte[]<java.util.Arrays.copyOf<Shop.orders", 1000.0),
        ("java.lang.String", 144.0),
    ]
    assert profile.column("inuse_objects").tolist() == [10, 30, 10, 5]
    assert [frame.own for frame in profile.stack(2)] == [False, False, True]


def test_what_was_ever_allocated_begins_with_its_class_where_that_is_the_targets_own() -> None:
    calls = [["java.util.ArrayList.add", 5], ["Shop.search", 12]]
    named = ("Shop$Line", "org/lib/Index", "java/lang/String", "[LShop$Line;")
    allocated = [[9.0, calls[1:]], *([9.0, calls, name] for name in named)]
    profile = read("classes", {**CLASSES, "allocated": allocated, "libraries": ["org.lib"]})
    others = ("java.util.ArrayList.add<Shop.search", 9.0)
    assert told(profile, "alloc_space")[-5:] == [
        ("Shop.search", 9.0),
        ("Shop$Line<java.util.ArrayList.add<Shop.search", 9.0),
        *(others for _ in range(3)),
    ]


def test_a_histogram_alone_is_read_too() -> None:
    assert told(read_profile("classes", HISTOGRAM.encode()), "inuse_space") == [
        ("byte[]", 5000.0),
        ("java.lang.String", 144.0),
    ]


def test_a_jvms_threads_have_the_calls_of_who_started_them() -> None:
    profile = read("threads", JVM_THREADS)
    assert told(profile, "threads") == [
        (
            "jdk.internal.misc.Unsafe.park<java.util.concurrent.CountDownLatch.await<Leaks.awaitReply",
            1,
        ),
        ("jdk.internal.misc.Unsafe.park<java.lang.Thread.start<Leaks.startExecutor", 1),
    ]
    assert profile.stack(0)[-1] == Frame("Leaks.awaitReply", "Leaks.java", 80)
    assert profile.stack(0)[0] == Frame("jdk.internal.misc.Unsafe.park", "", 0)


def test_pythons_own_frames_lie_in_no_library() -> None:
    profile = read("tracemalloc", MEMORY)
    assert told(profile, "inuse_space") == [("threading.py<Cache.keep", 16384), ("elsewhere", 9)]
    assert [frame.own for frame in profile.stack(0)] == [False, True]
    assert profile.stack(0)[1] == Frame("Cache.keep", "/srv/shop/leaks.py", 46)
    assert told(read("threads", PYTHON_THREADS), "threads") == [("threading.py<Cache.keep", 3)]


def test_v8s_tree_becomes_stacks() -> None:
    profile = read("v8heap", HEAP)
    assert told(profile, "inuse_space") == [("emit", 96), ("remember<emit", 32768)]
    assert profile.stack(1)[0] == Frame("remember", "/srv/leaks.js", 27)
    assert [frame.own for frame in profile.stack(1)] == [True, False]
    assert (profile.period, profile.period_unit) == (32768, "bytes")


def test_what_ran_has_its_callers() -> None:
    profile = read("v8cpu", RAN)
    assert sorted(told(profile, "run")) == [
        ("(idle)", 4000),
        ("invoice", 2),
        ("openSync<invoice", 9),
    ]
    [opening] = [n for n, hits in enumerate(profile.column("run")) if hits == 9]
    assert [frame.own for frame in profile.stack(opening)] == [False, True]


@pytest.mark.parametrize("child", [1, 3], ids=["itself", "twice"])
def test_calls_that_are_no_tree_are_refused(child: int) -> None:
    nodes = [dict(node) for node in RAN["profile"]["nodes"]]
    nodes[2]["children"] = [4, child]
    with pytest.raises(SoakError, match="V8 CPU profile"):
        read("v8cpu", {"profile": {"nodes": nodes}})


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("[B", "byte[]"),
        ("[[Ljava.lang.Object;", "java.lang.Object[][]"),
        ("Leaks$Page", "Leaks$Page"),
        ("[", "[]"),
    ],
)
def test_classes_are_named_as_in_source(name: str, shown: str) -> None:
    assert class_name(name) == shown


def test_a_framework_is_not_the_targets_own() -> None:
    assert is_java_own("com.example.Orders.place")
    assert not is_java_own("org.springframework.web.servlet.DispatcherServlet.doDispatch")


def test_packages_of_libraries_are_not_the_targets_own() -> None:
    starting = {"101": [["Leaks.startExecutor", 9], ["okhttp3.Dispatcher.run", 3]]}
    dump = '"one" #101 daemon\n\tat okhttp3.Dispatcher.await(Dispatcher.kt:7)\n'
    threads = read("threads", {"dump": dump, "started": starting, "libraries": ["okhttp3"]})
    assert [frame.own for frame in threads.stack(0)] == [False, True, False]
    objects = [{"class": "[B", "frames": [["okhttp3.Cache.put", 1], ["okhttp3x.Shop.cart", 2]]}]
    rows = "   1:  10  160  [B\n"
    classes = read(
        "classes",
        {
            "histogram": rows.replace("160", "320"),
            "baseline": rows,
            "objects": objects,
            "libraries": ["okhttp3"],
        },
    )
    assert [[frame.own for frame in classes.stack(n)] for n in range(2)] == [
        [False],
        [False, False, True],
    ]


def test_every_kind_that_can_be_read_says_what_is_held_by_a_column_it_has() -> None:
    for kind, document in DOCUMENTS:
        assert read(kind, document).column(HELD[kind]).sum() > 0
    assert set(READERS) <= set(HELD)
    with pytest.raises(ProfileFormatError, match="v8snapshot has no stacks"):
        read_profile("v8snapshot", b"{}")


@pytest.mark.parametrize("kind", sorted(READERS))
@pytest.mark.parametrize(
    "data",
    [b"", b"<html>404", b"[]", b"{}", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"null"],
)
def test_what_is_none_is_said_in_a_sentence(kind: SnapshotKind, data: bytes) -> None:
    with pytest.raises(ProfileFormatError):
        read_profile(kind, data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def places(node: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The path to everything in a parse_json_profile."""
    inner = (
        list(node.items())
        if isinstance(node, dict)
        else list(enumerate(node))
        if isinstance(node, list)
        else []
    )
    return [path, *(deeper for key, value in inner for deeper in places(value, (*path, key)))]


def replaced(node: Any, path: tuple[str | int, ...], value: object) -> Any:
    """The parse_json_profile with something else in one place."""
    if not path:
        return value
    copy = node.copy()
    copy[path[0]] = replaced(node[path[0]], path[1:], value)
    return copy


@given(st.sampled_from(DOCUMENTS), st.data(), JSON)
@settings(max_examples=300, deadline=None)
def test_whatever_stands_in_a_document_is_read_or_refused(
    parse_json_profile: tuple[SnapshotKind, Mapping[str, Any]], data: st.DataObject, value: object
) -> None:
    kind, document = parse_json_profile
    damaged = replaced(document, data.draw(st.sampled_from(places(document))), value)
    with contextlib.suppress(ProfileFormatError):
        profile = read(kind, damaged)
        assert len(profile.keys) == len(profile.values)
        assert all(profile.stack(place) is not None for place in range(len(profile.values)))


LINE = st.sampled_from(HISTOGRAM.splitlines() + DUMP.splitlines()) | st.text(max_size=60)


@given(st.lists(LINE, max_size=30))
@settings(max_examples=200, deadline=None)
def test_lines_of_a_jvm_in_any_order_are_read_or_refused(lines: list[str]) -> None:
    text = "\n".join(lines)
    for kind, document in (
        ("classes", {"histogram": text}),
        ("threads", {"dump": text, "started": {}}),
    ):
        with contextlib.suppress(ProfileFormatError):
            read(kind, document)  # type: ignore[arg-type]


@pytest.mark.parametrize("child", [2.5, 0.0, -1, 7])
def test_a_cpu_profile_whose_calls_are_not_there_is_refused(child: float) -> None:
    nodes = [
        {
            "id": 1,
            "callFrame": {"functionName": "(root)", "url": "", "lineNumber": -1},
            "children": [child],
        },
        {
            "id": 2,
            "callFrame": {"functionName": "f", "url": "/srv/a.js", "lineNumber": 3},
            "hitCount": 1,
        },
    ]
    with pytest.raises(ProfileFormatError):
        read_profile("v8cpu", json.dumps({"profile": {"nodes": nodes}}).encode())


def test_node_ids_and_counts_that_are_not_whole_are_read() -> None:
    nodes = [
        {
            "id": 1.5,
            "callFrame": {"functionName": "(root)", "url": "", "lineNumber": -1},
            "children": [2.25],
        },
        {
            "id": 2.25,
            "callFrame": {"functionName": "f", "url": "/srv/a.js", "lineNumber": 3},
            "hitCount": 1.5,
        },
    ]
    profile = read_profile("v8cpu", json.dumps({"profile": {"nodes": nodes}}).encode())
    assert profile.column("run").tolist() == [1.5]
