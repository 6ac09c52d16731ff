"""Parse limits and durations from the command line, with the checks of a profile."""

from __future__ import annotations

from typing import Any

from soak.errors import UsageError
from soak.profile.parsing import validate
from soak.profile.types import Limits
from soak.profile.yamltext import Document
from soak.units import parse_duration


def parse_limits(tree: dict[str, Any]) -> Limits:
    """Validate a `limits` section given as a tree; the ProfileError names the flag."""
    return validate(Limits, tree, Document(tree, {}, "--limit"))


def parse_warmup(text: str) -> float:
    """Parse a warm-up into seconds; the UsageError names the flag."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--warmup: {error}") from None
