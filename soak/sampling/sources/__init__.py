"""The sources. To add one: write its file, and add one line to SOURCES."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from soak.sampling.sources.actuator import Actuator
from soak.sampling.sources.cgroup import Cgroup
from soak.sampling.sources.command import Command
from soak.sampling.sources.expvar import Expvar
from soak.sampling.sources.jolokia import Jolokia
from soak.sampling.sources.process import Process
from soak.sampling.sources.prometheus import Prometheus
from soak.sampling.sources.promql import Promql
from soak.sampling.sources.source import Source

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
    """SOURCES, and what other packages offer under the entry point `soak.sources`; ours win a clash of names.

    One that cannot be loaded costs only itself: `broken_sources` says why.
    """
    return _offered()[0] | SOURCES


def broken_sources() -> dict[str, str]:
    """Sources of other packages that cannot be loaded, each with the reason."""
    return _offered()[1]


@cache
def _offered() -> tuple[dict[str, type[Source]], dict[str, str]]:
    loaded: dict[str, type[Source]] = {}
    broken: dict[str, str] = {}
    for point in entry_points(group="soak.sources"):
        try:
            loaded[point.name] = point.load()
        except Exception as error:  # noqa: BLE001 - another package's import may raise anything
            broken[point.name] = f"{point.value} cannot be loaded: {type(error).__name__}: {error}"
    return loaded, broken


__all__ = ["SOURCES", "Source", "broken_sources", "known_sources"]
