"""What every format is: how it is recognised, how it is read, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from soak.errors import InputError
from soak.formats.content import Content
from soak.model import Floats, Kind


@dataclass(frozen=True)
class Options:
    """What the user says of a file's columns; the names are the file's own.

    `time` is the time column, `only` and `without` choose columns, `split` tell rows of one time apart, `units` give a column's
    unit (`MiB`, `ms`), `counters` are running totals, `step` is the time between samples (seconds) in a file without times.
    `limited` are the columns that a limit names: they are judged, whatever their names mean.
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
    """What a file gives: its series, what was left out or assumed (a sentence each), and columns that are no resources."""

    series: list[RawSeries] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    no_resources: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Format:
    """One format: a title, where such files come from, whether a file's content is of it, and how it is read.

    `recognises` looks at the beginning of a file alone and never raises; `read` raises InputError, with the line.
    """

    title: str
    origin: str
    recognises: Callable[[Content], bool]
    read: Callable[[Content, Options], Reading]


def refuse(content: Content, why: str, line: int | None = None) -> InputError:
    """The error that names the file, and the line where there is one."""
    return InputError(f"{content.path}{f':{line}' if line is not None else ''}: {why}")
