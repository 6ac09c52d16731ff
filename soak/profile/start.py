"""How soak itself starts a target."""

from __future__ import annotations

import shlex

from pydantic import Field, model_validator

from soak.profile.fields import Positive, Strict
from soak.profile.requests import ReadyRequest


class Start(Strict):
    """How soak starts the target; soak also stops it after the run."""

    command: list[str] = Field(min_length=1, description="The program and its arguments; no shell")
    env: dict[str, str] = Field(
        default={},
        description="Variables added to its environment; ${VAR} comes from soak's own environment",
    )
    ready: ReadyRequest = Field(
        default="GET /", description="Request that is repeated until its status is below 500"
    )
    timeout: Positive = Field(default=30.0, description="Longest wait until the target is ready")

    @model_validator(mode="before")
    @classmethod
    def _not_a_command_line(cls, value: object) -> object:
        if isinstance(value, str | list):
            raise ValueError("write start: {command: [python3, service.py]}")  # noqa: TRY004 - pydantic tells no other
        if isinstance(value, dict) and isinstance(value.get("command"), str):
            words = ", ".join(map(shlex.quote, _words(value["command"])))
            raise ValueError(f"write command: [{words}]; it is run without a shell")  # noqa: TRY004 - as above
        return value


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:  # an unclosed quotation mark
        return command.split()
