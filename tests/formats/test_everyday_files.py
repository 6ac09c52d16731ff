"""Files as they lie about: other languages and clocks, loops over /proc, netdata's charts, JSON of any shape."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from soak.analysis import analyze
from soak.errors import InputError
from soak.formats import Options, format_of
from soak.formats.content import Content
from soak.formats.prometheus_server import RangeQuery, query_server
from soak.model import Recording, Verdict
from soak.profile import Limits
from tests.formats.samples import MIB, START, STEP, iso, leak, lines, matrix
from tests.formats.test_kinds import FLAT, LEAK, TIMES, notes, read, table, verdict


def columns(header: str, *cells: Callable[[int], str], rows: int = 12, between: str = ";") -> str:
    body = [between.join(cell(place) for cell in cells) for place in range(rows)]
    return lines(header, body)


def at(spelling: str) -> Callable[[int], str]:
    return lambda place: datetime.fromtimestamp(START + place * STEP, UTC).strftime(spelling)


def megabytes(place: int) -> str:
    return f"{100 + place}"


@pytest.mark.parametrize(
    "spelling",
    [
        "%d.%m.%y %H:%M:%S",
        "%d/%m/%Y %H.%M.%S",
        "%d.%m.%Y %H.%M.%S",
        "%a, %d %b %Y %H:%M:%S GMT",
        "%a, %d %b %Y %H:%M:%S",
        "%H.%M.%S",
    ],
)
def test_times_of_other_languages(spelling: str) -> None:
    [series] = read(columns("time;rss_mb", at(spelling), megabytes)).series
    assert series.times.tolist() == [place * STEP for place in range(12)]


def test_a_date_with_dots_and_two_digits_is_no_time_of_the_day() -> None:
    days = [f"{day:02d}.{month:02d}.25" for month in (3, 4) for day in range(1, 25)]
    [series] = read(table("time;rss_mb", days, range(48), between=";")).series
    assert np.diff(series.times).max() == 8 * 86400
    assert np.median(np.diff(series.times)) == 86400


@pytest.mark.parametrize("names", ["Datum;Uhrzeit", "Data;Ora", "Fecha;Hora", "Date;Heure", "x;y"])
@pytest.mark.parametrize("clock", ["%H:%M:%S", "%H.%M.%S"])
def test_a_date_and_a_time_of_the_day_in_two_columns_are_one_time(names: str, clock: str) -> None:
    """A gap of a whole day and more is one, though the time of the day does not tell."""

    def later(spelling: str) -> Callable[[int], str]:
        return lambda place: at(spelling)(place if place < 6 else place + 2 * 5760)

    text = columns(f"{names};rss_mb", later("%d.%m.%Y"), later(clock), megabytes)
    recording = read(text)
    assert np.diff(recording.series[0].times).max() == 2 * 86400 + STEP
    assert f"{names.replace(';', ' and ')} together are taken as the time" in notes(recording)
    assert "it is text" not in notes(recording)


def test_the_end_of_daylight_saving_time_is_no_second_process() -> None:
    moments = [START + 60 * place - (3600 if place >= 100 else 0) for place in range(200)]
    recording = read(table("time,rss_mb", [iso(moment) for moment in moments], range(200)))
    assert (np.diff(recording.series[0].times) == 60).all()
    assert "go back by an hour at row 101" in notes(recording)


def test_a_second_process_that_begins_an_hour_back_is_no_end_of_daylight_saving_time() -> None:
    first = [iso(START + 60 * place) for place in range(60)]
    hosts = ["a"] * 60 + ["b"] * 60
    for times in ([*first, *first], [f"{time}Z" for time in (*first, *first)]):
        assert "go back" not in notes(read(table("time,host,rss_mb", times, hosts, range(120))))
    zoned = [f"{iso(START + 60 * place - (3600 if place >= 100 else 0))}Z" for place in range(200)]
    recording = read(table("time,host,rss_mb", zoned, ["a"] * 100 + ["b"] * 100, range(200)))
    assert "go back" not in notes(recording)


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["307,200 kB", "307,300 kB"], [307_200e3, 307_300e3]),
        (["1,234.5 MB", "998 MB"], [1234.5e6, 998e6]),
        (["1.234,5 MB", "998,5 MB"], [1234.5e6, 998.5e6]),
        (["12,500 MB", "12,25 MB"], [12.5e6, 12.25e6]),
        (["0,512 GB", "1,024 GB"], [0.512e9, 1.024e9]),
        (["1 234 kB", "998 kB"], [1234e3, 998e3]),
        (["12,500", "12,25"], [12.5, 12.25]),
    ],
)
def test_commas_of_cells_mark_thousands_unless_one_can_only_be_decimal(
    cells: list[str], values: list[float]
) -> None:
    rows = [f'{place},"{cell}"' for place, cell in enumerate(cells)]
    np.testing.assert_allclose(read(lines("t,rss", rows)).series[0].values, values)


def test_the_second_column_of_a_name_keeps_its_unit() -> None:
    recording = read("t,rss_mb,rss_mb\n0,1,3\n15,2,4\n")
    assert {series.name: series.values[0] for series in recording.series} == {
        "rss_bytes": MIB,
        "rss_2_bytes": 3 * MIB,
    }


def test_text_that_is_no_utf_8_is_said() -> None:
    assert "Windows-1252" in notes(read("t,größe\n0,5\n15,5\n".encode("cp1252")))
    assert "Windows-1252" not in notes(read("t,größe\n0,5\n15,5\n"))


LOOPS = {
    "VmRSS:\t  {kib:.0f} kB": {},
    "VmRSS:\t  {kib:.0f} kB Threads:\t17 ": {},
    "Name:\tsh\nVmPeak:\t 9 kB\nVmRSS:\t  {kib:.0f} kB\nThreads:\t17": {},
    "Rss:      {kib:.0f} kB\nPss:      12 kB": {},
    "/proc/11/status:VmRSS:\t {kib:.0f} kB": {"pid": "11"},
}


@pytest.mark.parametrize("loop", LOOPS)
def test_loops_over_proc_are_read(loop: str) -> None:
    text = lines("", [loop.format(kib=value / 1024) for value in LEAK])
    recording = read(text, step=float(STEP))
    [series] = [each for each in recording.series if each.name == "process_resident_memory_bytes"]
    np.testing.assert_allclose(series.values, LEAK, atol=1024)
    assert series.times[1] == STEP
    assert dict(series.labels) == LOOPS[loop]
    assert verdict(recording) is Verdict.FAIL


def test_what_the_kernel_says_of_no_resource_is_refused() -> None:
    with pytest.raises(InputError, match="time"):
        read("VmPeak:\t 9 kB\nVmSize:\t 9 kB\n" * 9)


PS_LOOP = [f"{iso(START + 5 * n, 'T')} 4711 {9000 + n} 12800 7 orders" for n in range(12)]


def test_numbers_and_words_after_a_time_need_names() -> None:
    """`echo "$(date +%FT%T) $(ps -o pid=,rss=,vsz=,nlwp=,comm= -p PID)"` in a loop."""
    with pytest.raises(InputError, match="its 6 columns have no names: put a line above them"):
        read(lines("", PS_LOOP))
    recording = read(lines("time pid rss_kb vsz_kb threads command", PS_LOOP))
    assert {series.name: series.values[0] for series in recording.series} == {
        "rss_bytes": 9000 * 1024,
        "vsz_bytes": 12800 * 1024,
        "threads": 7,
    }
    assert recording.series[0].times[1] == 5


def test_a_log_of_words_and_numbers_is_no_loop() -> None:
    log = [f"{iso(START + n, 'T')} {word} took {n} ms" for n, word in enumerate(["GET", "PUT"] * 6)]
    assert format_of(Content(Path("a.log"), lines("", log).encode())) != "spaced"


CHARTS = {
    "time,free,used,cached,buffers": 2**20,
    "time,free,used": 2**20,
    "time,avail": 2**20,
    "time,ram,swap": 2**20,
    "time,avail,used,reserved_for_root": 2**30,
}


@pytest.mark.parametrize("header", CHARTS)
def test_the_units_of_netdatas_charts_are_known_and_said(header: str) -> None:
    width = header.count(",")
    rows = [f"{iso(START - place)}{',900.5' * width}" for place in range(12)]
    recording = read(lines(header, rows))
    assert {series.values[0] for series in recording.series} == {900.5 * CHARTS[header]}
    assert "as in netdata's own charts" in notes(recording)
    answer = {
        "labels": header.split(","),
        "data": [[START - n, *[900.5] * width] for n in range(12)],
    }
    recording = read(json.dumps(answer))
    assert {series.values[0] for series in recording.series} == {900.5 * CHARTS[header]}
    assert "as in netdata's own charts" in notes(recording)


def test_a_chart_of_netdatas_that_is_not_known_has_no_unit() -> None:
    for header, value in (("time,free,used", 4e9), ("time,busy", 900.5)):
        rows = [f"{iso(START - place)}{f',{value}' * header.count(',')}" for place in range(12)]
        assert read(lines(header, rows)).series[0].values[0] == value


def test_the_page_cache_beside_free_memory_is_not_judged() -> None:
    """It grows on every healthy machine by what is no longer free; an application's own cache may leak."""
    cached = np.arange(240) * 2.0 + np.random.default_rng(3).normal(0, 2, 240)
    machine = table("time,free,used,cached,buffers", TIMES, 9000 - cached, FLAT / MIB, 4000 + cached, cached)  # fmt: skip
    assert verdict(read(machine)) is not Verdict.FAIL
    own = table("time,free,used,session_cached,buffers", TIMES, 9000 - cached, FLAT / MIB, 4000 + cached, FLAT)  # fmt: skip
    assert verdict(read(own)) is Verdict.FAIL


def test_a_column_of_zeros_makes_no_pass() -> None:
    recording = read(table("time,bytes", TIMES, [0] * len(TIMES)))
    assert verdict(recording) is Verdict.INCONCLUSIVE
    assert "since it is 0 throughout: bytes" in notes(recording)
    asked = read(table("time,bytes", TIMES, [0] * len(TIMES)), only=("bytes",))
    assert verdict(asked) is Verdict.PASS
    assert not read(table("time,process_open_fds", TIMES, [0] * len(TIMES))).shown_only


SHAPES: dict[str, object] = {
    "rows below a header": [["time", "rss_bytes"], *map(list, zip(TIMES, LEAK, strict=True))],
    "columns": {"time": TIMES.tolist(), "rss_bytes": LEAK.tolist()},
    "one list of objects": {
        "took": 3,
        "hits": [{"time": t, "rss_bytes": v} for t, v in zip(TIMES, LEAK, strict=True)],
    },
    "deep objects": [
        {"@timestamp": iso(t), "a": {"b": {"c": {"d": {"e": {"rss_bytes": v}}}}}}
        for t, v in zip(TIMES, LEAK, strict=True)
    ],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_json_of_any_shape_is_a_table(shape: str) -> None:
    recording = read(json.dumps(SHAPES[shape]))
    assert [series.name.endswith("rss_bytes") for series in recording.series] == [True]
    assert verdict(recording) is Verdict.FAIL


@pytest.mark.parametrize("answer", [[[1, 2], [3, 4]], [["time"], [1, 2]], {"a": [1], "b": [1, 2]}])
def test_json_that_is_no_table_is_refused(answer: object) -> None:
    with pytest.raises(InputError):
        read(json.dumps(answer))


def prometheus(name: str, **more: object) -> str:
    series = [
        *matrix(TIMES, LEAK),
        {"metric": {"__name__": name}, "values": [[START, "1"], [START + 9, "1"]]},
    ]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}, **more})  # fmt: skip


def test_series_without_columns_are_chosen_too() -> None:
    rss = "process_resident_memory_bytes"

    def names(**options: tuple[str, ...]) -> list[str]:
        return [series.name for series in read(prometheus("odd"), **options).series]

    assert names() == [rss, "odd"]
    assert names(only=("odd",)) == names(without=(f'{rss}{{job="api"}}',)) == ["odd"]
    with pytest.raises(InputError, match=f"has no series memory; there is {rss}, odd"):
        names(only=("memory",))


def test_a_series_that_is_not_judged_is_said_and_judged_when_asked_for() -> None:
    assert "not judged, since no leak uses it up: cpu_load (--only judges it)" in notes(
        read(prometheus("cpu_load"))
    )
    asked = read(prometheus("cpu_load"), only=("cpu_load",))
    assert not asked.shown_only
    assert "not judged" not in notes(asked)


def test_a_prometheus_server_is_asked_for_what_is_chosen_alone() -> None:
    query = RangeQuery("http://h", ("x",), START, START + 60.0, 15.0)
    options = Options(only=("odd",))
    recording = query_server(query, options, lambda _: prometheus("odd").encode())
    assert [series.name for series in recording.series] == ["odd"]


def test_what_a_server_warns_of_is_said() -> None:
    recording = read(prometheus("odd", warnings=["partial response"], infos=["fine"]))
    assert "the server warns: partial response" in notes(recording)
    assert "fine" not in notes(recording)


@pytest.mark.parametrize(
    ("text", "name", "labels"),
    [
        ('{"process.memory","service.name"="a b"}', "process.memory", {"service.name": "a b"}),
        ('{"process.memory"}', "process.memory", {}),
        ('{__name__="up",job="x"}', "up", {"job": "x"}),
    ],
)
def test_names_of_prometheus_3_may_be_any_text(
    text: str, name: str, labels: dict[str, str]
) -> None:
    head = '# TYPE "process.memory" gauge'
    rows = [f"{text} {value:.0f} {time:.0f}" for time, value in zip(TIMES, LEAK, strict=True)]
    recording = read(lines(head, [*rows, "# EOF"]))
    [series] = recording.series
    assert (series.name, dict(series.labels)) == (name, labels)


def test_a_file_of_no_resource_says_what_to_do() -> None:
    reason = analyze(read(table("time,price", TIMES, FLAT)), Limits(), judge_unknown=True).reason
    assert reason.endswith("--only NAME judges one.")


def test_jstat_of_a_jvm_that_never_tells_its_time_is_refused_without_step() -> None:
    head = "Timestamp S0C S1C S0U S1U EC EU OC OU MC MU CCSC CCSU YGC YGCT FGC FGCT CGC CGCT GCT"
    row = "- 0 0 0 0 9 9 9 {} 9 9 9 9 {} - 0 - 0 - -"
    text = lines(head, [row.format(1000 + place, place) for place in range(12)])
    with pytest.raises(InputError, match="--step 15s"):
        read(text)
    recording: Recording = read(text, step=5.0)
    assert recording.series[0].times.tolist() == [place * 5 for place in range(12)]


def test_a_log_with_capital_words_is_no_loop_over_proc() -> None:
    log = "2025-07-31 22:13:20 Threads: 5 started\nall fine\nand more\n" * 4
    assert format_of(Content(Path("a.log"), log.encode())) != "procfs"


def test_the_namespace_system_before_a_resource_may_have_one_before_it() -> None:
    name = "netdata_system_ram_MiB_average"
    assert verdict(read(json.dumps({"status": "success", "data": {"resultType": "matrix", "result": [
        {"metric": {"__name__": name}, "values": [[t, str(v / MIB)] for t, v in zip(*leak(), strict=True)]}
    ]}}))) is Verdict.FAIL  # fmt: skip
