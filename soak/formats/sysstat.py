"""Read sysstat's text, `pidstat` and `sar` with one or several reports, in kB of 1,024 bytes, with the time of day."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from soak.formats.content import Content
from soak.formats.format import Format, Options, Reading, Table, counted, refuse, table_of
from soak.formats.table import read_table
from soak.formats.timed_lines import clock_times, numbers_as_times
from soak.formats.times import from_texts
from soak.model import Floats

_BANNER = re.compile(r"\S+ \S+ \(.*\)\s+(\S+)\s+_\S+_\s+\(\d+ CPU\)")
#: `sar` and `pidstat` without -h put a time, or `#`, before a header's names; pidstat -H writes
#: seconds since 1970.
_CLOCK = re.compile(r"\d\d[:.]\d\d[:.]\d\d|\d{10}")
_KIB = 1024
_PROCESS = {
    "RSS": "process_resident_memory_bytes",
    "VSZ": "process_virtual_memory_bytes",
    "StkSize": "process_stack_reserved_bytes",
    "StkRef": "process_stack_bytes",
    "fd-nr": "process_open_fds",
    "threads": "process_threads",
}
_MACHINE = {
    "kbmemused": "machine_memory_used_bytes",
    "kbavail": "machine_memory_available_bytes",
    "kbswpused": "machine_swap_used_bytes",
    "kbswpfree": "machine_swap_free_bytes",
    "file-nr": "machine_open_files",
    "dentunusd": "machine_cached_dentries",
    "inode-nr": "machine_cached_inodes",
}
#: Columns of pidstat's and sar's reports on memory or handles; other reports are not read.
_REPORTS = ("RSS", "StkSize", "fd-nr", "kbmemused", "kbswpused", "file-nr")
_IDENTITIES = ("PID", "Command")
#: Fields of a line of `sadf -p`: host, interval, time, device, metric and value.
_SADF_LINE_FIELDS = 6
#: A metric in sysstat's notation, such as `%memused`, `rxpck/s` or `ldavg-15`; not a number.
_METRIC = re.compile(r"[%A-Za-z][\w%/.-]*")
#: The first columns of every header of `sadf -d`.
_SADF = ("# hostname", "interval", "timestamp")


@dataclass(eq=False)
class _Report:
    """The rows below headers of the same kind: their times, cells and line numbers."""

    header: list[str]
    clocks: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)


def read(content: Content, options: Options) -> Reading:
    """Read the columns; rows are split by PID if there are several processes. InputError names the line."""
    date, reports = _reports(content)
    return _reading(content, options, reports, date)


def read_sadf(content: Content, options: Options) -> Reading:
    """Read the lines of `sadf -d`: `host;interval;time;…` below a header after `#`. InputError names the line."""
    reports: dict[tuple[str, ...], _Report] = {}
    now = None
    for number, line in enumerate(content.lines, 1):
        cells = line.strip().split(";")
        if line.startswith("#"):
            header = cells[len(_SADF) :]
            now = reports.setdefault(tuple(header), _Report(header))
            continue
        if now is None or not line.strip() or cells[-1].startswith("LINUX"):
            continue
        if len(cells) != len(_SADF) + len(now.header):
            if not _tells(now):  # `-A`: sums of interrupts have a column for each processor
                continue
            columns = len(_SADF) + len(now.header)
            raise refuse(content, f"expected {columns} columns, not {len(cells)}", number)
        now.clocks.append(cells[len(_SADF) - 1])
        now.lines.append(number)
        now.rows.append(cells[len(_SADF) :])
    return _reading(content, options, list(reports.values()))


def read_sadf_lines(content: Content, options: Options) -> Reading:
    """Read the lines of `sadf -p`: host, interval, time, device, metric and value. InputError names the line."""
    rows: dict[str, dict[str, str]] = {}  # by time: `-A` repeats the times in each report
    others: set[str] = set()
    lines: dict[str, int] = {}
    for number, line in enumerate(content.lines, 1):
        if not line.strip() or "LINUX-RESTART" in line or "\tCOM\t" in line:
            continue
        cells = line.rstrip().split("\t")
        if len(cells) != _SADF_LINE_FIELDS:
            raise refuse(content, f"expected {_SADF_LINE_FIELDS} columns, not {len(cells)}", number)
        _, _, clock, device, metric, value = cells
        if device != "-" or not (metric.startswith("kb") or metric in _MACHINE):
            others.add(metric)
            continue
        lines.setdefault(clock, number)
        rows.setdefault(clock, {})[metric] = value
    header = list(dict.fromkeys(metric for row in rows.values() for metric in row))
    cells_of = [[row.get(name, "") for name in header] for row in rows.values()]
    report = _Report(header, list(rows), cells_of, list(lines.values()))
    if not _tells(report):
        raise refuse(content, "has no memory and no handles: write it with `sadf -p FILE -- -r`")
    reading = _reading(content, options, [report])
    if others:
        left = counted(len(others), "metric that tells", "metrics that tell")
        reading.notes.append(
            f"{left} of neither memory nor handles {'is' if len(others) == 1 else 'are'} left out, such as {min(others)}"
        )
    return reading


def _reading(content: Content, options: Options, reports: list[_Report], date: str = "") -> Reading:
    """Return the series of the reports on memory or handles."""
    told = [report for report in reports if report.rows and _tells(report)]
    if not told:
        raise refuse(content, "has a header but no rows")
    times = [_times(content, report) for report in told]
    table = (
        table_of(told[0].header, told[0].rows, first_line=told[0].lines[0], times=times[0])
        if len(told) == 1
        else _joined(told, times)
    )
    header = table.headers
    table.labels = tuple(name for name in _IDENTITIES if name in header)
    table.renamed = {name: known for name in header if (known := _name(name))}
    table.scaled = {
        name: _KIB
        for name in table.renamed
        if name.startswith("kb") or name in ("RSS", "VSZ", "StkSize", "StkRef")
    }
    if date and not told[0].clocks[0].isdigit():
        table.notes.append(f"times are those of the days from {date} on")
    others = [" ".join(report.header[:3]) for report in reports if report not in told]
    if others:
        table.notes.append(
            f"{len(others)} reports without memory or handles are left out, such as {others[0]}"
        )
    return read_table(content, table, options)


def _tells(report: _Report) -> bool:
    """Return True if a report is about memory or handles."""
    return not set(report.header).isdisjoint(_REPORTS)


def _reports(content: Content) -> tuple[str, list[_Report]]:
    """Return the banner's date, and the rows of each kind of report, in file order."""
    date, now = "", None
    reports: dict[tuple[str, ...], _Report] = {}
    for number, line in enumerate(content.lines, 1):
        words = line.split()
        if match := _BANNER.match(line):
            date = match[1]
            continue
        if not words or words[0].startswith("Average") or "LINUX" in words:
            continue
        if header := _header(words):
            now = reports.setdefault(tuple(header), _Report(header))
            continue
        if now is None:
            raise refuse(content, "expected a header of pidstat or sar first", number)
        clock, cells = _clock(words)
        width = len(now.header)
        if len(cells) < width or (len(cells) > width and now.header[-1] != "Command"):
            if not _tells(now):
                continue
            raise refuse(content, f"expected {width + 1} columns, not {len(cells) + 1}", number)
        now.clocks.append(clock)
        now.lines.append(number)
        now.rows.append([*cells[: width - 1], " ".join(cells[width - 1 :])])
    return date, list(reports.values())


def _times(content: Content, report: _Report) -> Floats:
    """Return the times of a report's rows in seconds, from times of day, Unix times, or dates."""
    if all(len(clock) >= 10 and clock.isdigit() for clock in report.clocks):
        return numbers_as_times(content, report.clocks)
    times = clock_times(report.clocks)
    if times is not None:
        return times
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    read_times, _, wrong = from_texts(pd.Series(report.clocks))
    if wrong is not None:
        raise refuse(content, f"not a time: {report.clocks[wrong]!r}", report.lines[wrong])
    return read_times


def _joined(reports: list[_Report], times: list[Floats]) -> Table:
    """Join several reports in one table, with one row per time and process."""
    headers = list(dict.fromkeys(name for report in reports for name in report.header))
    rows: dict[tuple[object, ...], dict[str, str]] = {}
    for report, seconds in zip(reports, times, strict=True):
        for time, row in zip(seconds.tolist(), report.rows, strict=True):
            cells = dict(zip(report.header, row, strict=True))
            key = (time, *(cells.get(name, "") for name in _IDENTITIES))
            rows.setdefault(key, {}).update(cells)
    texts = [[cells.get(name, "") for name in headers] for cells in rows.values()]
    joined = np.array([key[0] for key in rows], dtype=np.float64)
    return table_of(headers, texts, first_line=reports[0].lines[0], times=joined)


def _name(column: str) -> str:
    """Return soak's name for a column, or ""; the machine's memory columns in kB follow one pattern."""
    known = _PROCESS.get(column) or _MACHINE.get(column)
    if known or not column.startswith("kb"):
        return known or ""
    return f"machine_memory_{column.removeprefix('kbmem').removeprefix('kb')}_bytes"


def _header(words: list[str]) -> list[str]:
    """Return the columns of a header line without the time; an empty list for any other line."""
    rest = words[1:] if words[0].startswith("#") and len(words[0]) > 1 else words
    if rest[0] == "#":
        rest = rest[1:]
    if rest and (rest[0].lower() == "time" or _CLOCK.fullmatch(rest[0])):
        rest = rest[1:]
    if rest and rest[0] in ("AM", "PM"):
        rest = rest[1:]
    # A header has only names; a row has numbers.
    return [] if not rest or any(_is_number(word) for word in rest) else rest


def _is_number(word: str) -> bool:
    return word.replace(",", ".").replace(".", "", 1).removesuffix("%").isdigit()


def _clock(words: list[str]) -> tuple[str, list[str]]:
    """Return the time of a row (with AM or PM if given) and its other cells."""
    return (
        (f"{words[0]} {words[1]}", words[2:])
        if words[1:2] in (["AM"], ["PM"])
        else (words[0], words[1:])
    )


def _recognises_pidstat(content: Content) -> bool:
    return any(
        {"PID", "Command"} <= set(line.split()) and set(line.split()) & set(_REPORTS)
        for line in content.first_lines
    )


def _recognises_sar(content: Content) -> bool:
    return any(map(_BANNER.match, content.first_lines[:8])) and any(
        set(line.split()) & set(_REPORTS) for line in content.first_lines
    )


def _recognises_sadf_lines(content: Content) -> bool:
    """Return True for lines of six tab-separated fields: numbers in the second and last, a time in the third."""
    lines = [line for line in content.first_lines[:4] if line.strip() and "LINUX" not in line]
    return bool(lines) and all(
        len(cells := line.rstrip().split("\t")) == _SADF_LINE_FIELDS
        and cells[1].lstrip("-").isdigit()
        and (cells[2].isdigit() or _CLOCK.search(cells[2]) is not None)
        and _METRIC.fullmatch(cells[4]) is not None
        and _is_number(cells[5].lstrip("-"))
        for line in lines
    )


def _recognises_sadf(content: Content) -> bool:
    return content.head.startswith(";".join(_SADF)) and any(
        line.startswith("#") and not set(line.split(";")).isdisjoint(_REPORTS)
        for line in content.first_lines
    )


PIDSTAT = Format("pidstat", "pidstat -r -h -p PID 5 (sysstat)", _recognises_pidstat, read)
SAR = Format("sar", "sar -r 5, sar -S 5, sar -A (sysstat)", _recognises_sar, read)
SADF_LINES = Format(
    "sadf -p",
    "sadf -p /var/log/sysstat/sa31 -- -r (sysstat)",
    _recognises_sadf_lines,
    read_sadf_lines,
)
SADF = Format("sadf", "sadf -d /var/log/sysstat/sa31 -- -r (sysstat)", _recognises_sadf, read_sadf)
