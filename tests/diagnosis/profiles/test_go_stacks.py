"""Go's goroutines as text: who created each, which a profile does not say."""

from __future__ import annotations

from soak.diagnosis.attribution.blocked_stacks import groups
from soak.diagnosis.attribution.site_growth import ProfileSnapshot
from soak.diagnosis.profiles.go_stacks import read_go_stacks
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
