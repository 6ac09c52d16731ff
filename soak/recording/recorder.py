"""Append a run to its directory while it is running; everything committed survives a SIGKILL."""

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

#: Most exemplars of a run.
MOST_EXEMPLARS = 10_000

#: Disk space reserved during a run (bytes), so that run.json can still be written when the disk is full.
RESERVE = 64 * 1024

#: Commits (about one per second) between checks whether rows must be packed into blocks.
PACK_EVERY = 64

#: Entries of run.json about the end of a run.
_SEALED = ("ended", "stopped", "seconds", "failure")

_Record = Scrape | Window | Event | KeptSnapshot | Trace


class Recorder:
    """The only writer of a run directory. Call `add` from any thread, and `commit` about once a second from one."""

    def __init__(
        self,
        directory: Path,
        run: dict[str, Any],
        profile_text: str | None,
        *,
        resumed: float | None = None,
    ) -> None:
        """Create the directory and its files; RecordingError if it cannot be written, UsageError if it is not empty.

        If a run is `resumed`, at this many seconds of its clock, its existing files are continued, with its own
        profile and facts.
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
            # Target responses are private: other users of this machine must not read them.
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            if any(
                path.name not in (LOAD_LOG, TARGET_LOG) for path in directory.iterdir()
            ):  # logs of a failed start
                raise UsageError(f"{directory}: not empty; a run needs a directory of its own")
            begun.callback(remove_begun, directory)
            self._held = hold(directory)
            begun.callback(os.close, self._held)
            # SQLite creates its additional files with the same mode.
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
            begun.close()  # a run that cannot be recorded leaves no files
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
        # Records added to an older recording are written in the current format.
        self._run = kept | {"format_version": FORMAT_VERSION, "resumed": again}
        write_run(self.directory, self._run)

    def add(self, item: _Record) -> None:
        """Queue one record; it is on disk after the next commit."""
        self._pending.append(item)

    def commit(self) -> None:
        """Write all queued records in one transaction; on a disk error raise RecordingError and keep them in memory."""
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
        """Change entries of run.json: phases as they become known, or how the run ended."""
        self._run |= changes
        write_run(self.directory, self._run)

    def close(self, **changes: Any) -> None:
        """Commit the remaining records and write the final run.json."""
        self.commit()
        with self._committing:
            self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._database.close()
        self._reserve.close()
        self.update(**changes)
        os.close(self._held)

    def abandon(self, **changes: Any) -> None:
        """If the recording can no longer be written, write the run's end to run.json, in the reserved disk space."""
        self._reserve.close()
        with suppress(RecordingError):
            self.update(**changes)

    def discard(self) -> None:
        """Remove the files of a run that never began, and its directory if it is then empty.

        Logs with content stay, because the error message refers to them. For a run that was to be resumed,
        everything stays.
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
        """Keep the newest `part` exemplars, and the slowest older success and failure in each of `part` intervals."""
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
    """Return an open unnamed file that frees its disk space when it is closed or this process ends."""
    file = tempfile.TemporaryFile(dir=directory)  # noqa: SIM115 - open as long as the run
    with suppress(OSError):  # a nearly full disk has no space to reserve, but may suffice
        file.write(bytes(RESERVE))
        file.flush()
    return file


def _packed(histogram: Histogram) -> bytes:
    """Pack (bucket, count) pairs, in increasing order, as little-endian int32."""
    flat = [number for pair in histogram.pairs() for number in pair]
    return struct.pack(f"<{len(flat)}i", *flat)
