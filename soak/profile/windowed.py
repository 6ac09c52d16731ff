"""Limits that must hold in a share of windows, such as `{at: 250ms, in: 99% of minutes}`, in addition to plain ones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from soak.profile.fields import Positive, Ratio, Strict
from soak.units import parse_duration, parse_ratio

_WINDOWS = {"minutes": 60.0, "hours": 3600.0, "days": 86400.0}
_IN = re.compile(r"\s*(\S+%)\s+of\s+(\S+)\s*")


@dataclass(frozen=True, slots=True)
class ShareOfWindows:
    """At least `share` of all windows of `seconds`; `text` is the form in the profile."""

    share: float
    seconds: float
    text: str


def _share(value: object) -> ShareOfWindows:
    match = _IN.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError(
            f"expected a share of windows, such as 99% of minutes or 95% of 10s, not {value!r}"
        )
    share, length = parse_ratio(match[1]), match[2]
    if not 0 < share <= 1:
        raise ValueError(f"expected a share above 0% and up to 100%, not {match[1]!r}")
    seconds = _WINDOWS.get(length) or parse_duration(length)
    if seconds <= 0:
        raise ValueError(f"expected windows of a length such as minutes or 10s, not {length!r}")
    return ShareOfWindows(share, seconds, str(value).strip())


InWindows = Annotated[
    ShareOfWindows,
    BeforeValidator(_share),
    WithJsonSchema(
        {"type": "string", "examples": ["99% of minutes", "95% of hours", "99.9% of 10s"]}
    ),
]


class WindowedLatency(Strict):
    """A limit on latency that must hold in a share of windows."""

    at: Positive = Field(description="Largest latency in a window")
    in_: InWindows = Field(
        alias="in",
        description="Share of windows in which the limit must hold, such as 99% of minutes",
    )


class WindowedErrors(Strict):
    """A limit on the share of failed requests that must hold in a share of windows."""

    at: Ratio = Field(description="Largest share of failed requests in a window")
    in_: InWindows = Field(
        alias="in",
        description="Share of windows in which the limit must hold, such as 99% of minutes",
    )


Windowed = WindowedLatency | WindowedErrors
#: Pydantic's names of the two forms of a limit in an error's location; no key of a profile has
#: parentheses.
PLAIN, IN_WINDOWS = "(plain)", "(in windows)"


def _form(value: object) -> str:
    return IN_WINDOWS if isinstance(value, dict | WindowedLatency | WindowedErrors) else PLAIN


LatencyLimit = Annotated[
    Annotated[Positive, Tag(PLAIN)] | Annotated[WindowedLatency, Tag(IN_WINDOWS)],
    Discriminator(_form),
]
ErrorLimit = Annotated[
    Annotated[Ratio, Tag(PLAIN)] | Annotated[WindowedErrors, Tag(IN_WINDOWS)], Discriminator(_form)
]
