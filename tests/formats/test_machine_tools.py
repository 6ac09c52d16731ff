"""What machines' tools write beside the usual: several reports in one file, names and values, hundreds of columns."""

import pytest

from soak.errors import InputError
from tests.formats.samples import MIB, START, WRITERS, iso, leak
from tests.formats.test_kinds import notes, read

LINES = str(WRITERS["sadf-lines"](*leak(hours=0.1)))


def test_sadf_in_lines_is_read_as_the_machines_memory() -> None:
    recording = read(LINES)
    assert {series.name for series in recording.series} == {
        "machine_memory_used_bytes",
        "machine_memory_free_bytes",
    }
    assert "3 metrics that tell of neither memory nor handles are left out" in notes(recording)


@pytest.mark.parametrize("stamp", [str(START + 7), iso(START + 7)])
def test_sadf_in_lines_with_any_of_its_times(stamp: str) -> None:
    line = f"web\t15\t{stamp}\t-\tkbmemused\t900\n"
    restart = f"web\t-1\t{stamp}\tLINUX-RESTART\t(2 CPU)\n"
    [series] = read(line + restart + line.replace(stamp, stamp[:-1] + "9")).series
    assert (series.times.tolist(), series.values.tolist()) == ([0, 2], [921600, 921600])


def test_sadf_in_lines_without_memory_says_what_to_write() -> None:
    with pytest.raises(InputError, match="sadf -p FILE -- -r"):
        read("web\t600\t2025-07-31 22:10:01 UTC\tall\t%user\t1.5\n")


def test_sadf_of_all_reports_passes_over_lines_that_its_header_does_not_name() -> None:
    """`-A`: a line of interrupts has a column for each processor, below one name."""
    text = (
        "# hostname;interval;timestamp;INTR;CPU*\nweb;1;2025-07-31 22:10:01;1;5.00;5.00\n"
        "# hostname;interval;timestamp;kbmemused\nweb;1;2025-07-31 22:10:01;3\n"
    )
    [series] = read(text).series
    assert series.values.tolist() == [3 * 1024]
    with pytest.raises(InputError, match=":4: expected 4 columns, not 5"):
        read(text.replace(";3\n", ";3;4\n"))


def test_nodes_collections_in_names_and_values() -> None:
    """Before and beside the usual lines of --trace-gc; V8's letters tell the young heap's collections."""
    row = (
        "[4711:0x2a04bc00]  {} ms: pause=4.4 mutator=81.8 gc={} reduce_memory=0 heap.prologue=0.00 "
        "total_size_before=9 total_size_after={} x=0\n"
    )
    usual = "[4711:0x2a04bc00]  3000 ms: Mark-Compact 7.0 (9.0) -> 4.0 (9.0) MB, 1.2 / 0.0 ms  (average mu = 0.9) task\n"
    recording = read(row.format(1000, "s", 2 * MIB) + row.format(2000, "mc", 3 * MIB) + usual)
    heap, major, minor = recording.series
    assert (heap.times.tolist(), heap.values.tolist()) == ([0, 1, 2], [2 * MIB, 3 * MIB, 4 * MIB])
    assert (major.values.tolist(), minor.values.tolist()) == ([0, 1, 2], [1, 1, 1])


@pytest.mark.parametrize("between", [".", "_"])
def test_glances_columns_have_their_units(between: str) -> None:
    """Version 4 puts a point between the parts of a name, those before an underscore."""
    text = str(WRITERS["glances"](*leak(hours=0.1))).replace(".used", f"{between}used")
    recording = read(text)
    assert {series.key for series in recording.series} == {
        "machine_memory_used_bytes",
        "machine_swap_used_bytes",
        "processes",
        'disk_used_bytes{mountpoint="/"}',
    }
    assert "5 columns are left out" in notes(recording)
    assert {series.name for series in read(text, only=("load.cpucore",)).series} == {"load.cpucore"}
    assert read(text, without=("ip.mask",)).series
