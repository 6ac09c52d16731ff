"""The definition of a format: how it is recognised, how it is read, and where its files come from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from soak.errors import InputError
from soak.formats.content import Content
from soak.model import Floats, Kind

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Options:
    """What the user states about a file's columns; the names are those in the file.

    `time` is the time column, `only` and `without` choose columns, `split` names columns that
    distinguish rows of the same time, `units` gives a column's unit (`MiB`, `ms`), `counters` are
    running totals, `step` is the time between samples (seconds) in a file without times. `limited`
    are columns that a limit names: they are judged whatever their names mean.
    """

    time: str = ""
    only: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    split: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    counters: tuple[str, ...] = ()
    step: float | None = None
    limited: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class RawSeries:
    """One series as read from a file: `times` in seconds (Unix time or any other origin), in any order.

    `column` is its name in the file, if that differs. If `kind` is None, it is derived from the name.
    """

    name: str
    times: Floats
    values: Floats
    labels: dict[str, str] = field(default_factory=dict)
    kind: Kind | None = None
    column: str = ""


@dataclass(slots=True, eq=False)
class Reading:
    """The result of reading a file: series, notes on omissions and assumptions, and columns that are not resources.

    `asked` are series that the user named: they are judged whatever their names mean.
    """

    series: list[RawSeries] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    no_resources: set[str] = field(default_factory=set)
    asked: frozenset[str] = frozenset()


@dataclass(slots=True, eq=False)
class Table:
    """The columns of a table: headers and cells (numbers or text). `first_line` is the line number of the first row.

    `times` are set if the format already knows them (seconds); `labels` are columns that distinguish
    rows in this format. `renamed` maps columns whose meaning the format knows to Prometheus's names,
    `scaled` maps them to the factor to their base unit.
    """

    headers: list[str]
    columns: list[pd.Series]
    first_line: int = 2
    times: Floats | None = None
    labels: tuple[str, ...] = ()
    renamed: dict[str, str] = field(default_factory=dict)
    scaled: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def column(self, header: str) -> pd.Series:
        """Return the cells below a header."""
        return self.columns[self.headers.index(header)]


def table_of(headers: Sequence[str], rows: Sequence[Sequence[str]], **rest: object) -> Table:
    """Build a table of text cells; short rows are padded with empty cells."""
    import pandas as pd  # noqa: PLC0415 - takes a third of a second, which `--formats` need not pay

    width = len(headers)
    full = [(*row[:width], *[""] * (width - len(row))) for row in rows]
    cells = zip(*full, strict=True) if full else [()] * width
    return Table(list(headers), [pd.Series(list(column), dtype=object) for column in cells], **rest)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Format:
    """A file format: its title, the origin of its files, its test of a file's content, and its reader.

    `recognises` looks only at the beginning of a file and never raises; `read` raises InputError with
    the line. In a format written line by line (`by_lines`), a last line without a newline is left
    out, since its writer may have been stopped there.
    """

    title: str
    origin: str
    recognises: Callable[[Content], bool]
    read: Callable[[Content, Options], Reading]
    by_lines: bool = True


def counted(count: int, one: str, more: str) -> str:
    """Return a count with its noun and verb: `1 column is`, `214 columns are`."""
    return f"{count:,} {one if count == 1 else more}"


#: Longest error message (characters): a longer one must quote the file at length.
MOST_SAID = 600


def refuse(content: Content, why: str, line: int | None = None) -> InputError:
    """Return an error that names the file and, if given, the line; cut a very long message in the middle."""
    if len(why) > MOST_SAID:
        half = MOST_SAID // 2
        why = f"{why[:half]} … {why[-half:]}"
    return InputError(f"{content.path}{f':{line}' if line is not None else ''}: {why}")
