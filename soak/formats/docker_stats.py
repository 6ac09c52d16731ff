"""Read `docker stats`: its table or the JSON lines of `--format json`. Memory excludes the container's file cache."""

from __future__ import annotations

import re
from typing import Any

from soak.formats.cells import value_of
from soak.formats.columns_by_position import Samples, read_printed
from soak.formats.content import Content
from soak.formats.format import Format, Options, Reading, refuse
from soak.formats.json_rows import rows_of
from soak.formats.timed_lines import timed_lines
from soak.formats.times import moment

_HEADER = re.compile(r"\s*(CONTAINER( ID)?|NAME)\s.*MEM USAGE / LIMIT")
_TIMES = ("time", "timestamp", "ts", "Time", "Timestamp", "date")


def read(content: Content, options: Options) -> Reading:
    """Read memory, its limit and the number of tasks per container."""
    if not content.head.lstrip().startswith("{"):
        return read_printed(
            content, options, _HEADER, lambda row: _values(row, "MEM USAGE / LIMIT", "PIDS")
        )
    stamps = {number: time for number, time, _ in timed_lines(content)}
    samples, seen, block = Samples(), set[str](), 0
    rows, _ = rows_of(content)
    for place, row in enumerate(rows):
        name = str(row.get("Name", row.get("Container", "")))
        if name in seen:
            block, seen = block + 1, set()
        seen.add(name)
        try:
            time = next((_time(row[key]) for key in _TIMES if key in row), stamps.get(place + 1))
            samples.add({key: str(value) for key, value in row.items()}, _json_values, time, block)
        except (KeyError, ValueError, OverflowError) as error:
            raise refuse(content, f"not a line of docker stats: {error}", place + 1) from None
    return samples.reading(content, options)


def _json_values(row: dict[str, str]) -> tuple[dict[str, str], dict[str, float]]:
    return _values(row | {"NAME": row.get("Name") or row.get("Container", "")}, "MemUsage", "PIDs")


def _time(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else moment(str(value))


def _values(
    row: dict[str, str], memory: str, tasks: str
) -> tuple[dict[str, str], dict[str, float]]:
    name = row.get("NAME") or row.get("CONTAINER") or row.get("CONTAINER ID", "")
    used, _, limit = row[memory].partition("/")
    values = {}
    if used.strip() != "--":
        values["container_memory_working_set_bytes"] = value_of(used)[0]
        if limit and value_of(limit)[0] > 0:
            values["container_spec_memory_limit_bytes"] = value_of(limit)[0]
    if row.get(tasks, "--").strip() != "--":
        values["container_threads"] = value_of(row[tasks])[0]
    return {"container": name}, values


def _recognises(content: Content) -> bool:
    head = content.head
    return (
        "MEM USAGE / LIMIT" in head
        and any(_HEADER.search(line) for line in content.first_lines[:20])
    ) or (head.lstrip().startswith("{") and '"MemUsage"' in head[:2000])


FORMAT = Format(
    "docker stats", "while sleep 5; do date; docker stats --no-stream; done", _recognises, read
)
