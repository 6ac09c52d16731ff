"""Go's goroutines as text: who created each, which a profile does not say."""

from __future__ import annotations

import pytest

from soak.diagnosis.attribution.blocked_stacks import groups
from soak.diagnosis.attribution.site_growth import ProfileSnapshot
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.go_stacks import Created, read_go_stacks
from soak.diagnosis.profiles.pprof import read_pprof
from tests.diagnosis.writing import profile

TEXT = b"""goroutine 1 [running]:
main.main()
\t/src/main.go:12 +0x1d

goroutine 18 [chan receive, 5 minutes]:
io.(*pipe).read(0xc0000b4000, {0xc000180000, 0x200, 0x200})
\t/usr/local/go/src/io/pipe.go:57 +0xb1
io.(*PipeReader).Read(...)
\t/usr/local/go/src/io/pipe.go:134
created by main.(*shop).stream in goroutine 17
\t/src/shop/stream.go:41 +0x9c

goroutine 19 [select]:
io.(*pipe).read(0xc0000b4000, {0xc000180000, 0x200, 0x200})
\t/usr/local/go/src/io/pipe.go:57 +0xb1
io.(*PipeReader).Read(...)
\t/usr/local/go/src/io/pipe.go:134
created by main.(*shop).stream in goroutine 17
\t/src/shop/stream.go:41 +0x9c
"""
READING = ["runtime.gopark", "runtime.selectgo", "io.(*pipe).read", "io.(*PipeReader).Read"]


def test_the_creator_of_a_goroutine_is_read_with_file_and_line() -> None:
    [created] = read_go_stacks(TEXT)
    assert created.functions == ("io.(*pipe).read", "io.(*PipeReader).Read")
    assert (created.creator.function, created.creator.file, created.creator.line) == (
        "main.(*shop).stream",
        "/src/shop/stream.go",
        41,
    )
    assert created.creator.own
    assert (created.count, created.minutes) == (2, 5)


def test_what_is_no_list_of_goroutines_has_none() -> None:
    assert read_go_stacks(b"<html>404</html>") == []
    assert read_go_stacks(b"\xff\xfe goroutine 1 [") == []


def test_a_goroutine_that_waits_in_the_standard_library_is_placed_at_who_created_it() -> None:
    taken = [
        ProfileSnapshot(
            10.0 * i, 100.0 * i, read_pprof(profile([(READING, [10 * i])], ("goroutine",)))
        )
        for i in range(1, 5)
    ]
    [unplaced] = groups(taken)
    assert not unplaced.own
    [group] = groups(taken, created=read_go_stacks(TEXT))
    assert group.own
    assert group.place.function == "main.(*shop).stream"
    assert group.blocked_at.function.startswith("io.(*pipe).read")


def goroutine(head: str, *lines: str) -> str:
    return "\n".join((f"goroutine {head}:", *lines)) + "\n"


CALL, PLACE, CREATOR = "main.f(0x1)", "\t/src/f.go:7 +0x1", "created by main.g in goroutine 1"


@pytest.mark.parametrize(
    ("head", "minutes"),
    [
        ("1 [select]", 0),
        ("1 [select, 12 minutes]", 12),
        ("1 gp=0xc000 m=nil [select, 3 minutes, locked to thread]", 3),
        ("1 [chan receive (nil chan), 4 minutes]", 4),
    ],
)
def test_a_goroutine_says_how_long_it_waits(head: str, minutes: int) -> None:
    [created] = read_go_stacks(goroutine(head, CALL, PLACE, CREATOR, "\t/src/g.go:9 +0x2").encode())
    assert created == Created(("main.f",), Frame("main.g", "/src/g.go", 9), 1, minutes)


def test_goroutines_of_one_stack_and_creator_are_counted_with_the_longest_wait() -> None:
    place = "\t/src/g.go:9 +0x2"
    texts = [
        goroutine(f"{number} [select{wait}]", call, PLACE, CREATOR, place)
        for number, (call, wait) in enumerate(
            [
                (CALL, ", 3 minutes"),
                (CALL, ""),
                ("main.h()", ""),
                (CALL, ", 8 minutes"),
                (CALL, ", 5 minutes"),
            ]
        )
    ]
    texts.insert(1, "no goroutine at all\n")
    texts.insert(2, goroutine("9 [running]", CALL, PLACE))  # nobody created it
    texts.insert(3, "\n")
    creator = Frame("main.g", "/src/g.go", 9)
    assert read_go_stacks("\n".join(texts).encode()) == [
        Created(("main.f",), creator, 4, 8),
        Created(("main.h",), creator, 1, 0),
    ]


@pytest.mark.parametrize(
    ("lines", "creator"),
    [
        (("created by main.g", "\t/src/g.go:9"), Frame("main.g", "/src/g.go", 9)),
        (("created by main.g",), Frame("main.g")),
        (("created by main.g", "elsewhere"), Frame("main.g")),
        (("created by net/http.(*Server).Serve in goroutine 1", "\t/go/server.go:9 +0x1"),
         Frame("net/http.(*Server).Serve", "/go/server.go", 9)),
    ],
)  # fmt: skip
def test_the_place_of_a_creator_is_on_the_next_line(lines: tuple[str, ...], creator: Frame) -> None:
    text = goroutine("1 [select]", CALL, PLACE, "main.deep(...)", *lines, "main.after()")
    [created] = read_go_stacks(text.encode())
    assert created == Created(("main.f", "main.deep"), creator, 1, 0)
    assert created.creator.own is ("main" in creator.function)


def test_a_text_may_end_with_a_creator() -> None:
    [created] = read_go_stacks(goroutine("1 [select]", CALL, PLACE, CREATOR).encode())
    assert created == Created(("main.f",), Frame("main.g"), 1, 0)
