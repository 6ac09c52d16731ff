"""Pure: prepare, trend, verdict. No files, sockets, clocks or prints."""

from soak.analysis.verdict import analyze, analyze_prepared

__all__ = ["analyze", "analyze_prepared"]
