"""The analysis, as pure functions: prepare, trend, verdict. No files, sockets, clocks or prints."""

from typing import TYPE_CHECKING

from soak.lazy import lazily

if TYPE_CHECKING:
    from soak.analysis.verdict import analyze, analyze_prepared

__all__ = ["analyze", "analyze_prepared"]

#: Imported lazily, because pooling the nights of a history needs none of the rules.
__getattr__ = lazily(__name__, dict.fromkeys(__all__, "verdict"))
