"""Decide which runs may be deleted: the oldest by age, count or size, but never one that is still needed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from soak.model import Verdict


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A run directory: its profile's name, start time (seconds since 1970), size in bytes, and obstacle to deleting it.

    `verdict` is None if the run was never judged. `obstacle` says why it cannot be deleted at all,
    and is empty if it can.
    """

    directory: str
    name: str
    started: float
    size: int
    verdict: Verdict | None
    obstacle: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What may stay: runs up to `age` seconds old, the newest `count` per profile, `size` bytes in all; None means no bound."""

    age: float | None = None
    count: int | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class PruningPlan:
    """The runs to delete, oldest first, and those beyond the bounds that are kept, with the reason."""

    deleted: tuple[StoredRun, ...]
    kept: tuple[tuple[StoredRun, str], ...]


def plan(
    runs: Sequence[StoredRun],
    bounds: Bounds,
    now: float,
    baselines: Collection[tuple[str, float]] = (),
    *,
    failed: bool = False,
) -> PruningPlan:
    """Return the runs that these bounds delete at the time `now` (seconds since 1970).

    `baselines` are the runs, by name and start, from which a baseline was set. With `failed`, failed
    runs may be deleted too.
    """
    ordered = sorted(runs, key=lambda run: (run.started, run.directory))
    newest = {run.name: run.directory for run in ordered}
    reasons = {run.directory: _needed(run, newest, baselines, failed) for run in ordered}
    beyond = {
        run.directory
        for run in ordered
        if bounds.age is not None and run.started < now - bounds.age
    }
    if bounds.count is not None:
        for name in newest:
            of_profile = [run.directory for run in ordered if run.name == name]
            beyond.update(of_profile[: max(0, len(of_profile) - bounds.count)])
    if bounds.size is not None:
        beyond |= _too_large(ordered, beyond, reasons, bounds.size)
    chosen = [run for run in ordered if run.directory in beyond]
    return PruningPlan(
        tuple(run for run in chosen if not reasons[run.directory]),
        tuple((run, reasons[run.directory]) for run in chosen if reasons[run.directory]),
    )


def _needed(
    run: StoredRun, newest: dict[str, str], baselines: Collection[tuple[str, float]], failed: bool
) -> str:
    """Return why a run is kept whatever the bounds; empty if it may be deleted."""
    if run.obstacle:
        return run.obstacle
    if (run.name, run.started) in baselines:
        return "a baseline was set from it"
    if newest[run.name] == run.directory:
        return f"the newest run of {run.name}"
    if run.verdict is None:
        return "never judged; soak report judges it"
    return "failed; --failed deletes it, too" if run.verdict is Verdict.FAIL and not failed else ""


def _too_large(
    ordered: Sequence[StoredRun], beyond: set[str], reasons: dict[str, str], size: int
) -> set[str]:
    """Return the oldest further runs that must be deleted so that the remaining ones fit into `size` bytes."""
    more: set[str] = set()
    left = sum(run.size for run in ordered if run.directory not in beyond or reasons[run.directory])
    for run in ordered:
        if left <= size:
            break
        if run.directory not in beyond:
            more.add(run.directory)
            left -= 0 if reasons[run.directory] else run.size
    return more
