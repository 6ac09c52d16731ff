"""The interface of a source."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from soak.model import Sample


class Source(Protocol):
    """Something to poll: a frozen dataclass whose fields are its YAML keys.

    `collect` returns the samples of one scrape, or raises SoakError with a one-line reason; it observes its
    own timeout and is only called from one thread at a time.
    """

    def collect(self) -> Iterable[Sample]:
        """Return the samples of one scrape."""
        ...
