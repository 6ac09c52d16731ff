"""What a profiler is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from soak.errors import SoakError
from soak.profile.tls import TlsSettings
from soak.snapshots import SnapshotKind, SnapshotStage

#: One profile as the target gave it, unpacked, or why this one is missing while others may still be had.
ProfileResult = tuple[SnapshotKind, bytes | SoakError]


def gauges(
    samples: Iterable[tuple[str, Mapping[str, str], float]],
    classes: Mapping[str, float] | None = None,
) -> bytes:
    """A snapshot of kind `gauges`: exact counts at its moment, each a metric name, labels and a value.

    `classes` are the bytes of what is alive by class, where the runtime counts them.
    """
    document: dict[str, object] = {
        "samples": [[name, dict(labels), value] for name, labels, value in samples]
    }
    if classes:
        document["classes"] = dict(classes)
    return json.dumps(document, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class ProfiledTarget:
    """The target as a profiler may reach it: base URL, TLS, `diagnose.headers`, and its process where that is local."""

    url: str
    tls: TlsSettings = field(default_factory=TlsSettings)
    headers: Mapping[str, str] = field(default_factory=dict)
    pid: int | None = None

    def at(self, place: str) -> str:
        """A path on the target as a URL; a URL stays one."""
        return f"{self.url.rstrip('/')}{place}" if place.startswith("/") else place


class Profiler(Protocol):
    """A runtime's profiles: a frozen dataclass, made from the value of its key in `diagnose`.

    Only ever called from one thread at a time; every call keeps to its own timeout and raises
    SoakError with one line that says what is wrong and what to do about it.
    """

    #: The kinds it takes; an error that `take` raises is recorded under the first.
    kinds: ClassVar[tuple[SnapshotKind, ...]]
    #: Kinds that are made of what the target gave before, with nothing asked of it: their moment is that of the others.
    made_after: ClassVar[tuple[SnapshotKind, ...]]

    @classmethod
    def named(cls, value: Any, watched: ProfiledTarget) -> Self:
        """The profiler that `diagnose: {key: value}` asks for; nothing is asked of the target yet."""
        ...

    @classmethod
    def offered(cls, watched: ProfiledTarget) -> Self | None:
        """The profiler if the target is seen to offer it without being told to; None if not. Never raises."""
        ...

    def take(self, stage: SnapshotStage) -> Iterable[ProfileResult]:
        """Each profile of one snapshot, in turn: the time between two of them is the time that the second took."""
        ...

    def collect(self) -> None:
        """Force a garbage collection, where the runtime can be told to; nothing where it cannot."""
        ...

    def close(self) -> None:
        """Undo what it set up in the target, where it still can; may be called again. Never raises."""
        ...


@runtime_checkable
class LevelReader(Protocol):
    """A profiler whose snapshots take long, but that can read what is alive in between at little cost."""

    def levels(self) -> Iterable[ProfileResult]:
        """What is counted exactly just after a collection, as `gauges`."""
        ...
