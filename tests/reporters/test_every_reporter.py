"""What every format owes its reader, walked over the table, so that a new one is held to it too."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import EntryPoint
from xml.etree import ElementTree as ET

import pytest

from soak import reporters
from soak.errors import SoakError
from soak.model import Analysis, Basis, Ending, Event, EventKind, Phase, RuleName, Verdict, Vouched
from soak.reporters import REPORTERS, Reporter, github, terminal, wording
from soak.reporters.next_steps import again, last_word, next_step, what_now

from .analyses import ANALYSES, NASTY, SCRIPT, failing


def words(name: str, text: str) -> str:
    """What a reader of this format sees, as plain words with single spaces."""
    if name == "junit":
        root = ET.fromstring(text)
        text = " ".join(
            part for node in root.iter() for part in (*node.attrib.values(), node.text or "")
        )
    elif name in ("json", "sarif"):
        text = " ".join(strings(json.loads(text)))
    elif name == "github":
        text = text.replace("%3A", ":").replace("%2C", ",").replace("%25", "%")
    elif name in ("markdown", "html"):
        text = html.unescape(re.sub(r"\\([^\w\s])", r"\1", text) if name == "markdown" else text)
    else:
        text = re.sub("[┃│]", " ", text)
    return " ".join(text.split())


def strings(node: object) -> Iterator[str]:
    """Every string in a JSON value."""
    if isinstance(node, dict):
        for value in node.values():
            yield from strings(value)
    elif isinstance(node, list):
        for value in node:
            yield from strings(value)
    elif isinstance(node, str):
        yield node


def sentences(analysis: Analysis) -> list[str]:
    """All that must reach every report."""
    return [analysis.reason, *analysis.warnings, *(finding.reason for finding in analysis.findings)]


@pytest.fixture(params=REPORTERS, ids=str)
def name(request: pytest.FixtureRequest) -> str:
    """Each format in turn."""
    return str(request.param)


@pytest.mark.parametrize("which", ANALYSES)
def test_it_renders_the_same_text_twice_and_ends_with_a_newline(name: str, which: str) -> None:
    first, second = (REPORTERS[name].render(ANALYSES[which]()) for _ in range(2))
    assert first == second
    assert first.endswith("\n")
    first.encode("utf-8")


@pytest.mark.parametrize("which", ["pass", "fail", "inconclusive", "empty"])
def test_verdict_reason_warnings_and_findings_reach_the_reader(name: str, which: str) -> None:
    analysis = ANALYSES[which]()
    seen = words(name, REPORTERS[name].render(analysis))
    assert analysis.verdict.value in seen.lower()
    for sentence in sentences(analysis):
        assert sentence in seen
    for finding in analysis.findings:
        assert finding.series in seen


@pytest.mark.parametrize("name", sorted(REPORTERS.keys() - {"json"}))
def test_findings_come_worst_first_for_people(name: str) -> None:
    seen = words(name, REPORTERS[name].render(failing()))
    order = [failing().findings[index].reason for index in (1, 2, 3, 4, 0, 5, 6)]
    places = [seen.rindex(reason) for reason in order]
    assert places == sorted(places)


def test_hostile_names_lose_what_a_screen_or_parser_obeys_but_stay_readable(name: str) -> None:
    text = REPORTERS[name].render(ANALYSES["hostile"]())
    unsafe = {char for char in text if unicodedata.category(char) in ("Cc", "Cs") and char != "\n"}
    assert not unsafe
    assert "onerror=" in text.replace("\n", "")
    if name not in ("terminal", "github"):  # logs, which no browser reads as a page
        assert SCRIPT not in text or name == "json"
    if name in ("html", "junit", "markdown"):
        assert "<img" not in text


def test_json_keeps_names_exactly_as_they_were() -> None:
    assert json.loads(REPORTERS["json"].render(ANALYSES["hostile"]()))["reason"] == NASTY


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("which", ANALYSES)
def test_no_line_on_the_terminal_is_wider_than_the_terminal(width: int, which: str) -> None:
    text = terminal.render(ANALYSES[which](), width=width)
    assert max(map(len, text.splitlines())) <= width


def test_the_terminal_is_coloured_only_when_asked() -> None:
    assert "\x1b[" not in terminal.render(failing(), width=80)
    coloured = terminal.render(failing(), width=80, color=True)
    assert "\x1b[1;31m✗ FAIL" in coloured
    assert (
        re.sub(r"\x1b\[[\d;]*m", "", coloured).split()
        == terminal.render(failing(), width=80).split()
    )


def test_file_names_are_those_of_the_run_directory() -> None:
    assert {name: reporter.file_name for name, reporter in REPORTERS.items()} == {
        "html": "report.html",
        "junit": "junit.xml",
        "json": "analysis.json",
        "markdown": "summary.md",
        "sarif": "suspects.sarif",
        "github": "",
        "terminal": "",
    }


def test_the_table_costs_nothing_until_a_format_is_used() -> None:
    heavy = ("bokeh", "jinja2", "rich")
    code = f"import sys, soak.reporters; sys.exit(str([name for name in {heavy} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "[]"


def test_a_page_is_rendered_without_the_import_of_bokeh() -> None:
    code = "import sys, soak.reporters.html; sys.exit(str('bokeh' in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == "False"


def test_another_package_adds_a_reporter_but_cannot_replace_or_break_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = reporters.GROUP
    entries = [
        EntryPoint("shout", f"{__name__}:SHOUT", group),
        EntryPoint("json", f"{__name__}:SHOUT", group),
        EntryPoint("gone", "no_such_package:REPORTER", group),
        EntryPoint("odd", f"{__name__}:GREETING", group),
    ]
    monkeypatch.setattr(reporters, "entry_points", lambda group: entries)
    reporters.installed.cache_clear()
    try:
        table = reporters.installed()
    finally:
        monkeypatch.undo()
        reporters.installed.cache_clear()
    assert list(table) == [*REPORTERS, "gone", "odd", "shout"]
    assert table["shout"].render(failing()) == "FAIL!"
    assert table["json"] is REPORTERS["json"]
    with pytest.raises(SoakError, match="no_such_package"):
        table["gone"].render(failing())
    with pytest.raises(SoakError, match="it is a str"):
        table["odd"].render(failing())


SHOUT = Reporter("shout.txt", lambda analysis: f"{analysis.verdict.value.upper()}!")
GREETING = "hello"


@pytest.mark.parametrize("name", ["terminal", "markdown", "html", "github"])
def test_a_run_that_broke_is_headed_so_as_its_exit_code_says(name: str) -> None:
    broken = replace(
        failing(), verdict=Verdict.INCONCLUSIVE, broken="The run broke: no answer.", findings=()
    )
    render = REPORTERS[name].render if name in REPORTERS else github.render
    assert re.search("broken", words(name, render(broken)), re.IGNORECASE)
    proven = replace(broken, verdict=Verdict.FAIL)
    assert "BROKEN" not in words(name, render(proven))


def test_the_time_that_a_target_took_to_start_is_no_part_of_the_run() -> None:
    analysis = failing()
    late = tuple(replace(phase, start=phase.start + 3600.0) for phase in analysis.phases)
    assert min(phase.start for phase in analysis.phases) == 0.0
    assert wording.course(analysis) == "completed in 8 h"
    assert wording.course(replace(analysis, phases=late)) == "completed in 7 h"
    cut = replace(analysis.run, ended=Ending.INTERRUPTED)
    loaded = (Phase("ramp", 1.0, 2.0), Phase("steady", 2.0, 10.5), Phase("drain", 10.5, 14.0))
    assert wording.course(replace(analysis, run=cut, phases=loaded)) == (
        "interrupted after 9.5 s of load"
    )
    early = replace(analysis, run=replace(analysis.run, ended=Ending.EARLY), events=())
    assert wording.course(early) == "ended early, with a certain verdict, after 8 h"
    died = replace(early, events=(Event(3600.0, EventKind.TARGET, "the target died"),))
    assert wording.course(died) == "ended after 8 h, since the target had died after 60 min"


def test_every_verdict_says_what_to_do_next() -> None:
    passing = ANALYSES["pass"]()
    assert "soak baseline set" in next_step(passing)
    growth = replace(passing.findings[0], rule=RuleName.GROWTH, verdict=Verdict.INCONCLUSIVE)
    unsure = replace(passing, verdict=Verdict.INCONCLUSIVE, findings=(growth,), vouched=None)
    # The run lasted 8 h: what is open is decided after that and what is advised, or in twice that.
    for ran, more, longest in (
        (28800.0, None, "16h"),
        (600.0, None, "60m"),
        (600.0, 1800.0, "40m"),
        (600.0, 1801.0, "45m"),
        (3600.0, 3600.0, "120m"),
        (3600.0, 3601.0, "3h"),
    ):
        run = replace(unsure.run, seconds=ran)
        open_ = replace(unsure, run=run, findings=(replace(growth, more_seconds=more),))
        assert f"--until-certain {longest}`" in next_step(open_)
    known, unknown = replace(growth, more_seconds=60.0), replace(growth, more_seconds=None)
    assert replace(unsure, findings=(known, unknown)).more_seconds is None
    assert replace(unsure, findings=(known, passing.findings[0])).more_seconds == 60.0
    assert passing.more_seconds is None
    for attributed in (False, True):
        told = replace(unsure, basis=Basis((), (), (), (), attributed))
        assert ("--attribute" in next_step(told)) is not attributed
    died = replace(growth, rule=RuleName.RESTART, verdict=Verdict.FAIL)
    fell = replace(unsure, verdict=Verdict.FAIL, findings=(died,))
    assert "the target's own log" in next_step(fell)
    slow = replace(growth, rule=RuleName.COVERAGE, series="load_rate")
    assert "at a rate that the target keeps" in next_step(replace(unsure, findings=(slow,)))
    page = replace(growth, verdict=Verdict.PASS, series="scrape_samples_scraped")
    assert "name what is to be judged" in next_step(replace(unsure, findings=(page,)))
    failing = replace(growth, rule=RuleName.ERRORS)
    assert "allow it in `limits`" in next_step(replace(unsure, findings=(failing,)))
    cut = replace(unsure, run=replace(unsure.run, ended=Ending.INTERRUPTED))
    assert "--resume" in next_step(cut)
    under_way = replace(passing, run=replace(passing.run, ended=Ending.RUNNING))
    assert next_step(under_way) == ""
    short = Vouched(60.0, "process_open_fds", 5.0, "descriptors", 86400.0, 7200.0, None)
    assert next_step(replace(passing, vouched=short)).startswith(
        "run it 2 h longer to vouch for 24 h"
    )
    too_noisy = replace(short, more_seconds=1e6)
    assert next_step(replace(passing, vouched=too_noisy)).startswith("keep this run")


def test_series_from_elsewhere_are_told_what_to_do_next() -> None:
    growth = replace(ANALYSES["pass"]().findings[0], rule=RuleName.GROWTH)
    short = Vouched(60.0, "process_open_fds", 5.0, "descriptors", 86400.0, 7200.0, None)
    told = []
    for verdict, vouched in ((Verdict.PASS, None), (Verdict.PASS, short), (Verdict.FAIL, None)):
        of_file = replace(ANALYSES["pass"](), verdict=verdict, vouched=vouched)
        of_file = replace(of_file, phases=(), endpoints=(), findings=(growth,))
        told.append(next_step(of_file))
    unsure = replace(of_file, verdict=Verdict.INCONCLUSIVE)
    unseen = replace(growth, rule=RuleName.COVERAGE, verdict=Verdict.INCONCLUSIVE)
    told += [next_step(replace(unsure, findings=judged)) for judged in ((growth,), (), (unseen,))]
    assert [text.partition(",")[0] for text in told] == [
        "keep it",
        "record 2 h longer to vouch for 24 h.",
        "find out what keeps it: `soak run --url URL --attribute` drives the service",
        "record on at the same load",
        "name what is to be judged",
        "record what is missing",
    ]


def test_a_remedy_is_what_to_do_but_of_an_unsure_verdict_only_after_what_makes_it_sure() -> None:
    failing = ANALYSES["fail"]()
    remedy = failing.suspects[0].remedy
    assert what_now(failing) == remedy
    assert what_now(replace(failing, suspects=())).startswith("Run it again with `--attribute`")
    unsure = replace(failing, verdict=Verdict.INCONCLUSIVE)
    assert what_now(unsure).endswith(f" {remedy}")
    assert not what_now(unsure).startswith(remedy)


def test_the_end_of_a_run_says_what_to_do_next() -> None:
    told = failing()
    assert told.suspects
    assert last_word(told, "runs/a b") == f"Next: {told.suspects[0].remedy}"
    growth = replace(told.findings[0], rule=RuleName.GROWTH, verdict=Verdict.FAIL)
    grew = replace(told, suspects=(), findings=(growth,))
    for attributed, more in ((False, "with `--attribute`, which names"), (True, "twice as long")):
        basis = Basis((), (), (), (), attributed, "start it with `node --inspect`")
        said = last_word(replace(grew, basis=basis), "runs/a b")
        assert said.startswith("Next: Start it with `node --inspect`, and run it again ")
        assert more in said
    cut = replace(grew, verdict=Verdict.INCONCLUSIVE, basis=None)
    cut = replace(cut, run=replace(cut.run, ended=Ending.INTERRUPTED))
    assert "`soak run --resume 'runs/a b'`" in last_word(cut, "runs/a b")


@pytest.mark.parametrize("name", ["html", "markdown", "junit", "terminal", "github"])
def test_a_suspect_of_no_known_class_is_not_said_to_be_sure(name: str) -> None:
    known = ANALYSES["fail"]()
    suspect = replace(known.suspects[0], leak_class="unknown", confidence=0.5)
    text = REPORTERS[name].render(replace(known, suspects=(suspect,)))
    assert "kind not known" in text
    assert "50% sure" not in text


def test_the_command_to_run_it_again_leaves_out_the_directory_that_is_taken() -> None:
    assert again("soak run a.yaml --out reports/x --json") == "soak run a.yaml --json"
    assert again("soak run 'my file.yaml' --out=x") == "soak run 'my file.yaml'"
    assert again("soak 'run") == "soak 'run"


def test_a_run_that_broke_says_why_once() -> None:
    healthy = ANALYSES["pass"]()
    why = "the load process was killed"
    run, reason = replace(healthy.run, failure=why), f"The run broke: {why}"
    broken = replace(healthy, verdict=Verdict.INCONCLUSIVE, run=run, reason=reason, broken=reason)
    assert broken.broke
    assert wording.course(broken).startswith("broke after ")
    assert why not in wording.course(broken)
    assert why in wording.course(replace(broken, reason="a leak"))
    assert "proves nothing" in next_step(broken)


@pytest.mark.parametrize("name", ["terminal", "markdown"])
def test_requests_outside_of_the_judged_part_are_told_where_none_is_in_it(name: str) -> None:
    first = replace(failing().endpoints[0], whole_requests=9)
    last = replace(first, name="teardown / GET /out", requests=0, failures=0, whole_requests=5)
    text = words(name, REPORTERS[name].render(replace(failing(), endpoints=(first, last))))
    assert "teardown / GET /out: 5 requests before or after the judged part of the run." in text
    assert "9 requests before" not in text
