"""What every format is: how it is recognised, how it is read, and where it comes from."""

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
    """What the user says of a file's columns; the names are the file's own.

    `time` is the time column, `only` and `without` choose columns, `split` tell rows of one time
    apart, `units` give a column's unit (`MiB`, `ms`), `counters` are running totals, `step` is the
    time between samples (seconds) in a file without times. `limited` are the columns that a limit
    names: they are judged, whatever their names mean.
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
    """One series as a file gives it: `times` in seconds (Unix time, or since any moment) in any order.

    `column` is its name in the file, where that differs. `kind` None is found out from the name.
    """

    name: str
    times: Floats
    values: Floats
    labels: dict[str, str] = field(default_factory=dict)
    kind: Kind | None = None
    column: str = ""


@dataclass(slots=True, eq=False)
class Reading:
    """What a file gives: its series, what was left out or assumed (a sentence each), and columns that are no resources.

    `asked` are series that the user named: they are judged whatever their names mean.
    """

    series: list[RawSeries] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    no_resources: set[str] = field(default_factory=set)
    asked: frozenset[str] = frozenset()


@dataclass(slots=True, eq=False)
class Table:
    """The columns of a table: headers and cells, numbers or text. `first_line` is the line of its first row.

    `times` are known already where a format has them (seconds); `labels` are columns that tell rows
    apart by the format. `renamed` gives Prometheus's names of columns whose meaning the format
    knows, `scaled` the factor to their base unit.
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
        """The cells below a header."""
        return self.columns[self.headers.index(header)]


def table_of(headers: Sequence[str], rows: Sequence[Sequence[str]], **rest: object) -> Table:
    """A table of text cells; short rows are filled up with nothing."""
    import pandas as pd  # noqa: PLC0415 - takes a third of a second, which `--formats` need not pay

    width = len(headers)
    full = [(*row[:width], *[""] * (width - len(row))) for row in rows]
    cells = zip(*full, strict=True) if full else [()] * width
    return Table(list(headers), [pd.Series(list(column), dtype=object) for column in cells], **rest)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Format:
    """One format: a title, where such files come from, whether a file's content is of it, and how it is read.

    `recognises` looks at the beginning of a file alone and never raises; `read` raises InputError,
    with the line. Of a format that is written line by line (`by_lines`), a last line without an end
    is left out, since its writer may have been stopped there.
    """

    title: str
    origin: str
    recognises: Callable[[Content], bool]
    read: Callable[[Content, Options], Reading]
    by_lines: bool = True


def counted(count: int, one: str, more: str) -> str:
    """`1 column is`, `214 columns are`."""
    return f"{count:,} {one if count == 1 else more}"


#: Characters of a refusal: no sentence of ours is as long without what it quotes.
MOST_SAID = 600


def refuse(content: Content, why: str, line: int | None = None) -> InputError:
    """The error that names the file, and the line where there is one; what is quoted of a huge line is cut in the middle."""
    if len(why) > MOST_SAID:
        half = MOST_SAID // 2
        why = f"{why[:half]} … {why[-half:]}"
    return InputError(f"{content.path}{f':{line}' if line is not None else ''}: {why}")
