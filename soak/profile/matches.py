"""Conditions on a value: operators and their operands, in a mapping such as {gt: 3}; a plain value means equality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    JsonValue,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import CoreSchema, core_schema

from soak.profile.fields import Regex, Strict
from soak.profile.statuses import STATUSES, statuses_in

_OPERATORS = (
    "equals",
    "not",
    "gt",
    "ge",
    "lt",
    "le",
    "in",
    "contains",
    "regex",
    "length",
    "exists",
)


@dataclass(frozen=True)
class MatchShorthand:
    """Allows a match to be written as a plain value, which then is the operand of `operator`."""

    operator: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(self.expanded, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {
            "anyOf": [{"type": ["string", "number", "boolean", "null", "array"]}, handler(schema)]
        }

    def expanded(self, value: object) -> object:
        """Expand a plain value to a match; raise ValueError for a mapping with keys that are not operators."""
        if not isinstance(value, dict):
            return {self.operator: value}
        unknown = [key for key in value if key not in _OPERATORS]
        if unknown or not value:
            opening = f"{unknown[0]!r} is none of them; t" if unknown else "t"
            operators = ", ".join(_OPERATORS)
            raise ValueError(
                f"a mapping here says what the value must be, by {operators}: {opening}o compare with a mapping, write "
                "{equals: {…}}"
            )
        return value


def _operand(value: object) -> object:
    if isinstance(value, bool) or not (
        isinstance(value, int | float) or (isinstance(value, str) and "{{" in value)
    ):
        raise ValueError(f"expected a number, or a template such as {{{{ total }}}}, not {value!r}")
    return value


def _plain_regex(value: object) -> object:
    if isinstance(value, str) and ("{{" in value or "{%" in value):
        raise ValueError("a regular expression takes no template; contains and equals do")
    return value


Operand = Annotated[
    int | float | str,
    BeforeValidator(_operand),
    WithJsonSchema({"type": ["number", "string"], "examples": [3]}),
]


class Match(Strict):
    """Conditions on a value; every operator given must hold."""

    equals: JsonValue = Field(default=None, description="It must be exactly this value")
    not_: AnyValue | None = Field(
        default=None, alias="not", description="It must not be this value, or not match this"
    )
    gt: Operand | None = Field(default=None, description="It must be a number above this")
    ge: Operand | None = Field(default=None, description="It must be a number of at least this")
    lt: Operand | None = Field(default=None, description="It must be a number below this")
    le: Operand | None = Field(default=None, description="It must be a number of at most this")
    in_: list[JsonValue] | None = Field(
        default=None, alias="in", min_length=1, description="It must be one of these"
    )
    contains: JsonValue = Field(
        default=None, description="A text must contain this text, a list this item"
    )
    regex: Annotated[Regex, BeforeValidator(_plain_regex)] | None = Field(
        default=None, description="A part of it must match this regular expression"
    )
    length: AnyValue | None = Field(
        default=None,
        description="The length of a text, list or mapping must be this, or match this",
    )
    exists: bool | None = Field(
        default=None, description="true: it must exist; false: it must not exist"
    )

    @model_validator(mode="before")
    @classmethod
    def _null_is_a_value(cls, value: object) -> object:
        """Expand `not: null` to a match of null, because pydantic would treat it as a missing key."""
        if isinstance(value, dict):
            return {
                key: {"equals": None} if key in ("not", "length") and v is None else v
                for key, v in value.items()
            }
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Match:
        if self.exists is False and len(self.model_fields_set) > 1:
            raise ValueError(
                "what must not exist has no value to compare: exists: false stands alone"
            )
        if any(
            nested is not None and nested.exists is not None for nested in (self.not_, self.length)
        ):
            raise ValueError("exists stands by itself: write {exists: false}")
        return self

    def operands(self) -> dict[str, Any]:
        """Return operators with their operands as written, including those of nested matches."""
        operands: dict[str, Any] = {}
        for name, field in type(self).model_fields.items():
            if name in self.model_fields_set and (
                (value := getattr(self, name)) is not None or name == "equals"
            ):
                operands[field.alias or name] = (
                    value.operands() if isinstance(value, Match) else value
                )
        return operands


AnyValue = Annotated[Match, MatchShorthand("equals")]
Match.model_rebuild()
BodyMatch = Annotated[Match, MatchShorthand("contains")]


def _statuses(value: object) -> Any:
    """Return statuses with ranges and {not: …} expanded; templates are left unchanged."""
    if isinstance(value, dict):
        return _matching(value)
    items = value if isinstance(value, list) else [value]
    accepted: list[int | str] = []
    for item in items:
        if isinstance(item, str) and "{{" in item:
            accepted.append(item)
            continue
        statuses = statuses_in(item)
        if statuses is None:
            raise ValueError(
                f"expected an HTTP status such as 201, 2xx, 200-299, {{not: 5xx}}, or a list of them, not {value!r}"
            )
        accepted += statuses
    if not accepted:
        raise ValueError(
            "expected an HTTP status such as 201, or a list of them, not an empty list"
        )
    return list(dict.fromkeys(accepted))


def _matching(match: dict[Any, Any]) -> list[int]:
    """Return the statuses that remain after a mapping of not, gt, ge, lt, le and in."""
    left = set(STATUSES)
    for operator, operand in match.items():
        if operator in ("not", "in"):
            named = {status for item in _statuses(operand) for status in [item]}
            if any(isinstance(status, str) for status in named):
                raise ValueError("templates stand alone, or in a list of statuses")
            left = left - named if operator == "not" else left & named
        elif (
            operator in ("gt", "ge", "lt", "le")
            and isinstance(operand, int)
            and not isinstance(operand, bool)
        ):
            bounds = {
                "gt": (operand + 1, 600),
                "ge": (operand, 600),
                "lt": (0, operand),
                "le": (0, operand + 1),
            }
            left &= set(range(*bounds[operator]))
        else:
            raise ValueError(
                f"expected a status such as 201, or not, in, gt, ge, lt or le of one, not {operator}: {operand!r}"
            )
    if not left:
        raise ValueError("no status is all of that")
    return sorted(left)


Statuses = Annotated[
    list[int | str],
    BeforeValidator(_statuses),
    WithJsonSchema(
        {"type": ["integer", "string", "array", "object"], "examples": [201, "2xx", {"not": "5xx"}]}
    ),
]
