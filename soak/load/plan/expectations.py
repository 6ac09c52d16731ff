"""What an answer is expected to be, as the load's process is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class PlannedMatch:
    """What one value of an answer must be.

    `place` is a header's name or a JSONPath, empty for the body. `operands` is a JSON object of
    operators and operands, or with `template` the source of a template that renders to one. `shown`
    is how messages show it: no secret.
    """

    place: str
    operands: str
    template: bool
    shown: str


@dataclass(frozen=True)
class PlannedExpectations:
    """What an answer must be to count as a success; any status below 400 is right where there are no statuses.

    `within` in seconds. `status_template` is the source of a template for a JSON list of statuses,
    empty for none. `schema` is a JSON Schema's text, empty for none.
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
        """Whether a status that is known beforehand decides alone."""
        rest = (self.status_template, self.body, self.headers, self.json, self.schema)
        return self.within is None and not any(rest)

    @classmethod
    def of(cls, fields: dict[str, Any]) -> PlannedExpectations:
        """The inverse of `dataclasses.asdict`."""
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


#: Any status below 400.
ANY_SUCCESS = PlannedExpectations()


@dataclass(frozen=True)
class PlannedExtractor:
    """Where in an answer the value `name` stands: `source` is the kind of place, `expression` what is looked for there."""

    name: str
    source: str
    expression: str
    default: str | None = None
    take: str = "first"
