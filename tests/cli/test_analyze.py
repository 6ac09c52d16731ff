import json
import os
import threading
from pathlib import Path

import numpy as np
import pytest

from soak.cli.limit_texts import limits_tree
from soak.cli.own_reports import somebody_elses
from tests.cli.calling import run


def write(
    path: Path, slope: float, seconds: int = 600, name: str = "process_resident_memory_bytes"
) -> str:
    """A series at 1 Hz that grows by `slope` bytes a second under a little noise."""
    times = np.arange(seconds)
    values = 50e6 + slope * times + np.random.default_rng(1).normal(0, 2e4, seconds)
    rows = "\n".join(f"{time},{value:.0f}" for time, value in zip(times, values, strict=True))
    path.write_text(f"t,{name}\n{rows}\n")
    return str(path)


def test_a_leak_fails_and_says_how_fast(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(capsys, "analyze", write(tmp_path / "a.csv", 5000.0))
    assert (code, err) == (1, "")
    assert "FAIL" in out
    assert "Resident memory keeps growing: 17" in out


def test_a_steady_series_passes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(capsys, "analyze", write(tmp_path / "a.csv", 0.0))
    assert (code, err) == (0, "")
    assert "PASS" in out


def test_json_as_specified(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(capsys, "analyze", write(tmp_path / "a.csv", 5000.0), "--json")
    assert (code, err) == (1, "")
    document = json.loads(out)
    assert out.count("\n") == 1
    specified = [
        "format_version",
        "verdict",
        "reason",
        "run",
        "findings",
        "suspects",
        "endpoints",
        "warnings",
        "exemplars",
        "traces",
        "places",
    ]
    assert [key for key in document if key in specified] == specified  # keys are only added
    [finding] = document["findings"]
    assert finding["rule"] == "growth"
    assert finding["series"] == "process_resident_memory_bytes"
    assert finding["slope_low"] < 5000 * 3600 < finding["slope_high"]
    assert finding["unit"] == "bytes/h"


def test_several_files_are_judged_each_by_itself_in_their_order(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    leak, steady = write(tmp_path / "leak.csv", 5000.0), write(tmp_path / "steady.csv", 0.0)
    code, out, _ = run(capsys, "analyze", leak, steady, leak, "--json")
    assert code == 1
    assert [json.loads(line)["verdict"] for line in out.splitlines()] == ["fail", "pass", "fail"]
    code, out, _ = run(capsys, "analyze", leak, steady)
    told, _, table = out.partition("\n\n")
    assert [line.split()[0] for line in told.splitlines()] == ["FAIL", "PASS"]
    assert [line.split()[1] for line in table.splitlines()[:3]] == ["verdict", "FAIL", "PASS"]
    assert table.splitlines()[-1] == "2 files: 1 fail, 1 pass"


def test_many_files_share_the_cores_and_keep_their_order(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leak, steady = write(tmp_path / "leak.csv", 5000.0), write(tmp_path / "steady.csv", 0.0)
    (tmp_path / "bad.csv").write_text("x\n")
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    paths = [leak, steady, steady, str(tmp_path / "bad.csv")] * 4
    code, out, err = run(capsys, "analyze", *paths, "--json")
    assert code == 2
    assert [json.loads(line)["verdict"] for line in out.splitlines()] == [
        "fail",
        "pass",
        "pass",
    ] * 4
    assert err.count("bad.csv") == 4


def test_one_bad_file_does_not_cost_the_others_theirs(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "bad.csv").write_text("x\n")
    code, out, err = run(
        capsys, "analyze", str(tmp_path / "bad.csv"), write(tmp_path / "a.csv", 0.0), "--json"
    )
    assert code == 2
    assert "bad.csv" in err
    assert json.loads(out)["verdict"] == "pass"


def test_an_explicit_growth_limit_is_an_equivalence_test(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv", 1000.0)  # 3.4 MiB/h
    name = "process_resident_memory_bytes"
    assert run(capsys, "analyze", path, "--limit", f"{name}: 1MiB/h")[0] == 1
    assert run(capsys, "analyze", path, "--limit", f"{name}: 20MiB/h")[0] == 0


def test_a_max_limit(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", 0.0)
    assert run(capsys, "analyze", path, "--limit", "process_resident_memory_bytes: 40MB")[0] == 1
    assert run(capsys, "analyze", path, "--limit", "process_resident_memory_bytes: 60MB")[0] == 0
    assert (
        run(capsys, "analyze", path, "--limit", "max.process_resident_memory_bytes: 40MB")[0] == 1
    )


def test_a_limit_may_name_its_section() -> None:
    assert limits_tree(["max.rss_bytes: 1GiB", "growth.fds: 1/h", "max.max.x: 1", "a.b: 2"]) == {
        "max": {"rss_bytes": "1GiB", "max.x": "1", "a.b": "2"},
        "growth": {"fds": "1/h"},
    }


def test_a_limit_on_a_series_that_is_not_there_is_never_a_pass(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv", 0.0)
    code, out, _ = run(capsys, "analyze", path, "--limit", "process_resident_memory: 60MB")
    assert code == 3
    assert "did you mean process_resident_memory_bytes?" in " ".join(out.split())


def test_a_series_nobody_knows_is_judged_when_a_file_is_handed_over(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(capsys, "analyze", write(tmp_path / "a.csv", 5000.0, name="my_cache_bytes"))[0] == 1


@pytest.mark.parametrize(
    "text",
    [
        "t,x_bytes\n0,1\n1,2\n",
        "t,x_bytes\n0,\n1,\n2,\n",
        "t,x_total\n0,1\n1,2\n",
        "t,x_bytes\n0,inf\n1,-inf\n",
    ],
)
def test_too_little_to_judge_is_inconclusive_and_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str
) -> None:
    (tmp_path / "a.csv").write_text(text)
    code, out, err = run(capsys, "analyze", str(tmp_path / "a.csv"))
    assert (code, err) == (3, "")
    assert "INCONCLUSIVE" in out


def test_the_formats_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "analyze", "--formats")
    assert (code, err) == (0, "")
    assert "GODEBUG=gctrace=1" in out
    assert len(out.splitlines()) > 20


@pytest.mark.parametrize("limit", ["widgets: 1/h", "widgets: 60", "widgets_kb: 1KiB/h"])
def test_a_limit_holds_for_a_column_that_soak_does_not_know(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, limit: str
) -> None:
    path = write(tmp_path / "a.csv", 5000.0, name=limit.partition(":")[0])
    code, out, _ = run(capsys, "analyze", path, "--limit", limit, "--json")
    assert code == 1
    assert any(finding["limit"] is not None for finding in json.loads(out)["findings"])


def test_a_limit_judges_a_column_that_is_no_resource(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = write(tmp_path / "a.csv", 5000.0, name="price")
    assert run(capsys, "analyze", path)[0] == 3
    assert run(capsys, "analyze", path, "--limit", "price: 1/h")[0] == 1
    assert run(capsys, "analyze", path, "--only", "price")[0] == 1


def test_reports_are_written_as_a_run_does(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    leak, steady = write(tmp_path / "leak.csv", 5000.0), write(tmp_path / "steady.csv", 0.0)
    assert run(capsys, "analyze", leak, "--out", str(tmp_path / "one"))[0] == 1
    assert {path.name for path in (tmp_path / "one").iterdir()} >= {
        "report.html",
        "junit.xml",
        "analysis.json",
    }
    assert (
        run(capsys, "analyze", leak, steady, "--out", str(tmp_path / "two"), "--format", "junit")[0]
        == 1
    )
    assert (tmp_path / "two" / "leak.csv" / "junit.xml").is_file()
    mine = tmp_path / "mine"
    mine.mkdir()
    names = ("report.html", "junit.xml", "analysis.json", "summary.md", "suspects.sarif")
    for name in names:
        (mine / name).write_text("<testsuites/>")
    assert somebody_elses(mine, names) == list(names)
    assert somebody_elses(tmp_path / "one", names) == []
    code, _, err = run(capsys, "analyze", leak, "--out", str(mine), "--format", "junit")
    assert (code, "its junit.xml was not written by soak" in err) == (2, True)
    assert (mine / "junit.xml").read_text() == "<testsuites/>"
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("{}")
    code, _, err = run(capsys, "analyze", leak, "--out", str(tmp_path / "run"))
    assert (code, "holds a run" in err) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give a FILE"),
        (("a.csv", "--prometheus", "http://h"), "not both"),
        (("a.csv", "--unit", "rss"), "expected COLUMN=UNIT"),
        (("a.csv", "--step", "soon"), "--step"),
        (("a.csv", "--format", "html"), "--out DIR"),
        (("--prometheus", "http://h"), "--query"),
    ],
)
def test_what_cannot_be_asked(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    code, _, err = run(capsys, "analyze", *arguments)
    assert code == 2
    assert said in err


def test_a_pipe_is_read_once(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    text = Path(write(tmp_path / "a.csv", 5000.0)).read_text()
    writing = threading.Thread(target=lambda: (tmp_path / "pipe").write_text(text))
    writing.start()
    code = run(capsys, "analyze", str(tmp_path / "pipe"))[0]
    writing.join()
    assert code == 1


def test_a_pipe_without_end_is_refused(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soak.formats.content.MOST_BYTES", 2**20)
    (tmp_path / "a.csv").write_text("t,a\n" + "1,2\n" * 2**19)
    code, _, err = run(capsys, "analyze", str(tmp_path / "a.csv"))
    assert (code, "which is the most that is read" in err) == (2, True)


def test_files_are_not_judged_together(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("t,a_bytes\n0,1\n1,2\n")
    code, _, err = run(capsys, "analyze", str(file), "--together")
    assert code == 2
    assert "no run directory; files are judged one by one" in err
