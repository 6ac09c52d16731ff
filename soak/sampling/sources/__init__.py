"""The sources of samples. To add one: write its module and add one line to SOURCES."""

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
    """Return SOURCES and the sources of other packages (entry point `soak.sources`); soak's own win a clash of names.

    A source that cannot be loaded does not affect the others; `broken_sources` gives the reason.
    """
    return _offered()[0] | SOURCES


def broken_sources() -> dict[str, str]:
    """Return the sources of other packages that cannot be loaded, with the reasons."""
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
