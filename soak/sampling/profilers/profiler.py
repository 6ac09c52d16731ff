"""The interface of a profiler."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from soak.errors import SoakError
from soak.profile.tls import TlsSettings
from soak.snapshots import SnapshotKind, SnapshotStage

#: Metric name, labels and value of one exact count.
Gauge = tuple[str, Mapping[str, str], float]
#: One unpacked profile as the target gave it, or the error because of which this one is missing.
ProfileResult = tuple[SnapshotKind, bytes | SoakError]


def gauges(
    samples: Iterable[Gauge],
    classes: Mapping[str, float] | None = None,
) -> bytes:
    """Build a snapshot of kind `gauges`: exact counts at its time, each with metric name, labels and value.

    `classes` are the bytes of live objects by class, if the runtime counts them.
    """
    document: dict[str, object] = {
        "samples": [[name, dict(labels), value] for name, labels, value in samples]
    }
    if classes:
        document["classes"] = dict(classes)
    return json.dumps(document, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class ProfiledTarget:
    """The target for profilers: base URL, TLS, `diagnose.headers`, and its process if that is local."""

    url: str
    tls: TlsSettings = field(default_factory=TlsSettings)
    headers: Mapping[str, str] = field(default_factory=dict)
    pid: int | None = None

    def at(self, place: str) -> str:
        """Return a path on the target as a URL; return a URL unchanged."""
        return f"{self.url.rstrip('/')}{place}" if place.startswith("/") else place


class Profiler(Protocol):
    """A runtime's profiles: a frozen dataclass, made from the value of its key in `diagnose`.

    It is only called from one thread at a time; every call observes its own timeout and raises SoakError with
    one line that says what is wrong and what to do about it.
    """

    #: The kinds it takes; an error raised by `take` is recorded under the first.
    kinds: ClassVar[tuple[SnapshotKind, ...]]
    #: Kinds made from data received before, without another request: their time is that of the
    #: other kinds.
    made_after: ClassVar[tuple[SnapshotKind, ...]]

    @classmethod
    def named(cls, value: Any, watched: ProfiledTarget) -> Self:
        """Return the profiler for `diagnose: {key: value}`, without contacting the target yet."""
        ...

    @classmethod
    def offered(cls, watched: ProfiledTarget) -> Self | None:
        """Return the profiler if the target visibly offers it without configuration; None if not. Never raises."""
        ...

    def take(self, stage: SnapshotStage) -> Iterable[ProfileResult]:
        """Yield each profile of one snapshot in turn; the time between two of them is the duration of the second."""
        ...

    def collect(self) -> None:
        """Force a garbage collection if the runtime can be told to; otherwise do nothing."""
        ...

    def close(self) -> None:
        """Undo its changes to the target if still possible; may be called again. Never raises."""
        ...


@runtime_checkable
class LevelReader(Protocol):
    """A profiler with slow snapshots that can cheaply read what is alive between them."""

    def levels(self) -> Iterable[ProfileResult]:
        """Yield exact counts just after a collection, as `gauges`."""
        ...
