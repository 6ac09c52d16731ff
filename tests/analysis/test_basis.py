"""What a verdict rests on, in words with the run's own figures."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soak.analysis import analyze
from soak.analysis.basis import (
    _load,
    _rules,
    _samples,
    _tally,
    _unwatched,
    _verdict,
    _warm_up,
    with_basis,
)
from soak.analysis.prepare.prepare import Prepared, prepare
from soak.catalog.metrics import opening_of
from soak.model import (
    Analysis,
    Basis,
    Ending,
    Event,
    EventKind,
    Finding,
    Phase,
    Recording,
    RuleName,
    RunInfo,
    Series,
    SourceHealth,
    Trend,
    Verdict,
)
from soak.profile import Limits
from soak.snapshots import Snapshot
from tests.analysis.recordings import SECONDS, gauge, health, noise, recording, windows

MEMORY = gauge("process_resident_memory_bytes", 50e6 + noise(2e4))
LEAK = gauge("process_resident_memory_bytes", 50e6 + 20000.0 * np.arange(SECONDS) + noise(2e4))
HEAP = gauge("go_memstats_heap_live_bytes", 30e6 + noise(2e4))


def basis_of(made: Recording, warmup: float = 0.0, **limits: Any) -> Basis:
    basis = analyze(made, Limits.model_validate(limits), warmup=warmup).basis
    assert basis is not None
    return basis


def test_five_steps_lead_to_the_verdict_with_the_runs_figures() -> None:
    two = [windows("GET /a", requests=10), windows("GET /b", requests=10, failures=1)]
    polled = [replace(health(failing=[4, 5]), worst_late=0.25)]
    basis = basis_of(recording(LEAK, requests=two, sources=polled), warmup=30, p99="1s")
    steps = dict(basis.steps)
    assert list(steps) == ["Load", "Samples", "Warm-up", "Rules", "Verdict"]
    assert steps["Load"].startswith("6,000 requests to 2 endpoints in 5 min, 300 failed (5%).")
    assert (
        steps["Samples"]
        == "1 series of 1 source, asked 300 times: 2 without an answer, the latest 250 ms late."
    )
    assert steps["Warm-up"].startswith(
        "The first 30 s were left out as the profile says; 4.5 min were judged."
    )
    assert steps["Rules"].startswith(
        "1 series judged for growth, with a 95% interval each. Would it last 30 days"
    )
    assert steps["Verdict"].endswith("one proven fail is enough, whatever else is open, so fail.")
    assert basis.sources == tuple(polled)


@pytest.mark.parametrize(
    ("made", "decided"),
    [
        (recording(MEMORY), "all of them passed, so pass."),
        (recording(MEMORY, ended=Ending.INTERRUPTED), "the run did not go to its end"),
        (
            recording(MEMORY, sources=[health(failing=range(200))]),
            "what is open keeps it from a pass, so inconclusive.",
        ),
    ],
)
def test_the_last_step_says_what_decided(made: Recording, decided: str) -> None:
    assert decided in dict(basis_of(made).steps)["Verdict"]


def test_what_was_not_watched_is_said_with_how_to_change_it() -> None:
    python = replace(recording(MEMORY).run, language="Python")
    lost = health("prometheus", failing=range(SECONDS), error="answered 503")
    two = [windows("GET /a"), windows("GET /b")]
    said = basis_of(
        replace(recording(MEMORY, requests=two, sources=[health(), lost]), run=python)
    ).unwatched
    assert said[0] == "prometheus never answered: answered 503."
    assert "from outside alone" in said[1]
    assert "`--diagnose` takes them; for Python, " in said[2]
    assert "`--attribute` varies the mix" in said[3]
    assert len(said) == 4
    mixed = [Event(0.0, EventKind.MIX, "varied")]
    seen = basis_of(recording(MEMORY, HEAP, requests=two, events=mixed)).unwatched
    assert [text.partition(":")[0] for text in seen] == ["Its heap from within"]
    assert basis_of(recording()).unwatched[0].startswith("Nothing of the target")


def test_of_a_file_no_load_is_said_and_nothing_is_advised() -> None:
    file = replace(recording(MEMORY, requests=[], sources=[]), phases=())
    basis = basis_of(file)
    assert dict(basis.steps)["Load"] == "None was made: this is a recording of 5 min."
    assert basis.unwatched == ()


# Its sentences, on findings made by hand.

TREND = Trend(1.0, 0.0, 2.0, 1.0, 0.0, 9.0)


def told(verdict: Verdict = Verdict.PASS, rule: RuleName = RuleName.GROWTH, **more: Any) -> Finding:
    return replace(Finding(rule, "fds", verdict, "It is told."), **more)


def made(
    *findings: Finding, verdict: Verdict = Verdict.PASS, broken: str | None = None
) -> Analysis:
    return Analysis(RunInfo("made", seconds=90.0), verdict, "", findings, broken=broken)


RUN = recording()


def prepared(*series: Series, **more: Any) -> Prepared:
    return prepare(replace(RUN, series=series, **more), 0.0)


@pytest.mark.parametrize(
    ("requests", "failures", "said"),
    [
        (0, 0, "0 requests to 1 endpoint in 5 min, 0 failed."),
        (4, 0, "1,200 requests to 1 endpoint in 5 min, 0 failed."),
        (4, 1, "1,200 requests to 1 endpoint in 5 min, 300 failed (25%)."),
    ],
)
def test_the_load_is_told_with_its_requests_and_failures(
    requests: int, failures: int, said: str
) -> None:
    load = prepared(windows=(windows(requests=requests, failures=failures),))
    assert _load(made(told()), load) == said
    measured = made(told(), told(rule=RuleName.GENERATOR, reason="It was busy."))
    assert _load(measured, load) == f"{said} It was busy."
    file = replace(load, driven=False)
    assert _load(measured, file) == "None was made: this is a recording of 1.5 min."


def test_failures_of_all_endpoints_are_counted_together() -> None:
    one, other = windows("GET /a", requests=4, failures=1), windows("GET /b", requests=6)
    said = _load(made(), prepared(windows=(one, other)))
    assert said == "3,000 requests to 2 endpoints in 5 min, 300 failed (10%)."


def test_samples_are_told_by_source() -> None:
    assert _samples(prepared(MEMORY, sources=())) == "1 series to look at."
    sources = (
        SourceHealth("a", 5, 1, 0.25),
        SourceHealth("b", 2, 0, 0.5),
        SourceHealth("c", 1, 1, 0.0),
    )
    assert _samples(prepared(sources=sources)) == (
        "0 series of 3 sources, asked 8 times: 2 without an answer, the latest 500 ms late."
    )


@pytest.mark.parametrize(
    ("settled", "found"),
    [
        ([], ""),
        ([None], ""),
        ([0.0], " Each series is judged from where it had settled, all of them from the start."),
        (
            [0.0, 20.0, None, 10.0],
            " Each series is judged from where it had settled, the last of them after 20 s.",
        ),
        ([0.5], " Each series is judged from where it had settled, the last of them after 500 ms."),
    ],
)
@pytest.mark.parametrize(
    ("judged_from", "first", "judged"),
    [
        (10.0, "Nothing was left out beforehand", "4.8 min"),
        (9.0, "Nothing was left out beforehand", "4.8 min"),
        (10.5, "The first 500 ms were left out as the profile says", "4.8 min"),
        (40.0, "The first 30 s were left out as the profile says", "4.3 min"),
    ],
)
def test_what_was_left_out_of_judging_is_told(
    settled: list[float | None], found: str, judged_from: float, first: str, judged: str
) -> None:
    findings = [told(trend=replace(TREND, settled_after_seconds=after)) for after in settled]
    load = replace(prepared(), start=10.0, judged_from=judged_from)
    assert _warm_up(made(told(), *findings), load) == f"{first}; {judged} were judged.{found}"


@pytest.mark.parametrize(
    ("snapshots", "said"),
    [
        (0, ""),
        (1, " Samples beside 1 snapshot are left out."),
        (2, " Samples beside 2 snapshots are left out."),
    ],
)
def test_snapshots_that_disturbed_samples_are_told(snapshots: int, said: str) -> None:
    masked = tuple(Phase("snapshot", float(number), number + 0.5) for number in range(snapshots))
    gap = Phase("gap", 20.0, 30.0)
    told_ = _warm_up(made(), replace(prepared(), masked=(*masked, gap)))
    assert told_.partition(" were judged.")[2] == said


def test_the_rules_are_told_with_what_a_closer_look_changed() -> None:
    assert _rules([], 60.0) == (
        "0 series judged for growth, with a 95% interval each. Would it last 60 s, or the limit that it has? none."
    )
    looked = told(Verdict.FAIL).adjusted("warm-up", Verdict.INCONCLUSIVE, "")
    same = told(Verdict.PASS).adjusted("acceptance", Verdict.PASS, "")
    twice = looked.adjusted("vouched horizon", Verdict.PASS, "")
    other = told(Verdict.FAIL, RuleName.MAX).adjusted("warm-up", Verdict.PASS, "")
    said = _rules([looked, same, twice, other], 3600.0)
    assert said == (
        "3 series judged for growth, with a 95% interval each. Would it last 60 min, or the limit that it has? "
        "1 is open, 2 pass. 1 other rule: 1 passes. Verdicts changed by a closer look: warm-up (3), vouched horizon (1)."
    )
    assert "judged" not in _rules([same], 3600.0).partition("for growth")[2]


@pytest.mark.parametrize(
    ("verdicts", "said"),
    [
        ("", "none"),
        ("p", "1 passes"),
        ("pp", "2 pass"),
        ("i", "1 is open"),
        ("ii", "2 are open"),
        ("f", "1 fails"),
        ("ff", "2 fail"),
        ("pifpfff", "4 fail, 1 is open, 2 pass"),
    ],
)
def test_verdicts_are_counted_the_worst_first(verdicts: str, said: str) -> None:
    named = {"p": Verdict.PASS, "i": Verdict.INCONCLUSIVE, "f": Verdict.FAIL}
    assert _tally([told(named[letter]) for letter in verdicts]) == said


OPEN, FAILS = told(Verdict.INCONCLUSIVE), told(Verdict.FAIL)


@pytest.mark.parametrize(
    ("findings", "verdict", "broken", "said"),
    [
        ((), Verdict.INCONCLUSIVE, None, "none: there is nothing to judge, so inconclusive."),
        ((told(),), Verdict.PASS, None, "1 passes: all of them passed, so pass."),
        (
            (told(), OPEN),
            Verdict.INCONCLUSIVE,
            None,
            "1 is open, 1 passes: nothing failed, but what is open keeps it from a pass, so inconclusive.",
        ),
        (
            (told(), OPEN, FAILS),
            Verdict.FAIL,
            None,
            "1 fails, 1 is open, 1 passes: one proven fail is enough, whatever else is open, so fail.",
        ),
        (
            (told(),),
            Verdict.INCONCLUSIVE,
            None,
            "1 passes: all of them passed, but the run did not go to its end, or watched no resource, so inconclusive.",
        ),
        (
            (OPEN,),
            Verdict.INCONCLUSIVE,
            "It broke.",
            "The run broke, so nothing is known of the target: inconclusive.",
        ),
        (
            (FAILS,),
            Verdict.FAIL,
            "It broke.",
            "1 fails: one proven fail is enough, whatever else is open, so fail.",
        ),
    ],
)
def test_the_worst_finding_decides(
    findings: tuple[Finding, ...], verdict: Verdict, broken: str | None, said: str
) -> None:
    assert _verdict(made(*findings, verdict=verdict, broken=broken)) == said


NOTHING = "Nothing of the target: name its process or its metrics page in `sources`."


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], NOTHING),
        (["soak_load_lag_seconds", "http_requests_per_second"], NOTHING),
        (["http_request_p99_seconds"], NOTHING),
        (["process_open_fds"], "What its runtime knows of itself"),
        (["cgroup_memory_bytes", "soak_load_lag_seconds"], "What its runtime knows of itself"),
        (["scrape_duration_seconds"], "What its runtime knows of itself"),
        (["process_open_fds", "db_pool_size"], "Its live heap: no metric of it"),
        (["go_gc_heap_live_bytes"], "Its heap from within"),
        (["db_pool_size", "go_gc_heap_live_bytes"], "Its heap from within"),
    ],
)
def test_what_would_show_more_than_these_series_is_told(names: list[str], said: str) -> None:
    first = next(_unwatched(prepared(*(gauge(name, 1.0) for name in names))))
    assert first.startswith(said)


def test_a_source_that_never_answered_is_told_with_its_error() -> None:
    sources = (
        SourceHealth("a", 5, 5, 0.0, "refused"),
        SourceHealth("b", 5, 4, 0.0, "refused"),
        SourceHealth("c", 5, 5, 0.0),
    )
    told_ = list(_unwatched(prepared(HEAP, sources=sources)))
    assert told_[:2] == ["a never answered: refused.", "c never answered."]
    assert len(told_) == 3


@pytest.mark.parametrize(
    ("language", "opened"),
    [("", "takes them."), ("COBOL", "takes them."), ("Go", "takes them; for Go, ")],
)
def test_how_snapshots_can_be_taken_is_told_where_none_were(language: str, opened: str) -> None:
    run = RunInfo("x", language=language)
    [said] = _unwatched(prepared(HEAP, run=run))
    assert opened in said
    if not language:
        assert said.endswith("`--diagnose` takes them.")


@pytest.mark.parametrize(
    ("endpoints", "varied", "told_of_mix"),
    [(1, False, False), (2, False, True), (2, True, False), (1, True, False)],
)
def test_the_mix_is_worth_varying_where_several_endpoints_had_the_same(
    endpoints: int, varied: bool, told_of_mix: bool
) -> None:
    load = tuple(windows(f"GET /{number}", requests=1) for number in range(endpoints))
    events = (Event(0.0, EventKind.MIX, "varied"),) if varied else ()
    said = list(_unwatched(prepared(HEAP, windows=load, events=events)))
    assert any(text.startswith("Which endpoint leaks") for text in said) is told_of_mix


def test_the_basis_has_what_soak_found_at_the_start_and_how_snapshots_could_be_taken() -> None:
    found = (Event(0.0, EventKind.PROBE, "a process"), Event(1.0, EventKind.WARNING, "slow"))
    run = RunInfo("x", language="Go")
    taken = Snapshot(1.0, 0.5, "heap", "start")
    for events, snapshots, opening in ((found, (), opening_of("Go")), ((), (taken,), "")):
        load = prepared(MEMORY, events=events, run=run, snapshots=snapshots)
        basis = with_basis(made(told()), load, 60.0).basis
        assert basis is not None
        assert basis.seen == (("a process",) if events else ())
        assert basis.opening == opening
        assert basis.attributed is False
        assert basis.sources == RUN.sources
        assert [name for name, _ in basis.steps] == [
            "Load",
            "Samples",
            "Warm-up",
            "Rules",
            "Verdict",
        ]
    assert opening_of("Go")
    file = with_basis(made(told()), replace(prepared(MEMORY), driven=False), 60.0).basis
    assert file is not None
    assert file.unwatched == ()
