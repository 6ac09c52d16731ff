"""Parse abort rules: conditions that end a run at once, as text such as `errors > 50% for 30s`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from soak.selectors import Selector
from soak.units import parse_amount, parse_duration, parse_rate, parse_ratio

#: Short names of the series of requests, and the series that they stand for.
REQUEST_SERIES = {
    "errors": "http_request_error_ratio",
    "rate": "http_requests_per_second",
    **{key: f"http_request_{key}_seconds" for key in ("p50", "p90", "p95", "p99", "p999")},
}
#: Prefixes of series about soak itself: ending a run because of one says nothing about the target.
OWN_SERIES = ("soak_load_", "load_", "scrape_")
#: The rule that ends a run against another machine unless the profile overrides it: most requests
#: fail, for too long to be a restart or a single burst, and more load would only do harm. The rule
#: on errors calls over half "mostly", too.
USUAL = "errors > 50% for 30s"
EXAMPLE = "errors > 50% for 30s, p99 > 2s for 1m or process_resident_memory_bytes > 2GiB"
_RULE = re.compile(
    r"\s*(?P<series>[^\s<>={]+(?:\{.*\})?)\s*(?P<than><=?|>=?)\s*(?P<limit>.+?)(?:\s+for\s+(?P<for>.+?))?\s*"
)


@dataclass(frozen=True, slots=True)
class AbortRule:
    """One condition: a series beyond `limit` (base units) for `seconds`, or at one sample if that is 0.

    `below` says that beyond means lower; `reached` that the limit itself counts as beyond. `usual`
    marks soak's own rule.
    """

    text: str
    selector: Selector
    below: bool
    reached: bool
    limit: float
    seconds: float
    usual: bool = False

    def breached(self, value: float) -> bool:
        """Return True if a value is beyond the limit; NaN never is."""
        if value == self.limit:
            return self.reached
        return value < self.limit if self.below else value > self.limit

    @property
    def of_target(self) -> bool:
        """True if the rule is a limit of the target: given by the profile, and not on a series about soak itself."""
        return not self.usual and not self.selector.name.startswith(OWN_SERIES)


def parse_rule(text: object, *, usual: bool = False) -> AbortRule:
    """Parse a rule; the ValueError says what is wrong."""
    match = _RULE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"expected a condition such as {EXAMPLE}, not {text!r}")
    selector = _selector(match["series"])
    limit = _limit(match["limit"], selector.name)
    seconds = parse_duration(match["for"]) if match["for"] else 0.0
    if match["for"] and seconds <= 0:
        raise ValueError(
            f"{text!r}: a condition must hold for more than 0 s; leave `for` out to act at one sample"
        )
    than = match["than"]
    return AbortRule(
        str(text).strip(), selector, than.startswith("<"), than.endswith("="), limit, seconds, usual
    )


def _selector(text: str) -> Selector:
    name, brace, labels = text.partition("{")
    if (
        "_" not in name
        and name not in REQUEST_SERIES
        and (close := get_close_matches(name, REQUEST_SERIES, n=1))
    ):
        raise ValueError(f"{name!r} is no series, did you mean {close[0]}?")
    return Selector.parse(REQUEST_SERIES.get(name, name) + brace + labels)


def _limit(text: str, name: str) -> float:
    """Parse a value into base units; for errors it must be a share."""
    parse = parse_ratio if text.endswith("%") else parse_rate if "/" in text else parse_amount
    value = parse(text)
    if name == REQUEST_SERIES["errors"] and not 0 <= value <= 1:
        raise ValueError(
            f"errors are a share of the requests: expected one such as 50%, not {text!r}"
        )
    return value


def _rules(value: object) -> tuple[AbortRule, ...] | None:
    """Parse the rules of `abort`; None for `off`, which is a text in YAML 1.2 and false in YAML 1.1."""
    if value is False or value == "off":
        return None
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        raise ValueError(f"expected off, or a list of conditions such as {EXAMPLE}, not {value!r}")  # noqa: TRY004 - pydantic
    return tuple(parse_rule(text) for text in value)


def _texts(rules: tuple[AbortRule, ...] | None) -> Any:
    return "off" if rules is None else [rule.text for rule in rules]


AbortRules = Annotated[
    tuple[AbortRule, ...] | None,
    PlainValidator(_rules),
    PlainSerializer(_texts),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["off", False]},
                {"type": "string", "examples": [USUAL]},
                {"type": "array", "items": {"type": "string", "examples": [USUAL]}},
            ]
        }
    ),
]


def rules_in_force(given: tuple[AbortRule, ...] | None, *, loopback: bool) -> tuple[AbortRule, ...]:
    """Return the given rules, plus soak's own for a target on another machine unless a given rule is about errors."""
    if given is None:
        return ()
    errors = REQUEST_SERIES["errors"]
    if loopback or any(
        rule.selector.name == errors and not rule.selector.matchers for rule in given
    ):
        return given
    return (*given, parse_rule(USUAL, usual=True))
