"""What a locustfile itself says of its run: Locust's `environment.process_exit_code`."""

from __future__ import annotations

from collections.abc import Iterator

from soak.analysis.rules.rule import RuleInput
from soak.model import EventKind, Finding, RuleName, Verdict


def locustfile_findings(asked: RuleInput) -> Iterator[Finding]:
    """A fail where a locustfile set an exit code other than 0; nothing otherwise."""
    said = [
        event.text for event in asked.prepared.recording.events if event.kind is EventKind.EXIT_CODE
    ]
    if said:
        yield Finding(
            RuleName.ERRORS,
            "process_exit_code",
            Verdict.FAIL,
            f"{said[0][:1].upper()}{said[0][1:]}.",
        )
