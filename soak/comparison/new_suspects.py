"""Which of a candidate's suspects the base does not have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from soak.compared import MeasuredRun
from soak.model import Suspect

#: A suspect is new from this confidence on: below, two runs of one build often name different ones.
SURE = 0.5


def new_suspects(
    base: Sequence[MeasuredRun], candidate: Sequence[MeasuredRun]
) -> tuple[Suspect, ...]:
    """The candidate's suspects, each once, whose place and endpoint no suspect of the base has, however sure that is.

    None is new where a run of the base does not say what it suspected. The class does not count
    where the function is
    known: two runs may take one leak for two classes. Nor does the line: it moves from build to
        build.
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
    """Says that suspects were not compared, where the candidate has some and the base does not say."""
    if any(run.suspects is None for run in base) and list(_sure(candidate)):
        yield f"suspects: {names[0]} does not say what it suspected, so none of {names[1]}'s is known to be new"


def _sure(runs: Sequence[MeasuredRun]) -> Iterator[Suspect]:
    for run in runs:
        yield from (suspect for suspect in run.suspects or () if suspect.confidence >= SURE)


def _identity(suspect: Suspect) -> tuple[str, str]:
    return suspect.place.function or suspect.leak_class, suspect.endpoint
