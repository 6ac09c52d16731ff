"""Pure: prepare, trend, verdict. No files, sockets, clocks or prints."""

from soak.analysis.verdict import analyze

__all__ = ["analyze"]
