"""The profile's `diagnose`: which profiles of the target to take during a run, how often, and what else to find out."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from soak.profile.fields import HeaderMap, Positive, Strict
from soak.profile.runtimes import Jvm, Node, Python

#: So many snapshots a run by default, unless that is more often than LEAST_EVERY or more rarely than MOST_EVERY (seconds).
_USUAL, LEAST_EVERY, _MOST_EVERY = 16, 5.0, 1800.0
#: The drain by default: this share of the duration, within these bounds (seconds).
_DRAIN, _LEAST_DRAIN, _MOST_DRAIN = 0.1, 5.0, 30.0


def _place(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"(/|https?://[^/\s]+)\S*", value):
        raise ValueError(f"expected a path on the target such as /debug/pprof, or a URL, not {value!r}")
    return value


Place = Annotated[
    str,
    BeforeValidator(_place),
    WithJsonSchema({"type": "string", "examples": ["/debug/pprof", "http://127.0.0.1:6060/debug/pprof"]}),
]


class Diagnose(Strict):
    """Profiles of the target to take during the run; with no runtime named, whatever the URL is seen to offer."""

    pprof: Place | None = Field(default=None, description="Go's pprof: a path on the target, or a URL")
    jvm: Jvm | None = Field(default=None, description="A JVM on this machine: true, or which")
    node: Node | None = Field(default=None, description="Node's inspector: the address of --inspect")
    python: Python | None = Field(default=None, description="Python's soak.hook: its address")
    headers: HeaderMap = Field(
        default={}, description="Headers that profiles are asked for with, such as Authorization"
    )
    every: Positive | None = Field(
        default=None,
        description="Time between snapshots, at least 5s; a sixteenth of the duration, up to 30m, unless given",
    )
    attribute: bool = Field(
        default=False, description="Vary the endpoints' shares, to tell what a request of each costs"
    )
    confirm: bool = Field(
        default=False,
        description="After the drain, the same load again for a quarter of the time: a leak, or a high-water mark",
    )

    def interval(self, duration: float) -> float:
        """Seconds from one snapshot to the next, in a steady phase of `duration` seconds."""
        return float(self.every or min(max(duration / _USUAL, LEAST_EVERY), _MOST_EVERY))


def usual_drain(duration: float) -> float:
    """How long the drain of a run that diagnoses lasts unless it is given, in seconds."""
    return min(max(_DRAIN * duration, _LEAST_DRAIN), _MOST_DRAIN)
