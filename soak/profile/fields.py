"""Field types of the profile: they parse text with a unit into base units, and describe themselves to editors."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import CoreSchema, core_schema

from soak.backtracking import refusal
from soak.units import parse_amount, parse_duration, parse_growth, parse_rate, parse_ratio


class Strict(BaseModel):
    """A mapping that refuses unknown keys."""

    # Built at first use: a model inside another is then built only once, as a part of it.
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


@dataclass(frozen=True)
class Shorthand:
    """Allows a mapping to be written as one plain value, which then is the value of each of `keys`."""

    keys: tuple[str, ...]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.expanded, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [{"type": ["string", "number"]}, handler(schema)]}

    def expanded(self, value: object) -> object:
        """Expand a text or number to the mapping that it stands for."""
        return dict.fromkeys(self.keys, value) if isinstance(value, str | int | float) else value


#: Values above these are typing errors: in any unit; in seconds (ten years); in requests per
#: second.
LARGEST, LONGEST, FASTEST = 1e18, 10 * 365 * 86400.0, 1e7


def _quantity(
    parse: Callable[[object], float],
    text: str,
    examples: list[Any],
    least: float | None,
    over: float | None,
    most: float = LARGEST,
    validator: type[BeforeValidator | PlainValidator] = BeforeValidator,
) -> Any:
    """Return a type for a number with a unit, within bounds; with a PlainValidator, values stay as `parse` returns them."""

    def check(value: object) -> float:
        number = parse(value)
        if not abs(number) <= most:
            raise ValueError(f"is above {most:,.0f}, the most there can be")
        if (least is not None and number < least) or (over is not None and number <= over):
            bound = f"at least {least:g}" if over is None else f"more than {over:g}"
            raise ValueError(f"must be {bound}, not {value!r}")
        return number

    schema = WithJsonSchema(
        {"type": ["string", "number"], "description": text, "examples": examples}
    )
    return Annotated[float, validator(check), schema]


Duration = _quantity(
    parse_duration, "A duration, such as 90s or 1h30m", ["30s", "10m", "8h"], 0, None, LONGEST
)
Positive = _quantity(
    parse_duration,
    "A duration above zero, such as 90s or 1h30m",
    ["30s", "10m", "8h"],
    None,
    0,
    LONGEST,
)


def _term(value: object) -> float:
    seconds = parse_duration(value)
    if not 0 < seconds <= LONGEST:
        raise ValueError(f"must be more than 0 and at most 10 years (3650d), not {value!r}")
    return seconds


Term = Annotated[
    float,
    BeforeValidator(_term),
    WithJsonSchema(
        {
            "type": ["string", "number"],
            "description": "A duration of up to 10 years",
            "examples": ["3d", "30d"],
        }
    ),
]
Rate = _quantity(parse_rate, "A rate, such as 200/s or 50/m", ["200/s", "50/m"], None, 0, FASTEST)
Ratio = _quantity(parse_ratio, "A share, such as 0.1% or 0.001", ["0.1%"], 0, None)
Amount = _quantity(
    parse_amount,
    "A number, or a size such as 2GiB",
    [500, "2GiB"],
    None,
    None,
    validator=PlainValidator,
)
Growth = _quantity(
    parse_growth,
    "Growth over time, such as 1MiB/h or 0/h",
    ["1MiB/h", "0/h"],
    None,
    None,
    validator=PlainValidator,
)


def positive_count(value: object) -> int:
    """Return a whole number of at least one; raise ValueError otherwise."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"expected a whole number of at least 1, not {value!r}")
    return value


Count = Annotated[
    int, BeforeValidator(positive_count), WithJsonSchema({"type": "integer", "minimum": 1})
]


@dataclass(frozen=True)
class LoadLevel:
    """The load of a stage: arrivals per second (open model), or users (closed model)."""

    value: float
    open: bool


def _level(value: object) -> LoadLevel:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return LoadLevel(float(value), open=False)
    if isinstance(value, str):
        rate = parse_rate(value)
        if rate >= 0:
            return LoadLevel(rate, open=True)
    raise ValueError(f"expected a rate such as 200/s, or a whole number of users, not {value!r}")


def _regex(value: object) -> str:
    if (why := refusal(str(value))) is not None:
        raise ValueError(why)
    return str(value)


def _word(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,63}", value):
        raise ValueError(
            f"expected a name of letters, digits and underscores, for use in templates, not {value!r}"
        )
    return value


def _text_values(value: object) -> object:
    """Convert numbers to text: header values and form fields may be written as numbers."""
    if isinstance(value, dict):
        return {
            key: str(item) if isinstance(item, int | float) else item for key, item in value.items()
        }
    return value


def _headers(value: dict[str, str]) -> dict[str, str]:
    """Check headers; no message shows a value, because it may be a secret."""
    for name, text in value.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name):
            raise ValueError(f"{name!r} is no name for a header")
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f]", text):
            raise ValueError(
                f"the value of {name} has a line break or another control character in it"
            )
    return value


StageLoad = Annotated[
    LoadLevel,
    PlainValidator(_level),
    WithJsonSchema(
        {
            "type": ["string", "integer"],
            "description": "A rate, or users",
            "examples": ["200/s", 50],
        }
    ),
]
Regex = Annotated[
    str, BeforeValidator(_regex), WithJsonSchema({"type": "string", "format": "regex"})
]
Word = Annotated[
    str,
    BeforeValidator(_word),
    WithJsonSchema({"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]*$"}),
]


def _several_texts(value: object) -> object:
    """Convert numbers to text; several values of one name may be written as a list."""
    if not isinstance(value, dict):
        return value
    by_name: dict[object, object] = {}
    for key, item in value.items():
        texts = item if isinstance(item, list) else [item]
        if not texts or not all(isinstance(text, str | int | float) for text in texts):
            raise ValueError(f"{key}: expected a text, a number, or a list of them")
        by_name[key] = [str(text) for text in texts] if isinstance(item, list) else str(item)
    return by_name


def texts_of(value: str | list[str]) -> list[str]:
    """Return all values of a name, which has one or several."""
    return [value] if isinstance(value, str) else value


def _checked_headers(value: dict[str, str | list[str]]) -> dict[str, str | list[str]]:
    for name, texts in value.items():
        for text in texts_of(texts):
            _headers({name: text})
    return value


_ONE_OR_SEVERAL = {
    "type": "object",
    "additionalProperties": {
        "type": ["string", "number", "array"],
        "items": {"type": ["string", "number"]},
    },
}
#: Form fields, each with one value or several.
FormMap = Annotated[
    dict[str, str | list[str]], BeforeValidator(_several_texts), WithJsonSchema(_ONE_OR_SEVERAL)
]
#: Headers of requests, each sent once or, with a list, once per value.
RequestHeaders = Annotated[
    dict[str, str | list[str]],
    BeforeValidator(_several_texts),
    AfterValidator(_checked_headers),
    WithJsonSchema(_ONE_OR_SEVERAL),
]
HeaderMap = Annotated[dict[str, str], BeforeValidator(_text_values), AfterValidator(_headers)]
