"""How a run under way is told in a terminal and in a log."""

import io

import pytest
from rich.console import Console

from soak.cli.progress import ProgressLines, Shown, _table
from soak.latency import Histogram
from soak.live.judge import Judge, Judgement
from soak.live.lines import ResourceLine, numbers, resource_lines, says, summary
from soak.live.progress import Live, Progress
from soak.model import Analysis, Finding, RuleName, RunInfo, Sample, Scrape, Trend, Verdict
from soak.reporters.sparkline import BARS, bars
from soak.windows import EndpointWindow, GeneratorWindow, Window

DAY = 86400.0


def finding(
    name: str,
    verdict: Verdict,
    slope: float = 0.0,
    vouched: float | None = None,
    hours: float | None = None,
) -> Finding:
    trend = Trend(slope, slope * 0.9, slope * 1.1, 1.0, 0.0, 1e8)
    return Finding(
        RuleName.GROWTH,
        name,
        verdict,
        "said",
        trend=trend,
        vouched_seconds=vouched,
        exhausts_in_hours=hours,
        unit="bytes/h",
    )


def judged(*findings: Finding) -> Judgement:
    worst = min(
        (finding.verdict for finding in findings), key=["fail", "inconclusive", "pass"].index
    )
    return Judgement(1, Analysis(RunInfo("orders"), worst, "said", findings), "", None, 1.0)


LEAK = finding("process_resident_memory_bytes", Verdict.FAIL, 600 * 2**20, hours=40)
STEADY = finding("process_open_fds", Verdict.PASS, vouched=3 * DAY)
YOUNG = finding("process_threads", Verdict.INCONCLUSIVE)


def live(series: int = 0) -> Live:
    seen = Live()
    for second in range(40):
        samples = [
            Sample("process_resident_memory_bytes", 1e8 + 1e6 * second),
            Sample("process_open_fds", 30.0),
        ]
        samples += [
            Sample("process_threads", 9.0, (("pid", str(number)),)) for number in range(series)
        ]
        seen.saw(Scrape("process", float(second), 0.0, 0.0, tuple(samples)))
    return seen


def test_the_worst_stands_first_with_what_would_be_said_of_it_now() -> None:
    lines = resource_lines(live(), judged(STEADY, YOUNG, LEAK))
    assert [line.verdict for line in lines] == [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS]
    assert (lines[0].name, lines[0].growth, lines[0].says) == (
        "resident memory",
        "+600 MiB/h",
        "fail, runs out in 40 h",
    )
    assert lines[0].spark == "".join(sorted(lines[0].spark))
    assert (lines[1].says, lines[2].says) == ("inconclusive so far", "vouches for 3 days")
    assert lines[2].now == "30"
    assert set(lines[2].spark) <= {BARS[3], BARS[4]}


def test_before_the_first_judgement_the_values_are_shown() -> None:
    lines = resource_lines(live(), None)
    assert {line.says for line in lines} == {"not judged yet"}
    assert len(lines) == 2


def test_a_pass_without_a_horizon() -> None:
    assert says(finding("x", Verdict.PASS)) == "pass"


@pytest.mark.parametrize(
    ("values", "drawn"),
    [
        ([], ""),
        ([0.0, 0.0], "▄▄"),
        ([1.0, 2.0, 3.0], "▁▄█"),
        ([1000.0, 1001.0], "▄▄"),
        ([5.0], "▄"),
    ],
)
def test_sparklines(values: list[float], drawn: str) -> None:
    assert bars(values).replace("▅", "▄") == drawn


def test_the_line_of_a_log() -> None:
    text = summary(judged(LEAK, STEADY))
    assert text == "fail so far (1 fail, 1 pass); fastest growth so far: resident memory +600 MiB/h"
    assert summary(None) == "not judged yet"
    assert summary(Judgement(1, None, "", "no series", 1.0)) == "cannot be judged yet: no series"


def test_numbers_in_the_singular() -> None:
    assert (
        numbers(Progress(1, 1.0, 0.0, 0.012, 9, 0, 1))
        == "1 request/s, no errors, p99 12 ms, 1 scrape lost"
    )
    assert numbers(Progress(1, 1.0, 0.5, None, 9, 4, 2)).endswith("errors 50%, 2 scrapes lost")
    assert "no answer yet" in numbers(Progress(0, 0.0, 0.0, None, 0, 0, 0))


def lines_for(console: Console, seen: Live, judgement: Judgement | None) -> ProgressLines:
    judge = Judge(None, html=False, after=0.0)  # type: ignore[arg-type]
    judge.latest = judgement
    return ProgressLines(Shown("orders-nightly", 3600.0, 60.0, str), seen, judge, console)


@pytest.mark.parametrize("series", [0, 60])
def test_a_terminal_of_80_by_24_is_never_filled_beyond_its_edges(series: int) -> None:
    console = Console(
        file=io.StringIO(), force_terminal=True, width=80, height=24, color_system=None
    )
    many = [finding("process_threads", Verdict.PASS, vouched=DAY) for _ in range(series)]
    seen = live(series)
    seen.saw(Window(1.0, 1.0, 1, ()))
    progress = lines_for(console, seen, judged(LEAK, STEADY, *many))
    console.print(progress.drawn(720.0))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert len(text.splitlines()) < 24
    assert max(map(len, text.splitlines())) <= 80
    assert "steady, 48 min left" in text
    assert "600 MiB/h" in text
    assert ("more, none of them worse" in text) is (series > 0)


def test_a_log_has_a_line_a_minute() -> None:
    console = Console(file=io.StringIO(), force_terminal=False, width=80)
    seen = Live()
    judge = Judge(None, html=False, after=0.0)  # type: ignore[arg-type]
    progress = ProgressLines(Shown("x", 3600.0, 0.0, str), seen, judge, console)
    with progress:
        for second in range(600):
            seen.saw(Window(second + 1.0, 1.0, 1, ()))
            progress.tick()
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert len(lines) == 10
    assert lines[1].startswith("70 s: ")


def test_who_joins_a_run_sees_at_once_how_it_stands() -> None:
    console = Console(file=io.StringIO(), force_terminal=False, width=80)
    seen, judge = Live(), Judge(None, html=False, after=0.0)  # type: ignore[arg-type]
    progress = ProgressLines(Shown("x", 3600.0, 0.0, str, joined=True), seen, judge, console)
    with progress:
        progress.tick()  # its target starts
        for second in range(40):
            progress.tick()
            seen.saw(Window(second + 1.0, 1.0, 1, ()))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[0] == "x: the load has not begun yet"
    assert [line[:5] for line in lines[1:]] == ["10 s:"]
    assert "starting" in _shown(ProgressLines(Shown("x", 9.0, 0.0, str), Live(), judge, console))
    late = ProgressLines(Shown("x", 3600.0, 0.0, str, joined=True), seen, judge, console)
    late.tick()
    judge.latest = judged(LEAK)
    for _ in range(3):
        late.tick()
    lines = console.file.getvalue().splitlines()[-2:]  # type: ignore[attr-defined]
    assert lines[0].endswith("; not judged yet")
    assert "fail so far" in lines[1]


def _shown(progress: ProgressLines) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    console.print(progress.drawn(0.0))
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_a_run_tells_once_how_to_watch_it_from_another_terminal() -> None:
    console = Console(file=io.StringIO(), force_terminal=False, width=80)
    seen, judge = Live(), Judge(None, html=False, after=0.0)  # type: ignore[arg-type]
    progress = ProgressLines(
        Shown("x", 60.0, 0.0, str, elsewhere="soak watch run"), seen, judge, console
    )
    progress.tick()
    assert console.file.getvalue() == ""  # type: ignore[attr-defined]
    seen.saw(Window(1.0, 1.0, 1, ()))
    for _ in range(3):
        progress.tick()
    told = console.file.getvalue()  # type: ignore[attr-defined]
    assert told == "soak: the load has begun; from another terminal: soak watch run\n"


def test_a_rate_that_is_not_kept_is_told_once_and_stands_in_every_line_while_it_lasts() -> None:
    console = Console(file=io.StringIO(), force_terminal=False, width=80)
    seen, judge = Live(), Judge(None, html=False, after=0.0)  # type: ignore[arg-type]
    progress = ProgressLines(Shown("x", 3600.0, 0.0, str), seen, judge, console)
    for second in range(75):
        done = EndpointWindow("GET /", 20, {}, 0, Histogram(), Histogram())
        health = GeneratorWindow(0.1, 0.1, 0.0, 1, 40.0, 40)
        seen.saw(Window(second + 1.0, 1.0, 1, (done,), health))
        progress.tick()
    _, told, line = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    short = "the target does not keep the rate: 40 requests/s asked for, 20 answered, "
    assert told.startswith(f"soak: 13 s into the load: {short}")
    assert short in line
    assert short in progress.said()
    assert short in " ".join(_shown(progress).split())
    search = ProgressLines(Shown("x", 3600.0, 0.0, str, searches=True), seen, judge, console)
    assert short not in search.said()  # it goes beyond the capacity on purpose


def test_in_a_narrow_terminal_only_names_are_cut() -> None:
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    console.print(
        _table(
            [
                ResourceLine(
                    Verdict.PASS,
                    "memory that is swapped out by the system",
                    "▄" * 12,
                    "36.8 MiB",
                    "+23.1 KiB/h",
                    "vouches for 3,650 days",
                )
            ],
            console.width,
        )
    )
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for text in ("36.8 MiB", "vouches for 3,650 days", "memory tha"):
        assert text in shown
    assert shown.count("\n") == 1
