"""Parse Prometheus series selectors: `name{label="value", other=~"regex"}`; the name may be a glob."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import translate
from functools import cached_property
from typing import Literal

from soak.backtracking import refusal

_MATCHER = re.compile(
    r"""\s*(?P<label>[a-zA-Z_][a-zA-Z0-9_]*)\s*(?P<operator>=~|!~|!=|=)\s*"""
    r"""(?:"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)')\s*(?P<end>,|$)"""
)
_ESCAPE = re.compile(r"\\(.)")
#: Other escapes, such as `\.`, stay as they are: they belong to a regular expression.
_ESCAPED = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'"}


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label. A label that a series does not have counts as empty, as in Prometheus."""

    label: str
    operator: Literal["=", "!=", "=~", "!~"]
    value: str

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return True if the labels meet the condition; regular expressions match the whole value."""
        value = labels.get(self.label, "")
        matched = (
            value == self.value
            if self.operator in ("=", "!=")
            else bool(re.fullmatch(self.value, value))
        )
        return matched != self.operator.startswith("!")


@dataclass(frozen=True)
class Selector:
    """A glob on the metric's name and conditions on its labels, all of which a series must meet."""

    name: str
    matchers: tuple[Matcher, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Parse a selector such as `go_*` or `rss{pod=~"orders-.*"}`; the ValueError says what is wrong."""
        name, brace, rest = text.strip().partition("{")
        if not brace:
            return cls(name)
        if not rest.rstrip().endswith("}"):
            raise ValueError(f"{text!r}: the label matchers do not end with }}")
        return cls(name.rstrip() or "*", tuple(_matchers(rest.rstrip()[:-1], text)))

    @cached_property
    def _name(self) -> re.Pattern[str]:
        return re.compile(translate(self.name))

    @cached_property
    def exact(self) -> bool:
        """True if the name is not a glob."""
        return not set(self.name) & set("*?[")

    def matches_name(self, name: str) -> bool:
        """Return True if the glob matches a metric's name."""
        return name == self.name if self.exact else self._name.match(name) is not None

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        """Return True if a series meets the glob and every matcher."""
        return self.matches_name(name) and all(matcher.matches(labels) for matcher in self.matchers)


def _matchers(inner: str, text: str) -> list[Matcher]:
    """Parse the conditions between the braces; a comma may follow the last."""
    matchers, position = [], 0
    while inner[position:].strip():
        match = _MATCHER.match(inner, position)
        if match is None:
            raise ValueError(
                f'{text!r}: expected a matcher such as pod=~"orders-.*", not {inner[position:].strip()!r}'
            )
        position = match.end()
        quoted = match["double"] if match["double"] is not None else match["single"]
        value = _ESCAPE.sub(lambda escape: _ESCAPED.get(escape[1], escape[0]), quoted)
        operator: Literal["=", "!=", "=~", "!~"] = match["operator"]  # type: ignore[assignment]
        if "~" in operator and (why := refusal(value)) is not None:
            raise ValueError(f"{text!r}: {value!r}: {why}")
        matchers.append(Matcher(match["label"], operator, value))
    return matchers
