"""What soak says of software that nobody here wrote, beside other methods: `python -m tests.bench.bench_foreign`.

The other methods are asked of resident memory alone, which every recording has; of all series they
would be wrong more often.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from soak.analysis import analyze
from soak.formats import read_recording
from soak.model import Analysis, Recording, Verdict
from soak.profile import Limits
from tests.bench.foreign.cells import LONG, Cell
from tests.bench.foreign.short import SHORT, STARVED
from tests.bench.methods import METHODS

DATA = Path(__file__).parents[1] / "data" / "foreign"
REAL = DATA.parent / "real"
_MEMORY = "process_resident_memory_bytes"


def right(verdict: Verdict, leaks: bool) -> str:
    """Whether that is what it deserves; a recording that cannot tell is neither right nor wrong."""
    if verdict is Verdict.INCONCLUSIVE:
        return "unsure"
    return "right" if (verdict is Verdict.FAIL) == leaks else "WRONG"


def others(recording: Recording, leaks: bool) -> list[str]:
    """What each other method says of resident memory."""
    [memory] = [series for series in recording.series if series.name == _MEMORY]
    return [
        "right" if method(memory.times, memory.values) == leaks else "WRONG"
        for method in METHODS.values()
    ]


def judged(recording: Recording) -> Analysis:
    """The analysis of a recording, of series without a known unit too."""
    return analyze(recording, Limits(), judge_unknown=True)


def verdicts_of_series(analyses: Iterable[Analysis]) -> Counter[Verdict]:
    """How many series of some recordings pass, fail, and are inconclusive by their growth."""
    return Counter(
        finding.verdict
        for analysis in analyses
        for finding in analysis.findings
        if finding.rule == "growth"
    )


def print_series(what: str, analyses: Iterable[Analysis]) -> None:
    """Print how many series of some recordings got each verdict."""
    counts = verdicts_of_series(analyses)
    of = counts.total()
    shares = ", ".join(
        f"{counts[verdict]} {verdict} ({counts[verdict] / of:.1%})" for verdict in Verdict
    )
    print(f"{what}: {of} series: {shares}")


def row(cell: Cell, analysis: Analysis, recording: Recording) -> list[str]:
    """Print what is said of one recording; soak's answer, and the others'."""
    leaks = bool(cell.leak)
    answers = [right(analysis.verdict, leaks), *others(recording, leaks)]
    minutes = float(recording.series[0].times[-1] - recording.series[0].times[0]) / 60
    said = (
        f"{cell.name:28s}{'leaks' if leaks else 'healthy':9s}{minutes:5.1f}  {analysis.verdict:14s}"
    )
    print(said + "".join(f"{answer:>10s}" for answer in answers))
    print(f"    {cell.software}: {cell.leak or 'nothing leaks'}; {analysis.reason}")
    return answers


def main() -> None:
    """Print the table, and how many of the healthy and of the leaking each method has wrong."""
    heads = "".join(f"{name[:9]:>10s}" for name in ("soak", *METHODS))
    print(f"{'':28s}{'':9s}{'min':>5s}  {'verdict':14s}{heads}")
    counted: dict[bool, list[list[str]]] = {False: [], True: []}
    groups: dict[str, list[Analysis]] = {}
    for name, cells in (("long", LONG), ("long, starved", STARVED), ("short", SHORT)):
        for cell in cells:
            recording = read_recording(DATA / f"{cell.name}.csv.gz")
            analysis = judged(recording)
            counted[bool(cell.leak)].append(row(cell, analysis, recording))
            kind = "leaking" if cell.leak else "healthy"
            groups.setdefault(f"{name}, {kind}", []).append(analysis)
    for leaks, answers in counted.items():
        wrong = [
            sum(answer == "WRONG" for answer in column) for column in zip(*answers, strict=True)
        ]
        what = (
            f"{len(answers)} leaking, called healthy"
            if leaks
            else f"{len(answers)} healthy, called leaking"
        )
        print(f"{what:58s}" + "".join(f"{count:10d}" for count in wrong))
    unsure = sum(answer[0] == "unsure" for answers in counted.values() for answer in answers)
    print(f"of which soak says that it cannot tell: {unsure}\n")
    groups["real services of tests/data/real"] = [
        judged(read_recording(path)) for path in sorted(REAL.glob("*.csv.gz"))
    ]
    for name, analyses in groups.items():
        print_series(name, analyses)
    print_series("all", [analysis for analyses in groups.values() for analysis in analyses])


if __name__ == "__main__":
    main()
