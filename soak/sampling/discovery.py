"""Discover a target's sources: its process, and the metrics pages at the usual paths."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from soak.catalog.go import MEMORY_STATISTICS
from soak.errors import SoakError, TargetError
from soak.printable import clean
from soak.profile.tls import TlsSettings
from soak.sampling.fetch import Fetcher, accepted
from soak.sampling.sources import Source
from soak.sampling.sources.actuator import Actuator
from soak.sampling.sources.expvar import Expvar
from soak.sampling.sources.jolokia import Jolokia
from soak.sampling.sources.process import Process, process_behind
from soak.sampling.sources.prometheus import Prometheus

#: The usual paths of Prometheus text: client libraries, Quarkus, Spring, older Spring.
PAGES = ("/metrics", "/q/metrics", "/actuator/prometheus", "/prometheus")
_PATIENCE = 3.0
#: Reasons for a missing page that a user may want to fix: logins, redirects, server errors,
#: timeouts.
_NOTEWORTHY = re.compile(r"answered (3|401|403|407|429|5)|.*(time|reset|closed|refused)")


def probe_sources(
    url: str, started_pid: int | None = None, tls: TlsSettings | None = None
) -> tuple[dict[str, Source], list[str]]:
    """Return the sources to poll if a profile names none, and a sentence for each thing that was tried."""
    sources: dict[str, Source] = {}
    notes: list[str] = []
    absent: list[str] = []
    try:
        pid = process_behind(url) if started_pid is None else started_pid
        if pid is not None:
            sources["process"] = Process(pid=pid)
            notes.append(f"process {pid}: its memory, descriptors, threads and CPU are watched")
        else:
            notes.append(
                f"process: {urlsplit(url).hostname} is another machine, so its process cannot be watched from here"
            )
    except TargetError as error:
        notes.append(f"process: {error}")
    for kind, path, source in _candidates(url.rstrip("/"), tls):
        if kind in sources or (kind == "actuator" and "prometheus" in sources):
            continue
        try:
            count = _series_of(source, path, tls)
        except SoakError as error:
            absent.append(path + _why_it_matters(clean(str(error)).rpartition(": ")[2]))
        else:
            sources[kind] = source
            notes.append(f"{kind}: {path} offers {count} series, which are watched")
    if absent:
        notes.append(f"not offered: {', '.join(absent)}")
    return sources, notes


def _why_it_matters(reason: str) -> str:
    """Return the reason for a missing page in brackets if a user may want to fix it, such as a login; else ""."""
    return f" ({reason})" if _NOTEWORTHY.match(reason) else ""


def _series_of(source: Source, path: str, tls: TlsSettings | None) -> int:
    """Return how many series a source has; raise SoakError if it has none or is not of its kind."""
    if isinstance(source, Jolokia):
        _is_jolokia(source.url, tls)
    samples = list(source.collect())
    if isinstance(source, Expvar) and not any(
        sample.name.startswith(MEMORY_STATISTICS) for sample in samples
    ):
        raise TargetError(f"{path}: JSON, but not Go's expvar")
    return len(samples)


def _candidates(base: str, tls: TlsSettings | None) -> Iterator[tuple[str, str, Source]]:
    for path in PAGES:
        yield "prometheus", path, Prometheus(url=f"{base}{path}", tls=tls, timeout=_PATIENCE)
    yield "expvar", "/debug/vars", Expvar(url=f"{base}/debug/vars", tls=tls, timeout=_PATIENCE)
    yield "actuator", "/actuator", Actuator(url=f"{base}/actuator", tls=tls, timeout=_PATIENCE)
    for path in ("/jolokia", "/actuator/jolokia"):
        yield "jolokia", path, Jolokia(url=f"{base}{path}", tls=tls, timeout=_PATIENCE)


def _is_jolokia(url: str, tls: TlsSettings | None) -> None:
    """Check that Jolokia answers to a GET of its version, since a POST to another service could change something."""
    answer = accepted(Fetcher(_PATIENCE, {}, tls or TlsSettings()).get(f"{url}/version"), url)
    try:
        agent = json.loads(answer.body)["value"]["agent"]
    except (ValueError, KeyError, TypeError):
        agent = None
    if not agent:
        raise TargetError(f"{url}: not Jolokia")
