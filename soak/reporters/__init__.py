"""The registry of report formats: each has a name, a file, and a function from an analysis to text.

A built-in reporter is one module here with `render(analysis) -> str`, plus a line in `REPORTERS`.
Another package adds one through the entry point group `soak.reporters`: a name that points at a
`Reporter`. The imports of a format (numpy, jinja2, rich) happen at its first render, so that
importing this package is cheap.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Generic, TypeVar

from soak.errors import SoakError
from soak.model import Analysis

GROUP = "soak.reporters"
Subject = TypeVar("Subject")


@dataclass(frozen=True)
class ReportFormat(Generic[Subject]):
    """One format: the file it is written to (empty for one that is only shown), and the function that renders it."""

    file_name: str
    render: Callable[[Subject], str]


class Reporter(ReportFormat[Analysis]):
    """A format of a run's report."""


def first_used(package: str, module: str) -> Callable[[Subject], str]:
    """Return a module's `render`, which imports the module when it is first called."""

    def render(subject: Subject) -> str:
        text: str = import_module(f"{package}.{module}").render(subject)
        return text

    return render


REPORTERS: dict[str, Reporter] = {
    "html": Reporter("report.html", first_used(__name__, "html")),
    "junit": Reporter("junit.xml", first_used(__name__, "junit")),
    "json": Reporter("analysis.json", first_used(__name__, "json")),
    "markdown": Reporter("summary.md", first_used(__name__, "markdown")),
    "sarif": Reporter("suspects.sarif", first_used(__name__, "sarif")),
    "github": Reporter("", first_used(__name__, "github")),
    "terminal": Reporter("", first_used(__name__, "terminal")),
}


@cache
def installed() -> dict[str, Reporter]:
    """Return all reporters by name: the built-in ones first, then those of other packages, which cannot replace them."""
    others = {
        entry.name: _from_entry(entry)
        for entry in sorted(entry_points(group=GROUP), key=lambda entry: entry.name)
    }
    return REPORTERS | {
        name: reporter for name, reporter in others.items() if name not in REPORTERS
    }


def _from_entry(entry: EntryPoint) -> Reporter:
    """Load another package's reporter; if that fails, return one that raises the error when it renders."""
    try:
        reporter = entry.load()
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything, and must fail alone
        return _broken(entry, f"{type(error).__name__}: {error}")
    if not isinstance(reporter, Reporter):
        return _broken(entry, f"it is a {type(reporter).__name__}, not a soak.reporters.Reporter")
    return reporter


def _broken(entry: EntryPoint, why: str) -> Reporter:
    """Return a reporter that raises SoakError at render: a broken plug-in must not cost the other reports."""

    def render(_: Analysis) -> str:
        raise SoakError(
            f"reporter {entry.name!r} ({entry.value}) cannot be used: {why}; fix or uninstall its package"
        )

    return Reporter("", render)
