"""The profile's `compare` and `accept`: changes that do not matter, and known leaks that are accepted until a date."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from soak.profile.fields import Growth, Shorthand, Strict
from soak.selectors import Selector
from soak.units import parse_amount, parse_growth, parse_ratio

#: The metrics of a comparison, defined in soak/comparison/metrics.
MetricName = Literal[
    "p50",
    "p95",
    "p99",
    "p999",
    "errors",
    "throughput",
    "memory",
    "memory_peak",
    "count",
    "cpu",
    "allocation",
    "gc_cycles",
    "gc_pause",
    "gc_paused",
    "gc_longest_pause",
    "growth",
    "horizon",
    "capacity",
]


def parse_tolerance(text: str) -> tuple[float, bool]:
    """Return a tolerance as a number, and True if it is a share; the ValueError says what was expected."""
    if text.endswith("%"):
        return parse_ratio(text), True
    return (parse_growth if "/" in text else parse_amount)(text), False


def _tolerance(value: object) -> str:
    """Check a tolerance, a share such as 10% or an amount such as 20MiB, 5ms, 1MiB/h or 2, and return it as written."""
    text = str(value).strip()
    if isinstance(value, bool) or not 0 <= parse_tolerance(text)[0] <= 1e18:
        raise ValueError(
            f"expected a share such as 10%, or an amount such as 20MiB, 5ms or 1MiB/h, not {value!r}"
        )
    return text


Tolerance = Annotated[
    str,
    BeforeValidator(_tolerance),
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "description": "A share of the base, such as 10%, or an amount, such as 20MiB or 5ms",
            "examples": ["10%", "20MiB", "5ms", "1MiB/h"],
        }
    ),
]


class CompareRule(Strict):
    """How one metric is compared with a base; short form: its tolerance."""

    tolerance: Tolerance | None = Field(
        default=None,
        description="Largest change that does not matter: a share of the base, or an amount; default: 5%",
    )
    required: bool = Field(
        default=False,
        description="If this metric is undecided, the comparison is inconclusive (exit code 3)",
    )


#: The profile's `compare`: a rule for each metric, or only its tolerance.
CompareRules = dict[MetricName, Annotated[CompareRule, Shorthand(("tolerance",))]]


def _series(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(
            f"expected a series such as process_resident_memory_bytes, or a selector, not {value!r}"
        )
    Selector.parse(value)
    return value


class Accepted(Strict):
    """A known leak that is only a warning until a date, unless it grows worse."""

    series: Annotated[str, BeforeValidator(_series)] = Field(
        description="The series that grows: a name or selector, such as process_resident_memory_bytes"
    )
    endpoint: str | None = Field(default=None, description="Only leaks through this endpoint")
    leak_class: str | None = Field(
        default=None, alias="class", description="Only leaks of this class"
    )
    until: date = Field(
        description="The last day on which the leak is accepted, such as 2027-01-31"
    )
    reason: str = Field(
        min_length=1, description="Why the leak is accepted: a ticket, or a sentence"
    )
    growth: Growth | None = Field(
        default=None,
        description="The fastest accepted growth, such as 40MiB/h; default: the growth in the baseline of --against",
    )
