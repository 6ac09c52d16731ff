"""Read CSV in all its dialects: delimiter, decimal comma, `sep=`, comment lines, headers after `#`."""

from __future__ import annotations

import csv
import io
import re
import warnings
from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from soak.formats.cells import NUMBER
from soak.formats.column_names import in_base_unit
from soak.formats.content import Content
from soak.formats.format import Format, Options, Reading, Table, refuse
from soak.formats.table import read_table
from soak.formats.times import moment

DELIMITERS = (",", ";", "\t", "|")
#: Lines from which the dialect is derived.
_SAMPLE = 20
#: Share of these lines that must have the same number of fields; the others are titles.
_ALIKE = 0.6
#: Most lines above or below a table that are skipped.
_MOST_ASIDE = 6
_RULE = re.compile(r"[\s|+:=-]*--[\s|+:=-]*")
#: A whole number with points between thousands, or below a thousand.
_POINTED = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})*")
#: Longest text that can be a unit (characters).
_LONGEST_UNIT = 12
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")


@dataclass(frozen=True)
class Dialect:
    """How to read a file's lines: `header` holds the column names (None without a header), rows start at line `first`.

    `titles` counts the lines above the header that do not belong to the table.
    """

    delimiter: str
    decimal: str
    header: list[str] | None
    first: int
    titles: int = 0


def read(content: Content, options: Options) -> Reading:
    """Read a CSV file; InputError names the line."""
    return read_table(content, *parsed(content, options))


def parsed(content: Content, options: Options) -> tuple[Table, Options]:
    """Parse a CSV file into a table; its notes say what was left out."""
    dialect = dialect_of(content)
    notes: list[str] = []
    lines = content.lines
    header_line = lines[dialect.first - 1] if dialect.first and dialect.header else None
    body = [
        line
        for line in lines[dialect.first :]
        if line.strip() and line[0] != "#" and line != header_line and not _RULE.fullmatch(line)
    ]
    if header_line is not None and header_line in lines[dialect.first :]:
        notes.append(
            "the header is there more than once: files that were put together are read as one"
        )
    if not body:
        raise refuse(content, "has a header but no rows")
    units = _fields(body[0], dialect.delimiter)
    width = len(dialect.header or units)
    if dialect.header is not None and len(body) > 1 and _are_units(units, width):
        dialect = replace(
            dialect,
            header=[
                f"{name} ({unit})" if _is_unit(unit) else name
                for name, unit in zip(dialect.header, units, strict=True)
            ],
            first=dialect.first + 1,
        )
        body = body[1:]
        notes.append("the line below the header is taken for its columns' units")
    footers = _footers(body, width, dialect.delimiter)
    if footers:
        body = body[:-footers]
    if footers or dialect.titles:
        notes.append("lines above or below the table are left out")
    header = dialect.header or [f"column_{place}" for place in range(1, width + 1)]
    if dialect.header is None:
        notes.append("there is no header; the columns are called column_1, column_2 and so on")
    table = _table(content, dialect, header, body)
    table.notes += notes
    _take_points_for_thousands(table, dialect, body)
    _tell_doubles_apart(table)
    return table, options


def _are_units(fields: list[str], width: int) -> bool:
    """Return True if a line gives the columns' units: no values, and at least one unit of time or size."""
    return (
        len(fields) == width > 1
        and any(map(_is_unit, fields))
        and not any(_is_value(field) or len(field) > _LONGEST_UNIT for field in fields)
    )


def _is_unit(text: str) -> bool:
    return in_base_unit(f"x ({text.strip()})")[2] != ""


def _take_points_for_thousands(table: Table, dialect: Dialect, body: list[str]) -> None:
    """Read numbers such as `307.200` in a German file as whole numbers, and note it, as they could also be fractions.

    It is recognised by a decimal comma in other columns, or by the unit: bytes and KiB do not have thousandths.
    """
    import pandas as pd  # noqa: PLC0415 - as above

    if dialect.delimiter == ",":
        return
    taken, sample = [], [_fields(line, dialect.delimiter) for line in body[:_SAMPLE]]
    for place, name in enumerate(table.headers):
        based, factor, _ = in_base_unit(name)
        if dialect.decimal != "," and not (factor in (1.0, 1024.0) and based.endswith("_bytes")):
            continue
        first = [_field(fields, place) for fields in sample]
        if not all(map(_POINTED.fullmatch, first)) or not any("." in text for text in first):
            continue
        texts = [_field(_fields(line, dialect.delimiter), place) for line in body]
        if all(map(_POINTED.fullmatch, texts)):
            table.columns[place] = pd.Series([float(text.replace(".", "")) for text in texts])
            example = next(text for text in texts if "." in text)
            taken.append(f"{name}: {example} is read as {int(example.replace('.', '')):,}")
    if taken:
        table.notes.append(f"points are taken for marks of thousands ({'; '.join(taken)})")


def _field(fields: list[str], place: int) -> str:
    return fields[place].strip() if place < len(fields) else ""


def _footers(body: list[str], width: int, delimiter: str) -> int:
    """Count the lines at the end that are not rows but a single text, such as `(240 rows)`."""
    count = 0
    while width > 1 and count < min(_MOST_ASIDE, len(body) - 1):
        fields = _fields(body[-1 - count], delimiter)
        if len(fields) > 1 or not fields or _is_value(fields[0]):
            break
        count += 1
    return count


def dialect_of(content: Content) -> Dialect:
    """Return the delimiter, the decimal sign and the header of a file; raise InputError if it has no lines."""
    lines, start, separator = content.lines, 0, ""
    if lines and (match := re.fullmatch(r'"?sep=(.|\\t)"?', lines[0].strip(" "), re.IGNORECASE)):
        start, separator = 1, match[1].replace("\\t", "\t")
    comments = []
    while start < len(lines) and (
        not lines[start].strip() or lines[start].lstrip().startswith("#") or _is_rule(lines[start])
    ):
        if lines[start].lstrip().startswith("#"):
            comments.append(start)
        start += 1
    if start >= len(lines):
        raise refuse(content, "has a header but no rows" if comments else "the file is empty")
    places = [
        place
        for place in range(start, min(len(lines), start + 2 * _SAMPLE))
        if lines[place].strip() and not lines[place].startswith("#") and not _is_rule(lines[place])
    ][:_SAMPLE]
    delimiter, width = _delimiter([lines[place] for place in places], separator)
    titles = _titles([_fields(lines[place], delimiter) for place in places], width)
    places = places[titles:]
    start = places[0]
    fields = _fields(lines[start], delimiter)
    header: list[str] | None
    if not any(_is_value(field) for field in fields):
        header, first = fields, start + 1
        below = lines[places[1]].lstrip() if len(places) > 1 else ""
        if len(header) == width - 1 > 0 and below.startswith('"'):  # R omits the row-name header
            header = ["", *header]
    else:
        behind = next(
            (
                place
                for place in reversed(comments)
                if _is_header(lines[place], len(fields), delimiter)
            ),
            None,
        )
        header = (
            None
            if behind is None
            else _fields(lines[behind].lstrip().lstrip("#").strip(), delimiter)
        )
        first = start
    rows = [lines[place] for place in places[1:] or places]
    cells = [field.strip() for line in rows for field in _fields(line, delimiter)]
    decimal = "," if delimiter != "," and any(map(_DECIMAL_COMMA.fullmatch, cells)) else "."
    names = [name.strip() for name in header] if header is not None else None
    return Dialect(delimiter, decimal, names, first, titles)


def _is_rule(line: str) -> bool:
    """Return True if a line only draws a table's border, as in psql, MySQL and Markdown."""
    return _RULE.fullmatch(line) is not None


def _titles(sample: list[list[str]], width: int) -> int:
    """Count the title lines at the beginning: they have too few fields, or are mostly empty and above a header."""
    for place, fields in enumerate(sample[:_MOST_ASIDE]):
        following = sample[place + 1] if place + 1 < len(sample) else []
        short = len(fields) < width and len(fields) <= max(1, width - 2)
        hollow = (
            sum(map(bool, fields)) <= width // 2
            and len(following) >= len(fields)
            and not any(map(_is_value, following))
        )
        if not following or width < 2 or not (short or hollow):
            return place
    return 0


def _is_header(comment: str, width: int, delimiter: str) -> bool:
    fields = _fields(comment.lstrip().lstrip("#").strip(), delimiter)
    return (
        len(fields) == width and len(fields) > 1 and not any(_is_value(field) for field in fields)
    )


def _is_value(text: str) -> bool:
    """Return True if a field is a number or a date, and therefore not a name."""
    text = text.strip()
    return bool(NUMBER.fullmatch(text) or _DECIMAL_COMMA.fullmatch(text)) or (
        text[:1].isdigit() and moment(text) is not None
    )


def _delimiter(sample: list[str], separator: str) -> tuple[str, int]:
    """Return the delimiter that gives most lines the same number of fields, and that number; more fields win a tie."""
    best, score = (separator or ",", 1), (0, 0)
    for delimiter in separator or DELIMITERS:
        widths = Counter(len(_fields(line, delimiter)) for line in sample)
        width, often = max(widths.items(), key=lambda item: (item[1], item[0]))
        alike = often >= _ALIKE * len(sample)
        if width > 1 and alike and (often, width) > score:
            best, score = (delimiter, width), (often, width)
    return best


def _fields(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return line.split(delimiter)


def _table(content: Content, dialect: Dialect, header: list[str], body: list[str]) -> Table:
    import pandas as pd  # noqa: PLC0415 - a third of a second that only this verb should pay

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # a row longer than the header
            frame = pd.read_csv(
                io.StringIO("\n".join(body)),
                sep=dialect.delimiter,
                decimal=dialect.decimal,
                header=None,
                names=list(range(len(header))),
                skipinitialspace=True,
                index_col=False,
                low_memory=False,
                engine="c",
            )
    except (pd.errors.ParserError, pd.errors.ParserWarning, ValueError, OverflowError) as error:
        if longer := next(
            (row for row in body if len(_fields(row, dialect.delimiter)) > len(header)), ""
        ):
            many = len(_fields(longer, dialect.delimiter))
            raise refuse(
                content,
                f"not valid CSV: the header has {len(header)} fields, and a row has {many}: {longer[:60]!r}",
            ) from None
        reason = str(error).strip().splitlines()[-1] if str(error).strip() else type(error).__name__
        raise refuse(content, f"not valid CSV: {reason}") from None
    return Table(header, [frame[place] for place in range(len(header))], dialect.first + 1)


def _tell_doubles_apart(table: Table) -> None:
    """Handle columns with the same name: drop the second if its values are equal, otherwise number it."""
    import pandas as pd  # noqa: PLC0415 - as above

    seen: dict[str, int] = {}
    for place, header in enumerate(list(table.headers)):
        first = seen.setdefault(header, place)
        if first == place or not header:
            continue
        if table.columns[first].equals(table.columns[place]):
            table.notes.append(
                f"column {header} is there twice with the same values, and counts once"
            )
            table.headers[place] = ""
            table.columns[place] = pd.Series([np.nan] * len(table.columns[place]))
        else:
            number = (
                table.headers[:place].count(header)
                + 1
                + sum(name.startswith(f"{header} (") for name in table.headers[:place])
            )
            table.headers[place] = f"{header} ({number})"
            table.notes.append(
                f"column {header} is there more than once; the next is called {table.headers[place]}"
            )


def _recognises(content: Content) -> bool:
    """Accept any text, since CSV is the last format tried."""
    return bool(content.head)


FORMAT = Format(
    "CSV",
    "spreadsheets, pandas, scripts: a column with the time, and one for each series",
    _recognises,
    read,
)
