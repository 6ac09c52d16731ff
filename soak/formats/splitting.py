"""Split tables in long format, with several rows per time, by process, pod, device or metric name."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from soak.catalog.process import PROCESS_ID
from soak.catalog.words import Meaning, word_set, words_of
from soak.formats.column_names import meaning_of
from soak.formats.content import Content
from soak.formats.format import Options, RawSeries, Table, refuse
from soak.model import Floats, Kind

if TYPE_CHECKING:
    import pandas as pd


#: Up to this share of rows may share their time with another row before the table counts as long
#: format.
FEW = 0.05
#: This many rows may do so in a file of any length, since a writer may have been started twice.
FEW_ROWS = 2
#: Words in names of columns that identify a row's subject. States and versions are not among them.
_NAMES = word_set(
    "pid pod host hostname container instance process proc name command comm worker device node service app job "
    "server replica shard metric measurement field variable series"
)
#: With fewer rows per value, a column of changing ids does not identify successive processes.
_FEWEST_ROWS = 8
#: Most columns that are combined to distinguish rows.
_MOST_COLUMNS = 3
_MOST_CANDIDATES = 12


def splitting_columns(
    content: Content,
    table: Table,
    times: Floats,
    time: str | None,
    options: Options,
    notes: list[str],
) -> tuple[str, ...]:
    """Return the columns that distinguish rows of the same time; () if times are unique. InputError if none does."""
    if options.split:
        return options.split
    doubled = len(times) - len(np.unique(times))
    if table.labels:
        own = tuple(header for header in table.labels if header in table.headers)
        return own if doubled or any(table.column(header).nunique() > 1 for header in own) else ()
    if not doubled:
        taking_turns = tuple(
            header
            for header in _identities(table, time)
            if _visits(table.column(header), times) > table.column(header).nunique()
        )
        if taking_turns:
            notes.append(f"rows take turns by {', '.join(taking_turns)}, which tells them apart")
        return taking_turns
    candidates = [
        header
        for header in table.headers
        if header not in (time, *options.only, *options.counters)
        and _tells(header, table.column(header))
    ]
    smallest = _smallest(table, times, candidates[:_MOST_CANDIDATES])
    if smallest:
        names = ", ".join(smallest)
        notes.append(
            f"several rows a time are told apart by {names}, which became {_labels(len(smallest))}"
        )
        return smallest
    if doubled <= max(FEW * len(times), FEW_ROWS) or _all_alike(table, times, time):
        return ()
    raise refuse(
        content,
        f"{doubled:,} of {len(times):,} rows share a time with another, and no column tells them apart; "
        f"name those that do with --split COLUMN{_coarse(times)}",
    )


def replaced(table: Table, times: Floats, time: str | None, notes: list[str]) -> list[RawSeries]:
    """Return each row's process as a number if processes succeeded one another, to recognise restarts."""
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    series = []
    for header in _identities(table, time):
        cells = table.column(header)
        many = cells.nunique()
        if _visits(cells, times) == many and len(cells) >= _FEWEST_ROWS * many:
            notes.append(f"{header} changes, and so the process was replaced")
            numbers = pd.factorize(cells)[0].astype(np.float64)
            series.append(RawSeries(PROCESS_ID, times, numbers, kind=Kind.GAUGE))
    return series[:1]


def _identities(table: Table, time: str | None) -> list[str]:
    """Return the columns that name a row's process, machine or metric and vary; numbers only if they are identities."""
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    return [
        header
        for header, cells in zip(table.headers, table.columns, strict=True)
        if header != time
        and set(words_of(header)) & _NAMES
        and (meaning_of(header) is Meaning.IDENTITY or not pd.api.types.is_numeric_dtype(cells))
        and cells.nunique() > 1
    ]


def _visits(cells: pd.Series, times: Floats) -> int:
    """Count the runs of equal values in time order; the count equals the number of values if each has one run."""
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    codes = pd.factorize(cells)[0][np.argsort(times, kind="stable")]
    return int((np.diff(codes) != 0).sum()) + 1


def _coarse(times: Floats) -> str:
    """Return advice for times too coarse to distinguish rows (whole minutes), or an empty string."""
    if not bool((times % 60 == 0).all()):
        return ""
    return ", or say how far apart rows are with --step 15s, since the times are whole minutes"


def _labels(count: int) -> str:
    return "a label" if count == 1 else "labels"


def _tells(header: str, cells: pd.Series) -> bool:
    """Return True if a column can name a row's subject: text or an integer identity, never a measured value."""
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    if cells.nunique() < 2:
        return False
    if pd.api.types.is_numeric_dtype(cells) or pd.to_numeric(cells, errors="coerce").notna().all():
        identity = meaning_of(header) in (
            Meaning.IDENTITY,
            Meaning.UNKNOWN,
        ) or header.strip().lower() in (
            "cpu",
            "core",
        )
        return identity and cells.nunique() <= 0.5 * len(cells)
    return True


def _smallest(table: Table, times: Floats, candidates: list[str]) -> tuple[str, ...]:
    """Return the fewest columns that distinguish all rows; identities and columns with few values are tried first."""
    import pandas as pd  # noqa: PLC0415 - as above

    ordered = sorted(
        candidates,
        key=lambda header: (
            meaning_of(header) is not Meaning.IDENTITY,
            table.column(header).nunique(),
        ),
    )
    codes = {header: pd.factorize(table.column(header))[0] for header in ordered}
    moments = pd.factorize(times)[0]
    for size in range(1, _MOST_COLUMNS + 1):
        for chosen in combinations(ordered, size):
            keys = np.stack([moments, *(codes[header] for header in chosen)])
            if np.unique(keys, axis=1).shape[1] == len(times):
                return chosen
    return ()


def _all_alike(table: Table, times: Floats, time: str | None) -> bool:
    """Return True if rows that share a time are duplicates of one row."""
    import pandas as pd  # noqa: PLC0415 - as above

    frame = pd.DataFrame(
        {
            index: column
            for index, column in enumerate(table.columns)
            if table.headers[index] != time
        }
    )
    frame["time"] = times
    return bool(len(frame.drop_duplicates()) == len(np.unique(times)))
