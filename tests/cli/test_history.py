"""`soak history`: its exit codes, its files, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from soak.history.changes import otava_is_there
from tests.cli.calling import run
from tests.history.folders import LEVEL, night, nights, write

needs_otava = pytest.mark.skipif(
    not otava_is_there() and not os.environ.get("CI"), reason="no Apache Otava"
)


@needs_otava
def test_a_regression_is_exit_1_where_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    nights(tmp_path, 24, lambda number: LEVEL * (1.3 if number >= 18 else 1.0))
    code, out, _ = run(capsys, "history", str(tmp_path))
    assert code == 0
    assert "✗ resident memory rose by 3" in out
    assert "on 2026-01-19" in out
    assert run(capsys, "history", str(tmp_path), "--fail-on", "regression")[0] == 1


def test_a_newest_run_that_failed_is_exit_1_where_it_is_asked_for(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    nights(tmp_path, 2)
    assert run(capsys, "history", str(tmp_path), "--fail-on", "fail")[0] == 0
    write(tmp_path, "z", night(9, LEVEL, verdict="fail"))
    assert run(capsys, "history", str(tmp_path), "--fail-on", "fail")[0] == 1


def test_it_writes_its_files_and_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    nights(tmp_path, 2)
    page, table = tmp_path / "h.html", tmp_path / "h.csv"
    code, out, _ = run(
        capsys, "history", str(tmp_path), "--json", "--html", str(page), "--csv", str(table)
    )
    assert code == 0
    assert json.loads(out)["profiles"][0]["name"] == "nightly"
    assert "nightly-000/report.html" in page.read_text()
    assert table.read_text().startswith("time,commit,run,level:")


def test_what_was_left_out_is_said(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    nights(tmp_path, 1)
    write(tmp_path, "half", None)
    code, _, err = run(capsys, "history", str(tmp_path))
    assert code == 0
    assert f"soak: {tmp_path}/half: left out: it has no analysis.json; soak report" in err


def test_bad_input(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, _, err = run(capsys, "history", str(tmp_path / "empty"))
    assert (code, "holds no run that can be read" in err) == (2, True)
    nights(tmp_path, 1)
    code, _, err = run(capsys, "history", str(tmp_path), "--profile", "nigtly")
    assert (code, "did you mean nightly?" in err) == (2, True)
    other = night(3, LEVEL)
    write(tmp_path, "gate", other | {"run": other["run"] | {"name": "gate"}})
    code, _, err = run(capsys, "history", str(tmp_path), "--csv", str(tmp_path / "x.csv"))
    assert (code, "choose with --profile (gate, nightly)" in err) == (2, True)
    code, _, err = run(capsys, "history", str(tmp_path), "--html", "/dev/null/x.html")
    assert (code, "cannot be written" in err) == (2, True)


def test_a_folder_that_is_indexed_needs_neither_profiles_nor_rules(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    nights(tmp_path, 9)
    run(capsys, "history", str(tmp_path))
    program = (
        "import sys; from click.testing import CliRunner; from soak.cli.history import command; "
        f"code = CliRunner().invoke(command, [{str(tmp_path)!r}]).exit_code; "
        "print(code, *(sys.modules.keys() & {'pydantic', 'scipy.stats', 'soak.analysis.rules'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["0"]
