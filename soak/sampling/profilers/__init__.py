"""The profilers. To add one: write its module, add one line to PROFILERS, and a key of the same name to `diagnose`."""

from __future__ import annotations

from soak.sampling.profilers.go import GoPprof
from soak.sampling.profilers.jvm import Jvm
from soak.sampling.profilers.node import NodeInspector
from soak.sampling.profilers.profiler import ProfiledTarget, Profiler, ProfileResult
from soak.sampling.profilers.python import PythonHook

PROFILERS: dict[str, type[Profiler]] = {
    "pprof": GoPprof,
    "jvm": Jvm,
    "node": NodeInspector,
    "python": PythonHook,
}

__all__ = ["PROFILERS", "ProfileResult", "ProfiledTarget", "Profiler"]
