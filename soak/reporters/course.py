"""The course of a run in words: how it ended, how long after its load began, and when its target died."""

from __future__ import annotations

from soak.model import Analysis, Ending, EventKind, PhaseName
from soak.printable import clean
from soak.units import show_duration

ENDED = {
    Ending.COMPLETED: "completed in",
    Ending.ABORTED: "aborted after",
    Ending.INTERRUPTED: "interrupted after",
    Ending.CRASHED: "crashed after",
    Ending.RUNNING: "still under way after",
    Ending.EARLY: "ended early, with a certain verdict, after",
}
#: Endings before the load was complete: what follows the load does not count then.
_CUT_SHORT = (Ending.ABORTED, Ending.INTERRUPTED, Ending.CRASHED)
_LOADED = (PhaseName.RAMP, PhaseName.STEADY)


def load_began(analysis: Analysis) -> float:
    """Return when the load began, in seconds of the run; 0 if there was no load."""
    stretches = (phase for phase in analysis.phases if phase.name != PhaseName.SNAPSHOT)
    return min((phase.start for phase in stretches), default=0.0)


def course(analysis: Analysis) -> str:
    """Return how the run ended and how long after the load began: `completed in 8 h`; for a file, `recorded over 8 h`.

    The time to start the target is not counted.
    """
    run = analysis.run
    lasted = show_duration(max(run.seconds - load_began(analysis), 0.0))
    if run.failure is not None:
        why = "" if run.failure in analysis.reason else f": {clean(run.failure)}"
        return f"broke after {lasted}{why}"
    if run.ended is Ending.COMPLETED and not (analysis.phases or analysis.endpoints):
        return f"recorded over {lasted}"  # a file or a server's answer: nothing was run
    died = _died(analysis) if run.ended is Ending.EARLY else None
    if died is not None:
        return f"ended after {lasted}, since the target had died after {show_duration(died)}"
    loaded = _loaded(analysis) if run.ended in _CUT_SHORT else None
    if loaded is not None:  # the load is what was asked for and judged
        return f"{ENDED[run.ended]} {show_duration(loaded)} of load"
    return f"{ENDED[run.ended]} {lasted}"


def _loaded(analysis: Analysis) -> float | None:
    """Return the seconds of load made, without the gaps of a resumed run; None if no load is recorded."""
    ends = [phase.end for phase in analysis.phases if phase.name in _LOADED]
    gaps = sum(phase.end - phase.start for phase in analysis.phases if phase.name == PhaseName.GAP)
    return max(ends) - load_began(analysis) - gaps if ends else None


def _died(analysis: Analysis) -> float | None:
    """Return when the target died, in seconds after the load began; None if it lived."""
    deaths = (event.time for event in analysis.events if event.kind is EventKind.TARGET)
    died = min(deaths, default=None)
    return None if died is None else max(died - load_began(analysis), 0.0)
