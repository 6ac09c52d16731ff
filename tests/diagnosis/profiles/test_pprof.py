"""Reading profiles: every field that matters, against hand-written bytes, damage, and the `go` command itself."""

from __future__ import annotations

import contextlib
import gzip
import re
import shutil
import subprocess
import urllib.request
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak.diagnosis.profiles import pprof
from soak.diagnosis.profiles.pprof import Frame, ProfileFormatError, is_go_own, read_pprof
from tests.diagnosis.writing import line_of, profile, sized, varint
from tests.targets import build_go, running

SAMPLES = [
    (["main.leak", "main.serve"], [3, 300]),
    (["runtime.malg"], [1, 512]),
    (["main.leak", "main.other"], [-2, 7]),
]
COLUMNS = ("inuse_objects", "inuse_space")


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("wrap", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_every_field_that_matters_is_read(packed: bool, wrap: object) -> None:
    assert callable(wrap)
    read = read_pprof(wrap(profile(SAMPLES, COLUMNS, packed=packed)))
    assert read.columns == (("inuse_objects", "bytes"), ("inuse_space", "bytes"))
    assert read.values.tolist() == [[3, 300], [1, 512], [-2, 7]]
    assert read.stack(0) == tuple(
        Frame(name, "main.go", line_of(name)) for name in ("main.leak", "main.serve")
    )
    assert read.flat("inuse_space") == {"main.leak": 307, "runtime.malg": 512}
    assert (read.time, read.period, read.period_unit, read.symbols) == (
        5.0,
        524288.0,
        "bytes",
        True,
    )


def test_a_stack_has_the_same_key_in_every_profile() -> None:
    first, other = (
        read_pprof(profile(SAMPLES, COLUMNS)),
        read_pprof(profile(SAMPLES[::-1], COLUMNS)),
    )
    assert first.keys.tolist() == other.keys.tolist()[::-1]
    assert len(set(first.keys.tolist())) == 3
    turned = read_pprof(profile([(["main.serve", "main.leak"], [3, 300])], COLUMNS))
    assert turned.keys[0] not in first.keys


def test_a_column_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(ProfileFormatError, match="no alloc_space, only inuse_objects, inuse_space"):
        read_pprof(profile(SAMPLES, COLUMNS)).column("alloc_space")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"<html><body>404 page not found", "a page and no profile"),
        (b'{"error": "forbidden"}', "a page and no profile"),
        (gzip.compress(profile(SAMPLES, COLUMNS))[:-20], "cut off"),
        (b"\x1f\x8b" + b"\x00" * 30, "gzip is damaged"),
        (profile(SAMPLES, COLUMNS)[:40], "no pprof profile, or not all of one"),
        (b"404 page not found\n", "no pprof profile, or not all of one"),
    ],
    ids=["empty", "html", "json", "cut", "damaged", "half", "text"],
)
def test_what_is_no_profile_is_said_in_a_sentence(data: bytes, said: str) -> None:
    with pytest.raises(ProfileFormatError, match=said):
        read_pprof(data)


def test_a_profile_unpacks_to_no_more_than_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert pprof.MOST_BYTES == 256 << 20
    monkeypatch.setattr(pprof, "MOST_BYTES", 1 << 20)
    with pytest.raises(ProfileFormatError, match="more than 1 MiB"):
        read_pprof(gzip.compress(bytes((1 << 20) + 1)))


def text_of(*texts: str) -> bytes:
    return b"".join(sized(6, each.encode()) for each in ("", *texts))


def location(number: int, *lines: tuple[int, int], address: int = 0) -> bytes:
    """A location with the functions and lines that were folded into it."""
    inner = b"".join(sized(4, varint(1, function) + varint(2, line)) for function, line in lines)
    return sized(4, varint(1, number) + varint(3, address) + inner)


def function(number: int, name: int, file: int) -> bytes:
    return sized(5, varint(1, number) + varint(2, name) + varint(4, file))


def sample(calls: list[int], values: list[int]) -> bytes:
    inner = b"".join(varint(1, call) for call in calls)
    return sized(2, inner + b"".join(varint(2, value) for value in values))


COLUMN = sized(1, varint(1, 1) + varint(2, 2))
TEXTS = text_of("space", "bytes", "main.f", "main.go", "runtime.g", "other.go")


def test_locations_and_functions_are_known_by_their_numbers_in_any_order_and_with_gaps() -> None:
    out = COLUMN + sample([30, 7], [5]) + sample([9], [6]) + sample([7], [9]) + TEXTS
    out += location(30, (8, 11)) + location(7, (2, 12), (8, 13)) + location(9, address=255)
    out += function(8, 3, 4) + function(2, 5, 6)
    read = read_pprof(out)
    assert read.stack(0) == (
        Frame("main.f", "main.go", 11),
        Frame("runtime.g", "other.go", 12),
        Frame("main.f", "main.go", 13),
    )
    assert [frame.own for frame in read.stack(0)] == [True, False, True]
    assert read.stack(1) == (Frame("0xff"),)
    # A location with several is one of the innermost of them.
    assert read.flat("space") == {"main.f": 5.0, "runtime.g": 9.0, "0xff": 6.0}


def test_of_two_of_one_number_the_first_counts() -> None:
    out = COLUMN + sample([1], [5]) + TEXTS
    out += location(1, (1, 11)) + location(1, (2, 12)) + function(1, 3, 4) + function(1, 5, 6)
    out += function(2, 5, 6)
    assert read_pprof(out).stack(0) == (Frame("main.f", "main.go", 11),)


def test_a_sample_without_calls_is_in_no_function() -> None:
    out = COLUMN + sample([], [4]) + sample([1], [5]) + sample([], [6]) + sample([2, 1], [7])
    out += (
        TEXTS + location(1, (1, 11)) + location(2, (2, 12)) + function(1, 3, 4) + function(2, 5, 6)
    )
    read = read_pprof(out + sample([2], [-7]))
    assert read.flat("space") == {"main.f": 5.0}
    assert read.starts.tolist() == [0, 0, 1, 1, 3, 4]
    assert read.stack(0) == ()


def test_the_head_of_a_profile_is_read() -> None:
    out = COLUMN + sized(1, varint(1, 2) + varint(2, 1)) + TEXTS
    out += varint(9, 3_000_000_000) + varint(10, 2_500_000_000) + varint(12, -7)
    out += sized(11, varint(1, 1) + varint(2, 2)) + sized(11, varint(1, 2) + varint(2, 3))
    read = read_pprof(out)
    assert read.columns == (("space", "bytes"), ("bytes", "space"))
    assert (read.time, read.seconds, read.period, read.period_unit) == (3.0, 2.5, -7.0, "main.f")
    assert read.symbols is False
    assert read.values.shape == (0, 2)
    plain = read_pprof(COLUMN + TEXTS + function(1, 3, 4))
    assert (plain.time, plain.seconds, plain.period, plain.period_unit) == (0.0, 0.0, 0.0, "")
    assert plain.symbols is True


@pytest.mark.parametrize(
    ("out", "said"),
    [
        (TEXTS, "names no columns"),
        (COLUMN + TEXTS + sample([], [1, 2]), "has not 1 values"),
        (COLUMN + TEXTS + sample([], []), "has not 1 values"),
        (COLUMN + TEXTS + sample([3], [1]), "a call of a location that it does not hold"),
        (COLUMN + TEXTS + location(1, (1, 1)), "a call of a function that it does not hold"),
        (sized(1, varint(1, 1) + varint(2, 9)) + TEXTS, "out of range"),
        (sized(1, varint(1, -1) + varint(2, 2)) + TEXTS, "a text of a negative number"),
        (COLUMN + TEXTS + function(1, 7, 1), "out of range"),
    ],
)
def test_a_profile_that_names_what_it_does_not_hold_is_refused(out: bytes, said: str) -> None:
    with pytest.raises(ProfileFormatError, match=said):
        read_pprof(out)


@pytest.mark.parametrize(
    ("known", "wanted", "found"),
    [
        ([], [], []),
        ([10, 11, 12], [], []),
        ([10, 11, 12], [12, 10, 10], [2, 0, 0]),
        ([10], [10], [0]),
        ([10, 12], [12, 10], [1, 0]),
        ([10, 13], [13, 10], [1, 0]),
        ([-1, 2], [2], [1]),
        ([10, 12, 13], [13, 12], [2, 1]),
        ([10, 11, 12], [13], None),
        ([10, 11, 12], [9], None),
        ([10, 11, 12], [5], None),
        ([10, 11, 12], [11, 0], None),
        ([10, 13], [11], None),
        ([10, 13], [9], None),
        ([10, 13], [14], None),
        ([10, 13], [10, 14], None),
        ([], [1], None),
    ],
)
def test_a_place_is_that_of_a_number_among_the_known(
    known: list[int], wanted: list[int], found: list[int] | None
) -> None:
    columns = np.array(known, dtype=np.int64), np.array(wanted, dtype=np.int64)
    if found is not None:
        assert pprof._places(*columns, "a thing").tolist() == found
    else:
        with pytest.raises(ValueError, match="a call of a thing that it does not hold"):
            pprof._places(*columns, "a thing")


def test_what_was_packed_by_a_reference_far_back_is_unpacked() -> None:
    """As far as gzip allows it: 32 KiB."""
    noise = np.random.default_rng(1).integers(0, 256, 30_000, np.uint8).tobytes()
    data = profile(SAMPLES, COLUMNS) + sized(99, noise) * 2
    packed = gzip.compress(data)
    assert len(packed) < 40_000
    assert read_pprof(packed).values.tolist() == [[3, 300], [1, 512], [-2, 7]]


def test_a_profile_may_unpack_to_just_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    data = profile(SAMPLES, COLUMNS)
    monkeypatch.setattr(pprof, "MOST_BYTES", len(data))
    assert len(read_pprof(gzip.compress(data)).values) == 3
    monkeypatch.setattr(pprof, "MOST_BYTES", len(data) - 1)
    with pytest.raises(ProfileFormatError, match="unpacks to more than 0 MiB"):
        read_pprof(gzip.compress(data))


def test_what_is_no_profile_is_shown_by_its_first_forty_bytes() -> None:
    page = b" \n<" + bytes(range(65, 91)) * 2
    with pytest.raises(ProfileFormatError) as raised:
        read_pprof(page)
    assert str(raised.value) == (f"this is a page and no profile: it begins {page[:40].decode()!r}")
    with pytest.raises(ProfileFormatError, match=r"it begins '\ufffd'$"):
        read_pprof(b"\xff")


def test_a_profile_without_columns_has_none_to_name() -> None:
    empty = replace(read_pprof(COLUMN + TEXTS), columns=())
    with pytest.raises(ProfileFormatError, match="the profile has no space, only none"):
        empty.column("space")


@given(st.binary(max_size=200), st.integers(0, 400), st.integers(0, 400))
@settings(max_examples=300, deadline=None)
def test_no_damage_is_an_exception_of_another_kind(junk: bytes, start: int, length: int) -> None:
    whole = profile(SAMPLES, COLUMNS)
    for data in (junk, whole[:start] + junk + whole[start + length :]):
        with contextlib.suppress(ProfileFormatError):
            read_pprof(data)


NAME = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
SAMPLE = st.tuples(
    st.lists(NAME, max_size=6), st.lists(st.integers(-(2**50), 2**50), min_size=2, max_size=2)
)


@given(st.lists(SAMPLE, max_size=12), st.booleans())
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read(samples: list[tuple[list[str], list[int]]], packed: bool) -> None:
    read = read_pprof(profile(samples, COLUMNS, packed=packed))
    assert read.values.tolist() == [values for _, values in samples]
    assert [[frame.function for frame in read.stack(i)] for i in range(len(samples))] == [
        stack for stack, _ in samples
    ]


def _bare(function: str) -> str:
    """A function without its type parameters, of which go tool pprof leaves out those of function types."""
    return re.sub(r"\[.*\]", "[…]", function)


@pytest.mark.parametrize(
    ("path", "column"),
    [("heap?gc=1", "inuse_space"), ("heap?gc=1", "alloc_objects"), ("goroutine", "goroutine")],
)
def test_functions_and_amounts_are_those_of_go_tool_pprof(
    tmp_path: Path, path: str, column: str
) -> None:
    binary = build_go()
    go = shutil.which("go")
    assert go is not None
    with running([binary, "-addr", "127.0.0.1:0"]) as target:
        for _ in range(300):
            urllib.request.urlopen(f"{target.url}/leak/memory").read()
        urllib.request.urlopen(f"{target.url}/leak/goroutine").read()
        data = urllib.request.urlopen(f"{target.url}/debug/pprof/{path}").read()
    file = tmp_path / "profile.pb.gz"
    file.write_bytes(data)
    command = [
        go,
        "tool",
        "pprof",
        "-top",
        "-nodecount=0",
        "-nodefraction=0",
        f"-sample_index={column}",
        "-unit=B",
        str(file),
    ]
    top = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    theirs: defaultdict[str, float] = defaultdict(float)
    ours: defaultdict[str, float] = defaultdict(float)
    for line in top.splitlines():
        row = re.fullmatch(
            r"\s*(-?[\d.]+)B?\s+[\d.]+%\s+[\d.]+%\s+\S+\s+[\d.]+%\s+(.*?)(?: \(inline\))?", line
        )
        if row and float(row[1]):
            theirs[_bare(row[2])] += float(row[1])
    for function, amount in read_pprof(data).flat(column).items():
        if amount:
            ours[_bare(function)] += amount
    assert theirs
    assert ours == theirs


@pytest.mark.parametrize(
    ("function", "own"),
    [
        ("main.(*server).handle.func1", True),
        ("example.com/shop/orders.Add", True),
        ("gopkg.in/yaml.v3.Unmarshal", True),
        ("go.opentelemetry.io/otel/trace.Start", True),
        ("orders/handlers.Add", True),
        ("sort.Slice[example.com/shop.Order]", False),
        ("0x4711", False),
        ("", False),
        ("main", True),
        ("go.uber.org/zap.Info", True),
        ("runtime", False),
        ("type:.eq.main.key", False),
        ("net/http.(*conn).serve", False),
        ("runtime.malg", False),
        ("database/sql.(*DB).conn", False),
        ("context.WithCancel", False),
    ],
)
def test_what_is_the_targets_own_code(function: str, own: bool) -> None:
    assert is_go_own(function) is own
