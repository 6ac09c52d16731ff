"""Every format a comparison can have: a name, a file, and a function from a comparison to text.

A format is one module here with `render(comparison) -> str`, plus a line in `COMPARISON_REPORTERS`.
"""

from __future__ import annotations

from soak.compared import Comparison
from soak.reporters import Format, first_used

COMPARISON_REPORTERS: dict[str, Format[Comparison]] = {
    "html": Format("comparison.html", first_used(__name__, "html")),
    "junit": Format("comparison.xml", first_used(__name__, "junit")),
    "json": Format("comparison.json", first_used(__name__, "json")),
    "markdown": Format("comparison.md", first_used(__name__, "markdown")),
    "sarif": Format("comparison.sarif", first_used(__name__, "sarif")),
    "terminal": Format("", first_used(__name__, "terminal")),
}
