"""The house rules of DESIGN.md, enforced."""

import ast
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "soak").rglob("*.py"))

#: What each part may import of soak; a part is a module or package right below soak/. `cli` may import anything.
MAY_IMPORT = {
    "enums": set(),
    "errors": set(),
    "generator_limits": set(),
    "latency": set(),
    "lazy": set(),
    "windows": {"latency"},
    "snapshots": set(),
    "traces": set(),
    "growth_views": set(),
    "recorded": {"capacity", "enums", "snapshots", "traces", "windows"},
    "charted": {"enums", "recorded"},
    "model": {"capacity", "charted", "enums", "growth_views", "recorded", "traces", "windows"},
    "compared": {"model", "units"},
    "printable": set(),
    "private_files": set(),
    "backtracking": set(),
    "selectors": {"backtracking"},
    "steady_memory": set(),
    "units": set(),
    "varint": set(),
    "capacity": {"generator_limits", "latency", "units"},
    "profile": {"backtracking", "capacity", "errors", "lazy", "model", "selectors", "units"},
    "abort": {"latency", "model", "profile", "units", "windows"},
    "formats": {"catalog", "enums", "errors", "model", "recorded"},
    "recording": {
        "capacity",
        "errors",
        "private_files",
        "latency",
        "lazy",
        "model",
        "profile",
        "snapshots",
        "traces",
        "windows",
    },
    "sampling": {
        "catalog",
        "errors",
        "model",
        "printable",
        "profile",
        "recording",
        "selectors",
        "snapshots",
        "traces",
        "varint",
    },
    "load": {
        "backtracking",
        "capacity",
        "errors",
        "private_files",
        "latency",
        "model",
        "profile",
        "recording",
        "snapshots",
        "units",
        "windows",
    },
    "target": {"errors", "printable", "private_files", "profile", "sampling"},
    "probing": {"load"},
    "gate": {"errors", "model", "profile", "runner", "target"},
    "analysis": {
        "capacity",
        "catalog",
        "errors",
        "generator_limits",
        "latency",
        "lazy",
        "model",
        "profile",
        "snapshots",
        "units",
        "windows",
    },
    "diagnosis": {
        "analysis",
        "catalog",
        "errors",
        "growth_views",
        "model",
        "profile",
        "snapshots",
        "traces",
        "units",
        "varint",
        "windows",
    },
    "baseline": {"compared", "errors", "model", "profile"},
    "comparison": {
        "analysis",
        "capacity",
        "catalog",
        "compared",
        "errors",
        "latency",
        "model",
        "profile",
        "units",
        "windows",
    },
    "reporters": {
        "capacity",
        "compared",
        "errors",
        "growth_views",
        "model",
        "printable",
        "traces",
        "units",
    },
    "live": {
        "analysis",
        "catalog",
        "errors",
        "generator_limits",
        "latency",
        "model",
        "pipeline",
        "profile",
        "reporters",
        "units",
        "windows",
    },
    "exported": {"analysis", "errors", "model", "printable"},
    "alert_rules": {"analysis", "catalog", "profile", "selectors", "units"},
    "catalog": {"model", "selectors", "units"},
    "pipeline": {
        "analysis",
        "compared",
        "comparison",
        "diagnosis",
        "errors",
        "load",
        "model",
        "profile",
        "recording",
    },
    "resume": {"errors", "load", "model", "recording", "units"},
    "runner": {
        "abort",
        "errors",
        "load",
        "model",
        "profile",
        "recording",
        "resume",
        "sampling",
        "snapshots",
        "target",
        "target_watch",
        "windows",
    },
    "demo": set(),
    "starters": set(),
    "notify": {"model", "printable", "profile", "units"},
    "history": {
        "analysis",
        "catalog",
        "errors",
        "model",
        "printable",
        "profile",
        "recording",
        "units",
    },
    "dashboards": set(),
    "hook": set(),
    "target_guard": set(),
    "target_watch": {"load", "model", "target", "units", "windows"},
    "__main__": {"cli"},
}
#: The layers inside a package, top to bottom: a file imports from its own layer and from those below.
LAYERS = {
    "load": [
        "child",
        "cluster",
        "driver",
        "locustfile",
        "workload",
        "scenario",
        "measure",
        "http",
        "lifeline",
        "plan",
    ],
    "analysis": ["capacity_search", "verdict", "rules", "prepare", "statistics", "thresholds"],
    "diagnosis": ["suspects", "attribution", "profiles"],
}
IMPURE = {
    "subprocess",
    "socket",
    "threading",
    "time",
    "os",
    "pathlib",
    "sqlite3",
    "urllib",
    "http",
    "psutil",
}


@cache
def tree(path: Path) -> ast.Module:
    """A file's syntax; each is parsed once for all the rules."""
    return ast.parse(path.read_text())


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(path)))


@cache
def imports(path: Path) -> tuple[tuple[str, int], ...]:
    """What a file imports, wherever in it, and in which lines."""
    return tuple(_imports(nodes(path)))


def _imports(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, int]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


@cache
def modules() -> dict[str, Path]:
    return {module_of(path): path for path in SOURCES}


@cache
def imported() -> dict[str, set[str]]:
    """Each module of soak and the modules of soak that it imports, wherever in the file the import stands."""
    return {
        module: {
            target
            for name, _ in imports(path)
            if (target := name if name in modules() else name.rpartition(".")[0]) in modules()
            and target != module
        }
        for module, path in modules().items()
    }


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """The groups of modules that reach each other by imports."""

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        rest = list(graph[start])
        while rest:
            module = rest.pop()
            if module not in seen:
                seen.add(module)
                rest += graph.get(module, ())
        return seen

    reach = {module: reached(module) for module in graph}
    groups = ({other for other in reach[module] if module in reach[other]} for module in graph)
    return [group for group in groups if group]


def test_no_files_import_each_other_in_a_circle() -> None:
    assert circles(imported()) == []


def test_a_circle_of_imports_is_found() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [{"a", "b", "c"}] * 3


@pytest.mark.parametrize("package", LAYERS)
def test_layers_inside_a_package_import_downwards(package: str) -> None:
    layers = LAYERS[package]
    for module, targets in imported().items():
        here = module.split(".")
        if here[1:2] != [package] or len(here) < 3 or here[2] not in layers:
            continue
        for target in targets:
            there = target.split(".")
            if there[1:2] == [package] and len(there) > 2 and there[2] in layers:
                assert layers.index(there[2]) >= layers.index(here[2]), f"{module} imports {target}"


#: What the supervisor's side of the load may use of it besides the plan: what validates a profile, and imports no gevent.
SUPERVISOR_MAY_IMPORT = {
    "plan",
    "supervisor",
    "scenario.expectations",
    "scenario.conditions",
    "scenario.filters",
    "scenario.json_schema",
    "scenario.templates",
    "scenario.jsonpath",
    "scenario.feeder",
    "scenario.auth",
}


def test_the_supervisor_imports_the_plan_and_what_validates_it() -> None:
    for module, targets in imported().items():
        if not module.startswith("soak.load.supervisor."):
            continue
        for target in targets:
            within = target.removeprefix("soak.load.")
            if within != target:
                assert (
                    within in SUPERVISOR_MAY_IMPORT
                    or within.partition(".")[0] in SUPERVISOR_MAY_IMPORT
                ), f"{module} imports {target}"


def test_nothing_that_the_supervisor_reaches_imports_locust_or_gevent() -> None:
    reached, rest = (
        set[str](),
        [module for module in modules() if module.startswith("soak.load.supervisor")],
    )
    while rest:
        module = rest.pop()
        if module not in reached:
            reached.add(module)
            rest += imported()[module]
    for module in reached:
        for name, line in imports(modules()[module]):
            assert name.split(".")[0] not in ("locust", "gevent"), (
                f"{shown(modules()[module])}:{line} imports {name}"
            )


def part_of(path: Path) -> str:
    return path.relative_to(ROOT / "soak").parts[0].removesuffix(".py")


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_point_one_way() -> None:
    wrong = [
        f"{shown(path)}:{line} imports {name}"
        for path in SOURCES
        if (part := part_of(path)) not in ("cli", "__init__")
        for name, line in imports(path)
        if name.startswith("soak.")
        and name.split(".")[1] not in MAY_IMPORT[part] | {part, "__version__"}
    ]
    assert wrong == []


#: What replaces the threads and sockets of the process that imports it.
PATCHING = ("locust", "gevent", "geventhttpclient")


def test_only_load_and_locustfiles_import_locust_or_gevent() -> None:
    wrong = [
        f"{shown(path)}:{line} imports {name}"
        for path in [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))]
        if not part_of_load(path) and any(name in path.read_text() for name in PATCHING)
        for name, line in imports(path)
        if name.split(".")[0] in PATCHING
    ]
    assert wrong == []


def part_of_load(path: Path) -> bool:
    return ROOT / "soak" / "load" in path.parents


PURE = [
    path
    for path in SOURCES
    if part_of(path) in ("analysis", "comparison", "diagnosis", "reporters")
]


def test_judging_and_rendering_are_pure() -> None:
    wrong = [
        f"{shown(path)}:{line} imports {name}"
        for path in PURE
        for name, line in imports(path)
        if name.split(".")[0] in IMPURE
        and not name.startswith("urllib.parse")  # functions of text alone
    ]
    assert wrong == []


def test_judging_and_rendering_never_ask_the_clock() -> None:
    wrong = [
        f"{shown(path)}:{node.lineno}"
        for path in PURE
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today", "monotonic")
    ]
    assert wrong == []


def test_only_the_command_line_prints_and_exits() -> None:
    wrong = [
        f"{shown(path)}:{node.lineno} calls {called}"
        for path in SOURCES
        if part_of(path) != "cli"
        for node in nodes(path)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name | ast.Attribute)
        and (called := ast.unparse(node.func)) in ("print", "sys.exit", "exit", "quit")
    ]
    assert wrong == []


def test_all_that_verbs_print_goes_through_one_place() -> None:
    """Where control characters are made visible."""
    wrong = [
        f"{shown(path)}:{node.lineno}"
        for path in SOURCES
        if path.name != "printing.py"
        for node in nodes(path)
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("click.echo", "click.secho")
    ]
    assert wrong == []


def test_own_processes_import_nothing_from_the_working_directory() -> None:
    """A user's project may have a `queue.py` or a package `locust`: Python's -P keeps them off the path."""
    wrong = [
        f"{shown(path)}:{node.lineno}"
        for path in SOURCES
        if "sys.executable" in path.read_text()
        for node in nodes(path)
        if isinstance(node, ast.List)
        and "sys.executable" in (words := [ast.unparse(word) for word in node.elts])
        and "'-m'" in words
        and "'-P'" not in words
    ]
    assert wrong == []


def test_files_are_short() -> None:
    lengths = {shown(path): len(path.read_text().splitlines()) for path in SOURCES}
    assert {name: length for name, length in lengths.items() if length > 350} == {}
    assert sorted(lengths.values())[len(lengths) // 2] <= 140


def test_no_catch_all_names() -> None:
    forbidden = {"utils", "helpers", "manager", "engine", "common", "core"}
    names = {part.removesuffix(".py") for path in SOURCES for part in path.relative_to(ROOT).parts}
    assert names & forbidden == set()


@pytest.mark.parametrize("document", ["CONTRIBUTING.md", "docs/design.md"])
def test_maps_name_every_package(document: str) -> None:
    text = (ROOT / document).read_text()
    packages = {path.parent.name for path in SOURCES if path.name == "__init__.py"}
    assert {name for name in packages - {"soak"} if f"{name}/" not in text} == set()


def test_no_class_name_has_two_meanings() -> None:
    homes: dict[str, list[str]] = {}
    for path in SOURCES:
        for node in tree(path).body:
            if isinstance(node, ast.ClassDef):
                homes.setdefault(node.name, []).append(shown(path))
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def test_no_test_imports_locust_which_replaces_the_threads_of_whoever_does() -> None:
    assert "locust" not in sys.modules
