"""Appends a run to its directory while it goes on: whatever was committed survives a SIGKILL."""

from __future__ import annotations

import json
import os
import sqlite3
import struct
import tempfile
import threading
from collections import deque
from contextlib import ExitStack, suppress
from dataclasses import astuple
from pathlib import Path
from typing import IO, Any

from soak.errors import RecordingError, UsageError
from soak.latency import Histogram
from soak.model import Event, Sample, Scrape, ScrapeError
from soak.recording.chunks import pack_older
from soak.recording.files import (
    DATABASE,
    FORMAT_VERSION,
    LOAD_LOG,
    PROFILE,
    SCHEMA,
    TARGET_LOG,
    WRITING,
    hold,
    read_run,
    remove_begun,
    write_run,
    write_whole,
)
from soak.recording.reopening import SeriesName, reopen
from soak.recording.snapshot_files import KeptSnapshot
from soak.traces import Trace
from soak.windows import EXEMPLAR_FIELDS, GENERATOR_FIELDS, Exemplar, Window

#: So many exemplars are kept of a whole run.
MOST_EXEMPLARS = 10_000

#: Room that is kept free on the disk while a run goes on, in bytes: when the disk is full, run.json still fits.
RESERVE = 64 * 1024

#: After so many commits, about as many seconds, the rows that are in no block yet are counted.
PACK_EVERY = 64

#: What run.json says of how a run ended.
_SEALED = ("ended", "stopped", "seconds", "failure")

_Record = Scrape | Window | Event | KeptSnapshot | Trace


class Recorder:
    """The one writer of a run directory. `add` from any thread; `commit` about once a second, from one."""

    def __init__(
        self,
        directory: Path,
        run: dict[str, Any],
        profile_text: str | None,
        *,
        resumed: float | None = None,
    ) -> None:
        """Create the directory and its files; RecordingError when it holds a run already or cannot be written.

        A run that is `resumed` at so many seconds of its clock goes on in its files instead, with
        its own profile and facts.
        """
        self.directory = directory
        self._run = run
        self._before: dict[str, Any] | None = None
        self._pending: deque[_Record] = deque()
        self._committing = threading.Lock()
        self._series: dict[SeriesName, int] = {}
        self._layouts: dict[tuple[int, ...], int] = {}
        self._endpoints: dict[str, int] = {}
        self._windows = self._exemplars = self._commits = 0
        if resumed is not None:
            self._reopen(resumed)
            self._reserve = _reserved(directory)
            return
        begun = ExitStack()
        try:
            # What a target answers is its own: nobody else on this machine reads it.
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(
                path.name not in (LOAD_LOG, TARGET_LOG) for path in directory.iterdir()
            ):  # logs of a failed start
                raise UsageError(f"{directory}: not empty; a run needs a directory of its own")
            begun.callback(remove_begun, directory)
            self._held = hold(directory)
            begun.callback(os.close, self._held)
            # SQLite gives what it puts beside it the same mode.
            (directory / DATABASE).touch(mode=0o600)
            self._database = sqlite3.connect(
                directory / DATABASE, check_same_thread=False, isolation_level=None
            )
            begun.callback(self._database.close)
            self._database.executescript(f"{WRITING} {SCHEMA}")
            self._reserve = begun.enter_context(_reserved(directory))
            if profile_text is not None:
                write_whole(directory / PROFILE, profile_text)
            write_run(directory, run)
        except (OSError, sqlite3.Error, RecordingError) as error:
            begun.close()  # nothing is left of a run that cannot be recorded
            if isinstance(error, RecordingError):
                raise
            why = error.strerror if isinstance(error, OSError) else error
            raise RecordingError(f"{directory}: cannot be written: {why}") from None

    def _reopen(self, moment: float) -> None:
        self._before = read_run(self.directory)
        self._held = hold(self.directory)
        self._database, names = reopen(self.directory)
        self._series, self._layouts, self._endpoints = names.series, names.layouts, names.endpoints
        self._windows, self._exemplars = names.windows, names.exemplars
        kept = {key: value for key, value in self._before.items() if key not in _SEALED}
        again = [
            *kept.get("resumed", ()),
            {"seconds": round(moment, 3), "started": self._run["started"]},
        ]
        # What is added to an older recording is written as this soak does.
        self._run = kept | {"format_version": FORMAT_VERSION, "resumed": again}
        write_run(self.directory, self._run)

    def add(self, item: _Record) -> None:
        """Take one record; it is on disk after the next commit."""
        self._pending.append(item)

    def commit(self) -> None:
        """Write all that is pending in one transaction; RecordingError when the disk refuses, with nothing lost from memory."""
        with self._committing:
            batch = [self._pending.popleft() for _ in range(len(self._pending))]
            if not batch:
                return
            names = (
                dict(self._series),
                dict(self._layouts),
                dict(self._endpoints),
                self._windows,
                self._exemplars,
            )
            try:
                self._database.execute("BEGIN")
                for item in batch:
                    self._write(item)
                if (self._commits + 1) % PACK_EVERY == 0:
                    pack_older(self._database)
                self._database.execute("COMMIT")
                self._commits += 1
            except sqlite3.Error as error:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                self._series, self._layouts, self._endpoints, self._windows, self._exemplars = names
                self._pending.extendleft(reversed(batch))
                raise RecordingError(
                    f"{self.directory / DATABASE}: cannot be written: {error}"
                ) from None

    def update(self, **changes: Any) -> None:
        """Change what run.json says: phases as they become known, how it ended."""
        self._run |= changes
        write_run(self.directory, self._run)

    def close(self, **changes: Any) -> None:
        """Commit what is left and seal run.json."""
        self.commit()
        with self._committing:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._database.close()
        self._reserve.close()
        self.update(**changes)
        os.close(self._held)

    def abandon(self, **changes: Any) -> None:
        """Say in run.json how a run ended whose recording cannot be written any more, in the room that was kept for it."""
        self._reserve.close()
        with suppress(RecordingError):
            self.update(**changes)

    def discard(self) -> None:
        """Undo the creation, for a run that never began: its files go, and the directory if nothing else is in it.

        Logs that say something stay: the message that the run could not begin names them. Of a run
        that was to be resumed, everything stays.
        """
        with self._committing:
            self._database.close()
        self._reserve.close()
        if self._before is not None:
            write_run(self.directory, self._before)
            os.close(self._held)
            return
        os.close(self._held)
        remove_begun(self.directory)

    def _write(self, item: _Record) -> None:
        if isinstance(item, Scrape):
            self._write_scrape(item)
        elif isinstance(item, Window):
            self._write_window(item)
        elif isinstance(item, Trace):
            spans = json.dumps([astuple(span) for span in item.spans])
            self._database.execute(
                "INSERT OR REPLACE INTO traces VALUES (?, ?, ?)", (item.id, spans, item.cut)
            )
        elif isinstance(item, KeptSnapshot):
            snapshot = item.snapshot
            row = (
                snapshot.time,
                snapshot.took,
                snapshot.kind,
                snapshot.stage,
                item.file,
                snapshot.error,
            )
            self._database.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, ?)", row)
        else:
            self._database.execute(
                "INSERT INTO events VALUES (?, ?, ?)", (item.time, item.kind, item.text)
            )

    def _write_scrape(self, scrape: Scrape) -> None:
        layout, values = None, None
        if scrape.error is None:
            ids = tuple(self._series_id(scrape.source, sample) for sample in scrape.samples)
            layout = self._layout_id(scrape.source, ids)
            values = struct.pack(f"<{len(ids)}d", *(sample.value for sample in scrape.samples))
        kind = scrape.error_kind or (ScrapeError.FAILED if scrape.error is not None else None)
        row = (
            scrape.source,
            scrape.time,
            scrape.late,
            scrape.took,
            scrape.error,
            layout,
            values,
            kind,
        )
        self._database.execute("INSERT INTO scrapes VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _series_id(self, source: str, sample: Sample) -> int:
        name = (source, sample.name, sample.labels, sample.kind)
        known = self._series.get(name)
        if known is None:
            known = self._series[name] = len(self._series) + 1
            row = (known, source, sample.name, json.dumps(sample.labels), sample.kind.value)
            self._database.execute("INSERT INTO series VALUES (?, ?, ?, ?, ?)", row)
        return known

    def _layout_id(self, source: str, ids: tuple[int, ...]) -> int:
        known = self._layouts.get(ids)
        if known is None:
            known = self._layouts[ids] = len(self._layouts) + 1
            packed = struct.pack(f"<{len(ids)}i", *ids)
            self._database.execute("INSERT INTO layouts VALUES (?, ?, ?)", (known, source, packed))
        return known

    def _write_window(self, window: Window) -> None:
        self._windows += 1
        coverage = astuple(window.coverage) if window.coverage else (None, None, None)
        self._database.execute(
            "INSERT INTO windows VALUES (?, ?, ?, ?, ?, ?, ?)",
            (self._windows, window.time, window.seconds, window.users, *coverage),
        )
        if window.generator is not None:
            row = (self._windows, *astuple(window.generator))
            columns = f"window, {', '.join(GENERATOR_FIELDS)}"
            places = ", ".join("?" * len(row))
            self._database.execute(f"INSERT INTO generator ({columns}) VALUES ({places})", row)  # noqa: S608
        self._write_exemplars(window.exemplars)
        for seen in window.endpoints:
            endpoint = self._endpoints.get(seen.endpoint)
            if endpoint is None:
                endpoint = self._endpoints[seen.endpoint] = len(self._endpoints) + 1
                self._database.execute(
                    "INSERT INTO endpoints VALUES (?, ?)", (endpoint, seen.endpoint)
                )
            failures = json.dumps(seen.failures) if seen.failures else None
            failed = sum(seen.failures.values())
            latencies = (
                _packed(seen.latency),
                _packed(seen.failed_latency),
                _packed(seen.service) or None,
            )
            self._database.execute(
                "INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    self._windows,
                    endpoint,
                    seen.requests,
                    failed,
                    failures,
                    seen.bytes,
                    *latencies,
                    seen.late,
                    seen.dropped,
                ),
            )

    def _write_exemplars(self, exemplars: tuple[Exemplar, ...]) -> None:
        rows = [astuple(exemplar) for exemplar in exemplars]
        marks = ", ".join("?" * len(EXEMPLAR_FIELDS))
        self._database.executemany(
            f"INSERT INTO exemplars ({', '.join(EXEMPLAR_FIELDS)}) VALUES ({marks})",  # noqa: S608
            rows,
        )
        self._exemplars += len(rows)
        if self._exemplars > MOST_EXEMPLARS:
            self._exemplars -= self._thin_exemplars(MOST_EXEMPLARS // 4)

    def _thin_exemplars(self, part: int) -> int:
        """Leave the newest `part`, and of the older the slowest success and failure in each of as many equal stretches."""
        (old,) = self._database.execute(
            "SELECT id FROM exemplars ORDER BY id DESC LIMIT 1 OFFSET ?", (part,)
        ).fetchone()
        (last,) = self._database.execute("SELECT max(time) FROM exemplars").fetchone()
        return self._database.execute(_THIN, {"old": old, "width": max(last, 1.0) / part}).rowcount


_THIN = """DELETE FROM exemplars WHERE id <= :old AND id NOT IN (
    SELECT id FROM (SELECT id, row_number() OVER (PARTITION BY failure = '', CAST(time / :width AS INTEGER)
                                                  ORDER BY seconds DESC) AS place FROM exemplars WHERE id <= :old)
    WHERE place = 1)"""


def _reserved(directory: Path) -> IO[bytes]:
    """An open file without a name, which gives its room back when it is closed, or this process ends."""
    file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - open as long as the run
    with suppress(OSError):  # a nearly full disk has no room to keep, and may yet do
        file.write(bytes(RESERVE))
        file.flush()
    return file


def _packed(histogram: Histogram) -> bytes:
    """Rising (bucket, count) pairs as little-endian int32."""
    flat = [number for pair in histogram.pairs() for number in pair]
    return struct.pack(f"<{len(flat)}i", *flat)
