"""A virtual user: what its templates see. Each has its own random numbers, rows and captures, repeatable by seed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

from jinja2.sandbox import safe_range

from soak.load.scenario.feeder import Feeder
from soak.load.scenario.template_limits import Function
from soak.load.scenario.templates import context_of


class SequenceNumbers:
    """The numbers of `seq()`: from 1 on, or after an earlier load's; each of `count_` processes has different numbers."""

    def __init__(self, index: int = 0, count_: int = 1, before: int = 0) -> None:
        self.next = count(before * count_ + index + 1, count_).__next__


class VirtualUser:
    """The names in one user's templates. `number` is the user's number, or in the open model the arrival's.

    `random` is for all other choices of this user: the same seed and number repeat the same choices.
    """

    def __init__(
        self,
        number: int,
        seed: int | str = 0,
        rows: Mapping[str, Feeder] | None = None,
        numbers: SequenceNumbers | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.number, self.rows, self._clock = number, rows or {}, clock
        self.random = random.Random(f"{seed}/{number}")  # noqa: S311 - repeatable traffic, not secrets
        self._given: dict[str, Any] = {
            "uuid": Function(self.uuid),
            "seq": Function((numbers or SequenceNumbers()).next),
            "randint": Function(self.random.randint),
            "choice": Function(self.choice),
            "now": Function(self.now),
            "user": number,
            "range": safe_range,
        }
        self._names = dict(self._given)
        self.context = context_of(self._names)

    def begin(self, wanted: frozenset[str] = frozenset(), number: int | None = None) -> None:
        """Begin one request or one flow: forget captures, and draw the next row of each wanted data name.

        With `number`, this virtual user now stands for the user of that number: in the open model, one
        virtual user makes all single requests.

        Raise FeederExhausted if a `unique` name has no row left: this user cannot continue.
        """
        if number is not None:
            self.number = self._given["user"] = number
        self._names.clear()
        self._names.update(self._given)
        for name, rows in self.rows.items():
            if name in wanted and name not in self._given:
                self._names[name] = rows.draw(self.random)

    def keep(self, captured: Mapping[str, Any]) -> None:
        """Make values captured from a response available to the templates of later steps."""
        self._names.update(captured)

    def keep_for_good(self) -> None:
        """Keep the current captures and rows for everything that this user does from now on."""
        self._given.update(self._names)

    def uuid(self) -> str:
        """Return a random UUID (version 4, RFC 9562) as text."""
        digits = f"{self.random.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) & 3]
        return (
            f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
        )

    def choice(self, values: Sequence[Any]) -> Any:
        """Return a random item of a list."""
        return self.random.choice(values)

    def now(self, layout: str | None = None) -> float | str:
        """Return the seconds since 1970, or the UTC time formatted with `layout` (as for strftime)."""
        moment = self._clock()
        return moment if layout is None else datetime.fromtimestamp(moment, UTC).strftime(layout)
