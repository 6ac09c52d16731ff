"""Decide whether and how `soak run --resume` continues a run that ended before its load was complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from soak.errors import UsageError
from soak.load.plan.plan import Plan
from soak.load.plan.schedule import segments_after
from soak.model import Ending, Phase, PhaseName
from soak.recording import is_run_directory, is_under_way, progress_of, read_run
from soak.units import show_duration

#: Minimum gap in seconds between the last record and the resumed run, even if the system's clock
#: was set back.
LEAST_GAP = 1.0
#: A run with less load left than this, in seconds, is not resumed: it can be judged as it is.
LEAST_LEFT = 1.0


@dataclass(frozen=True, slots=True)
class Resumption:
    """What a run had done before it is resumed; empty for a new run.

    `stretches` are the starts and ends of load so far, and `now` is where the run's clock
    continues, all in seconds. `made` is the number of requests, and `ended` says how the run had
    ended.
    """

    stretches: tuple[tuple[float, float], ...] = ()
    now: float = 0.0
    made: int = 0
    ended: str = ""

    @property
    def done(self) -> float:
        """Seconds of load so far."""
        return sum(end - start for start, end in self.stretches)

    @property
    def resumed_at(self) -> float | None:
        """Where the run's clock continues, in seconds; None for a new run."""
        return self.now if self.stretches else None

    def rest_of(self, plan: Plan) -> Plan:
        """Return the rest of a plan, whose rows, numbers and random values continue after those used."""
        if not self.stretches:
            return plan
        ramp = max(0.0, plan.ramp - self.done)
        duration = max(0.0, plan.ramp + plan.duration - self.done - ramp)
        pieces = segments_after(plan.pieces, self.done)
        scenarios = tuple(self.rest_of(scenario) for scenario in plan.scenarios)
        return replace(
            plan, ramp=ramp, duration=duration, pieces=pieces, before=self.made, scenarios=scenarios
        )

    def told(self, plan: Plan) -> str:
        """Return the text of the event of resuming; `plan` is the rest."""
        how = "had crashed" if self.ended == Ending.CRASHED else f"was {self.ended}"
        left = show_duration(plan.ramp + plan.duration)
        return f"resumed: the run {how} after {show_duration(self.done)} of load; {left} are left"


def resumption_of(directory: Path, planned: float, clock: datetime | None = None) -> Resumption:
    """Return the state from which to resume a run of `planned` seconds of load; UsageError if it cannot be resumed."""
    if not is_run_directory(directory):
        raise UsageError(f"--resume {directory}: not a run directory (it has no run.json)")
    run = read_run(directory)
    if is_under_way(directory):
        raise UsageError(f"--resume {directory}: the run is still under way")
    ended = str(run.get("ended", Ending.CRASHED))
    if ended in (Ending.COMPLETED, Ending.EARLY):
        raise UsageError(
            f"--resume {directory}: the run is complete ({ended}); `soak report` judges it again"
        )
    so_far = progress_of(directory)
    begun = next(
        (
            p["start"]
            for p in run.get("phases", [])
            if p["name"] in (PhaseName.RAMP, PhaseName.STEADY)
        ),
        None,
    )
    if begun is None or so_far.load_end is None or so_far.load_end <= begun:
        raise UsageError(
            f"--resume {directory}: it had made no load yet; start it anew with `soak run`"
        )
    gaps = [
        (phase["start"], phase["end"])
        for phase in run.get("phases", [])
        if phase["name"] == PhaseName.GAP
    ]
    edges = [
        begun,
        *(edge for gap in sorted(gaps) for edge in gap if edge < so_far.load_end),
        so_far.load_end,
    ]
    stretches = tuple((edges[i], edges[i + 1]) for i in range(0, len(edges) - 1, 2))
    passed = _since(str(run.get("started", "")), clock or datetime.now(UTC))
    # A run that was stopped after its load, or crashed then, misses only its end.
    resumption = Resumption(stretches, max(passed, so_far.last + LEAST_GAP), so_far.requests, ended)
    if planned - resumption.done < LEAST_LEFT:
        raise UsageError(f"--resume {directory}: its load is complete; `soak report` judges it")
    return resumption


def _since(started: str, now: datetime) -> float:
    """Return the seconds since `started` as given in run.json; 0 if it is not a valid time."""
    try:
        return (now - datetime.fromisoformat(started)).total_seconds()
    except (ValueError, TypeError):
        return 0.0


def phases_of(
    stretches: Sequence[tuple[float, float]], ramp: float, rests: Sequence[Phase] = ()
) -> list[dict[str, Any]]:
    """Return the phases for run.json, in seconds: ramp, steady, the gaps between stretches of load, and the rests after it."""
    left, full = ramp, stretches[0][0]
    for start, end in stretches:
        full = start + min(left, end - start)
        if (left := left - (end - start)) <= 0:
            break
    phases = [
        Phase(PhaseName.RAMP, stretches[0][0], full),
        Phase(PhaseName.STEADY, full, stretches[-1][1]),
    ]
    phases += [Phase(PhaseName.GAP, before[1], after[0]) for before, after in pairwise(stretches)]
    phases += rests
    return [
        {"name": str(phase.name), "start": round(phase.start, 3), "end": round(phase.end, 3)}
        for phase in phases
        if phase.end > phase.start
    ]
