"""Read JSON objects as rows of a table: one object per line, as programs log them, or a list of objects."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

from soak.formats.content import CUT_SHORT, Content
from soak.formats.format import Format, Options, Reading, Table, refuse
from soak.formats.prometheus_json import parse_json
from soak.formats.table import read_table

#: Most columns of a table.
MOST_COLUMNS = 2000
#: Most levels of nested objects; Elasticsearch's documents have six.
_DEPTH = 8
#: Keys of an unknown object that an error message names.
MOST_NAMED = 8
#: Advice by the first key of a tool's output: how to make that tool write a format that soak reads.
_WRITES_INSTEAD = {"sysstat": "write it with `sadf -d FILE -- -r`, which is read"}


def read(content: Content, options: Options) -> Reading:
    """Read the objects; nested keys become `outer_inner`."""
    rows, notes = rows_of(content)
    table = rows_table(rows)
    if len(table.headers) > MOST_COLUMNS:
        raise refuse(
            content, f"its objects have {len(table.headers):,} different keys; a table has a few"
        )
    table.notes += notes
    return read_table(content, table, options)


def rows_of(content: Content) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the objects of a file, and notes on what was left out."""
    if content.head.lstrip().startswith("["):
        rows = _listed(parse_json(content))
        if not rows:
            raise refuse(content, "expected a list of JSON objects, or of rows below their header")
        return rows, []
    if whole := _of_one_object(content):
        return whole, []
    objects: list[dict[str, Any]] = []
    notes: list[str] = []
    lines = content.lines
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines) and content.is_cut and objects:
                notes.append(CUT_SHORT)
                continue
            if not objects:
                _refuse_whole(content)
            raise refuse(content, f"not valid JSON: {error}", number) from None
        if not isinstance(row, dict):
            raise refuse(content, "expected a JSON object a line", number)
        objects.append(row)
    return objects, notes


def _listed(rows: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, or of a list of rows with the names in its first row; else an empty list."""
    if not isinstance(rows, list) or not rows:
        return []
    if all(isinstance(row, dict) for row in rows):
        return rows
    header, body = rows[0], rows[1:]
    alike = isinstance(header, list) and all(
        isinstance(row, list) and len(row) == len(header) for row in body
    )
    if not alike or not all(isinstance(name, str) for name in header):
        return []
    return [dict(zip(header, row, strict=True)) for row in body]


def _of_one_object(content: Content) -> list[dict[str, Any]]:
    """Return the rows of a file that is one object: lists as columns, or around a single list of objects; else []."""
    try:
        whole = json.loads(content.text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(whole, dict):
        return []
    lists = {name: value for name, value in whole.items() if isinstance(value, list) and value}
    lengths = {len(value) for value in lists.values()}
    plain = [value for value in lists.values() if not isinstance(value[0], list | dict)]
    if len(plain) == len(whole) > 1 and len(lengths) == 1:
        return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]
    inner = [rows for value in lists.values() if (rows := _listed(value))]
    return inner[0] if len(inner) == 1 else []


def _refuse_whole(content: Content) -> None:
    """Raise an error that names the keys, if the file is a single JSON object over several lines in an unknown form."""
    try:
        whole = json.loads(content.text)
    except (ValueError, RecursionError):
        return
    if isinstance(whole, dict):
        keys = ", ".join(list(whole)[:MOST_NAMED]) or "none"
        advice = _WRITES_INSTEAD.get(
            next(iter(whole), ""), "expected a list of objects, or one a line"
        )
        raise refuse(
            content, f"a JSON object with the keys {keys}, in no form that is known; {advice}"
        )


def rows_table(rows: list[dict[str, Any]]) -> Table:
    """Build a table with a column for every key that occurs in any row."""
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    flat = [_flat(row) for row in rows]
    headers = list(dict.fromkeys(key for row in flat for key in row))
    columns: list[pd.Series] = []
    for header in headers:
        cells = [row.get(header) for row in flat]
        numeric = all(cell is None or _is_number(cell) for cell in cells)
        if numeric:
            columns.append(
                pd.Series([None if cell is None else float(cell) for cell in cells], dtype=float)
            )
        else:
            columns.append(
                pd.Series(["" if cell is None else str(cell) for cell in cells], dtype=object)
            )
    return Table(headers, columns, 1)


def _is_number(cell: object) -> bool:
    """Return True if a cell is a number that a double can hold; JSON's integers have no upper limit."""
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return False
    return isinstance(cell, float) or abs(cell) <= sys.float_info.max


def _flat(row: dict[str, Any], before: str = "", depth: int = _DEPTH) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if isinstance(value, dict) and depth:
            flat |= _flat(value, f"{before}{key}_", depth - 1)
        elif not isinstance(value, list):
            flat[f"{before}{key}"] = value
    return flat


#: Prometheus's text as `promtool tsdb dump` writes it: `{__name__="up"} 1 1754000000000`.
_PROMETHEUS = re.compile(r'\{\s*[A-Za-z_]\w*\s*="')


def _recognises(content: Content) -> bool:
    head = content.head.lstrip()
    if _PROMETHEUS.match(head):
        return False
    return head.startswith("{") or (head.startswith("[") and head[1:].lstrip()[:1] in ("{", "["))


FORMAT = Format(
    "JSON lines",
    "logs with a JSON object a line: a time, and a number for each series",
    _recognises,
    read,
    by_lines=False,
)
