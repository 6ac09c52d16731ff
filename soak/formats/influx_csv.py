"""Read InfluxDB's annotated CSV: several tables in one result, each below #datatype, #group and #default lines."""

from __future__ import annotations

import csv

from soak.formats.content import Content
from soak.formats.format import Format, Options, Reading, refuse, table_of
from soak.formats.table import read_table

_ASIDE = ("", "result", "table", "_start", "_stop")


def read(content: Content, options: Options) -> Reading:
    """Read all tables: `_time` and `_value`, named by `_measurement` and `_field`, with the other columns as labels."""
    rows: list[dict[str, str]] = []
    header: list[str] | None = None
    try:
        for line in content.lines:
            if not line.strip() or line.startswith("#"):
                header = None
                continue
            fields = next(csv.reader([line]), [])
            if header is None:
                header = fields
            elif fields != header:
                rows.append(dict(zip(header, fields, strict=False)))
    except csv.Error as error:
        raise refuse(content, f"not valid CSV: {error}") from None
    if not rows:
        raise refuse(content, "has a header but no rows")
    if "_time" not in rows[0]:
        raise refuse(content, "has no column _time; leave out the aggregation that drops it")
    names = list(dict.fromkeys(name for row in rows for name in row if name not in _ASIDE))
    pivoted = "_value" not in names
    own = ["_measurement", "_field"] if not pivoted else ["_measurement"]
    labels = tuple(name for name in names if not name.startswith("_") and not pivoted)
    called = [_name(row, own) for row in rows]
    headers = [
        "name",
        "_time",
        *(("value",) if not pivoted else ()),
        *(name for name in names if name[:1] != "_"),
    ]
    asked = [*(() if pivoted else ("_value",)), *(name for name in names if name[:1] != "_")]
    cells = [
        (name, *(row.get(column, "") for column in ("_time", *asked)))
        for name, row in zip(called, rows, strict=True)
    ]
    split = () if pivoted else ("name", *labels)
    return read_table(content, table_of(headers, cells, labels=split), options)


def _name(row: dict[str, str], own: list[str]) -> str:
    words = [row[name] for name in own if row.get(name) and row[name] != "value"]
    return "_".join(words) or "value"


def _recognises(content: Content) -> bool:
    start = content.head.lstrip("\ufeff \n")
    lines = content.first_lines[:6]
    return start.startswith(("#datatype", "#group", "#default")) or any(
        line.startswith((",result,table,", "result,table,")) for line in lines
    )


FORMAT = Format(
    "Influx annotated CSV", "influx query --raw; the data explorer's CSV", _recognises, read
)
