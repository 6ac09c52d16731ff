"""suspects.sarif: suspects with a file and line, so that a pull request shows a leak on its line (SARIF 2.1.0).

Code-scanning services refuse a result without a location, so only suspects with a place are
results; everything else that was found is a notification of the run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from soak import __version__
from soak.model import Analysis, Finding, Suspect, Verdict
from soak.reporters import wording

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Verdict.FAIL: "error", Verdict.INCONCLUSIVE: "warning", Verdict.PASS: "note"}


def render(analysis: Analysis) -> str:
    """Render one JSON object, in ASCII, with a newline at its end."""
    notifications = [
        *(_of_finding(finding) for finding in wording.worst_first(analysis.findings)),
        *(notification("warning", text) for text in analysis.warnings),
    ]
    return document(
        analysis.suspects,
        "error" if analysis.verdict is Verdict.FAIL else "warning",
        notifications,
        reason=analysis.reason,
        successful=not analysis.broken,
        properties={"verdict": analysis.verdict.value, "profile": wording.clean(analysis.run.name)},
    )


def document(
    suspects: Sequence[Suspect],
    level: str,
    notifications: Sequence[dict[str, Any]],
    *,
    reason: str,
    successful: bool,
    properties: Mapping[str, str],
) -> str:
    """Return the document: suspects with a line as results of this level, all else as notifications."""
    placed = [suspect for suspect in suspects if suspect.place.file and suspect.place.line > 0]
    classes = list(dict.fromkeys(wording.clean(suspect.leak_class) for suspect in placed))
    run = {
        "tool": {
            "driver": {
                "name": "soak",
                "semanticVersion": __version__,
                "rules": [{"id": name, "shortDescription": {"text": name}} for name in classes],
            }
        },
        "invocations": [
            {
                "executionSuccessful": successful,
                "exitCodeDescription": wording.clean(reason),
                "toolExecutionNotifications": list(notifications),
            }
        ],
        "results": [_result(suspect, classes, level) for suspect in placed],
        "properties": dict(properties),
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(suspect: Suspect, classes: list[str], level: str) -> dict[str, Any]:
    """Return a suspect as a result on its line."""
    name = wording.clean(suspect.leak_class)
    place = suspect.place
    return {
        "ruleId": name,
        "ruleIndex": classes.index(name),
        "level": level,
        "message": {"text": wording.suspected(suspect)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(wording.clean(place.in_repository))},
                    "region": {"startLine": place.line},
                },
                "logicalLocations": [{"fullyQualifiedName": wording.clean(place.function)}],
            }
        ],
        "partialFingerprints": {
            "soak/v1": f"{name}/{wording.clean(place.function)}/{wording.clean(suspect.endpoint)}"
        },
    }


def _of_finding(finding: Finding) -> dict[str, Any]:
    return notification(_LEVELS[finding.verdict], f"{wording.series(finding)}: {finding.reason}")


def notification(level: str, text: str) -> dict[str, Any]:
    """Return something without a line as a notification; `level` is error, warning or note."""
    return {"level": level, "message": {"text": wording.clean(text)}}
