"""Every format a comparison can have: a name, a file, and a function from a comparison to text.

A format is one module here with `render(comparison) -> str`, plus a line in `COMPARISON_REPORTERS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module

from soak.compared import Comparison


@dataclass(frozen=True)
class ComparisonReporter:
    """One format: the file it becomes (empty for one that is only shown), and how it is made."""

    file_name: str
    render: Callable[[Comparison], str]


def _first_used(module: str) -> Callable[[Comparison], str]:
    """The `render` of a module here, imported when it is first called."""

    def render(comparison: Comparison) -> str:
        text: str = import_module(f"{__name__}.{module}").render(comparison)
        return text

    return render


COMPARISON_REPORTERS: dict[str, ComparisonReporter] = {
    "html": ComparisonReporter("comparison.html", _first_used("html")),
    "junit": ComparisonReporter("comparison.xml", _first_used("junit")),
    "json": ComparisonReporter("comparison.json", _first_used("json")),
    "markdown": ComparisonReporter("comparison.md", _first_used("markdown")),
    "terminal": ComparisonReporter("", _first_used("terminal")),
}
