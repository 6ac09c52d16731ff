"""Drive a profile's gate with progress and Ctrl-C, then measure the slices and compare them in pairs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from soak.cli.drive import interruptible, progress_note
from soak.cli.printing import say
from soak.compared import Comparison, MeasuredRun
from soak.comparison.comparing import compare
from soak.errors import SoakError, StoppedError, UsageError
from soak.gate import SIDES, Gate, Slice, check_gate
from soak.pipeline import growth_over, measured
from soak.profile import Profile
from soak.profile.compare import CompareRule


def drive_gate(
    profile: Profile, text: str, directory: Path, rules: Mapping[str, CompareRule]
) -> tuple[Comparison, bool]:
    """Drive all slices and compare the sides; return also whether it was stopped. Raise SoakError without a complete pair."""
    spec = check_gate(profile)
    total = 2 * (spec.pairs + spec.discard)
    begun = 0

    def told(planned: Slice) -> None:
        nonlocal begun
        begun += 1
        left = ", left out" if planned.discarded else ""
        say(f"soak: slice {begun} of {total}: {planned.side}{left}", err=True)

    gate = Gate(profile, text, directory, ["soak", *sys.argv[1:]], told)
    with interruptible(gate.stop):
        driven = gate.run()
    with progress_note("measuring the slices"):
        sides = paired([driven_slice for driven_slice in driven if not driven_slice.discarded])
        if not sides[0]:
            raise StoppedError(
                f"{directory}: the gate was stopped before the first pair of slices was complete; nothing is compared"
            )
        sides, runs, broken = measured_pairs(*sides)
        if not runs[0]:
            raise SoakError(f"{directory}: no pair of slices can be compared: {broken[0]}")
        runs = (_with_growth(sides[0], runs[0]), _with_growth(sides[1], runs[1]))
    comparison = compare(runs[0], runs[1], rules, names=SIDES, paired=True)
    notes = [f"a pair of slices was left out: {why}" for why in broken]
    whole = len(sides[0]) + len(broken)
    stopped = whole < spec.pairs
    if stopped:
        notes.insert(0, f"the gate was stopped after {whole} of {spec.pairs} pairs")
    return replace(comparison, warnings=(*notes, *comparison.warnings)), stopped


def paired(slices: Sequence[Slice]) -> tuple[list[Slice], list[Slice]]:
    """Return the slices of each side whose pair is complete, pair by pair."""
    by_side = [{piece.pair: piece for piece in slices if piece.side == side} for side in SIDES]
    whole = sorted(by_side[0].keys() & by_side[1].keys())
    return [by_side[0][pair] for pair in whole], [by_side[1][pair] for pair in whole]


Sides = tuple[list[Slice], list[Slice]]
Runs = tuple[list[MeasuredRun], list[MeasuredRun]]


def measured_pairs(
    base: Sequence[Slice], candidate: Sequence[Slice]
) -> tuple[Sides, Runs, list[str]]:
    """Measure the pairs of slices; return those that can be measured, and why the others cannot: both slices are needed."""
    sides: Sides = ([], [])
    runs: Runs = ([], [])
    broken = []
    for pair in zip(base, candidate, strict=True):
        try:
            both = [measured(side.directory) for side in pair]
        except UsageError as error:
            broken.append(str(error).removesuffix("; leave it out"))
            continue
        for number in (0, 1):
            sides[number].append(pair[number])
            runs[number].append(both[number])
    return sides, runs, broken


def _with_growth(slices: Sequence[Slice], runs: Sequence[MeasuredRun]) -> list[MeasuredRun]:
    """Return one side's measurements, with the growth over all its slices in place of the growth of each."""
    growth = growth_over(
        [piece.directory for piece in slices], [_seconds(run.started) for run in runs]
    )
    without = [
        replace(
            run,
            measurements=tuple(
                measurement
                for measurement in run.measurements
                if measurement.metric not in ("growth", "horizon")
            ),
        )
        for run in runs
    ]
    without[0] = replace(without[0], measurements=(*without[0].measurements, *growth))
    # A slice is too short for its own warnings or suspects to mean anything.
    return [replace(run, warnings=(), suspects=None) for run in without]


def _seconds(started: str) -> float:
    return datetime.fromisoformat(started).timestamp()
