"""Several instances of one service: each a source of its own, told apart by the label `instance`, never mixed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from soak.model import Sample, label_pairs
from soak.sampling.sources import Source


@dataclass(frozen=True)
class Replica:
    """A source whose samples carry the `instance` they are of, unless they say so themselves."""

    source: Source
    instance: str

    def collect(self) -> Iterable[Sample]:
        """The same samples, labelled."""
        return [
            replace(sample, labels=label_pairs({"instance": self.instance} | dict(sample.labels)))
            for sample in self.source.collect()
        ]

    def notices(self) -> tuple[str, ...]:
        """What the source has to say of what it saw first."""
        notices = getattr(self.source, "notices", None)
        return tuple(notices()) if callable(notices) else ()
