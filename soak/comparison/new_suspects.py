"""Find the candidate's suspects that the base does not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soak.compared import MeasuredRun
from soak.model import Suspect

#: Minimum confidence of a new suspect: below it, two runs of one build often name different
#: suspects.
SURE = 0.5


def new_suspects(
    base: Sequence[MeasuredRun], candidate: Sequence[MeasuredRun]
) -> tuple[Suspect, ...]:
    """Return each of the candidate's suspects whose place and endpoint no suspect of the base has, at any confidence.

    No suspect is new if a run of the base does not list its suspects. If the function is known, the
    class is not compared, since two runs may assign one leak to two classes. The line is not
    compared either: it moves from build to build.
    """
    if any(run.suspects is None for run in base):
        return ()
    known = {_identity(suspect) for run in base for suspect in run.suspects or ()}
    new: dict[tuple[str, str], Suspect] = {}
    for suspect in _sure(candidate):
        if _identity(suspect) not in known:
            new.setdefault(_identity(suspect), suspect)
    return tuple(new.values())


def suspects_left_out(
    base: Sequence[MeasuredRun], candidate: Sequence[MeasuredRun], names: tuple[str, str]
) -> Iterator[str]:
    """Yield a note that suspects were not compared, if the candidate has some and the base does not list its own."""
    if any(run.suspects is None for run in base) and list(_sure(candidate)):
        yield f"suspects: {names[0]} does not say what it suspected, so none of {names[1]}'s is known to be new"


def _sure(runs: Sequence[MeasuredRun]) -> Iterator[Suspect]:
    for run in runs:
        yield from (suspect for suspect in run.suspects or () if suspect.confidence >= SURE)


def _identity(suspect: Suspect) -> tuple[str, str]:
    return suspect.place.function or suspect.leak_class, suspect.endpoint
