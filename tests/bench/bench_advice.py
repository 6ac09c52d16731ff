"""Whether "48 min more would tell" is true: `python -m tests.bench.bench_advice [--cases N]`.

Series of the corpus over four hours are cut off after parts of their time. Where the beginning alone
is undecided, the verdict is taken again after as much longer as its finding advised. Advice that
would exceed the four hours is counted apart. Seeds are used nowhere else.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from soak.model import Verdict
from tests.bench import held_out, kinds, once_held_out
from tests.bench.bench_early import cut
from tests.bench.corpus import Case, Kind, build_sized
from tests.bench.judged import judge_subject

LENGTH, PERIOD = 4 * 3600.0, 5.0
#: Parts of the series after which they are judged.
PARTS = (0.05, 0.1, 0.2, 0.4)
#: Kinds with so few samples or so much noise that four hours of one are minutes of another.
OTHER_LENGTHS = ("brief", "gross")
SEEDS = 930_000


@dataclass(frozen=True, slots=True)
class Advice:
    """Advice of `lengths` (of the part judged) and the verdict after it; `verdict` is None if the series is too short."""

    why: str
    leaks: bool
    lengths: float
    verdict: Verdict | None


def reason_of(text: str) -> str:
    """Which of the reasons for advice a finding's sentence gives."""
    reasons = {
        "too few steps": "the level moved in too few steps so far",
        "slows down": "growth slows down",
        "still settling": "still settling",
        "may be chance;": "the movement may be chance",
        "could grow by": "a pass would be hollow",
        "could fall by": "a pass would be hollow",
    }
    return next((name for part, name in reasons.items() if part in text), "the nearest edge")


def advice(case: Case) -> Iterator[Advice]:
    """Yield the advice on the parts of a case that are undecided and say how much longer would tell."""
    times = case.subject.series.times
    span = float(times[-1] - times[0])
    for part in PARTS:
        finding = judge_subject(cut(case.subject, part))
        if finding.verdict is not Verdict.INCONCLUSIVE or finding.more_seconds is None:
            continue
        longer = part + finding.more_seconds / span
        later = judge_subject(cut(case.subject, longer)).verdict if longer <= 1 else None
        yield Advice(reason_of(finding.reason), case.leaks, longer / part - 1, later)


def all_advice(chosen: Iterable[tuple[dict[str, Kind], bool]], seeds: range) -> Iterator[Advice]:
    """Yield the advice on all kinds over these seeds."""
    for group, leaks in chosen:
        for name, kind in group.items():
            if name in OTHER_LENGTHS:
                continue
            for seed in seeds:
                yield from advice(build_sized(name, kind, leaks, seed, LENGTH, PERIOD)[0])


def print_kept(what: str, given: list[Advice]) -> None:
    """Print how much advice of a kind is kept, how long it is, and what it led to."""
    after = [each for each in given if each.verdict is not None]
    kept = Counter(each.verdict for each in after if each.verdict is not Verdict.INCONCLUSIVE)
    wrong = sum(each.verdict is (Verdict.PASS if each.leaks else Verdict.FAIL) for each in after)
    share = 100 * kept.total() / len(after) if after else 0.0
    lengths = np.median([each.lengths for each in given]) if given else 0.0
    print(
        f"{what:30s}{kept.total():6d} of {len(after):4d}{share:8.0f}%{lengths:10.2f}"
        f"{len(given) - len(after):10d}{wrong:10d}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=8)
    seeds = range(SEEDS, SEEDS + parser.parse_args().cases)
    healthy = kinds.HEALTHY | once_held_out.HEALTHY | held_out.HEALTHY
    leaking = kinds.LEAKING | once_held_out.LEAKING | held_out.LEAKING
    given = list(all_advice(((healthy, False), (leaking, True)), seeds))
    print(
        f"{'advice kept':30s}{'decided':>14s}{'':9s}{'lengths':>9s}{'too long':>10s}{'wrong':>10s}"
    )
    for why in sorted({each.why for each in given}):
        print_kept(why, [each for each in given if each.why == why])
    for leaks, what in ((False, "healthy"), (True, "leaking")):
        print_kept(f"all, {what}", [each for each in given if each.leaks is leaks])
    print_kept("all", given)


if __name__ == "__main__":
    main()
