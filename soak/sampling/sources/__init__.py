"""The sources. To add one: write its file, and add one line to SOURCES."""

from __future__ import annotations

from importlib.metadata import entry_points

from soak.sampling.sources.actuator import Actuator
from soak.sampling.sources.base import Source
from soak.sampling.sources.cgroup import Cgroup
from soak.sampling.sources.command import Command
from soak.sampling.sources.expvar import Expvar
from soak.sampling.sources.jolokia import Jolokia
from soak.sampling.sources.process import Process
from soak.sampling.sources.prometheus import Prometheus
from soak.sampling.sources.promql import Promql

SOURCES: dict[str, type[Source]] = {
    "process": Process,
    "prometheus": Prometheus,
    "expvar": Expvar,
    "promql": Promql,
    "cgroup": Cgroup,
    "command": Command,
    "actuator": Actuator,
    "jolokia": Jolokia,
}


def known_sources() -> dict[str, type[Source]]:
    """SOURCES, and what other packages offer under the entry point `soak.sources`; ours win a clash of names."""
    offered = {point.name: point.load() for point in entry_points(group="soak.sources")}
    return offered | SOURCES


__all__ = ["SOURCES", "Source", "known_sources"]
