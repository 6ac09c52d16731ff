"""The loads of a plan's scenarios, combined into one load."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import gevent

from soak.load.workload.closed_model import ClosedLoad
from soak.load.workload.open_model import OpenLoad


class CombinedLoad:
    """The loads of all scenarios, each in its own greenlet; an exception in one breaks all."""

    def __init__(self, loads: Sequence[OpenLoad | ClosedLoad]) -> None:
        self.loads = loads
        closed = [load for load in loads if isinstance(load, ClosedLoad)]
        self._counted = closed or loads

    @property
    def busy(self) -> int:
        """The number of users; without closed loads, the number of arrivals that are sent but not yet answered."""
        return sum(load.busy for load in self._counted)

    @property
    def made(self) -> int:
        """The number of arrivals so far."""
        return sum(load.made for load in self.loads if isinstance(load, OpenLoad))

    @property
    def queued(self) -> int:
        """The number of arrivals so far that found no free connection."""
        return sum(load.queued for load in self.loads if isinstance(load, OpenLoad))

    def connect(self) -> None:
        """Open the connections that the first arrivals need."""
        _at_once([load.connect for load in self.loads if isinstance(load, OpenLoad)])

    def drive(self) -> None:
        """Drive all loads; return when the last one has ended."""
        _at_once([load.drive for load in self.loads])

    def finish(self, patience: float) -> None:
        """Wait for responses in flight, at most `patience` seconds, and close everything."""
        _at_once([partial(load.finish, patience) for load in self.loads])


def _at_once(functions: Sequence[Callable[[], object]]) -> None:
    """Call all functions concurrently and wait for them; the first exception ends the others."""
    greenlets = [gevent.spawn(function) for function in functions]
    try:
        gevent.joinall(greenlets, raise_error=True)
    finally:
        gevent.killall(greenlets)
