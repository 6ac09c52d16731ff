"""Tags: names that requests share, so that reports and limits can group them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BeforeValidator

from soak.profile.request_limits import EndpointLimits

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?: [A-Za-z0-9._-]+)*")
#: Maximum length of a tag or of a scenario's name: they are columns of tables.
LONGEST_NAME = 60


def tag_name(value: object) -> str:
    """Return a valid name; raise ValueError for any other."""
    if not isinstance(value, str) or not _NAME.fullmatch(value) or len(value) > LONGEST_NAME:
        raise ValueError(
            f"expected a name of letters, digits, dots, dashes and single blanks, {LONGEST_NAME} at most, not {value!r}"
        )
    return value


Tag = Annotated[str, BeforeValidator(tag_name)]


@dataclass(frozen=True, slots=True)
class RequestGroup:
    """Requests that are reported and judged together: those of a scenario, or of a tag, by their labels."""

    kind: Literal["scenario", "tag"]
    name: str
    endpoints: tuple[str, ...]
    limits: EndpointLimits | None = None
