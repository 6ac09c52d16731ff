"""Limits and durations given on the command line, checked like a profile's."""

from __future__ import annotations

from typing import Any

from soak.errors import UsageError
from soak.profile.parsing import validate
from soak.profile.types import Limits
from soak.profile.yamltext import Document
from soak.units import parse_duration


def parse_limits(tree: dict[str, Any]) -> Limits:
    """The `limits` section as a tree; ProfileError names the flag."""
    return validate(Limits, tree, Document(tree, {}, "--limit"))


def parse_warmup(text: str) -> float:
    """Seconds; UsageError names the flag."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise UsageError(f"--warmup: {error}") from None
