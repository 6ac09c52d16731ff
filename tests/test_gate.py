"""`soak gate`: the order of its slices, which of them are pairs, and what a profile must say."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.cli import gate_driving
from soak.cli.gate_driving import paired
from soak.compared import MeasuredRun
from soak.errors import ExitCode, UsageError
from soak.gate import SIDES, Gate, Slice, check_gate, order
from soak.profile import parse_profile
from tests.cli.calling import run as call
from tests.comparison.runs import measurement, run

PROFILE = """\
name: shop
target: {url: "http://127.0.0.1:8081"}
load: {rate: 10/s, duration: 30s, warmup: 5s}
endpoints: [GET /]
gate:
  base: {url: "http://127.0.0.1:8081"}
  candidate: {url: "http://127.0.0.1:8082"}
"""


@pytest.mark.parametrize("seed", range(20))
def test_two_pairs_mirror_each_other(seed: int) -> None:
    sides = order(6, seed)
    assert len(sides) == 6
    for first, second in zip(sides[::2], sides[1::2], strict=True):
        assert sorted(first) == sorted(SIDES)
        assert second == first[::-1]
    assert sides == order(6, seed)


def test_the_seed_draws_which_side_begins_and_an_odd_number_of_pairs_is_kept() -> None:
    assert {order(1, seed)[0][0] for seed in range(20)} == set(SIDES)
    assert len(order(5, 1)) == 5


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["gate.candidate.url=http://127.0.0.1:8081"], "the same target"),
        (["gate.slice=5s"], "leaves nothing of a slice"),
    ],
)
def test_what_a_gate_cannot_do_is_refused(overrides: list[str], said: str) -> None:
    profile, _ = parse_profile(PROFILE, "gate.yaml", overrides)
    with pytest.raises(UsageError, match=said):
        check_gate(profile)


def test_a_profile_without_a_gate_says_what_to_write() -> None:
    profile, _ = parse_profile(PROFILE.partition("gate:")[0], "shop.yaml")
    with pytest.raises(UsageError, match=r"gate: \{base"):
        check_gate(profile)


def test_only_whole_pairs_are_compared() -> None:
    slices = [
        Slice("base", 1, Path("a"), False),
        Slice("candidate", 1, Path("b"), False),
        Slice("base", 2, Path("c"), False),
    ]
    assert paired(slices) == ([slices[0]], [slices[1]])
    assert paired(slices[2:]) == ([], [])


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    profile, text = parse_profile(PROFILE, "gate.yaml")
    with pytest.raises(UsageError, match="not empty"):
        Gate(profile, text, tmp_path).run()
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_slice_that_broke_costs_its_pair_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def measure(directory: Path) -> MeasuredRun:
        if directory == Path("base-02"):
            raise UsageError("base-02: the load generator was saturated; leave it out")
        return run(source=str(directory))

    monkeypatch.setattr(gate_driving, "measured", measure)
    base, candidate = (
        [Slice(side, pair, Path(f"{side}-{pair:02d}"), False) for pair in (1, 2, 3)]
        for side in SIDES
    )
    sides, runs, broken = gate_driving.measured_pairs(base, candidate)
    assert [[slice_.pair for slice_ in side] for side in sides] == [[1, 3], [1, 3]]
    assert [run.source for run in runs[1]] == ["candidate-01", "candidate-03"]
    assert broken == ["base-02: the load generator was saturated"]


@pytest.mark.parametrize(("driven", "code"), [(3, ExitCode.PASS), (2, ExitCode.INTERRUPTED)])
def test_a_gate_that_was_stopped_compares_its_pairs_and_says_so_by_its_exit_code(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    driven: int,
    code: ExitCode,
) -> None:
    slices = [
        Slice(side, pair, tmp_path / f"{side}-{pair}", False)
        for pair in range(driven)
        for side in SIDES
    ]
    monkeypatch.setattr(Gate, "run", lambda _: [*slices, Slice("base", 9, tmp_path / "z", False)])
    monkeypatch.setattr(gate_driving, "measured", lambda directory: run(measurement(0.0, "errors")))
    monkeypatch.setattr(gate_driving, "growth_over", lambda *_: ())
    (tmp_path / "gate.yaml").write_text(PROFILE.replace("gate:\n", "gate:\n  pairs: 3\n"))
    profile = str(tmp_path / "gate.yaml")
    exit_code, out, _ = call(capsys, "gate", profile, "--out", str(tmp_path / "out"))
    assert exit_code == code
    assert ("stopped after 2 of 3 pairs" in out) is (code is ExitCode.INTERRUPTED)
    assert (tmp_path / "out" / "comparison.html").is_file()


def test_a_gate_that_was_stopped_before_its_first_pair_is_exit_130(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Gate, "run", lambda _: [])
    (tmp_path / "gate.yaml").write_text(PROFILE)
    code, _, err = call(capsys, "gate", str(tmp_path / "gate.yaml"), "--out", str(tmp_path / "o"))
    assert code == ExitCode.INTERRUPTED
    assert "nothing is compared" in err
