"""Annotations for a GitHub Actions log: the verdict, open findings and suspects, on their file and line if known."""

from __future__ import annotations

from soak.model import Analysis, Verdict
from soak.reporters import wording

_COMMANDS = {Verdict.FAIL: "error", Verdict.INCONCLUSIVE: "warning", Verdict.PASS: "notice"}


def render(analysis: Analysis) -> str:
    """Render one workflow command per line (`::error file=main.go,line=72,title=…::…`)."""
    level = _COMMANDS[analysis.verdict]
    name = wording.clean(analysis.run.name)
    _, word = wording.headline(analysis)
    lines = [_command(level, analysis.reason, title=f"soak: {name}: {word.lower()}")]
    for suspect in analysis.suspects:
        where = (
            {"file": suspect.place.in_repository, "line": str(suspect.place.line)}
            if suspect.place.line > 0
            else {}
        )
        lines.append(
            _command(level, wording.suspected(suspect), title=wording.leak_class(suspect), **where)
        )
    lines += [
        _command(_COMMANDS[finding.verdict], finding.reason, title=wording.series(finding))
        for finding in wording.worst_first(analysis.findings)
    ]
    lines += [_command("warning", text, title="soak") for text in analysis.warnings]
    return "\n".join(lines) + "\n"


def _command(command: str, text: str, **properties: str) -> str:
    """Return a workflow command, escaped as the runner reads it (actions/toolkit, command.ts)."""
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items() if value)
    return f"::{command} {told}::{_data(text)}"


def _data(text: str) -> str:
    return wording.clean(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
