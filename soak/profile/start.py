"""How soak starts a target by itself."""

from __future__ import annotations

from pydantic import Field

from soak.profile.fields import Positive, Strict
from soak.profile.requests import ReadyRequest


class Start(Strict):
    """How soak itself starts the target, and stops it afterwards."""

    command: list[str] = Field(min_length=1, description="The program and its arguments; no shell")
    env: dict[str, str] = Field(
        default={}, description="Variables added to its environment; ${VAR} comes from soak's own"
    )
    ready: ReadyRequest = Field(default="GET /", description="Asked until it answers below 500")
    timeout: Positive = Field(default=30.0, description="How long it may take to be ready")
