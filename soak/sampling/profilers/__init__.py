"""The profilers. To add one: write its file, one line in PROFILERS, and one key of the same name in `diagnose`."""

from __future__ import annotations

from soak.sampling.profilers.base import Profiler, Taken, Watched
from soak.sampling.profilers.go import GoPprof
from soak.sampling.profilers.jvm import Jvm

PROFILERS: dict[str, type[Profiler]] = {
    "pprof": GoPprof,
    "jvm": Jvm,
}

__all__ = ["PROFILERS", "Profiler", "Taken", "Watched"]
