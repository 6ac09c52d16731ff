"""Support several instances of one service: each is a source of its own, identified by the label `instance`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from soak.model import Sample, label_pairs
from soak.sampling.sources import Source


@dataclass(frozen=True)
class Replica:
    """A source whose samples get the label `instance`, unless they already have one."""

    source: Source
    instance: str

    def collect(self) -> Iterable[Sample]:
        """Return the source's samples with the label."""
        return [
            replace(sample, labels=label_pairs({"instance": self.instance} | dict(sample.labels)))
            for sample in self.source.collect()
        ]

    def notices(self) -> tuple[str, ...]:
        """Return the source's notices about its first answer."""
        notices = getattr(self.source, "notices", None)
        return tuple(notices()) if callable(notices) else ()
