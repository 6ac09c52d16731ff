"""Drive two targets in turn at the same load; each slice is an ordinary run, in an order that cancels drift.

The sides alternate as A B B A (or B A A B, drawn by a seed), so that changes of the machine,
steady or in one direction, affect both sides alike. The two slices of a pair are adjacent and
are compared with each other.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from soak.errors import LoadError, UsageError
from soak.model import Ending
from soak.profile import Profile, parse_profile
from soak.profile.gate import GateSide, GateSpec
from soak.runner import Run
from soak.target import StartedTarget

SIDES = ("base", "candidate")


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice: which side, which pair (from 0), its run directory, and whether it is discarded."""

    side: str
    pair: int
    directory: Path
    discarded: bool


def order(pairs: int, seed: int) -> list[tuple[str, str]]:
    """Return the order of the sides in each pair: blocks of two mirrored pairs, the first of each drawn at random."""
    rng = random.Random(seed)  # noqa: S311 - an order, and no secret
    slots: list[tuple[str, str]] = []
    while len(slots) < pairs:
        first = SIDES if rng.random() < 0.5 else SIDES[::-1]
        slots += [(first[0], first[1]), (first[1], first[0])]
    return slots[:pairs]


def check_gate(profile: Profile) -> GateSpec:
    """Return the profile's gate; raise UsageError if it has none, or asks for what a gate cannot do."""
    if profile.gate is None:
        raise UsageError(
            f"{profile.name}: has no gate: say which two targets with gate: {{base: {{url: …}}, candidate: {{url: …}}}}"
        )
    if profile.target.start is not None:
        raise UsageError(
            "target.start: in a gate each side starts its own: give gate.base.start and gate.candidate.start"
        )
    if profile.load.stages is not None:
        raise UsageError("load.stages: every slice of a gate has the same load: give rate or users")
    for index, scenario in enumerate(profile.scenarios):
        given = scenario.load.model_fields_set & {"stages", "after", "duration"}
        if given:
            raise UsageError(
                f"scenarios.{index}.load.{min(given)}: every slice of a gate has the same load: give rate or users alone"
            )
    if profile.gate.base.url == profile.gate.candidate.url:
        raise UsageError(f"gate: base and candidate are the same target, {profile.gate.base.url}")
    if profile.load.warmup >= profile.gate.slice:
        raise UsageError("load.warmup: leaves nothing of a slice: make gate.slice longer")
    return profile.gate


@dataclass
class Gate:
    """Drives both sides of a profile's gate into one folder, with a run directory per slice.

    `told` is called with each slice before it begins; `stop` ends the gate in order.
    """

    profile: Profile
    text: str
    directory: Path
    command: Sequence[str] = ()
    told: Callable[[Slice], None] = lambda _: None
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> list[Slice]:
        """Return the slices driven to their end, in order; raise SoakError if a side cannot be started or driven."""
        spec = check_gate(self.profile)
        self._make_directory()
        with ExitStack() as started:
            pids = {side: self._start(side, getattr(spec, side), started) for side in SIDES}
            return [
                driven
                for planned in self._planned(spec)
                if (driven := self._drive(planned, spec, pids)) is not None
            ]

    def _make_directory(self) -> None:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            taken = any(self.directory.iterdir())
        except OSError as error:
            raise UsageError(
                f"--out {self.directory}: cannot be created: {error.strerror}"
            ) from None
        if taken:
            raise UsageError(f"--out {self.directory}: is not empty; name another directory")

    def _planned(self, spec: GateSpec) -> Iterator[Slice]:
        for pair, sides in enumerate(order(spec.pairs + spec.discard, spec.seed)):
            for side in sides:
                number = pair - spec.discard + 1
                name = f"{side}-{number:02d}" if number > 0 else f"warmup-{side}-{pair + 1:02d}"
                yield Slice(side, pair, self.directory / name, discarded=number <= 0)

    def _start(self, name: str, side: GateSide, started: ExitStack) -> int | None:
        if side.start is None:
            return None
        target = StartedTarget(
            side.start,
            side.url,
            self.directory / f"{name}.log",
            self.profile.document.file,
            key=f"gate.{name}.start",
        )
        started.callback(target.stop)
        target.start(self.stop)
        return target.pid

    def _drive(self, planned: Slice, spec: GateSpec, pids: dict[str, int | None]) -> Slice | None:
        """Drive one slice; return None if the gate was stopped, raise LoadError if the slice broke."""
        if self.stop.is_set():
            return None
        self.told(planned)
        url = getattr(spec, planned.side).url
        overrides = [f"target.url={url}", f"load.duration={spec.slice}s"]
        profile, text = parse_profile(
            self.text, self.profile.document.file, overrides, default_name=self.profile.name
        )
        run = Run(
            profile, text, planned.directory, self.command, pid=pids[planned.side], stop=self.stop
        )
        run.run()
        if run.ended is Ending.INTERRUPTED:
            return None
        if run.failure is not None:
            raise LoadError(f"{planned.directory}: the slice broke: {run.failure}")
        return planned
