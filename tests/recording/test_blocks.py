"""Older rows are packed into blocks: bit for bit, unseen by every reader, and never lost."""

import lzma
import shutil
import sqlite3
import struct
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soak.analysis.prepare.merged_requests import merged
from soak.errors import RecordingError
from soak.latency import LAST
from soak.model import Kind, Recording, Sample, Scrape
from soak.recording import Recorder, compact, load_recording, progress_of
from soak.recording import recorder as recorder_module
from soak.recording.blocks import pack, unpack
from soak.recording.chunks import MOST_BYTES, MOST_ROWS, chunks, pack_older
from soak.recording.columns import columns_of, rows_of
from soak.recording.files import FORMAT_VERSION, SCHEMA, read_run
from soak.recording.following import Follower
from soak.recording.validation import ADDED, COLUMNS, LARGEST_COUNT
from soak.windows import EndpointWindow, GeneratorWindow, Window
from tests.recording.test_damage import RUN, recorded
from tests.recording.test_run_directory import histogram

RECORDINGS = Path(__file__).parents[1] / "data" / "recordings"


def records(second: int) -> list[Scrape | Window]:
    """A second of two sources, one of which fails at times, and of two endpoints, one of which rests at times."""
    memory = Sample("memory_bytes", 1e8 + 4096 * (second % 7), (("pid", str(second // 50)),))
    total = Sample("c_total", float(second**2), kind=Kind.COUNTER)
    failed = Scrape("process", second + 0.5, 0.1, 0.2, (), "refused" if second % 2 else "reset")
    polled = Scrape("process", second + 0.5, 0.0, 0.1, (memory,))
    busy = EndpointWindow(
        "GET /", 10, {"503": second % 3} if second % 3 else {}, 100 * second,
        histogram(b200=8, b210=1 + second % 3), histogram(b300=second % 3), histogram(b150=9),
        second % 4, second % 5,
    )  # fmt: skip
    calm = EndpointWindow("GET /x", 1, {}, 7, histogram(b5=1), histogram())
    health = GeneratorWindow(0.5, 0.5, 0.001 * (second % 7), 1000 + second, 10.0, 10, 1)
    return [
        Scrape("prometheus", float(second), 0.001, 0.01, (total, replace(memory, labels=()))),
        failed if second % 10 == 3 else polled,
        Window(
            second + 1.0,
            1.0,
            5,
            (calm, busy) if second % 4 else (busy,),
            health if second % 9 else None,
        ),
    ]


def written(directory: Path, seconds: int, most_rows: int) -> Path:
    """A run of so many seconds, packed every tenth where there are more rows than that."""
    recorder = Recorder(directory, dict(RUN), None)
    for second in range(seconds):
        for record in records(second):
            recorder.add(record)
        recorder.commit()
        if second % 10 == 9:
            pack_older(recorder._database, most_rows)
    recorder.close(ended="completed", seconds=float(seconds))
    return directory


def blocks_in(directory: Path) -> int:
    with closing(sqlite3.connect(directory / "recording.sqlite")) as database:
        return int(database.execute("SELECT count(*) FROM blocks").fetchone()[0])


def plain(value: object) -> object:
    """What can be compared by ==."""
    if isinstance(value, np.ndarray):
        return [str(number) for number in value.tolist()]  # nan is nan
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {key: plain(each) for key, each in sorted(value.items())}
    slots: Any = getattr(type(value), "__slots__", ())
    if slots and type(value).__module__.startswith("soak."):
        return [plain(getattr(value, name)) for name in slots]
    return value


def same(recording: Recording, other: Recording) -> bool:
    return plain(recording) == plain(other)


def go_on(directory: Path) -> None:
    """Record the seconds from 70 to 120 into a run that broke off, in blocks of this soak's."""
    recorder = Recorder(directory, dict(RUN), None, resumed=70.0)
    for second in range(70, 120):
        for record in records(second):
            recorder.add(record)
    recorder.commit()
    pack_older(recorder._database, most_rows=10)
    recorder.close(ended="completed", seconds=120.0)


def test_blocks_are_read_as_rows_are(tmp_path: Path) -> None:
    rows, blocks = written(tmp_path / "rows", 103, 10_000), written(tmp_path / "blocks", 103, 40)
    assert (blocks_in(rows), blocks_in(blocks) > 4) == (0, True)
    assert same(load_recording(rows), load_recording(blocks))
    assert progress_of(rows) == progress_of(blocks)


def test_successive_blocks_become_one_and_one_that_is_damaged_stays(tmp_path: Path) -> None:
    """The fewer blocks of days there are, the faster they are read; who cannot read one lets it be."""
    merged_ones, left = written(tmp_path / "few", 103, 40), written(tmp_path / "four", 83, 40)
    with closing(sqlite3.connect(left / "recording.sqlite")) as database:
        database.execute(
            """UPDATE blocks SET data = x'00' WHERE "table" = 'windows' AND first = 1"""
        )
        database.commit()
    recorder = Recorder(left, dict(RUN), None, resumed=83.0)
    for second in range(83, 100):
        for record in records(second):
            recorder.add(record)
    recorder.commit()
    pack_older(recorder._database, 40)
    recorder.close(ended="completed", seconds=103.0)
    query = """SELECT first, last FROM blocks WHERE "table" = ?"""
    for directory, table, spans in [
        (merged_ones, "windows", [(1, 80)]),
        (merged_ones, "requests", [(1, 80)]),
        (left, "windows", [(1, 20), (21, 40), (41, 60), (61, 80)]),
        (left, "requests", [(1, 80)]),
    ]:
        with closing(sqlite3.connect(directory / "recording.sqlite")) as database:
            assert database.execute(query, (table,)).fetchall() == spans


def test_windows_taken_together_are_the_same_of_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, blocks = written(tmp_path / "rows", 103, 10_000), written(tmp_path / "blocks", 103, 40)
    monkeypatch.setattr("soak.recording.request_windows.MOST_WINDOWS", 15)
    assert len(load_recording(blocks).windows[0].times) == 15
    assert same(load_recording(rows), load_recording(blocks))


@pytest.mark.parametrize("table", ["scrapes", "windows", "requests", "generator"])
def test_a_block_is_lossless(tmp_path: Path, table: str) -> None:
    directory, names = written(tmp_path / "run", 60, 10_000), list(COLUMNS[table])
    with closing(sqlite3.connect(directory / "recording.sqlite")) as database:
        listed = ", ".join(f'"{name}"' for name in names)
        rows = database.execute(f"SELECT {listed} FROM {table}").fetchall()
    packed = pack(table, columns_of(table, names, rows))
    assert sorted(map(repr, rows_of(table, unpack(table, [packed], names)))) == sorted(
        map(repr, rows)
    )
    assert len(packed) < sum(len(repr(row)) for row in rows) / 2


@pytest.mark.parametrize(
    "values",
    [
        [0.0, -0.0, float("inf"), -float("inf")],
        [5e-324, 1.7976931348623157e308, -1e-300, 2.0**53 + 2],
        list(struct.unpack("<4d", bytes.fromhex("010000000000f87f" * 4))),  # a NaN with a payload
    ],
)
def test_every_bit_of_a_value_is_kept(values: list[float]) -> None:
    blobs = [struct.pack("<4d", *values), struct.pack("<4d", *reversed(values))]
    rows = [(1, "s", 0.0, 0.0, 0.0, None, 1, blob, None) for blob in blobs]
    columns = columns_of("scrapes", list(COLUMNS["scrapes"]), rows)
    assert unpack("scrapes", [pack("scrapes", columns)], ["values"])["values"].rows() == blobs


def test_the_largest_count_fits_and_one_more_is_damage() -> None:
    for count, fits in ((LARGEST_COUNT, True), (LARGEST_COUNT + 1, False)):
        row = (1, 1, count, 0, None, 0, b"", b"", None, 0, 0)
        packed = pack("requests", columns_of("requests", list(COLUMNS["requests"]), [row]))
        if fits:
            assert unpack("requests", [packed], ["requests"])["requests"].tolist() == [count]
            continue
        with pytest.raises(ValueError, match="requests is not a count"):
            unpack("requests", [packed], ["requests"])


@pytest.mark.parametrize("count", [2**15 - 1, 2**15, 2**31 - 1])
def test_requests_of_one_bucket_are_counted_exactly_however_many(
    tmp_path: Path, count: int
) -> None:
    recorder = Recorder(tmp_path / "run", dict(RUN), None)
    names = ("GET /", "GET /x")
    seen = (
        EndpointWindow(name, count, {}, 0, histogram(b200=count), histogram()) for name in names
    )
    recorder.add(Window(1.0, 1.0, 5, tuple(seen), None))
    recorder.close(ended="completed", seconds=1.0)
    windows = load_recording(tmp_path / "run").windows
    assert [each.counts.tolist() for each in windows] == [[count], [count]]
    assert merged(windows).counts.tolist() == [2 * count]


def test_a_recorder_packs_by_itself_and_is_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "PACK_EVERY", 8)
    monkeypatch.setattr(
        recorder_module, "pack_older", lambda database: pack_older(database, most_rows=40)
    )
    directory, whole = tmp_path / "run", written(tmp_path / "whole", 120, 10_000)
    for resumed, seconds in ((None, range(70)), (70.0, range(70, 120))):
        recorder = Recorder(directory, dict(RUN), None, resumed=resumed)
        for second in seconds:
            for record in records(second):
                recorder.add(record)
            recorder.commit()
        recorder.close(ended="completed", seconds=120.0)
    assert blocks_in(directory) > 4
    assert same(load_recording(directory), load_recording(whole))


def test_a_run_that_an_earlier_soak_began_is_judged_and_gone_on_with(tmp_path: Path) -> None:
    directory, whole = written(tmp_path / "run", 70, 20), written(tmp_path / "whole", 120, 10_000)
    assert blocks_in(directory) > 2
    added = ADDED["generator"]
    names = [name for name in COLUMNS["generator"] if name not in added]
    with closing(sqlite3.connect(directory / "recording.sqlite")) as database, database:
        query = """SELECT id, data FROM blocks WHERE "table" = 'generator'"""
        for number, data in database.execute(query).fetchall():
            packed = pack("generator", unpack("generator", [data], names))
            database.execute("UPDATE blocks SET data = ? WHERE id = ?", (packed, number))
        for name in added:
            database.execute(f"ALTER TABLE generator DROP COLUMN {name}")
    assert same(load_recording(directory), load_recording(written(tmp_path / "short", 70, 10_000)))
    go_on(directory)  # blocks with the column beside those without it
    assert same(load_recording(directory), load_recording(whole))


def test_a_block_that_cannot_be_written_loses_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(database: sqlite3.Connection) -> None:
        pack_older(database, most_rows=40)
        raise sqlite3.OperationalError("database or disk is full")

    recorder = Recorder(tmp_path / "run", dict(RUN), None)
    for second in range(50):
        for record in records(second):
            recorder.add(record)
    monkeypatch.setattr(recorder_module, "PACK_EVERY", 1)
    monkeypatch.setattr(recorder_module, "pack_older", full)
    with pytest.raises(RecordingError, match="disk is full"):
        recorder.commit()
    monkeypatch.undo()
    recorder.close(ended="completed", seconds=50.0)
    assert same(load_recording(tmp_path / "run"), load_recording(written(tmp_path / "w", 50, 999)))


def test_who_follows_sees_each_record_once_whatever_is_packed_meanwhile(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "run", dict(RUN), None)
    early, seen, expected = Follower(tmp_path / "run"), list[object](), list[object]()
    for second in range(100):
        for record in records(second):
            recorder.add(record)
            expected.append(shown(record))
        recorder.commit()
        if second % 17 == 0:
            pack_older(recorder._database, most_rows=20)
        if second % 25 == 0:
            seen += map(shown, early.new())
    recorder.close(ended="completed", seconds=100.0)
    seen += map(shown, early.new())
    late = [shown(record) for record in Follower(tmp_path / "run").new()]
    for told in (seen, late):
        assert len(told) == len(expected)
        assert all(told.count(record) == 1 for record in expected)


def shown(record: object) -> object:
    """What a follower tells of a record: no service times, and the endpoints of a window in any order."""
    if not isinstance(record, Window):
        return record
    endpoints = [replace(seen, service=histogram()) for seen in record.endpoints]
    return replace(record, endpoints=tuple(sorted(endpoints, key=lambda seen: seen.endpoint)))


@pytest.mark.parametrize(
    ("rows", "size", "packed"),
    [
        (MOST_ROWS - 1, 8, 0),
        (MOST_ROWS, 8, 1),
        (8, MOST_BYTES // 8 - 8, 0),
        (8, MOST_BYTES // 8, 1),
    ],
)
def test_a_row_too_many_or_a_byte_too_many_makes_a_block(rows: int, size: int, packed: int) -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(SCHEMA)
        row = ("s", 0.0, 0.0, 0.0, None, 1, bytes(size), None)
        insert = "INSERT INTO scrapes VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)"
        database.executemany(insert, [row] * rows)
        pack_older(database)
        count = "SELECT (SELECT count(*) FROM blocks), (SELECT count(*) FROM scrapes)"
        left = rows - rows // 2 if packed else rows
        assert database.execute(count).fetchone() == (packed, left)
        assert sum(len(some["time"]) for some in chunks(database, "scrapes", ["time"])) == rows


def _with_block(directory: Path, table: str, data: bytes) -> None:
    with sqlite3.connect(directory / "recording.sqlite") as database:
        database.execute('UPDATE blocks SET data = ? WHERE "table" = ?', (data, table))
    database.close()


@pytest.mark.parametrize("table", ["scrapes", "windows", "requests", "generator"])
def test_a_damaged_block_is_named_with_file_and_table(tmp_path: Path, table: str) -> None:
    directory = recorded(tmp_path / "run")
    with closing(sqlite3.connect(directory / "recording.sqlite")) as database:
        (good,) = database.execute('SELECT data FROM blocks WHERE "table" = ?', (table,)).fetchone()
    for bad in (
        b"",
        good[:30],
        good[:-1],
        good[: len(good) // 2],
        good.replace(b'"time"', b'"tame"').replace(b'"window"', b'"wandow"'),
        len(b"[" * 9999).to_bytes(4, "little") + b"[" * 9999,
        good[: len(good) - 40] + bytes(40),
    ):
        _with_block(directory, table, bad)
        with pytest.raises(RecordingError) as caught:
            load_recording(directory)
        told = "scrapes" if table == "scrapes" else table if table == "requests" else "windows"
        assert str(caught.value).startswith(
            f"{directory / 'recording.sqlite'}: damaged: table {told}"
        )
        assert "\n" not in str(caught.value)
    _with_block(directory, table, good)
    load_recording(directory)


def test_a_block_that_would_take_gigabytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(1, 0.0, 1.0, 0, None, None, None)] * 1001
    packed = pack("windows", columns_of("windows", list(COLUMNS["windows"]), rows))
    monkeypatch.setattr("soak.recording.packed_numbers.LONGEST_VALUE", 1001)
    assert len(unpack("windows", [packed], ["time"])["time"]) == 1001
    monkeypatch.setattr("soak.recording.packed_numbers.LONGEST_VALUE", 1000)
    with pytest.raises(ValueError, match="larger than anything"):
        unpack("windows", [packed], ["time"])


def test_a_bucket_that_no_histogram_has_is_refused(tmp_path: Path) -> None:
    directory = recorded(tmp_path / "run")
    blob = struct.pack("<2i", LAST + 1, 1)
    row = (1, 1, 1, 0, None, 0, blob, b"", None, 0, 0)
    packed = pack("requests", columns_of("requests", list(COLUMNS["requests"]), [row]))
    _with_block(directory, "requests", packed)
    with pytest.raises(RecordingError, match=r"table requests: .*bucket"):
        load_recording(directory)


def test_a_recording_of_version_1_is_read(tmp_path: Path) -> None:
    shutil.copytree(RECORDINGS / "version-1", tmp_path / "old")
    old, new = load_recording(tmp_path / "old"), load_recording(recorded(tmp_path / "new"))
    assert same(old, replace(new, snapshots=old.snapshots))


def test_a_recording_of_version_2_is_read_and_gone_on_with(tmp_path: Path) -> None:
    directory, whole = tmp_path / "old", written(tmp_path / "whole", 120, 10_000)
    shutil.copytree(RECORDINGS / "version-2", directory)
    with lzma.open(directory / "recording.sqlite.xz") as packed:
        (directory / "recording.sqlite").write_bytes(packed.read())
    assert blocks_in(directory) > 20
    assert same(load_recording(directory), load_recording(written(tmp_path / "short", 70, 10_000)))
    go_on(directory)  # blocks of zstd beside those of zlib
    assert same(load_recording(directory), load_recording(whole))
    assert read_run(directory)["format_version"] == FORMAT_VERSION


def test_what_blocks_hold_is_compacted_with_the_rest(tmp_path: Path) -> None:
    directory = written(tmp_path / "run", 100, 40)
    before = load_recording(directory)
    assert compact(directory) is not None
    assert same(before, load_recording(directory))


def _blocks_of(directory: Path, table: str, sizes: tuple[int, ...]) -> tuple[list[bytes], Any]:
    """Successive blocks of so many rows of a table, and all of their rows in the order of the blocks."""
    names = list(COLUMNS[table])
    with closing(sqlite3.connect(directory / "recording.sqlite")) as database:
        listed = ", ".join(f'"{name}"' for name in names)
        rows = database.execute(f"SELECT {listed} FROM {table}").fetchall()
    blocks, told, first = [], [], 0
    for size in sizes:
        blocks.append(pack(table, columns_of(table, names, rows[first : first + size])))
        told += list(rows_of(table, unpack(table, [blocks[-1]], names)))
        first += size
    return blocks, told


@pytest.mark.parametrize("table", ["scrapes", "windows", "requests", "generator"])
def test_several_blocks_together_are_the_same_rows(tmp_path: Path, table: str) -> None:
    blocks, told = _blocks_of(written(tmp_path / "run", 60, 10_000), table, (1, 30, 2, 20))
    names = list(COLUMNS[table])
    together = list(rows_of(table, unpack(table, blocks, names)))
    assert list(map(repr, together)) == list(map(repr, told))


def test_columns_whose_lengths_agree_over_several_blocks_alone_are_damage(tmp_path: Path) -> None:
    def of(windows: int, users: int) -> bytes:
        rows = [(1, 0.0, 1.0, 3, None, None, None)] * max(windows, users)
        columns = columns_of("windows", ["id", "time", "seconds", "users"], [r[:4] for r in rows])
        columns = {name: column[:windows] for name, column in columns.items()}
        return pack("windows", columns | {"users": np.full(users, 3, np.int64)})

    assert len(unpack("windows", [of(4, 4), of(3, 3)], ["id", "users"])["id"]) == 7
    with pytest.raises(ValueError, match="differ in length"):
        unpack("windows", [of(4, 3), of(3, 4)], ["id", "users"])


def test_of_several_blocks_the_damaged_one_is_named(tmp_path: Path) -> None:
    directory = written(tmp_path / "run", 83, 40)
    with closing(sqlite3.connect(directory / "recording.sqlite")) as database:
        numbers = [
            row[0]
            for row in database.execute("""SELECT id FROM blocks WHERE "table" = 'requests'""")
        ]
        assert len(numbers) > 2
        database.execute(
            "UPDATE blocks SET data = substr(data, 1, length(data) - 9) WHERE id = ?", numbers[1:2]
        )
        database.commit()
    with pytest.raises(RecordingError, match=rf"table requests: .*block {numbers[1]}: "):
        load_recording(directory)
