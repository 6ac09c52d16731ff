"""A locustfile that declares its run failed has failed it."""

from __future__ import annotations

import pytest

from soak.analysis.rules import RULES
from soak.analysis.rules.locustfile import locustfile_findings
from soak.model import Event, EventKind, Finding, RuleName, Verdict


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


def test_the_first_of_each_kind_is_told() -> None:
    asked = _Asked(
        Event(1.0, EventKind.EXCEPTIONS, "many exceptions"),
        Event(2.0, EventKind.EXIT_CODE, "exit code 3"),
        Event(3.0, EventKind.EXIT_CODE, "exit code 4"),
    )
    assert list(locustfile_findings(asked)) == [  # type: ignore[arg-type]
        Finding(RuleName.ERRORS, "process_exit_code", Verdict.FAIL, "Exit code 3."),
        Finding(RuleName.ERRORS, "locustfile_exceptions", Verdict.INCONCLUSIVE, "Many exceptions."),
    ]
