"""Every format of the table is recognised, read exactly, judged, and refuses what is damaged in one line."""

import importlib.util
import os
import random
import re
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from soak.analysis import analyze
from soak.errors import InputError
from soak.formats import FORMATS, Options, format_of, read_recording, recording_of
from soak.formats.content import Content
from soak.model import Recording, Verdict
from soak.profile import Limits
from tests.formats.samples import STEP, WRITERS, leak, packed, parquet

#: How exact each format writes memory, in bytes; the others write whole bytes.
GRAIN = {
    "docker": 2**20 / 20,
    "gctrace": 2**19,
    "jvm-gc": 2**19,
    "kubectl": 2**19,
    "node-gc": 2**20 / 20,
    "free": 2**19,
    "ps": 512,
}
#: What the planted series is called in one format or another.
MEMORY = {
    "process_resident_memory_bytes",
    "rss_bytes",
    "machine_memory_used_bytes",
    "machine_swap_used_bytes",
    "mem_rss",
}
MEMORY |= {
    "procstat_memory_rss",
    "memory_used_bytes",
    "memory_rss",
    "host:web-1",
    "used_bytes",
    "nodejs_heap_size_used_bytes",
}
MEMORY |= {"kubernetes_container_memory_used_bytes", "value"}
MEMORY |= {"container_memory_working_set_bytes", "jvm_memory_used_bytes", "go_gc_heap_live_bytes"}
OLD = ("id", "Old Gen")
TEXTS = sorted(WRITERS)


def content(name: str, slope: float = 144e6) -> Content:
    text = WRITERS[name](*leak(slope=slope))
    return Content(Path(f"{name}.txt"), text.encode() if isinstance(text, str) else text)


def read(name: str, slope: float = 144e6) -> Recording:
    return recording_of(content(name, slope), Options())


def test_every_format_has_a_sample() -> None:
    assert {*WRITERS, "parquet"} == set(FORMATS)


@pytest.mark.parametrize("name", TEXTS)
def test_a_format_is_recognised_by_its_content(name: str) -> None:
    assert format_of(content(name)) == name


@pytest.mark.parametrize("name", TEXTS)
def test_times_and_values_are_read_exactly(name: str) -> None:
    times, values = leak()
    series = next(
        series
        for series in read(name).series
        if series.name in MEMORY and (name != "jstat" or OLD in series.labels)
    )
    np.testing.assert_allclose(series.times, times - times[0], atol=1.5e-3)
    np.testing.assert_allclose(series.values, values, atol=GRAIN.get(name, 1100.0))


@pytest.mark.parametrize("name", TEXTS)
def test_a_leak_fails_and_its_absence_does_not(name: str) -> None:
    for slope, leaks in ((144e6, True), (0.0, False)):
        verdict = analyze(read(name, slope), Limits(), judge_unknown=True).verdict
        assert (verdict is Verdict.FAIL) == leaks
        assert leaks or verdict is Verdict.PASS


@pytest.mark.parametrize("name", TEXTS)
def test_a_file_cut_short_anywhere_is_read_or_refused_in_a_line(name: str) -> None:
    whole = content(name).data
    chance = random.Random(name)
    for cut in [*range(1, 60, 7), *(chance.randrange(len(whole)) for _ in range(6))]:
        told(Content(Path("cut.txt"), whole[:cut]))


@pytest.mark.parametrize("name", TEXTS)
def test_damage_is_read_or_refused_in_a_line(name: str) -> None:
    text = WRITERS[name](*leak(hours=0.1))
    whole = text.encode() if isinstance(text, str) else text
    chance = random.Random(name)
    bits = (
        b"",
        b"-",
        b"NaN",
        b"1e999",
        b'"',
        b",",
        b"\n",
        b"{",
        b"\xff",
        b"\0",
        b"9" * 400,
        b"inf",
        b" ",
        b"->",
        b"(",
    )
    for _ in range(25):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 3, 20))):
            place = chance.randrange(len(damaged))
            damaged[place : place + chance.randrange(4)] = chance.choice(bits)
        told(Content(Path("damaged.txt"), bytes(damaged)))


@pytest.mark.parametrize("name", TEXTS)
def test_a_huge_line_and_bytes_that_are_no_text_are_read_or_refused_shortly(name: str) -> None:
    text = WRITERS[name](*leak(hours=0.05))
    whole = text.encode() if isinstance(text, str) else text
    middle = len(whole) // 2
    for between in (b"x" * 200_000 + b"\n", b"\xe4\xf6\xfc", b"\0" * 300):
        said = told(Content(Path("odd.txt"), whole[:middle] + between + whole[middle:]))
        assert len(said) < 700


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"sysstat": {\n"hosts": []}}\n', "sadf -d FILE -- -r"),
        ('# TYPE up gauge\nup{a="b"} 1\n', "odd.json:2: samples without a timestamp"),
        ("# TYPE up gauge\nup 1\n", "odd.json:2: samples without a timestamp"),
        ('{"rows": 1,\n"columns": 2}\n', "a JSON object with the keys rows, columns"),
    ],
)
def test_what_tells_no_growth_is_refused_by_what_it_is(text: str, says: str) -> None:
    assert says in told(Content(Path("odd.json"), text.encode()))


def told(damaged: Content) -> str:
    """What is said of a file: nothing where it is read, in a bounded time."""
    began = time.process_time()
    try:
        recording_of(damaged, Options())
    except InputError as error:
        assert "\n" not in str(error)
        assert str(error).startswith(str(damaged.path))
        return str(error)
    finally:
        assert time.process_time() - began < 20
    return ""


@pytest.mark.parametrize("name", ["docker", "kubectl", "free", "vmstat"])
def test_samples_without_a_time_need_a_step(name: str) -> None:
    undated = [line for line in content(name).text.split("\n") if "UTC 20" not in line]
    bare = "\n".join(line[: line.find(" 2025-")] if " 2025-" in line else line for line in undated)
    file = Content(Path("bare.txt"), bare.encode())
    assert format_of(file) == name
    assert "--step 15s" in told(file)
    series = recording_of(file, Options(step=float(STEP))).series[0]
    np.testing.assert_array_equal(series.times, np.arange(len(series.times)) * STEP)


def test_gzip_is_recognised_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "memory.csv").write_bytes(packed(WRITERS["csv"](*leak())))
    assert read_recording(tmp_path / "memory.csv").series[0].name == "rss_bytes"


@pytest.mark.skipif(
    importlib.util.find_spec("pyarrow") is None and not os.environ.get("CI"),
    reason="pyarrow is an extra, and in CI it is there",
)
def test_parquet_is_a_table() -> None:
    times, values = leak()
    file = Content(Path("memory.parquet"), parquet(times, values))
    assert format_of(file) == "parquet"
    [series] = recording_of(file, Options()).series
    np.testing.assert_allclose(series.times, times - times[0])
    np.testing.assert_allclose(series.values, values)


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    said = told(Content(Path("memory.parquet"), b"PAR1 and more"))
    assert "pip install 'soak-harness[parquet]'" in said


@pytest.mark.parametrize(
    ("declared", "kept"), [("jobs counter", []), ("jobs_created gauge", ["jobs_created"])]
)
def test_when_a_counter_was_created_is_no_series(declared: str, kept: list[str]) -> None:
    rows = "".join(
        f'jobs_total {n} {1754000000 + n}.0 # {{trace_id="a"}} 1\n'
        f"jobs_created 1754000000 {1754000000 + n}.0\n"
        for n in range(9)
    )
    text = f"# TYPE {declared}\n{rows}# EOF\n"
    recording = recording_of(Content(Path("dump.txt"), text.encode()), Options())
    assert [series.name for series in recording.series] == ["jobs_total", *kept]


@pytest.mark.parametrize("name", WRITERS)
def test_a_number_that_no_double_holds_is_refused_or_left_out(tmp_path: Path, name: str) -> None:
    """JSON's whole numbers have no largest."""
    content = WRITERS[name](*leak(0.1))
    if not isinstance(content, str) or content[0] not in "[{":
        return
    numbers = [
        match.span() for match in re.finditer(r"(?<![\w.\"])-?\d+(\.\d+)?(?![\w\"])", content)
    ]
    for start, end in numbers[:2] + numbers[-2:]:
        (tmp_path / "in").write_text(f"{content[:start]}{'9' * 400}{content[end:]}")
        with suppress(InputError):
            read_recording(tmp_path / "in", Options())


def test_a_dstat_file_without_a_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").write_text('"dstat timed"\n1,2\n3,4\n')
    with pytest.raises(InputError, match="no header of two lines with a time"):
        read_recording(tmp_path / "in", Options())
