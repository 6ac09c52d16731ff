"""Examples of failed checks: what was expected and found, sent once per endpoint and kind of failure."""

from __future__ import annotations

from collections.abc import Callable

from soak.load.scenario.expectations import FailedCheck

#: Endpoints and kinds that are remembered; beyond this number no examples are sent.
MOST = 1000


class FailureExamples:
    """Passes the first failed check of each kind of each endpoint to `tell`."""

    __slots__ = ("_tell", "_told")

    def __init__(self, tell: Callable[[str, FailedCheck], None]) -> None:
        self._tell = tell
        self._told: set[tuple[str, str]] = set()

    def wants(self, endpoint: str, kind: str) -> bool:
        """Return True if an endpoint's failures of this kind have no example yet."""
        return (endpoint, kind) not in self._told and len(self._told) < MOST

    def tell(self, endpoint: str, failed: FailedCheck) -> None:
        """Send a failed check if it is the first of its kind."""
        if self.wants(endpoint, failed.kind):
            self._told.add((endpoint, failed.kind))
            self._tell(endpoint, failed)
