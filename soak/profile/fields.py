"""Field types of the profile: text with a unit in, base units out, and what an editor should offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema

from soak.units import parse_amount, parse_duration, parse_growth, parse_rate, parse_ratio


class Strict(BaseModel):
    """A mapping that refuses keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class Later:
    """Marks a key whose feature is still to come: known to the schema, refused when given."""


def _quantity(
    parse: Callable[[object], float], text: str, examples: list[Any], least: float | None, over: float | None
) -> Any:
    """A number with a unit, at least `least` or over `over`."""

    def check(value: object) -> float:
        number = parse(value)
        if (least is not None and number < least) or (over is not None and number <= over):
            bound = f"at least {least:g}" if over is None else f"more than {over:g}"
            raise ValueError(f"must be {bound}, not {value!r}")
        return number

    schema = WithJsonSchema({"type": ["string", "number"], "description": text, "examples": examples})
    return Annotated[float, BeforeValidator(check), schema]


Duration = _quantity(parse_duration, "A duration, such as 90s or 1h30m", ["30s", "10m", "8h"], 0, None)
Positive = _quantity(parse_duration, "A duration above zero, such as 90s or 1h30m", ["30s", "10m", "8h"], None, 0)
Rate = _quantity(parse_rate, "A rate, such as 200/s or 50/m", ["200/s", "50/m"], None, 0)
Ratio = _quantity(parse_ratio, "A share, such as 0.1% or 0.001", ["0.1%"], 0, None)
Amount = _quantity(parse_amount, "A number, or a size such as 2GiB", [500, "2GiB"], None, None)
Growth = _quantity(parse_growth, "Growth over time, such as 1MiB/h or 0/h", ["1MiB/h", "0/h"], None, None)


def positive_count(value: object) -> int:
    """A whole number of at least one; ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"expected a whole number of at least 1, not {value!r}")
    return value


Count = Annotated[int, BeforeValidator(positive_count), WithJsonSchema({"type": "integer", "minimum": 1})]
