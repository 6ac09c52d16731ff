"""The lines and cells of CSV files as tools and people write them: titles, rules, footers, groups of digits, cut ends."""

from pathlib import Path

import numpy as np
import pytest

from soak.errors import InputError
from soak.formats import Options, read_recording, recording_of
from soak.formats.content import CUT_SHORT, Content
from soak.formats.csv_text import dialect_of
from soak.formats.monitoring_json import MONITORING
from soak.model import Recording
from tests.formats.samples import WRITERS, leak

ROWS = [f"{place * 15},{200 + place}" for place in range(12)]
PLAIN = "\n".join(["t,rss_bytes", *ROWS]) + "\n"


def read(text: str | bytes, **options: object) -> Recording:
    data = text.encode() if isinstance(text, str) else text
    return recording_of(Content(Path("a.csv"), data), Options(**options))  # type: ignore[arg-type]


def notes(recording: Recording) -> str:
    return "\n".join(event.text for event in recording.events)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Memory report for web-1\n", ""),
        ("Memory report\nhost web-1\n\n", ""),
        ("Report;web-1;;\n", ""),
        ("", "(12 rows)\n"),
        ("", "\nTotal: 12\n"),
    ],
)
def test_lines_around_a_table_are_left_out_and_said(before: str, after: str) -> None:
    recording = read(before + PLAIN + after)
    assert recording.series[0].values.tolist() == list(range(200, 212))
    assert "lines above or below the table are left out" in notes(recording)


@pytest.mark.parametrize(
    ("head", "row", "end"),
    [
        (" t | rss_bytes \n---+-----------\n", " {} | {}\n", "(12 rows)\n"),
        ("+---+---+\n| t | rss_bytes |\n+---+---+\n", "| {} | {} |\n", "+---+---+\n"),
        ("| t | rss_bytes |\n|---|---:|\n", "| {} | {} |\n", ""),
    ],
)
def test_tables_as_databases_and_markdown_draw_them(head: str, row: str, end: str) -> None:
    drawn = head + "".join(row.format(*line.split(",")) for line in ROWS) + end
    assert read(drawn).series[0].values.tolist() == list(range(200, 212))


@pytest.mark.parametrize("between", [";", "\t", "|"])
def test_decimal_commas_need_no_sep_line(between: str) -> None:
    rows = "".join(f"{place}{between}{place},25\n" for place in range(9))
    recording = read(f"t{between}rss\n{rows}")
    assert recording.series[0].values.tolist() == [place + 0.25 for place in range(9)]


def test_sep_may_be_a_tab() -> None:
    assert read("sep=\t\n" + PLAIN.replace(",", "\t")).series[0].name == "rss_bytes"


def test_row_names_of_r_have_no_header() -> None:
    rows = "".join(f'"{place}",{line}\n' for place, line in enumerate(ROWS, 1))
    assert read('"t","rss_bytes"\n' + rows).series[0].values.tolist() == list(range(200, 212))


def test_rows_that_are_longer_than_the_header_are_refused_in_plain_words() -> None:
    with pytest.raises(InputError, match=r"the header has 2 fields, and a row has 3: '0,200,7'"):
        read("t,rss_bytes\n" + "".join(f"{line},7\n" for line in ROWS))


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ('"1,234,567"', 1234567),
        ("1.234.567", 1234567),
        ('"1.234,5"', 1234.5),
        ("1 234 567", 1234567),
        ("1\u00a0234", 1234),
        ("1'234", 1234),
        ("1_234", 1234),
        ('"=""42"""', 42),
        ("1.5g", 1.5 * 2**30),
        ("200 bytes", 200),
        ("2 kb", 2048),
        ("\\N", np.nan),
        ("#N/A", np.nan),
    ],
)
def test_cells_as_people_and_tools_write_them(cell: str, value: float) -> None:
    [series] = read(f"t;rss\n0;{cell}\n15;{cell}\n30;7 \n").series
    np.testing.assert_equal(series.values[0], value)


def test_an_empty_column_is_no_series() -> None:
    recording = read("t,note,rss\n0,,1\n15,,2\n")
    assert [series.name for series in recording.series] == ["rss"]
    assert "left out, since it is empty: note" in notes(recording)


def test_a_cell_that_is_no_number_says_how_to_go_on() -> None:
    text = "t,state,rss\n0,1,1\n15,ok,2\n30,1,3\n"
    with pytest.raises(InputError, match=r"a.csv:3: .*--without 'state' leaves the column out"):
        read(text)
    assert [series.name for series in read(text, without=("state",)).series] == ["rss"]


@pytest.mark.parametrize("last", ["180,2", "180,", "180", '180,"21', "1", "180,2e", "180,2120"])
def test_a_line_without_an_end_is_left_out_whatever_it_holds(last: str) -> None:
    recording = read(PLAIN + last)
    assert recording.series[0].values.tolist() == list(range(200, 212))
    assert CUT_SHORT in notes(recording)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
def test_a_file_cut_in_the_middle_of_a_character(encoding: str) -> None:
    whole = (PLAIN.replace("rss", "größe") + "180,ö").encode(encoding)
    series = read(whole[:-1]).series[0]
    assert (series.name, len(series.times)) == ("größe_bytes", 12)


#: Whole documents, which are refused when they are cut.
DOCUMENTS = {"cloudwatch", "prometheus", *MONITORING}


@pytest.mark.parametrize("name", sorted({*WRITERS} - {"netdata", *DOCUMENTS}))
def test_no_format_makes_samples_of_a_cut_line(name: str) -> None:
    text = WRITERS[name](*leak(hours=0.1))
    whole = text.encode() if isinstance(text, str) else text

    def samples(data: bytes) -> tuple[str, set[tuple[str, float, float]]]:
        recording = recording_of(Content(Path("cut.txt"), data), Options())
        pairs = [
            (series.key, round(float(time), 3), float(value))
            for series in recording.series
            for time, value in zip(series.times, series.values, strict=True)
        ]
        return recording.run.started, set(pairs)

    started, every = samples(whole)
    for missing in (*range(1, 25, 4), 40, 66, 97):
        cut_started, kept = samples(whole[:-missing])
        assert cut_started == started
        assert kept <= every


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_a_document_that_was_cut_says_so(name: str) -> None:
    text = WRITERS[name](*leak(hours=0.1))
    assert isinstance(text, str)
    with pytest.raises(InputError, match="it seems cut short: fetch it again"):
        read(text[:-9])


@pytest.mark.parametrize(
    ("alike", "delimiter"), [(6, ";"), (5, ",")], ids=["six of ten", "five of ten"]
)
def test_the_share_of_lines_that_tell_a_delimiter(alike: int, delimiter: str) -> None:
    lines = [f"a{n};b" for n in range(alike)] + ["plain"] * (10 - alike)
    content = Content(Path("a.csv"), ("\n".join(lines) + "\n").encode())
    assert dialect_of(content).delimiter == delimiter


def test_several_reports_of_sysstat_are_joined_and_others_left_out(tmp_path: Path) -> None:
    """`pidstat -rv` writes two tables a sample, and `sar -A` some forty."""
    banner = "Linux 6.8.0 (host) \t08/01/2025 \t_x86_64_\t(2 CPU)\n"
    blocks = [
        f"\n# Time  UID  PID  minflt/s  VSZ  RSS  %MEM  Command\n{1754000000 + i} 0 71 1.0 900 {4000 + i} 2.5 app\n"
        f"\n# Time  UID  PID  threads  fd-nr  Command\n{1754000000 + i} 0 71 {9} {20 + i} app\n"
        f"\n# Time  CPU  %usr\n{1754000000 + i} all 3.0\n"
        for i in range(12)
    ]
    path = tmp_path / "pidstat.log"
    path.write_text(banner + "".join(blocks))
    recording = read_recording(path)
    named = {series.name: series for series in recording.series}
    assert named["process_resident_memory_bytes"].values[-1] == (4000 + 11) * 1024
    assert named["process_open_fds"].values[-1] == 31
    assert {"process_threads", "%MEM"} <= set(named)
    assert recording.shown_only == {"%MEM", "process_virtual_memory_bytes", "minflt/s"}
    assert "1 reports without memory or handles" in " ".join(e.text for e in recording.events)


def test_a_share_of_memory_is_judged_only_where_no_column_in_bytes_says_the_same(
    tmp_path: Path,
) -> None:
    path = tmp_path / "memory.csv"
    header, rows = "time,mem_percent", [f"{i},{2 + i % 3}" for i in range(1, 40)]
    path.write_text("\n".join([header, *rows, ""]))
    assert read_recording(path).shown_only == frozenset()
    both = [f"{row},{row}" for row in rows]
    path.write_text("\n".join(["time,mem_percent,time2,rss_mb", *both, ""]))
    assert "mem_percent" in read_recording(path).shown_only


def test_reports_of_jstat_without_spaces_say_which_one_has_them(tmp_path: Path) -> None:
    path = tmp_path / "gc.log"
    path.write_text(
        "Timestamp  S0  S1  E  O  M  CCS  YGC\n  1.1  0.0  5.0  3.0  2.0  9.0  9.0  1\n"
    )
    with pytest.raises(InputError, match="jstat -gc -t PID 5s"):
        read_recording(path)


def test_wide_vmstat_in_another_unit(tmp_path: Path) -> None:
    path = tmp_path / "vmstat.log"
    head = "--procs-- ----memory---- ---swap-- -----timestamp-----\n   r    b   swpd   free   buff  cache   si   so   UTC\n"
    rows = [f"  1 0 0 {9000 - i} 10 20 0 0 2025-07-31 22:13:{10 + i}" for i in range(12)]
    path.write_text(head + "\n".join(rows) + "\n")
    (series,) = read_recording(path, Options(units={"free": "MiB"})).series
    assert series.values[0] == 9030 * 2**20


@pytest.mark.parametrize(
    ("count", "moves", "refused"), [(12, 0, True), (9, 0, False), (12, 1, False)]
)
def test_vmstat_that_repeats_its_first_reading_of_memory_is_refused(
    tmp_path: Path, count: int, moves: int, refused: bool
) -> None:
    path = tmp_path / "vmstat.log"
    head = " r  b   swpd   free   buff  cache   si   so                 UTC\n"
    rows = [
        f"{i % 3} 0 0 {9000 - moves * i} 10 20 0 {i} 2025-07-31 22:13:{10 + i}"
        for i in range(count)
    ]
    path.write_text(head + "\n".join(rows) + "\n")
    if refused:
        with pytest.raises(InputError, match=r"the same in all 12 rows: .*sar -r 5"):
            read_recording(path)
    else:
        assert len(read_recording(path).series[0].values) == count


def test_psrecord_writes_csv_too(tmp_path: Path) -> None:
    path = tmp_path / "psrecord.csv"
    rows = "".join(f"{i / 5},2,0.0,{30 + i},90.0,1,0,0,0\n" for i in range(12))
    path.write_text(
        "elapsed_time,nproc,cpu,mem_real,mem_virtual,read_count,write_count,read_bytes,write_bytes\n"
        + rows
    )
    recording = read_recording(path)
    named = {series.name: series for series in recording.series}
    assert named["process_resident_memory_bytes"].values[0] == 30 * 2**20
    assert len(recording.events) == 1  # what is shown alone; the unit of the times is known


@pytest.mark.parametrize(
    ("header", "row", "value"),
    [
        ("Datum;RSS_kB", "{};307.20{}", 307_200 * 1024),
        ("Datum;CPU;Handles", "{};1,5;1.02{}", None),
        ("Datum;RSS (MB)", "{};307.20{}", 307.2 * 2**20),
        ("Datum;rss_kb", "{};0.20{}", 0.2 * 1024),
        ("Datum;Mémoire (Mo)", "{};2,{}", 2 * 2**20),
        ("Datum;Память (МБ)", "{};2,{}", 2 * 2**20),
        ("Datum;Mémoire", "{};2,{} Mo", 2 * 2**20),
    ],
)
def test_whole_numbers_and_units_of_other_languages(
    header: str, row: str, value: float | None
) -> None:
    """A point of a German file separates thousands, where decimals are commas or of bytes and KiB; else it is a decimal."""
    rows = [row.format(f"01.08.2025 22:13:{second}", second % 2) for second in (20, 35, 50)]
    recording = read("\n".join([header, *rows]) + "\n")
    first = recording.series[-1].values[0]
    assert first == pytest.approx(1020 if value is None else value)
    assert ("is read as" in notes(recording)) == (first in (1020, 307_200 * 1024))


def test_a_line_of_units_below_the_header() -> None:
    recording = read("time,rss,fds\nms,kB,count\n0,1,7\n500,2,7\n1000,3,7\n")
    rss, fds = recording.series
    assert (rss.name, rss.values.tolist()) == ("rss_bytes", [1024, 2048, 3072])
    assert (fds.name, rss.times.tolist()) == ("fds", [0, 0.5, 1])
    assert "taken for its columns' units" in notes(recording)
