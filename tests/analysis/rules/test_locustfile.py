"""A locustfile that declares its run failed has failed it."""

from __future__ import annotations

import pytest

from soak.analysis.rules import RULES
from soak.analysis.rules.locustfile import locustfile_findings
from soak.model import Event, EventKind, Verdict


class _Asked:
    """A rule's input, of which this rule looks at the events alone."""

    def __init__(self, *events: Event) -> None:
        self.prepared = self.recording = self
        self.events = events


@pytest.mark.parametrize(
    ("kind", "verdicts"),
    [
        (EventKind.EXIT_CODE, [Verdict.FAIL]),
        (EventKind.EXCEPTIONS, [Verdict.INCONCLUSIVE]),
        (EventKind.WARNING, []),
    ],
)
def test_an_exit_code_fails_the_run_and_exceptions_leave_it_open(
    kind: EventKind, verdicts: list[Verdict]
) -> None:
    asked = _Asked(Event(1.0, kind, "the locustfile says so"))
    assert [finding.verdict for finding in locustfile_findings(asked)] == verdicts  # type: ignore[arg-type]


def test_the_rule_is_in_the_table() -> None:
    assert RULES["locustfile"].judge is locustfile_findings
