"""The house rules of DESIGN.md, enforced."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "soak").rglob("*.py"))

#: What each part may import of soak; a part is a module or package right below soak/. `cli` may import anything.
MAY_IMPORT = {
    "errors": set(),
    "latency": set(),
    "windows": {"latency"},
    "snapshots": set(),
    "model": {"snapshots", "windows"},
    "units": set(),
    "profile": {"errors", "units", "model"},
    "recording": {"errors", "latency", "model", "profile", "snapshots", "windows"},
    "sampling": {"errors", "model", "profile", "recording", "snapshots"},
    "load": {"errors", "latency", "model", "profile", "recording", "snapshots", "units", "windows"},
    "target": {"errors", "profile", "sampling"},
    "probing": {"load"},
    "analysis": {"errors", "model", "profile", "snapshots", "units", "windows"},
    "diagnosis": {"analysis", "errors", "model", "profile", "snapshots", "units", "windows"},
    "reporters": {"errors", "model", "units"},
    "live": {"analysis", "latency", "model", "windows"},
    "runner": {"errors", "load", "model", "profile", "recording", "sampling", "snapshots", "target", "windows"},
    "demo": set(),
    "hook": set(),
    "__main__": {"cli"},
}
IMPURE = {"subprocess", "socket", "threading", "time", "os", "pathlib", "sqlite3", "urllib", "http", "psutil"}


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def part_of(path: Path) -> str:
    return path.relative_to(ROOT / "soak").parts[0].removesuffix(".py")


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_imports_point_one_way(path: Path) -> None:
    part = part_of(path)
    if part in ("cli", "__init__"):
        return
    allowed = MAY_IMPORT[part] | {part, "__version__"}
    for name, line in imports(path):
        if name.startswith("soak."):
            assert name.split(".")[1] in allowed, f"{shown(path)}:{line} imports {name}"


@pytest.mark.parametrize("path", [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))], ids=shown)
def test_only_load_and_locustfiles_import_locust_or_gevent(path: Path) -> None:
    if part_of_load(path):
        return
    for name, line in imports(path):
        assert name.split(".")[0] not in ("locust", "gevent", "geventhttpclient"), (
            f"{shown(path)}:{line} imports {name}"
        )


def part_of_load(path: Path) -> bool:
    return ROOT / "soak" / "load" in path.parents


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if part_of(path) in ("analysis", "diagnosis", "reporters")], ids=shown
)
def test_judging_and_rendering_are_pure(path: Path) -> None:
    for name, line in imports(path):
        assert name.split(".")[0] not in IMPURE, f"{shown(path)}:{line} imports {name}"


@pytest.mark.parametrize(
    "path", [path for path in SOURCES if part_of(path) in ("analysis", "diagnosis", "reporters")], ids=shown
)
def test_judging_and_rendering_never_ask_the_clock(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("now", "utcnow", "today", "monotonic"), f"{shown(path)}:{node.lineno}"


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_only_the_command_line_prints_and_exits(path: Path) -> None:
    if part_of(path) == "cli":
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in ("print", "sys.exit", "exit", "quit"), f"{shown(path)}:{node.lineno} calls {called}"


def test_files_are_short() -> None:
    lengths = {shown(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: length for name, length in lengths.items() if length > 300} == {}
    assert sorted(lengths.values())[len(lengths) // 2] <= 140


def test_no_catch_all_names() -> None:
    forbidden = {"utils", "helpers", "manager", "engine", "common", "core"}
    names = {part.removesuffix(".py") for path in SOURCES for part in path.relative_to(ROOT).parts}
    assert names & forbidden == set()
