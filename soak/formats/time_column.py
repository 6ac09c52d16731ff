"""Find the time column of a table and convert its times to seconds."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from soak.catalog.words import word_set, words_of
from soak.formats.cells import NotANumberError, numbers
from soak.formats.content import Content
from soak.formats.format import Options, Table, refuse
from soak.formats.times import (
    FIRST_UNIX,
    SECONDS,
    TIME_NAMES,
    are_clocks,
    are_days,
    from_numbers,
    from_texts,
    unit_in_name,
    without_unit,
)
from soak.model import Floats

if TYPE_CHECKING:
    import pandas as pd


#: The column name that implies seconds.
_SECONDS_KNOWN = "t"
#: Relative times that are further apart than this are ambiguous: 1,000 may be a second in ms or 17
#: minutes in s.
MOST_APART = 1000.0
_HOUR = 3600.0
#: A time with a zone, which daylight saving time does not affect.
_ZONED = re.compile(r"(?:Z|UTC|GMT|[+-]\d\d:?\d\d)$")
#: Words of a time column's name: it has at least one of the first set, and all its words are in
#: either set.
_TIME_WORDS = word_set(
    "time times timestamp ts datetime date epoch elapsed clock unixtime stamp seconds secs sec minutes mins hours "
    "millis milliseconds ms zeit zeitstempel datum uhrzeit fecha hora heure"
)
_BESIDE = word_set(
    "unix utc gmt local start since relative wall sample test run running day of the logged recorded collected "
    "created measured s min h us µs ns rel abs log offset from"
)


def find_times(
    content: Content, table: Table, options: Options, notes: list[str]
) -> tuple[str | None, Floats]:
    """Return the time column's header (None if the format knows the times) and the times (s), or raise InputError."""
    if table.times is not None:
        return None, table.times
    header = options.time or _by_name(table) or _by_words(table, notes) or _by_content(table, notes)
    if header is None:
        if options.step is not None:
            steps: Floats = np.arange(len(table.columns[0])) * np.float64(options.step)
            return None, steps
        names = ", ".join(filter(None, table.headers[:6]))
        raise refuse(
            content,
            "no time column: name it with --time COLUMN, or say how far apart the rows are with --step 15s; "
            f"there is {names}",
        )
    cells = _with_its_other_half(table, header, notes)
    seconds = _seconds(content, table, header, cells, options, notes)
    if options.step is None:
        return header, seconds
    if len(np.unique(seconds)) == len(seconds):
        notes.append(f"--step is not needed: the times are those of {header}")
        return header, seconds
    notes.append(f"rows are taken {options.step:g} s apart, as --step says: {header} is too coarse")
    return header, np.arange(len(seconds)) * np.float64(options.step)


def _with_its_other_half(table: Table, header: str, notes: list[str]) -> pd.Series:
    """Return the time column's cells, joined with the date or the time of day if that is in a column of its own."""
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    texts = {
        name: cells.astype(str).fillna("").str.strip()
        for name, cells in zip(table.headers, table.columns, strict=True)
        if name and not pd.api.types.is_numeric_dtype(cells)
    }
    clocks = [name for name, cells in texts.items() if are_clocks(cells)]
    days = [name for name, cells in texts.items() if name not in clocks and are_days(cells)]
    if len(days) != 1 or len(clocks) != 1 or header not in (*days, *clocks):
        return table.column(header)
    day, clock = days[0], clocks[0]
    if (day.lower(), clock.lower()) != ("date", "time"):
        notes.append(f"{day} and {clock} together are taken as the time")
    other = table.headers.index(clock if header == day else day)
    del table.headers[other], table.columns[other]
    return texts[day] + " " + texts[clock]


def _by_name(table: Table) -> str | None:
    plain = {header: without_unit(header) for header in table.headers}
    both = {"date", "time"} <= {name.lower() for name in table.headers}
    for name in ("date", *TIME_NAMES) if both else TIME_NAMES:
        for header, own in plain.items():
            if own == name:
                return header
    return None


def _by_words(table: Table, notes: list[str]) -> str | None:
    """Return the only column whose name consists of words for time and whose cells never decrease."""
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    fitting = []
    for header, cells in zip(table.headers, table.columns, strict=True):
        words = set(words_of(header))
        if not words & _TIME_WORDS or not words <= _TIME_WORDS | _BESIDE:
            continue
        numeric = pd.api.types.is_numeric_dtype(cells)
        if (numeric and cells.is_monotonic_increasing) or (
            not numeric and from_texts(cells.head(50))[2] is None
        ):
            fitting.append(header)
    if len(fitting) != 1:
        return None
    notes.append(f"{fitting[0]} is taken as the time")
    return fitting[0]


def _by_content(table: Table, notes: list[str]) -> str | None:
    """Return the only column whose cells are all dates, or increasing Unix times."""
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    fitting = []
    for header, cells in zip(table.headers, table.columns, strict=True):
        if pd.api.types.is_bool_dtype(cells):
            continue
        if pd.api.types.is_numeric_dtype(cells):
            values = cells.to_numpy(dtype=np.float64)
            with np.errstate(invalid="ignore"):
                if (
                    np.isfinite(values).all()
                    and (values > FIRST_UNIX * 8).all()
                    and (np.diff(values) >= 0).all()
                ):
                    try:
                        seconds, _ = from_numbers(values)
                    except ValueError:
                        continue
                    if (seconds < 5e9).all() and np.ptp(seconds) > 0:
                        fitting.append(header)
        elif len(cells) and (":" in str(cells.iloc[0]) or are_clocks(cells.astype(str).fillna(""))):
            _, _, wrong = from_texts(cells.head(50))
            if wrong is None:
                fitting.append(header)
    if len(fitting) != 1:
        return None
    notes.append(f"{fitting[0] or 'the column without a name'} is taken as the time")
    return fitting[0]


def _seconds(
    content: Content,
    table: Table,
    header: str,
    cells: pd.Series,
    options: Options,
    notes: list[str],
) -> Floats:
    import pandas as pd  # noqa: PLC0415 - as above

    unit = options.units.get(header, "") or unit_in_name(header)
    if unit and unit not in SECONDS:
        raise refuse(content, f"--unit {header}={unit}: a time is in s, ms, us, ns, min, h or d")
    try:
        read = numbers(cells)
    except NotANumberError as error:
        if without_unit(header) == "t" or pd.api.types.is_numeric_dtype(cells):
            raise refuse(
                content, f"column {header}: {error}", table.first_line + error.place
            ) from None
        read = None
    if read is None:
        seconds, note, wrong = from_texts(cells)
        if wrong is not None:
            given = cells.iloc[wrong]
            why = (
                "is empty"
                if pd.isna(given) or not str(given).strip()
                else f"not a time: {str(given)!r}"
            )
            raise refuse(content, f"column {header}: {why}", table.first_line + wrong)
        if len(cells) and _ZONED.search(str(cells.iloc[0]).strip()) is None:
            seconds = _without_set_back(seconds, notes)
    else:
        missing = np.flatnonzero(~np.isfinite(read[0]))
        if len(missing):
            raise refuse(content, f"column {header}: is empty", table.first_line + int(missing[0]))
        try:
            seconds, note = from_numbers(read[0], unit or ("s" if read[1] == "seconds" else ""))
        except ValueError as error:
            raise refuse(
                content, f"column {header}: {error}; say it with --unit {header}=ms (s, ms, us, ns)"
            ) from None
        if not unit and not note and np.abs(seconds).min() < FIRST_UNIX:
            note = _relative(content, header, seconds)
    if note:
        notes.append(note)
    return seconds


def _without_set_back(seconds: Floats, notes: list[str]) -> Floats:
    """Correct local times that go back by an hour once, at the end of daylight saving time, and add a note."""
    steps = np.diff(seconds)
    back = np.flatnonzero(steps < 0)
    usual = float(np.median(steps)) if len(steps) else 0.0
    if len(back) != 1 or not 0 < usual < _HOUR or abs(steps[back[0]] + _HOUR - usual) > usual:
        return seconds
    row = int(back[0]) + 1
    if seconds[row] - seconds[0] <= usual:  # the next process, started at the same time
        return seconds
    notes.append(
        f"the times go back by an hour at row {row + 1:,}: taken as the end of daylight saving time"
    )
    onward: Floats = seconds + np.where(np.arange(len(seconds)) >= row, _HOUR, 0.0)
    return onward


def _relative(content: Content, header: str, seconds: Floats) -> str:
    """Return the note on relative times without a unit; raise InputError if seconds are too unlikely."""
    apart = float(np.median(np.abs(np.diff(seconds)))) if len(seconds) > 1 else 0.0
    if header == _SECONDS_KNOWN and apart < MOST_APART:
        return ""
    if header != _SECONDS_KNOWN and apart >= MOST_APART:
        raise refuse(
            content,
            f"column {header}: its rows are {apart:,.0f} apart, in a unit that nothing tells; "
            f"say it with --unit {header}=ms (s, ms, us, ns)",
        )
    return f"{header} is taken to be in seconds; --unit {header}=ms says otherwise"
