"""Tables in long format: several rows a time, told apart by a process, a pod, a device or a metric's name."""

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


#: Up to this share of rows may share a time with another before the table is taken to be in long format.
FEW = 0.05
#: So many rows may do so in a file of any length: a writer that was started twice.
FEW_ROWS = 2
#: Words of columns that say what a row is about. A state or a version is about the same thing all the while.
_NAMES = word_set(
    "pid pod host hostname container instance process proc name command comm worker device node service app job "
    "server replica shard metric measurement field variable series"
)
#: A process that is told by fewer rows is no life to judge: the column numbers something else.
_FEWEST_ROWS = 8
#: No more columns than this tell rows apart.
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
    """The columns that tell apart rows of one time; none where each time has one row. InputError where none does."""
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
    """The process of each row as a number, where one followed another: what came before is not what came after."""
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
    """Columns that name the process, machine or measure of a row, and not always the same; of numbers, identities alone."""
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
    """How many stretches of time have one value of a column; as many as values where each comes once."""
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    codes = pd.factorize(cells)[0][np.argsort(times, kind="stable")]
    return int((np.diff(codes) != 0).sum()) + 1


def _coarse(times: Floats) -> str:
    """What to do where times are written too coarsely to tell rows apart."""
    if not bool((times % 60 == 0).all()):
        return ""
    return ", or say how far apart rows are with --step 15s, since the times are whole minutes"


def _labels(count: int) -> str:
    return "a label" if count == 1 else "labels"


def _tells(header: str, cells: pd.Series) -> bool:
    """Whether a column can name what a row is about: text, or an identity in whole numbers; never a measured value."""
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
    """The fewest columns with which every row is told apart; those with few values first."""
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
    """Whether rows that share a time are the same row twice."""
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
