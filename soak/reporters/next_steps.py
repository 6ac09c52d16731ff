"""What a reader does after a run: what to fix, and how to run it again."""

from __future__ import annotations

import shlex

from soak.model import Analysis, Ending, Verdict
from soak.reporters import wording


def next_step(analysis: Analysis) -> str:
    """What a reader does next, where no suspect's remedy says it; empty where nothing needs doing."""
    if analysis.broken:
        return "fix what broke, and run it again; what was seen of the target until then proves nothing."
    of_file = not (analysis.phases or analysis.endpoints)
    if of_file or analysis.run.ended is Ending.RUNNING:
        return ""
    if analysis.verdict is Verdict.PASS:
        return "keep this run to compare later ones with: `soak baseline set RUN`."
    worst = wording.worst_first(analysis.findings)[:1]
    growth = bool(worst) and worst[0].rule == "growth"
    if analysis.verdict is Verdict.FAIL:
        opening = analysis.basis.opening if analysis.basis is not None else ""
        first = f"{opening}, and " if opening else ""
        named = f"{first}run it again with `--attribute`, which names the place and the endpoint."
        if analysis.basis is not None and analysis.basis.attributed:
            named = f"{first}run it again for twice as long: this run was too short to name the place and the endpoint."
        return named if growth else "fix what failed, or change its limit, and run it again."
    if analysis.run.ended in (Ending.INTERRUPTED, Ending.CRASHED):
        return "go on with it: `soak run --resume RUN`."
    longer = "run it again with `--until-certain 1h`: it ends as soon as nothing is open any more."
    if analysis.basis is not None and not analysis.basis.attributed:
        longer += " With `--attribute` the heap from within tells sooner, and through which endpoint it grows."
    fix = "fix what is open under Findings, or allow it in `limits`, and run it again."
    return longer if growth else fix


def last_word(analysis: Analysis, directory: str) -> str:
    """`Next: …` for the end of a run in a terminal, with its directory; empty where a suspect's remedy says it already."""
    said = "" if analysis.suspects else next_step(analysis)
    here = said.replace(" RUN`", f" {shlex.quote(directory)}`")
    return f"Next: {here[:1].upper()}{here[1:]}" if here else ""


def again(command: str) -> str:
    """The command of a run as it can be given once more: without the run directory, which is taken by now."""
    try:
        words = iter(shlex.split(command))
    except ValueError:  # not a command line
        return command
    kept = []
    for word in words:
        if word == "--out":
            next(words, None)
        elif not word.startswith("--out="):
            kept.append(word)
    return shlex.join(kept)
