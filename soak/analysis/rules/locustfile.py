"""What a locustfile reports about its run: Locust's `environment.process_exit_code`, and too many exceptions."""

from __future__ import annotations

from collections.abc import Iterator

from soak.analysis.rules.rule import RuleInput
from soak.model import EventKind, Finding, RuleName, Verdict
from soak.units import capitalized


def locustfile_findings(asked: RuleInput) -> Iterator[Finding]:
    """Yield a fail for an exit code other than 0; inconclusive if the file raised exceptions in most of its work."""
    for kind, series, verdict in (
        (EventKind.EXIT_CODE, "process_exit_code", Verdict.FAIL),
        (EventKind.EXCEPTIONS, "locustfile_exceptions", Verdict.INCONCLUSIVE),
    ):
        messages = [event.text for event in asked.prepared.recording.events if event.kind is kind]
        if messages:
            text = f"{capitalized(messages[0])}."
            yield Finding(RuleName.ERRORS, series, verdict, text)
