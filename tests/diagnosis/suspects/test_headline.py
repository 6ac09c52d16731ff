"""The first sentences of a report: the suspect, when it runs out, and what shows it."""

from __future__ import annotations

from dataclasses import replace

from soak.diagnosis.suspects.headline import headline
from soak.model import Place, Verdict
from tests.reporters.analyses import failing

HEAP = (
    "The live heap keeps growing: 332 MiB/h (319 to 346); "
    "it runs out of memory in 3 days (2.9 to 3.1 days). 2 more rules fail."
)


def test_one_reason_says_once_when_memory_runs_out() -> None:
    analysis = failing()
    suspect = replace(analysis.suspects[0], unit="bytes", endpoint="GET /a", per_request=1024.0)
    grows = next(finding for finding in analysis.findings if finding.verdict is Verdict.FAIL)
    resident = replace(grows, unit="bytes/h", exhausts_in_hours=52.8)
    told = headline(suspect, replace(analysis, findings=(resident,), reason=HEAP))
    assert "memory runs out in 2.2 days. The live heap keeps growing" in told
    assert told.endswith(": 332 MiB/h (319 to 346). 2 more rules fail.")
    lasting = replace(resident, exhausts_in_hours=None)
    told = headline(suspect, replace(analysis, findings=(lasting,), reason=HEAP))
    assert told.endswith(f". {HEAP}")


def test_a_function_without_a_name_is_told_by_its_line() -> None:
    analysis = failing()
    place = Place("(anonymous)", "server.js", 19)
    suspect = replace(analysis.suspects[0], place=place)
    assert " per request at server.js:19: " in headline(suspect, analysis)
