"""The registry of formats of a comparison: each has a name, a file, and a function from a comparison to text.

A format is one module here with `render(comparison) -> str`, plus a line in `COMPARISON_REPORTERS`.
"""

from __future__ import annotations

from soak.compared import Comparison
from soak.reporters import ReportFormat, first_used

COMPARISON_REPORTERS: dict[str, ReportFormat[Comparison]] = {
    "html": ReportFormat("comparison.html", first_used(__name__, "html")),
    "junit": ReportFormat("comparison.xml", first_used(__name__, "junit")),
    "json": ReportFormat("comparison.json", first_used(__name__, "json")),
    "markdown": ReportFormat("comparison.md", first_used(__name__, "markdown")),
    "sarif": ReportFormat("comparison.sarif", first_used(__name__, "sarif")),
    "terminal": ReportFormat("", first_used(__name__, "terminal")),
}
