"""What a source is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from soak.model import Sample


class Source(Protocol):
    """Something to poll: a frozen dataclass whose fields are its YAML keys.

    `collect` returns the samples of one scrape or raises SoakError with one line that says why not;
    it keeps to its own timeout and is only ever called from one thread at a time.
    """

    def collect(self) -> Iterable[Sample]:
        """One scrape."""
        ...
