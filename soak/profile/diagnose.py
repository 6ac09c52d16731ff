"""The profile's `diagnose`: which profiles of the target to take during a run, how often, and what else to find out."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from soak.profile.fields import HeaderMap, Positive, Strict
from soak.profile.runtimes import Jvm, Node, Python
from soak.units import parse_duration

#: Default number of snapshots per run, unless the interval would be under LEAST_EVERY or over
#: MOST_EVERY (seconds).
_USUAL, LEAST_EVERY, _MOST_EVERY = 24, 5.0, 1800.0
#: Minimum number of samples between two snapshots.
LEAST_SAMPLES = 5
#: The default drain: this share of the duration, within these bounds (seconds).
_DRAIN, _LEAST_DRAIN, _MOST_DRAIN = 0.1, 5.0, 30.0
#: The default confirming load: this share of the duration, and at least this many seconds.
_AGAIN, _LEAST_AGAIN = 0.25, 30.0


def _place(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"(/|https?://[^/\s]+)\S*", value):
        raise ValueError(
            f"expected a path on the target such as /debug/pprof, or a URL, not {value!r}"
        )
    return value


Place = Annotated[
    str,
    BeforeValidator(_place),
    WithJsonSchema(
        {"type": "string", "examples": ["/debug/pprof", "http://127.0.0.1:6060/debug/pprof"]}
    ),
]


def _confirm(value: object) -> float | None:
    """Return None for false, 0 for true, else seconds."""
    if isinstance(value, bool):
        return 0.0 if value else None
    seconds = parse_duration(value)
    if seconds <= 0:
        raise ValueError(
            f"expected true, false, or how long the load is made again, such as 5m, not {value!r}"
        )
    return seconds


Confirm = Annotated[
    float | None,
    BeforeValidator(_confirm),
    WithJsonSchema({"type": ["boolean", "string"], "examples": [True, "5m"]}),
]


class Diagnose(Strict):
    """Profiles of the target to take during the run; without a runtime, from the profilers found at its URL."""

    pprof: Place | None = Field(
        default=None, description="Go's pprof: a path on the target, or a URL"
    )
    jvm: Jvm | None = Field(
        default=None,
        description="A JVM on this machine: true for the target's process, or pid or port",
    )
    node: Node | None = Field(
        default=None, description="Node's inspector: the address of --inspect"
    )
    python: Python | None = Field(
        default=None, description="The address of soak.hook in a Python process"
    )
    headers: HeaderMap = Field(
        default={}, description="Headers of requests for profiles, such as Authorization"
    )
    every: Positive | None = Field(
        default=None,
        description="Time between snapshots, at least 5s; default: a 24th of the duration, up to 30m",
    )
    attribute: bool = Field(
        default=False,
        description="Vary the endpoints' shares, to find what one request of each costs",
    )
    confirm: Confirm = Field(
        default=None,
        description="Repeat the load after the drain: true for a quarter of the duration and at least 30s, or a time such as 5m",
    )

    def interval(self, duration: float, sample: float) -> float:
        """Return the seconds between snapshots, in a steady phase of `duration` seconds sampled every `sample` seconds."""
        least = max(LEAST_EVERY, LEAST_SAMPLES * sample)
        return float(self.every or max(least, min(duration / _USUAL, _MOST_EVERY)))

    def again(self, duration: float) -> float | None:
        """Return for how many seconds `confirm` repeats the full load, which had lasted `duration`; None for not at all."""
        return (
            None if self.confirm is None else self.confirm or max(_AGAIN * duration, _LEAST_AGAIN)
        )


def usual_drain(duration: float) -> float:
    """Return the default drain in seconds of a run that diagnoses."""
    return min(max(_DRAIN * duration, _LEAST_DRAIN), _MOST_DRAIN)
