"""Turn a table into series: find the time column, split rows of several processes, leave out other columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soak.catalog.process import PROCESS_ID
from soak.catalog.words import words_of
from soak.formats.cells import NotANumberError, numbers
from soak.formats.column_names import in_base_unit, labelled
from soak.formats.column_roles import left_out
from soak.formats.content import Content
from soak.formats.format import Options, RawSeries, Reading, Table, refuse
from soak.formats.splitting import replaced, splitting_columns
from soak.formats.time_column import find_times
from soak.model import Floats, Kind

#: Columns of a long table that hold the series' name, not a label.
_NAMING = {
    "metric",
    "name",
    "measurement",
    "field",
    "variable",
    "__name__",
    "_measurement",
    "_field",
    "metric_name",
    "series",
}
#: The column with the values that belong to such a name.
_VALUES = ("value", "v", "val")
#: Most series that a table may split into; more mean that the splitting column is not an identity.
MOST_SERIES = 2000
#: Fewest rows of a group that is kept: the fewest samples to which a trend is fitted.
FEWEST_ROWS = 10
#: Labels and row numbers of each series of a long table.
_Groups = list[tuple[dict[str, str], NDArray[np.int64]]]


def read_table(content: Content, table: Table, options: Options) -> Reading:
    """Return the series of a table; InputError says what is ambiguous and which option resolves it."""
    reading = Reading(notes=list(table.notes))
    _check_names(content, table, options)
    if not len(table.columns) or not len(table.columns[0]):
        raise refuse(content, "has a header but no rows")
    time, times = find_times(content, table, options, reading.notes)
    split = splitting_columns(content, table, times, time, options, reading.notes)
    chosen = [
        header
        for header in table.headers
        if header not in (time, *split) and header not in options.without
    ]
    if options.only:
        chosen = [header for header in chosen if header in options.only]
    columns = _numeric(content, table, chosen, options, reading.notes)
    groups = _long_enough(_groups(content, table, split), reading.notes)
    if groups is None and table.times is None:
        reading.series += replaced(table, times, time, reading.notes)
    asked = {*options.only, *options.limited, *options.counters}
    judged = left_out(columns, table.renamed, times, groups is None, asked, reading)
    for header, (values, unit) in columns.items():
        if header in judged:
            reading.series += _series(
                content, table, header, values, unit, times, groups, options, reading
            )
    if not chosen:
        raise refuse(
            content, "has no column besides the time; every other column would be a series"
        )
    if not any(series.name != PROCESS_ID for series in reading.series):
        raise refuse(
            content,
            f"has no column to judge: {'; '.join(reading.notes)}. --only COLUMN judges one all the same",
        )
    return reading


def _check_names(content: Content, table: Table, options: Options) -> None:
    """Check that the columns named in options exist; the InputError lists the existing ones."""
    named = [*options.only, *options.without, *options.split, *options.counters, *options.units]
    for name in (*named, *([options.time] if options.time else [])):
        if name not in table.headers:
            raise refuse(
                content,
                f"has no column {name}; there is {', '.join(filter(None, table.headers[:12]))}",
            )


def _numeric(
    content: Content, table: Table, chosen: list[str], options: Options, notes: list[str]
) -> dict[str, tuple[Floats, str]]:
    """Return values and units of the numeric columns; note the text and empty columns that are left out."""
    columns: dict[str, tuple[Floats, str]] = {}
    texts: list[str] = []
    empty: dict[str, tuple[Floats, str]] = {}
    asked = (*options.only, *options.limited, *options.counters)
    for header in chosen:
        cells = table.column(header)
        try:
            read = numbers(cells)
        except NotANumberError as error:
            raise refuse(
                content,
                f"column {header}: {error}; --without {header!r} leaves the column out",
                table.first_line + error.place,
            ) from None
        if read is None:
            texts.append(header)
        elif np.isnan(read[0]).all() and header not in asked:
            if header:  # a nameless column: the lines end with a delimiter
                empty[header] = read
        else:
            columns[header] = read
    if texts:
        if wrong := [header for header in texts if header in asked]:
            value = table.column(wrong[0]).iloc[0]
            raise refuse(
                content, f"column {wrong[0]}: not a number: {str(value)!r}", table.first_line
            )
        notes.append(f"left out, since it is text: {', '.join(texts)}")
    if not columns:
        return empty
    if empty:
        notes.append(f"left out, since it is empty: {', '.join(empty)}")
    return columns


def _groups(content: Content, table: Table, split: tuple[str, ...]) -> _Groups | None:
    """Return labels and rows of each series of a long table; None if the table is not split."""
    if not split:
        return None
    import pandas as pd  # noqa: PLC0415 - as above

    keys = pd.DataFrame(
        {index: table.column(header).astype(str).str.strip() for index, header in enumerate(split)}
    )
    groups = []
    for key, rows in keys.groupby(list(keys.columns), sort=False).indices.items():
        values = key if isinstance(key, tuple) else (key,)
        groups.append(
            (dict(zip(split, (_plain(value) for value in values), strict=True)), np.sort(rows))
        )
    if len(groups) > MOST_SERIES:
        raise refuse(
            content,
            f"splits into {len(groups):,} series by {', '.join(split)}; name other columns with --split",
        )
    return groups


def _long_enough(groups: _Groups | None, notes: list[str]) -> _Groups | None:
    """Return the groups with enough rows to be judged; a table of all processes has many short-lived ones.

    Return all groups if none has enough rows, so that the verdict on a short file is inconclusive.
    """
    kept = [group for group in groups or [] if len(group[1]) >= FEWEST_ROWS]
    if groups is None or not kept or len(kept) == len(groups):
        return groups
    fleeting = [", ".join(labels.values()) for labels, rows in groups if len(rows) < FEWEST_ROWS]
    notes.append(
        f"{len(fleeting):,} of {len(groups):,} were seen in fewer than {FEWEST_ROWS} rows and are left out, "
        f"such as {fleeting[0]}"
    )
    return kept


def _plain(value: object) -> str:
    """Remove `.0`, which pandas adds to whole numbers in columns with missing values: `101.0` becomes `101`."""
    return str(value).removesuffix(".0")


def _series(
    content: Content,
    table: Table,
    header: str,
    values: Floats,
    unit: str,
    times: Floats,
    groups: _Groups | None,
    options: Options,
    reading: Reading,
) -> list[RawSeries]:
    """Return the series of one column: a single one, or one per group of rows."""
    try:
        name, labels = labelled(header)
        known = table.renamed.get(header)
        base, factor, written = in_base_unit(
            name, "bytes" if unit == "bytes" else options.units.get(header, "")
        )
        if unit:
            base, factor, written = (
                (in_base_unit(name, unit)[0] if unit == "bytes" else name),
                1.0,
                "",
            )
    except ValueError as error:
        raise refuse(content, f"column {header}: {error}") from None
    if written and factor != 1 and not known:
        reading.notes.append(f"{header} is taken to be in {_shown_unit(factor, written)}")
    name = known or base
    if known and not options.units.get(header) and not unit:
        factor = table.scaled.get(header, 1.0)
    kind = Kind.COUNTER if header in options.counters else None
    scaled = values * factor if factor != 1 else values
    value = "_".join(words_of(header)) in _VALUES
    common = _common_name(table) if value else ""
    if common:
        name, labels = _labelled(content, common)
    if groups is None:
        return [RawSeries(name, times, scaled, labels, kind, header)]
    series = []
    naming = next(filter(_is_naming, groups[0][0]), None)
    for own, rows in groups:
        own = dict(own)  # noqa: PLW2901
        called = own.pop(naming) if naming and value else None
        own_name, own_labels = _labelled(content, called) if called else (name, {})
        every = (
            {"_".join(words_of(key)) or key: text for key, text in own.items()}
            | own_labels
            | labels
        )
        series.append(RawSeries(own_name, times[rows], scaled[rows], every, kind, header))
    return series


def _labelled(content: Content, name: str) -> tuple[str, dict[str, str]]:
    try:
        return labelled(name)
    except ValueError as error:
        raise refuse(content, f"{name[:60]!r}: {error}") from None


def _is_naming(header: str) -> bool:
    """Return True if a column of a long table holds the series' name."""
    return header.strip().lower() in _NAMING


def _common_name(table: Table) -> str:
    """Return the series' name if a column of names has the same text in every row; otherwise an empty string."""
    for header, cells in zip(table.headers, table.columns, strict=True):
        if _is_naming(header) and cells.nunique(dropna=False) == 1 and numbers(cells) is None:
            return str(cells.iloc[0])
    return ""


def _shown_unit(factor: float, written: str) -> str:
    sizes = {
        1024.0: "KiB (1,024 bytes)",
        1024.0**2: "MiB (1,048,576 bytes)",
        1024.0**3: "GiB",
        1024.0**4: "TiB",
    }
    return sizes.get(float(factor), written)
