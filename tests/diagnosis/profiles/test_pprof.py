"""Reading profiles: every field that matters, against hand-written bytes, damage, and the `go` command itself."""

from __future__ import annotations

import contextlib
import gzip
import re
import shutil
import subprocess
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soak.diagnosis.profiles import pprof
from soak.diagnosis.profiles.pprof import Frame, ProfileFormatError, is_go_own, read_pprof
from tests.diagnosis.writing import line_of, profile
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
    theirs = {}
    for line in top.splitlines():
        row = re.fullmatch(
            r"\s*(-?[\d.]+)B?\s+[\d.]+%\s+[\d.]+%\s+\S+\s+[\d.]+%\s+(.*?)(?: \(inline\))?", line
        )
        if row and float(row[1]):
            theirs[row[2]] = float(row[1])
    ours = {
        function: amount for function, amount in read_pprof(data).flat(column).items() if amount
    }
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
        ("net/http.(*conn).serve", False),
        ("runtime.malg", False),
        ("database/sql.(*DB).conn", False),
        ("context.WithCancel", False),
    ],
)
def test_what_is_the_targets_own_code(function: str, own: bool) -> None:
    assert is_go_own(function) is own
