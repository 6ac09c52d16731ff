"""Go's pprof as a profiler: what is had, and one clear error for everything that may come instead."""

import gzip
import itertools
import json
import os
import socket
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest

from soak.errors import SoakError
from soak.sampling.profilers import ProfiledTarget, go
from soak.sampling.profilers.go import COLLECTING, GoPprof
from tests.sampling.serving import answering, http, serving

HEAP, GOROUTINES, LEAKED = (
    f"/debug/pprof/{page}" for page in ("heap?gc=1", "goroutine?debug=0", "goroutineleak?debug=0")
)
OCTETS = "application/octet-stream"


def packed(data: bytes) -> bytes:
    return http(gzip.compress(data), content_type=OCTETS)


def profiler(url: str, **headers: str) -> GoPprof:
    return GoPprof.named("/debug/pprof", ProfiledTarget(url, headers=headers))


def test_each_profile_is_had_and_what_this_go_does_not_offer_is_asked_for_once() -> None:
    seen: list[str] = []
    with answering({HEAP: packed(b"\x0aheap"), GOROUTINES: packed(b"\x0agoroutines")}, seen) as url:
        pprof = profiler(url, Authorization="Bearer x")
        for _ in range(2):
            assert list(pprof.take("steady")) == [
                ("heap", b"\x0aheap"),
                ("goroutine", b"\x0agoroutines"),
            ]
    assert sum("goroutineleak" in request for request in seen) == 1
    assert all("Authorization: Bearer x" in request for request in seen)


@pytest.mark.parametrize(
    ("size", "slow", "collections"),
    [(256 * 2**20, False, 3), (256 * 2**20, True, 2), (256 * 2**20 + 1, False, 1)],
)
def test_the_size_of_a_small_heap_is_read_after_several_collections(
    size: int, slow: bool, collections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count(0.0, COLLECTING + 0.001 if slow else COLLECTING / 4)
    monkeypatch.setattr(go, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    seen: list[str] = []
    text = http(
        f"heap profile: 1: 2\n# Alloc = 7\n# HeapAlloc = {size}\n".encode(),
        content_type="text/plain",
    )
    pages = {
        f"{HEAP}&debug=1": text,
        "/debug/pprof/heap?debug=0": packed(b"\x0aheap"),
        GOROUTINES: packed(b"\x0ag"),
    }
    with answering(pages, seen) as url:
        taken = list(profiler(url).take("steady"))
    gauges = f'{{"samples":[["go_heap_after_gc_bytes",{{}},{float(size)}]]}}'.encode()
    assert taken[:2] == [("gauges", gauges), ("heap", b"\x0aheap")]
    assert sum("gc=1" in request for request in seen) == collections


def test_of_several_collections_the_least_is_alive_and_the_most_resident(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alive, resident = "go_heap_after_gc_bytes", "process_resident_after_gc_bytes"
    sizes = iter({alive: each, resident: 9 - each} for each in (5.0, 3.0, 4.0))
    monkeypatch.setattr(GoPprof, "_collected_sizes", lambda _: next(sizes))
    monkeypatch.setattr(go, "time", SimpleNamespace(monotonic=lambda: 0.0))
    assert profiler("http://127.0.0.1:1")._exact_sizes() == {alive: 3.0, resident: 6.0}


def test_what_is_resident_beside_the_idle_heap_is_told_of_a_process_here() -> None:
    idle = 3 * 2**20
    text = http(
        f"# HeapAlloc = 7\n# HeapIdle = {idle}\n# HeapReleased = {idle - 4096}\n".encode(),
        content_type="text/plain",
    )
    with answering({f"{HEAP}&debug=1": text}, []) as url:
        here = replace(profiler(url), pid=os.getpid())
        [(_, gauges), *_] = here.take("steady")
        assert isinstance(gauges, bytes)
        [heap, resident] = json.loads(gauges)["samples"]
        assert heap == ["go_heap_after_gc_bytes", {}, 7.0]
        assert resident[:2] == ["process_resident_after_gc_bytes", {}]
        whole = psutil.Process().memory_info().rss
        assert resident[2] == pytest.approx(whole - 4096, rel=0.1)
        [(_, gauges), *_] = replace(here, pid=2**30).take("steady")  # it has ended
        assert isinstance(gauges, bytes)
        assert len(json.loads(gauges)["samples"]) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (http("no", "404 Not Found"), "answered 404: pprof is off there; import net/http/pprof"),
        (http("who", "401 Unauthorized"), "answered 401 (give diagnose.headers"),
        (http("no", "403 Forbidden"), "answered 403 (these credentials are not enough)"),
        (http("no", "500 Internal Server Error"), "answered 500"),
        (http("<html>", content_type="text/html"), "this is text/html and no profile"),
        (
            http("heap profile: 1: 2", content_type="text/plain"),
            "this is text/plain and no profile",
        ),
        (http(""), "and no profile"),
        (http(b"\x0aheap", content_type=OCTETS)[:-3], "cut short"),
    ],
)
def test_what_is_wrong_with_all_pages_is_said_once(answer: bytes, said: str) -> None:
    def answer_and_close(connection: socket.socket) -> None:
        connection.sendall(answer)

    with serving(answer_and_close) as url:
        [(kind, error)] = profiler(url).take("start")
    assert kind == "heap"
    assert isinstance(error, SoakError)
    assert said in str(error)


def test_a_profile_that_is_damaged_leaves_the_others() -> None:
    whole = gzip.compress(b"\x0a" + bytes(5000), mtime=0)
    for part, said in ((whole[:-10], "was cut short"), (b"\x1f\x8b" + b"x" * 40, "is damaged")):
        pages = {
            HEAP: http(part, content_type=OCTETS),
            GOROUTINES: packed(b"\x0ag"),
            LEAKED: packed(b"\x0al"),
        }
        pages["/debug/pprof/goroutine?debug=2"] = http(b"goroutine 1", content_type="text/plain")
        with answering(pages) as url:
            (_, error), *others = profiler(url).take("start")
        assert said in str(error)
        assert others == [
            ("goroutine", b"\x0ag"),
            ("goroutineleak", b"\x0al"),
            ("stacks", b"goroutine 1"),
        ]


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(go, "MAX_BYTES", 1000)
    with answering({HEAP: packed(b"\x0a" + bytes(10**6)), GOROUTINES: packed(b"\x0ag")}) as url:
        (_, error), *_ = profiler(url).take("start")
    assert "is larger than" in str(error)


def test_it_is_found_where_it_usually_is_and_only_if_it_is_there() -> None:
    with answering({GOROUTINES: packed(b"\x0ag")}) as url:
        offer = GoPprof.offered(ProfiledTarget(url))
        assert offer is not None
        assert offer.url == f"{url}/debug/pprof"
    with answering({GOROUTINES: http("<html>", content_type="text/html")}) as url:
        assert GoPprof.offered(ProfiledTarget(url)) is None
