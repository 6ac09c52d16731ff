"""What the plan expects of a response and captures from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PlannedMatch:
    """A condition on one value of a response.

    `place` is a header's name or a JSONPath, empty for the body. `operands` is a JSON object of
    operators and operands; with `template`, it is the source of a template that renders to such an
    object. `shown` is the text for messages, without secrets.
    """

    place: str
    operands: str
    template: bool
    shown: str


@dataclass(frozen=True)
class PlannedExpectations:
    """What makes a response a success. Without statuses, any status below 400 is accepted.

    `within` is in seconds. `status_template` is the source of a template for a JSON list of statuses,
    empty if there is none. `schema` is a JSON Schema's text, empty if there is none.
    """

    statuses: tuple[int, ...] = ()
    status_template: str = ""
    within: float | None = None
    body: PlannedMatch | None = None
    headers: tuple[PlannedMatch, ...] = ()
    json: tuple[PlannedMatch, ...] = ()
    schema: str = ""

    @property
    def only_status(self) -> bool:
        """Return True if only the status counts, and the statuses are known in advance."""
        rest = (self.status_template, self.body, self.headers, self.json, self.schema)
        return self.within is None and not any(rest)

    @classmethod
    def of(cls, fields: dict[str, Any]) -> PlannedExpectations:
        """Build the expectations from the result of `dataclasses.asdict`."""
        body = fields["body"]
        return cls(
            **fields
            | {
                "statuses": tuple(fields["statuses"]),
                "body": PlannedMatch(**body) if body else None,
                "headers": tuple(PlannedMatch(**match) for match in fields["headers"]),
                "json": tuple(PlannedMatch(**match) for match in fields["json"]),
            }
        )


#: Expectations that accept any status below 400.
ANY_SUCCESS = PlannedExpectations()


@dataclass(frozen=True)
class PlannedExtractor:
    """Where to find the value `name` in a response: `source` is the kind of place, `expression` selects in it."""

    name: str
    source: str
    expression: str
    default: str | None = None
    take: str = "first"
