"""What people's files hold beside the numbers, each kind with further examples: recognised and said, or refused."""

from pathlib import Path

import numpy as np
import pytest

from soak.analysis import analyze
from soak.catalog.words import Meaning
from soak.errors import InputError
from soak.formats import FORMATS, Options, format_of, recording_of
from soak.formats.column_names import in_base_unit, meaning_of
from soak.formats.content import Content
from soak.formats.times import MOST_SECONDS, from_numbers
from soak.model import Kind, Recording, Verdict
from soak.profile import Limits
from tests.formats.samples import START, STEP, leak

FILES = Path(__file__).parents[2] / "docs" / "files.md"


def read(text: str | bytes, **options: object) -> Recording:
    data = text.encode() if isinstance(text, str) else text
    return recording_of(Content(Path("a.csv"), data), Options(**options))  # type: ignore[arg-type]


def notes(recording: Recording) -> str:
    return "\n".join(event.text for event in recording.events)


def verdict(recording: Recording) -> Verdict:
    return analyze(recording, Limits(), judge_unknown=True).verdict


def table(header: str, *columns: object, between: str = ",") -> str:
    rows = zip(*columns, strict=True)
    return "\n".join([header, *(between.join(map(str, row)) for row in rows)]) + "\n"


TIMES, LEAK = leak()
FLAT = leak(slope=0.0)[1]


@pytest.mark.parametrize(("unit", "factor"), [("", 1), ("ms", 10**3), ("µs", 10**6), ("ns", 10**9)])
def test_the_unit_of_unix_times_is_recognised_and_said(unit: str, factor: int) -> None:
    recording = read(table("time,rss_bytes", [int(time) * factor for time in TIMES], LEAK))
    assert recording.series[0].times[1] == STEP
    assert (f"Unix times in {unit}" in notes(recording)) == bool(unit)
    assert verdict(recording) is Verdict.FAIL


def test_the_largest_time_in_seconds() -> None:
    assert from_numbers(np.array([MOST_SECONDS]))[0][0] == MOST_SECONDS
    assert from_numbers(np.array([MOST_SECONDS + 1]))[0][0] == pytest.approx(MOST_SECONDS / 1e3)


@pytest.mark.parametrize("header", ["elapsed_ms", "Time (ms)", "time [ms]", "Elapsed time ms"])
def test_a_unit_in_the_time_columns_name(header: str) -> None:
    assert read(f"{header},rss\n0,1\n500,2\n1000,3\n").series[0].times.tolist() == [0, 0.5, 1]


def test_times_of_several_units_are_refused() -> None:
    with pytest.raises(InputError, match="--unit time=ms"):
        read("time,rss\n1754000000,1\n1754000015000,2\n")


@pytest.mark.parametrize(
    "name",
    [
        "t",
        "time",
        "Timestamp",
        "TS",
        "date",
        "DateTime",
        "epoch",
        "elapsed",
        "unix_time",
        "@timestamp",
        "_time",
    ],
)
@pytest.mark.parametrize("between", [",", ";", "\t", "|"])
def test_usual_names_and_delimiters(name: str, between: str) -> None:
    recording = read(table(f"{name}{between}rss", [0, 15, 30], [1, 2, 3], between=between))
    assert recording.series[0].times.tolist() == [0, 15, 30]


@pytest.mark.parametrize(
    "written",
    [
        "2025-07-31 22:13:{:02d},123",
        "2025-07-31T22:13:{:02d}Z",
        "07/31/2025 22:13:{:02d}",
        "31/07/2025 22:13:{:02d}",
        "31.07.2025 22:13:{:02d}",
        "Thu Jul 31 22:13:{:02d} UTC 2025",
        "31/Jul/2025:22:13:{:02d} +0000",
        "22:13:{:02d}",
        "10:13:{:02d} PM",
        "Jul 31 22:13:{:02d}",
    ],
)
def test_dates_as_people_write_them(written: str) -> None:
    rows = [f'"{written.format(second)}",{second}' for second in (20, 35, 50)]
    assert read("\n".join(["time,rss", *rows]) + "\n").series[0].times.tolist() == pytest.approx(
        [0, 15, 30]
    )


def test_the_time_of_day_goes_on_after_midnight() -> None:
    assert read("time,rss\n23:59:50,1\n00:00:05,2\n00:00:20,3\n").series[0].times.tolist() == [
        0,
        15,
        30,
    ]


@pytest.mark.parametrize("column", ["pid", "pod", "host", "container", "device"])
def test_rows_of_one_time_are_split_by_what_tells_them_apart(column: str) -> None:
    names = ("101", "202") if column == "pid" else ("a-1", "b-2")
    rows = [
        f"{time:.0f},{name},{value:.0f}"
        for time, *values in zip(TIMES, LEAK, FLAT, strict=True)
        for name, value in zip(names, values, strict=True)
    ]
    recording = read("\n".join([f"t,{column},rss_bytes", *rows]) + "\n")
    assert [dict(series.labels) for series in recording.series] == [
        {column: name} for name in names
    ]
    assert f"told apart by {column}" in notes(recording)
    findings = analyze(recording, Limits(), judge_unknown=True).findings
    assert {
        dict(finding.labels)[column]: finding.verdict
        for finding in findings
        if finding.rule == "growth"
    } == {
        names[0]: Verdict.FAIL,
        names[1]: Verdict.PASS,
    }


def test_a_column_of_names_names_the_series() -> None:
    recording = read(
        "time,metric,value\n0,rss_bytes,1\n0,open_fds,2\n15,rss_bytes,3\n15,open_fds,4\n"
    )
    assert [series.name for series in recording.series] == ["rss_bytes", "open_fds"]


def test_rows_that_nothing_tells_apart_are_refused() -> None:
    rows = "".join(f"{n // 2},{n * 7 % 5}.5\n" for n in range(20))
    with pytest.raises(InputError, match="--split COLUMN"):
        read(f"t,rss\n{rows}")


@pytest.mark.parametrize(
    ("header", "column"),
    [("Unnamed: 0", range(240)), ("", range(240)), ("sample", range(1, 241)), ("row", range(240)), ("elapsed_s", TIMES - START),
     ("uptime_ms", (TIMES - START) * 1000), ("hours_running", (TIMES - START) / 3600), ("cpu_ms", (TIMES - START) * 300),
     ("requests_done", np.arange(240) * 7 + np.arange(240) % 3), ("pid", [7] * 240), ("price", np.linspace(9, 99, 240)),
     ("temperature_count", np.linspace(20, 90, 240)), ("cpu_percent", np.linspace(1, 99, 240)), ("order_id", range(9, 249)),
     ("bytes_sent", np.linspace(0, 1e9, 240)),
     ("gc_count", np.arange(240) // 9), ("uploaded_bytes", np.arange(240.0) ** 2), ("host", ["web-1"] * 240)],
)  # fmt: skip
def test_what_is_no_resource_is_not_judged_and_said(header: str, column: object) -> None:
    recording = read(table(f"{header},time,rss_bytes", column, TIMES, FLAT))
    assert verdict(recording) is Verdict.PASS
    assert (header or "without a name") in notes(recording)
    assert "rss_bytes" not in notes(recording)


@pytest.mark.parametrize(
    "header",
    ["rss", "open_fds", "heapUsed", "goroutines", "queue_length", "memory_percent", "widgets"],
)
def test_what_can_be_a_resource_is_judged(header: str) -> None:
    noise = np.random.default_rng(3).normal(0, 0.2, 240)
    assert (
        verdict(read(table(f"time,{header}", TIMES, 50 + np.arange(240) / 4 + noise)))
        is Verdict.FAIL
    )


@pytest.mark.parametrize(
    "header",
    ["free_mb", "available_mb", "disk_free_gb", "connections_available", "memFree", "slots left"],
)
def test_a_fall_of_what_is_better_high_is_judged_in_its_direction(header: str) -> None:
    noise = np.random.default_rng(3).normal(0, 2, 240)
    falling = analyze(
        read(table(f"time,{header}", TIMES, 900 - np.arange(240) + noise)),
        Limits(),
        judge_unknown=True,
    )
    assert falling.verdict is Verdict.FAIL
    assert "keeps falling" in falling.reason
    finding = next(finding for finding in falling.findings if finding.rule == "growth")
    assert finding.trend is not None
    assert finding.trend.slope_low < finding.trend.slope_high < 0
    assert finding.observed == finding.trend.slope_per_hour
    assert finding.trend.lines[-1].last == pytest.approx(finding.trend.level)
    assert finding.trend.level > 0
    assert finding.exhausts_in_hours is not None
    assert (
        verdict(read(table(f"time,{header}", TIMES, 900 + np.arange(240) + noise)))
        is not Verdict.FAIL
    )


@pytest.mark.parametrize("other", ["available_mb", "cached_mb", "buffers"])
def test_free_memory_is_not_judged_beside_what_counts_the_caches(other: str) -> None:
    noise = np.random.default_rng(3).normal(0, 2, 240)
    text = table(
        f"time,free_mb,{other},rss_bytes", TIMES, 900 - np.arange(240) + noise, 900 + noise, FLAT
    )
    assert verdict(read(text)) is not Verdict.FAIL
    assert "free_mb (--only judges it)" in notes(read(text))


def test_a_level_that_stepped_and_stayed_passes_and_is_told() -> None:
    times = START + np.arange(960) * STEP
    noise = np.random.default_rng(3).normal(0, 1, 960)
    analysis = analyze(
        read(
            table("time,open_fds", times, np.round(np.where(np.arange(960) < 480, 40, 99) + noise))
        ),
        Limits(),
        judge_unknown=True,
    )
    assert analysis.verdict is Verdict.PASS
    (finding,) = (finding for finding in analysis.findings if finding.rule == "growth")
    assert finding.reason.endswith("It stepped from 40 to 99 descriptors at 2 h, and stayed.")


def test_columns_are_chosen() -> None:
    text = table(
        "time,price,rss_bytes,cache_bytes", TIMES, np.linspace(9, 99, 240) + FLAT / 1e9, FLAT, LEAK
    )
    assert verdict(read(text)) is Verdict.FAIL
    assert verdict(read(text, without=("cache_bytes",))) is Verdict.PASS
    assert [series.name for series in read(text, only=("price",)).series] == ["price"]
    assert verdict(read(text, only=("price",))) is Verdict.FAIL
    assert read(text, counters=("cache_bytes",)).series[2].kind is Kind.COUNTER
    with pytest.raises(InputError, match="has no column rss; there is time, price"):
        read(text, only=("rss",))


@pytest.mark.parametrize(
    ("column", "unit", "name", "factor"),
    [
        ("rss_kb", "", "rss_bytes", 1024),
        ("Real (MB)", "", "real_bytes", 2**20),
        ("heapUsedMB", "", "heap_used_bytes", 2**20),
        ("RSS [KiB]", "", "rss_bytes", 1024),
        ("my_cache_bytes", "", "my_cache_bytes", 1),
        ("rss", "MiB", "rss_bytes", 2**20),
        ("rss", "MB", "rss_bytes", 10**6),
        ("goroutines", "", "goroutines", 1),
    ],
)
def test_a_columns_unit(column: str, unit: str, name: str, factor: float) -> None:
    assert in_base_unit(column, unit)[:2] == (name, factor)


def test_a_last_line_that_was_cut_is_left_out_and_said() -> None:
    recording = read("t,a,rss\n0,1,1\n15,1,2\n30,1")
    assert recording.series[0].times.tolist() == [0, 15]
    assert "cut short" in notes(recording)


def test_columns_of_one_name() -> None:
    same = read("t,rss,rss\n0,1,1\n15,2,2\n")
    assert [series.name for series in same.series] == ["rss"]
    assert "same values" in notes(same)
    other = read("t,rss,rss\n0,1,3\n15,2,4\n")
    assert len(other.series) == 2
    assert "more than once" in notes(other)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-16-le", "cp1252"])
def test_encodings(encoding: str) -> None:
    text = "t,rss,größe\n0,1,5\n15,2,5\n"
    assert [series.name for series in read(text.encode(encoding)).series] == ["rss", "größe"]


def test_excel_and_decimal_commas() -> None:
    recording = read("sep=;\r\nTime;mem\r\n0;1,5\r\n15;2,5\r\n")
    assert recording.series[0].values.tolist() == [1.5, 2.5]


@pytest.mark.parametrize("stem", ["http_response_size_bytes", "batch_rows", "rpc_latency_seconds"])
def test_parts_of_histograms_are_counters_whatever_their_unit(stem: str) -> None:
    rows = [f'{stem}_bucket{{le="1"}} {n} {START + n * STEP}\n{stem}_sum {n * 9} {START + n * STEP}\n'
            f"{stem}_count {n} {START + n * STEP}\nopen_fds {12 + n % 2} {START + n * STEP}" for n in range(200)]  # fmt: skip
    recording = read("\n".join(rows) + "\n")
    kinds = {series.name: series.kind for series in recording.series}
    assert kinds == {
        f"{stem}_sum": Kind.COUNTER,
        f"{stem}_count": Kind.COUNTER,
        "open_fds": Kind.GAUGE,
    }
    assert verdict(recording) is Verdict.PASS


def test_a_file_of_no_resource_never_passes() -> None:
    recording = read(table("time,price", TIMES, FLAT))
    assert verdict(recording) is Verdict.INCONCLUSIVE
    assert "--only judges it" in notes(recording)


@pytest.mark.parametrize("name", ["process_resident_memory_bytes", "go_goroutines"])
def test_the_catalog_comes_before_the_words_of_a_name(name: str) -> None:
    assert meaning_of(name) is Meaning.RESOURCE


@pytest.mark.parametrize(
    ("name", "meaning"),
    [
        ("system.mem.used", Meaning.RESOURCE),
        ("system.network.connections", Meaning.RESOURCE),
        ("system.cpu.user", Meaning.NO_RESOURCE),
        ("system.net.bytes_rcvd", Meaning.NO_RESOURCE),
        ("system.processes.involuntary_ctx_switches", Meaning.NO_RESOURCE),
        ("cpu_system", Meaning.NO_RESOURCE),
        ("memory_system", Meaning.NO_RESOURCE),  # of a processor's time, as tools write it
        ("system", Meaning.NO_RESOURCE),
    ],
)
def test_system_before_a_resource_is_a_namespace(name: str, meaning: Meaning) -> None:
    assert meaning_of(name) is meaning


def documented() -> dict[str, str]:
    """The example of each format in docs/files.md."""
    kinds = {}
    for section in FILES.read_text().split("\n### ")[1:]:
        name, _, rest = section.partition("\n")
        kinds[name] = rest.partition("```text\n")[2].partition("```")[0]
    return kinds


def test_every_format_is_documented() -> None:
    assert set(documented()) == set(FORMATS)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "parquet"])
def test_the_example_of_each_format_is_read(name: str) -> None:
    content = Content(Path(f"{name}.txt"), documented()[name].encode())
    assert format_of(content) == name
    assert all(len(series.times) >= 1 for series in recording_of(content, Options()).series)


def test_top_tells_the_time_of_the_day_also_over_midnight() -> None:
    blocks = [
        f"top - {stamp} up 3 days,  2:11,  1 user,  load average: 0.10\n\n"
        f"    PID USER      PR  NI    VIRT    RES    SHR S  %CPU  %MEM     TIME+ COMMAND\n"
        f"   4242 app       20   0    1.2g   {size}  12000 S   3.0   2.5   1:02.11 orders\n"
        for stamp, size in (
            ("23:59:50", "195969"),
            ("23:59:55", "1.5g"),
            ("00:00:00", "12m"),
            ("00:00:05", "2.0t"),
        )
    ]
    recording = read("\n".join(blocks))
    assert recording.series[0].labels == (("command", "orders"), ("pid", "4242"))
    np.testing.assert_array_equal(recording.series[0].times, [0, 5, 10, 15])
    np.testing.assert_array_equal(
        recording.series[0].values, [195969 * 2**10, 1.5 * 2**30, 12 * 2**20, 2 * 2**40]
    )


def test_an_empty_cell_among_times_of_the_day_is_no_time() -> None:
    with pytest.raises(InputError, match="no time column"):
        read("note,rss\n22:13:20,1\n,2\n22:13:30,3\n")
