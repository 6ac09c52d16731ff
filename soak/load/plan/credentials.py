"""Credentials in the plan."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user name and a password."""

    user: str
    password: str = field(repr=False)
