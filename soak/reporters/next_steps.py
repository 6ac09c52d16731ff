"""The advice after a run: what to fix, and how to run it again."""

from __future__ import annotations

import math
import shlex

from soak.model import Analysis, Ending, Verdict
from soak.reporters import wording
from soak.units import capitalized, show_duration

_DIED = (
    "see why it ended in the target's own log, and in the kernel's (`dmesg`) for an out-of-memory kill; "
    "then run it again."
)


def what_now(analysis: Analysis) -> str:
    """Return the advice on the first screen: the first suspect's remedy; if the verdict is uncertain, first the next step."""
    remedy = analysis.suspects[0].remedy if analysis.suspects else ""
    step = next_step(analysis)
    unsure = analysis.broken or analysis.verdict is Verdict.INCONCLUSIVE
    parts = (step, remedy) if unsure else (remedy or step,)
    return " ".join(capitalized(part) for part in parts if part)


def next_step(analysis: Analysis) -> str:
    """Return the next step in addition to a suspect's remedy; empty while a run is in progress."""
    if analysis.broken:
        return "fix what broke, and run it again; what was seen of the target until then proves nothing."
    if analysis.run.ended is Ending.RUNNING:
        return ""
    worst = wording.worst_first(analysis.findings)[:1]
    growth = bool(worst) and worst[0].rule == "growth"
    if not (analysis.phases or analysis.endpoints):
        return _of_file(analysis, growth=growth)
    if analysis.verdict is Verdict.PASS:
        keep = "keep this run to compare later ones with: `soak baseline set RUN`."
        longer = _longer(analysis)
        return f"run it {longer}; {keep}" if longer else keep
    if analysis.verdict is Verdict.FAIL:
        opening = analysis.basis.opening if analysis.basis is not None else ""
        first = f"{opening}, and " if opening else ""
        named = f"{first}run it again with `--attribute`, which names the place and the endpoint."
        if analysis.basis is not None and analysis.basis.attributed:
            named = f"{first}run it again for twice as long: this run was too short to name the place and the endpoint."
        died = bool(worst) and worst[0].rule == "restart"
        fix = _DIED if died else "fix what failed, or change its limit, and run it again."
        return named if growth else fix
    return _to_be_certain(analysis, growth=growth)


def _nothing_judged(analysis: Analysis) -> bool:
    """Return True if every finding passes, except those on soak's own scrapes, and none is about growth."""
    own = (finding for finding in analysis.findings if not finding.series.startswith("scrape_"))
    return all(finding.rule != "growth" and finding.verdict is Verdict.PASS for finding in own)


def _to_be_certain(analysis: Analysis, *, growth: bool) -> str:
    """Return the next step after a run that could not tell."""
    if analysis.run.ended in (Ending.INTERRUPTED, Ending.CRASHED):
        return "go on with it: `soak run --resume RUN`."
    if any(finding.series == "load_rate" for finding in analysis.findings):
        return "run it again at a rate that the target keeps, as the reason says: what else is open follows from it."
    if _nothing_judged(analysis):
        return "name what is to be judged, as the reason says, and run it again."
    if not growth:
        return "fix what is open under Findings, or allow it in `limits`, and run it again."
    longest = _whole_time(_until_certain(analysis))
    certain = f"run it again with `--until-certain {longest}`: it ends as soon as nothing is open any more."
    if analysis.basis is not None and not analysis.basis.attributed:
        certain += " With `--attribute` the heap from within tells sooner, and through which endpoint it grows."
    return certain


def _until_certain(analysis: Analysis) -> float:
    """Return for how many seconds a run has to be allowed to last to decide what is open here."""
    ran, more = analysis.run.seconds, analysis.more_seconds
    return ran + more if more is not None else max(2 * ran, 3600.0)


def _whole_time(seconds: float) -> str:
    """Return a duration for the command line, rounded up: `55m` or `3h`."""
    minutes = 5 * math.ceil(seconds / 300)
    return f"{minutes}m" if minutes <= 120 else f"{math.ceil(seconds / 3600)}h"


def _of_file(analysis: Analysis, *, growth: bool) -> str:
    """Return the next step for series that soak did not record: record more of them, or let soak drive the load."""
    if analysis.verdict is Verdict.PASS:
        longer = _longer(analysis)
        return f"record {longer}." if longer else "keep it, to compare later recordings with."
    if analysis.verdict is Verdict.INCONCLUSIVE and _nothing_judged(analysis):
        return "name what is to be judged, as the reason says."
    if not growth:
        broken = "fix what failed, or change its limit"
        missing = "record what is missing, as the reason says"
        return (
            f"{broken if analysis.verdict is Verdict.FAIL else missing}, and judge a new recording."
        )
    if analysis.verdict is Verdict.FAIL:
        return (
            "find out what keeps it: `soak run --url URL --attribute` drives the service, "
            "and names the place and the endpoint."
        )
    return "record on at the same load, and judge the longer recording."


def _longer(analysis: Analysis) -> str:
    """Return e.g. `12 h longer to vouch for 30 days`; empty if it does already, or only after that time."""
    vouched = analysis.vouched
    if vouched is None or not 0 < vouched.more_seconds < vouched.asked_seconds:
        return ""
    return f"{show_duration(vouched.more_seconds)} longer to vouch for {show_duration(vouched.asked_seconds)}"


def last_word(analysis: Analysis, directory: str) -> str:
    """Return `Next: …` with the run's directory, for the end of the output, which a small screen still shows."""
    here = what_now(analysis).replace(" RUN`", f" {shlex.quote(directory)}`")
    return f"Next: {wording.clean(here)}" if here else ""


def again(command: str) -> str:
    """Return a run's command for another run: without --out, because its directory exists now."""
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
