"""From one capacity search to a soak at a share of it: `soak report`, `soak baseline`, `rate: 70% of capacity`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from soak.recording import Recorder
from tests.capacity.recorded import record
from tests.capacity.simulated import QueueTarget, settings, window_of
from tests.cli.calling import run

SEARCH = """\
name: shop-capacity
target: {url: http://127.0.0.1:8080}
load: {find: {limits: {p99: 250ms, errors: 1%}, from: 50/s, to: 800/s, step: 5s, confirm: 8s, within: 10%}}
endpoints: [GET /]
"""
SOAK = """\
name: shop
target: {url: http://127.0.0.1:8080}
load: {rate: 70% of capacity, duration: 1h}
endpoints: [GET /]
"""
ASKED = settings(lowest=50.0, highest=800.0, step=5.0, confirm=8.0, within=0.1)


def searched(directory: Path, capacity: float, seed: int = 1, most: int = 1000) -> Path:
    """The run directory of a search against a queue of that capacity."""
    search = record(QueueTarget(capacity, seed), ASKED, most)
    end = search.rows[-1][0]
    phases = [{"name": "steady", "start": 0.0, "end": end}]
    recorder = Recorder(
        directory,
        {"name": "shop-capacity", "started": "2026-01-01T00:00:00Z", "phases": phases},
        SEARCH,
    )
    for time, counts in search.rows:
        recorder.add(window_of(counts, time))
    recorder.update(steps=[step.to_json() for step in search.steps])
    recorder.close(ended="completed", seconds=end)
    return directory


def test_a_soak_takes_its_rate_from_the_baseline_of_one_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    searched(tmp_path / "search", 300.0)
    code, out, _ = run(capsys, "report", "search", "--json", "--format", "json")
    assert code == 0
    capacity = json.loads(out)["capacity"]["rate"]
    assert 0.85 * 281.6 <= capacity <= 281.6 * 1.1
    assert run(capsys, "baseline", "set", "search", "--name", "cap")[0] == 0
    code, out, _ = run(capsys, "baseline", "show", "cap")
    assert code == 0
    assert "capacity" in out
    (tmp_path / "soak.yaml").write_text(SOAK)
    code, out, err = run(capsys, "check", "soak.yaml", "--against", "cap")
    assert (code, err) == (0, "")
    rate = float(out.partition("valid; ")[2].split()[0])
    assert rate == pytest.approx(0.7 * capacity, rel=0.01)
    # Without a baseline nobody knows which rate that is.
    code, _, err = run(capsys, "check", "soak.yaml")
    assert code == 2
    assert "soak.yaml:3: '70% of capacity': which capacity is not known; give --against NAME" in err


def test_the_least_of_several_searches_is_the_capacity(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for number, capacity in enumerate((200.0, 400.0)):
        searched(tmp_path / f"search-{number}", capacity)
    assert run(capsys, "baseline", "set", "search-0", "search-1")[0] == 0
    (tmp_path / "soak.yaml").write_text(SOAK)
    code, out, _ = run(capsys, "check", "soak.yaml", "--against", "shop-capacity")
    assert code == 0
    assert float(out.partition("valid; ")[2].split()[0]) <= 140


def test_a_search_that_found_nothing_or_a_baseline_without_a_search_gives_no_rate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    searched(tmp_path / "below", 30.0)
    code, out, _ = run(capsys, "report", "below", "--format", "terminal")
    assert code == 1
    assert "below 50 requests/s" in " ".join(out.split())
    code, _, err = run(capsys, "baseline", "set", "below")
    assert code == 2
    assert "found no capacity" in err
    searched(tmp_path / "cut", 300.0, most=2)
    assert run(capsys, "report", "cut", "--format", "terminal")[0] == 3
    code, _, err = run(capsys, "baseline", "set", "cut")
    assert code == 2
    assert "Traceback" not in err
