"""The profilers. To add one: write its file, one line in PROFILERS, and one key of the same name in `diagnose`."""

from __future__ import annotations

from soak.sampling.profilers.base import Profiler, Taken, Watched
from soak.sampling.profilers.go import GoPprof

PROFILERS: dict[str, type[Profiler]] = {
    "pprof": GoPprof,
}

__all__ = ["PROFILERS", "Profiler", "Taken", "Watched"]
