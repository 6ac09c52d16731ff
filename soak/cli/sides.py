"""Read the sides of a comparison: run directories, folders of them, baselines, analysis files."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from soak.baseline import Baseline, capacity_in, decode, from_tree, is_baseline
from soak.compared import MeasuredRun
from soak.comparison.analysis_file import from_analysis
from soak.errors import InputError, UsageError
from soak.pipeline import measured
from soak.recording import is_run_directory

#: Folder of the baselines, relative to the working directory.
BASELINES = Path("baselines")


def runs_of(paths: Iterable[Path]) -> tuple[MeasuredRun, ...]:
    """Measure every run that these paths stand for; raise UsageError if a path has none, or a run is named twice."""
    runs = [run for path in paths for run in _runs(path)]
    seen: set[str] = set()
    for run in runs:
        if run.source in seen and not run.source.startswith("baseline "):
            raise UsageError(f"{run.source}: is given twice on one side")
        seen.add(run.source)
    return tuple(runs)


def refuse_shared(base: Iterable[MeasuredRun], candidate: Iterable[MeasuredRun]) -> None:
    """Raise UsageError if a run directory is on both sides: it would be compared with itself."""
    others = {Path(run.source).resolve() for run in candidate}
    for run in base:
        if Path(run.source).exists() and Path(run.source).resolve() in others:
            raise UsageError(
                f"{run.source}: is on both sides; a run cannot be compared with itself"
            )


def _runs(path: Path) -> Iterator[MeasuredRun]:
    if is_run_directory(path):
        yield measured(path)
    elif path.is_dir():
        runs = run_directories(path)
        if not runs:
            raise UsageError(
                f"{path}: neither a run directory nor a folder of runs (a run directory has a run.json)"
            )
        yield from map(measured, runs)
    elif not path.is_file() and is_name(path) and baseline_path(path.name).is_file():
        yield from read_baseline(baseline_path(path.name)).runs
    else:
        text = read_text(path)
        try:
            tree = json.loads(text)
        except (ValueError, RecursionError):
            raise InputError(f"{path}: neither valid JSON nor a run directory") from None
        yield from (
            from_tree(tree, str(path)).runs
            if is_baseline(tree)
            else (from_analysis(text, str(path)),)
        )


def run_directories(folder: Path) -> list[Path]:
    """Return the run directories directly below a folder, by name."""
    return [path for path in sorted(folder.iterdir()) if is_run_directory(path)]


def is_name(path: Path) -> bool:
    """Return True if a path may be a baseline's name."""
    return path.name == str(path) and path.suffix != ".json"


def baseline_path(name: str) -> Path:
    """Return the file of the baseline with this name."""
    return BASELINES / f"{name}.json"


def read_baseline(path: Path) -> Baseline:
    """Read a baseline by its file or by its name."""
    if not path.is_file() and is_name(path):
        named = baseline_path(path.name)
        if not named.is_file():
            known = ", ".join(file.stem for file in sorted(BASELINES.glob("*.json")))
            raise UsageError(
                f"no baseline {path} ({named} does not exist{f'; there is {known}' if known else ''})"
            )
        path = named
    return decode(read_text(path), str(path))


def capacity_of(baseline: Baseline | None) -> float | None:
    """Return the capacity for rates such as `70% of capacity`; None without a baseline that has one."""
    return capacity_in(baseline) if baseline is not None else None


def read_text(path: Path) -> str:
    """Read a file's text; raise InputError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not a text file in UTF-8") from None


def name_of(paths: Sequence[Path], usual: str) -> str:
    """Return a side's name: the last part of its only path, else `usual`."""
    return (
        paths[0].stem
        if len(paths) == 1 and paths[0].suffix == ".json"
        else paths[0].name
        if len(paths) == 1
        else usual
    )
