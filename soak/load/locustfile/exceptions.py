"""Count exceptions a locustfile raises outside of requests (tasks, on_start, listeners), which Locust only logs."""

from __future__ import annotations

import logging
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from locust.event import EventHook, Events
from locust.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopTest,
    StopUser,
)

from soak.load.locustfile.importing import directories, location

_LOG = logging.getLogger(__name__)
#: Exceptions that a listener may raise on purpose in Locust.
_CONTROL = (StopUser, StopTest, RescheduleTask, RescheduleTaskImmediately, InterruptTaskSet)
#: Characters of an exception's text that are shown.
LONGEST = 200


class ExceptionCounter:
    """Counts exceptions by the place where they were raised. Each new place is passed to `tell` as one line."""

    def __init__(self, paths: Sequence[str], tell: Callable[[str], None]) -> None:
        self._directories, self._tell = directories(paths), tell
        self._by_place = Counter[str]()

    @property
    def total(self) -> int:
        """The number of exceptions."""
        return self._by_place.total()

    def count(self, error: BaseException, during: str) -> None:
        """Count an exception that was raised in `during`."""
        place = f"{location(error, self._directories)}: {type(error).__name__}"
        self._by_place[place] += 1
        if self._by_place[place] == 1:
            text = " ".join(str(error).split())[:LONGEST]
            self._tell(f"{place}{f': {text}' if text else ''} (raised in {during})")

    def user_error(self, user_instance: Any, exception: BaseException, **_: Any) -> None:
        """Listen to Locust's event for an exception in a task or `on_start`."""
        self.count(
            exception,
            f"a task or on_start of {type(getattr(user_instance, 'user', user_instance)).__name__}",
        )

    def summary(self) -> str | None:
        """Describe all exceptions in one line; None if there were none."""
        if not self.total:
            return None
        most = "; ".join(f"{count:,} at {place}" for place, count in self._by_place.most_common(5))
        times = "exception was" if self.total == 1 else "exceptions were"
        return f"{self.total:,} {times} raised by the locustfile outside of its requests: {most}"


class CountedHook(EventHook):
    """A Locust event whose listeners' exceptions are counted, and logged as Locust logs them.

    `afterwards` is called after all listeners, and may raise.
    """

    afterwards: Callable[[], None] | None = None

    def __init__(
        self, name: str, exceptions: ExceptionCounter, handlers: list[Callable[..., Any]]
    ) -> None:
        super().__init__()
        self._name, self._exceptions, self._handlers = name, exceptions, handlers

    def fire(self, *, reverse: bool = False, **kwargs: Any) -> None:
        """Call each listener with the event's fields; an exception in one does not stop the others."""
        for handler in self._handlers[::-1] if reverse else self._handlers.copy():
            try:
                handler(**kwargs)
            except _CONTROL:
                raise
            except Exception as error:  # noqa: BLE001 - a listener may raise anything, and the load goes on
                self._exceptions.count(error, f"a listener of {self._name}")
                _LOG.error(
                    "uncaught exception in a listener of %s:\n%s",
                    self._name,
                    traceback.format_exc(),
                )
        if self.afterwards is not None:
            self.afterwards()


def count_in(events: Events, exceptions: ExceptionCounter) -> None:
    """Count the exceptions of all listeners of these events. Call it before a locustfile adds listeners."""
    for name, hook in vars(events).items():
        if isinstance(hook, EventHook):
            setattr(events, name, CountedHook(name, exceptions, list(hook._handlers)))  # noqa: SLF001 - none is lost
    events.user_error.add_listener(exceptions.user_error)
