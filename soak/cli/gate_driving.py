"""From a profile's gate to a comparison: slices driven with progress and Ctrl-C, then measured and compared in pairs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import click

from soak.cli.drive import interruptible, progress_note
from soak.compared import Comparison, MeasuredRun
from soak.comparison.comparing import compare
from soak.errors import SoakError
from soak.gate import SIDES, Gate, Slice, check_gate
from soak.pipeline import growth_over, measured
from soak.profile import Profile
from soak.profile.compare import CompareRule


def drive_gate(profile: Profile, text: str, directory: Path, rules: Mapping[str, CompareRule]) -> Comparison:
    """Drive all slices and compare the sides; SoakError where no whole pair came of it."""
    spec = check_gate(profile)
    total = 2 * (spec.pairs + spec.discard)
    begun = 0

    def told(planned: Slice) -> None:
        nonlocal begun
        begun += 1
        left = ", left out" if planned.discarded else ""
        click.echo(f"soak: slice {begun} of {total}: {planned.side}{left}", err=True)

    gate = Gate(profile, text, directory, ["soak", *sys.argv[1:]], told)
    with interruptible(gate.stop):
        driven = gate.run()
    with progress_note("measuring the slices"):
        sides = paired([one for one in driven if not one.discarded])
        if not sides[0]:
            raise SoakError(
                f"{directory}: the gate was stopped before a pair of slices was driven; nothing is compared"
            )
        runs = [_measured(side) for side in sides]
    comparison = compare(runs[0], runs[1], rules, names=SIDES, paired=True)
    if len(sides[0]) < spec.pairs:
        note = f"the gate was stopped after {len(sides[0])} of {spec.pairs} pairs"
        comparison = replace(comparison, warnings=(note, *comparison.warnings))
    return comparison


def paired(slices: Sequence[Slice]) -> tuple[list[Slice], list[Slice]]:
    """The slices of each side whose pair is whole, pair by pair."""
    by_side = [{one.pair: one for one in slices if one.side == side} for side in SIDES]
    whole = sorted(by_side[0].keys() & by_side[1].keys())
    return [by_side[0][pair] for pair in whole], [by_side[1][pair] for pair in whole]


def _measured(slices: Sequence[Slice]) -> list[MeasuredRun]:
    """The measurements of one side's slices; growth is that over all of them, told once."""
    runs = [measured(one.directory) for one in slices]
    growth = growth_over([one.directory for one in slices], [_seconds(run.started) for run in runs])
    without = [
        replace(run, measurements=tuple(one for one in run.measurements if one.metric not in ("growth", "horizon")))
        for run in runs
    ]
    without[0] = replace(without[0], measurements=(*without[0].measurements, *growth))
    # A slice is too short to pass or fail by itself, or to suspect anybody.
    return [replace(run, warnings=(), suspects=None) for run in without]


def _seconds(started: str) -> float:
    return datetime.fromisoformat(started).timestamp()
