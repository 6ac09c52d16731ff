"""`soak compare` and `soak baseline`: what is worse, what cannot be told, exit codes, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from soak.baseline import Baseline, encode
from soak.cli.against import worse_of
from soak.cli.sides import runs_of
from soak.errors import ExitCode
from soak.latency import Histogram, bucket_of
from soak.model import Sample, Scrape
from soak.recording import Recorder
from soak.windows import EndpointWindow, Window
from tests.cli.calling import run

PROFILE = """\
name: shop
target: {url: http://127.0.0.1:8080}
load: {rate: 100/s, duration: 120s}
endpoints: [GET /]
"""


def record(directory: Path, seed: int, memory: float = 50e6, latency: float = 0.01) -> Path:
    """A run of two minutes whose memory and latency scatter by a percent or so, around levels that scatter from run to run."""
    rng = np.random.default_rng(seed)
    memory, latency = (level * (1 + 0.002 * rng.normal()) for level in (memory, latency))
    phases = [{"name": "steady", "start": 0.0, "end": 120.0}]
    recorder = Recorder(
        directory,
        {"name": "shop", "started": f"2026-01-0{seed % 9 + 1}T00:00:00Z", "phases": phases},
        PROFILE,
    )
    for second in range(120):
        sample = Sample("process_resident_memory_bytes", memory * (1 + 0.003 * rng.normal()))
        recorder.add(Scrape("process", float(second), 0.0, 0.0, (sample,)))
        seconds = Histogram({})
        for value in latency * np.exp(0.1 * rng.normal(size=100)):
            seconds.counts[bucket_of(float(value))] = (
                seconds.counts.get(bucket_of(float(value)), 0) + 1
            )
        recorder.add(
            Window(
                second + 1.0,
                1.0,
                3,
                (EndpointWindow("GET /", 100, {}, 100, seconds, Histogram(), seconds),),
                None,
            )
        )
    recorder.close(ended="completed", seconds=120.0)
    return directory


def compared(
    capsys: pytest.CaptureFixture[str], base: list[Path], candidate: list[Path], *more: str
) -> tuple[int, dict[str, str]]:
    """The exit code, and the verdict of each metric of the process or of all endpoints together."""
    code, out, err = run(
        capsys, "compare", *more, *map(str, base), "--", *map(str, candidate), "--json"
    )
    assert "Traceback" not in err
    differences = json.loads(out)["differences"]
    return code, {
        f"{entry['metric']} {entry.get('subject') or ''}".strip(): entry["verdict"]
        for entry in differences
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("compare")


@pytest.fixture(scope="module")
def base(folder: Path) -> list[Path]:
    return [record(folder / f"base-{seed}", seed) for seed in range(3)]


@pytest.fixture(scope="module")
def heavy(folder: Path) -> Path:
    """Three runs with half more memory, as a baseline's file: measured once."""
    recorded = [record(folder / f"heavy-{seed}", seed, memory=75e6) for seed in range(3, 6)]
    return written(folder / "heavy.json", "heavy", recorded)


@pytest.fixture(scope="module")
def light(folder: Path, base: list[Path]) -> Path:
    """The runs of the base likewise."""
    return written(folder / "light.json", "main", base)


def written(path: Path, name: str, recorded: list[Path]) -> Path:
    path.write_text(encode(Baseline(name, "2026-11-28T00:00:00Z", runs_of(recorded))))
    return path


def test_runs_of_one_build_show_nothing_worse(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, light: Path
) -> None:
    same = [record(tmp_path / f"same-{seed}", seed) for seed in range(3, 6)]
    code, verdicts = compared(capsys, [light], same)
    assert code == ExitCode.PASS
    assert verdicts
    assert "worse" not in verdicts.values()


def test_memory_that_is_half_more_is_worse_and_half_less_is_better(
    capsys: pytest.CaptureFixture[str], light: Path, heavy: Path
) -> None:
    code, verdicts = compared(capsys, [light], [heavy])
    assert code == ExitCode.FAIL
    assert verdicts["memory process_resident_memory_bytes"] == "worse"
    code, verdicts = compared(capsys, [heavy], [light])
    assert code == ExitCode.PASS
    assert verdicts["memory process_resident_memory_bytes"] == "better"


def test_a_tolerance_decides_what_is_worse(
    capsys: pytest.CaptureFixture[str], light: Path, heavy: Path
) -> None:
    code, verdicts = compared(
        capsys, [light], [heavy], "--tolerance", "memory: 80%", "--tolerance", "memory_peak: 80%"
    )
    assert code == ExitCode.PASS
    assert verdicts["memory process_resident_memory_bytes"] == "same"


def test_what_is_required_and_cannot_be_told_is_exit_3(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, base: list[Path]
) -> None:
    code, verdicts = compared(capsys, base[:1], [record(tmp_path / "one", 7)], "--require", "cpu")
    assert code == ExitCode.INCONCLUSIVE  # cpu was not measured
    assert "worse" not in verdicts.values()


def test_its_files_can_be_read(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, base: list[Path]
) -> None:
    out = tmp_path / "comparison"
    code, _, err = run(capsys, "compare", str(base[0]), str(base[1]), "--out", str(out))
    assert code == ExitCode.PASS, err
    names = {path.name for path in out.iterdir()}
    assert {"comparison.html", "comparison.json"} <= names, names
    [junit] = out.glob("*.xml")
    assert ET.parse(junit).getroot().findall(".//testcase")
    assert json.loads((out / "comparison.json").read_text())


def test_what_is_no_run_is_exit_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, base: list[Path]
) -> None:
    (tmp_path / "empty").mkdir()
    for wrong in (tmp_path / "empty", tmp_path / "absent"):
        code, _, err = run(capsys, "compare", str(base[0]), str(wrong))
        assert code == ExitCode.USAGE
        assert wrong.name in err


@pytest.fixture
def baseline(tmp_path: Path, light: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "baselines" / "main.json"
    path.parent.mkdir()
    path.write_text(light.read_text())
    return path


def test_a_baseline_is_set_from_runs(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    base: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "baseline", "set", str(base[0]), "--name", "first")[0] == ExitCode.PASS
    tree = json.loads((tmp_path / "baselines" / "first.json").read_text())
    assert (tree["name"], len(tree["runs"]), tree["runs"][0]["suspects"]) == ("first", 1, [])


def test_a_baseline_stands_for_its_runs(
    capsys: pytest.CaptureFixture[str], heavy: Path, baseline: Path
) -> None:
    assert baseline.stat().st_size < 100_000
    code, out, _ = run(capsys, "baseline", "list")
    assert (code, "main" in out) == (ExitCode.PASS, True)
    assert run(capsys, "baseline", "show", "main")[0] == ExitCode.PASS
    code, verdicts = compared(capsys, [baseline], [heavy])
    assert code == ExitCode.FAIL
    assert verdicts["memory process_resident_memory_bytes"] == "worse"


@pytest.mark.parametrize("damage", ["edited", "truncated", "version"])
def test_a_damaged_baseline_is_refused_by_name(
    capsys: pytest.CaptureFixture[str], base: list[Path], baseline: Path, damage: str
) -> None:
    text = baseline.read_text()
    tree = json.loads(text)
    version = next(key for key in tree if "version" in key)
    changed = {
        "edited": text.replace("process_resident_memory_bytes", "process_resident_memory_byte", 1),
        "truncated": text[: len(text) // 2],
        "version": json.dumps({**tree, version: 99}),
    }[damage]
    assert changed != text
    baseline.write_text(changed)
    code, _, err = run(capsys, "compare", str(baseline), str(base[0]))
    assert code == ExitCode.USAGE
    assert "main.json" in err
    assert "Traceback" not in err


def test_one_run_on_both_sides_is_refused(
    capsys: pytest.CaptureFixture[str], base: list[Path]
) -> None:
    code, _, err = run(capsys, "compare", str(base[0]), f"{base[0]}/")
    assert code == ExitCode.USAGE
    assert "both sides" in err


def test_a_half_written_run_is_refused_or_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, light: Path
) -> None:
    half = record(tmp_path / "half", 5)
    whole = json.loads((half / "run.json").read_text())
    (half / "run.json").write_text(json.dumps({**whole, "ended": "running"}))
    code, _, err = run(capsys, "compare", str(light), str(half))
    assert (code, "under way" in err) == (ExitCode.USAGE, True)
    (half / "run.json").write_text(
        json.dumps({key: value for key, value in whole.items() if key != "ended"})
    )
    _, out, _ = run(capsys, "compare", str(light), str(half))
    assert "crashed after 2 min" in " ".join(out.split())
    (half / "run.json").write_text(json.dumps({**whole, "format_version": 9}))
    code, _, err = run(capsys, "compare", str(light), str(half))
    assert code == ExitCode.BROKEN
    assert "format_version 9" in err
    (half / "run.json").write_text(json.dumps(whole))
    data = (half / "recording.sqlite").read_bytes()
    (half / "recording.sqlite").write_bytes(data[: len(data) // 2])
    code, _, err = run(capsys, "compare", str(light), str(half))
    assert code == ExitCode.BROKEN
    assert "half" in err
    assert "Traceback" not in err


def test_a_report_against_a_baseline_ends_with_the_worse_code(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, baseline: Path
) -> None:
    larger = record(tmp_path / "larger", 6, memory=500e6)
    alone = run(capsys, "report", str(larger), "--format", "terminal")[0]
    code, out, _ = run(capsys, "report", str(larger), "--format", "terminal", "--against", "main")
    assert (alone, code) == (ExitCode.PASS, ExitCode.FAIL)
    assert "WORSE" in out
    assert (larger / "comparison.md").is_file()
    code, _, err = run(capsys, "report", str(larger), "--against", "nosuch")
    assert code == ExitCode.USAGE
    assert "there is main" in err
    baseline.write_text(baseline.read_text().replace('"shop"', '"shoq"', 1))
    code, _, err = run(capsys, "report", str(larger), "--against", "main")
    assert code == ExitCode.USAGE
    assert "changed by hand" in err


@pytest.mark.parametrize(
    ("ran", "compared_code", "code"),
    [
        (ExitCode.PASS, ExitCode.PASS, ExitCode.PASS),
        (ExitCode.PASS, ExitCode.FAIL, ExitCode.FAIL),
        (ExitCode.PASS, ExitCode.INCONCLUSIVE, ExitCode.INCONCLUSIVE),
        (ExitCode.INCONCLUSIVE, ExitCode.PASS, ExitCode.INCONCLUSIVE),
        (ExitCode.INCONCLUSIVE, ExitCode.FAIL, ExitCode.FAIL),
        (ExitCode.FAIL, ExitCode.INCONCLUSIVE, ExitCode.FAIL),
        (ExitCode.BROKEN, ExitCode.INCONCLUSIVE, ExitCode.BROKEN),
        (ExitCode.INTERRUPTED, ExitCode.FAIL, ExitCode.INTERRUPTED),
    ],
)
def test_a_runs_code_and_its_comparisons_make_one(
    ran: ExitCode, compared_code: ExitCode, code: ExitCode
) -> None:
    assert worse_of(ran, compared_code) is code
