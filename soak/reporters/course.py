"""How a run went, in a person's words: how it ended, how long after its load began, and when its target died."""

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
#: How a run ends whose load was not made to its end: what follows the load is of no interest then.
_CUT_SHORT = (Ending.ABORTED, Ending.INTERRUPTED, Ending.CRASHED)
_LOADED = (PhaseName.RAMP, PhaseName.STEADY)


def load_began(analysis: Analysis) -> float:
    """When the load began, in seconds of the run; 0 where nothing was driven."""
    stretches = (phase for phase in analysis.phases if phase.name != PhaseName.SNAPSHOT)
    return min((phase.start for phase in stretches), default=0.0)


def course(analysis: Analysis) -> str:
    """`completed in 8 h`, or `recorded over 8 h` of a file: how it ended, and how long after the load began.

    The target's start is not counted.
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
    if loaded is not None:  # what was asked for is load, and so is what was judged
        return f"{ENDED[run.ended]} {show_duration(loaded)} of load"
    return f"{ENDED[run.ended]} {lasted}"


def _loaded(analysis: Analysis) -> float | None:
    """Seconds of load that were made, without the gaps of a run that was resumed; None where no load is known of."""
    ends = [phase.end for phase in analysis.phases if phase.name in _LOADED]
    gaps = sum(phase.end - phase.start for phase in analysis.phases if phase.name == PhaseName.GAP)
    return max(ends) - load_began(analysis) - gaps if ends else None


def _died(analysis: Analysis) -> float | None:
    """How many seconds after the load began the target died; None where it lived."""
    deaths = (event.time for event in analysis.events if event.kind is EventKind.TARGET)
    died = min(deaths, default=None)
    return None if died is None else max(died - load_began(analysis), 0.0)
