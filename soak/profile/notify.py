"""Who is notified of a run's verdict, as given in a profile."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from soak.profile.fields import Strict


class Notify(Strict):
    """A webhook to which the verdict is posted when a run has ended."""

    webhook: str = Field(
        description="Where the summary is posted as JSON, such as ${SLACK_WEBHOOK}"
    )
    when: Literal["fail", "change", "always"] = Field(
        default="change",
        description="After a run that did not pass; if the verdict differs from the previous run's; after every run",
    )

    @field_validator("webhook")
    @classmethod
    def _is_address(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(
                "expected an http or https URL"
            )  # the URL is a secret, so it is not shown
        return value
