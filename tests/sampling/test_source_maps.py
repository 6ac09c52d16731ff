"""Source maps: a call of compiled code is told where it is in its source, or as it is."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from soak.sampling.profilers import source_maps
from soak.sampling.profilers.source_maps import SourceMaps, _numbers

#: Line 0 is line 0 of the first source; line 2 is its line 2 and, from column 4 on, line 1 of the second.
MAPPINGS = "AAAA;;AAEA,ICDA,K"


def written(folder: Path, link: str = "main.js.map", **changes: Any) -> str:
    """A compiled file with a map beside it, whose sources are in another folder; its address."""
    (folder / "dist").mkdir(exist_ok=True)
    script = folder / "dist" / "main.js"
    script.write_text(f"one\ntwo\nthree\n//# sourceMappingURL={link}\n")
    document = {"version": 3, "sources": ["../src/a.ts", "../src/b.ts"], "mappings": MAPPINGS}
    (folder / "dist" / "main.js.map").write_text(json.dumps(document | changes))
    return f"file://{script}"


def place(url: str, line: int, column: int) -> tuple[str, int]:
    call = {"functionName": "f", "url": url, "lineNumber": line, "columnNumber": column}
    told = SourceMaps().mapped(call)
    assert told["functionName"] == "f"
    return told["url"], told["lineNumber"]


@pytest.mark.parametrize(
    ("line", "column", "source", "original"),
    [
        (0, 0, "a.ts", 0),
        (0, 90, "a.ts", 0),
        (2, 0, "a.ts", 2),
        (2, 3, "a.ts", 2),
        (2, 4, "b.ts", 1),
        (2, 99, "b.ts", 1),
    ],
)
def test_a_call_is_told_at_its_place_in_the_source(
    tmp_path: Path, line: int, column: int, source: str, original: int
) -> None:
    url = written(tmp_path)
    assert place(url, line, column) == (f"file://{tmp_path}/src/{source}", original)
    # The files of CommonJS modules are named by their path.
    path = url.removeprefix("file://")
    assert place(path, line, column) == (f"{tmp_path}/src/{source}", original)


def test_a_line_that_no_source_has_stays_as_it_is(tmp_path: Path) -> None:
    url = written(tmp_path)
    for line in (1, 3, -1):
        assert place(url, line, 0) == (url, line)


@pytest.mark.parametrize(
    ("changes", "source"),
    [
        ({"sourceRoot": "../other/"}, "{folder}/src/a.ts"),
        ({"sources": ["webpack://shop/./src/a.ts", ""]}, "{folder}/dist/src/a.ts"),
        ({"sources": ["../node_modules/knex/a.js", ""]}, "{folder}/node_modules/knex/a.js"),
    ],
)
def test_sources_are_named_from_the_map_on(
    tmp_path: Path, changes: dict[str, Any], source: str
) -> None:
    told, _ = place(written(tmp_path, **changes), 0, 0)
    assert told == f"file://{source.format(folder=tmp_path)}"


def test_a_map_may_be_within_the_file(tmp_path: Path) -> None:
    document = {"version": 3, "sources": ["a.ts"], "mappings": MAPPINGS}
    inline = base64.b64encode(json.dumps(document).encode()).decode()
    url = written(tmp_path, f"data:application/json;charset=utf-8;base64,{inline}")
    assert place(url, 2, 0) == (f"file://{tmp_path}/dist/a.ts", 2)


@pytest.mark.parametrize(
    ("link", "changes"),
    [
        ("none.js.map", {}),
        ("data:application/json;base64,bm90IGpzb24=", {}),
        ("main.js.map", {"mappings": "AAA?"}),
        ("main.js.map", {"mappings": 5}),
        ("main.js.map", {"sources": 7}),
        ("main.js.map", {"sources": []}),
        ("../dist", {}),
    ],
)
def test_what_is_no_map_changes_nothing(tmp_path: Path, link: str, changes: dict[str, Any]) -> None:
    url = written(tmp_path, link, **changes)
    assert place(url, 0, 0) == (url, 0)


def test_what_is_no_file_of_this_machine_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in ("node:events", "", "http://127.0.0.1/main.js", f"file://{tmp_path}/none.js"):
        assert place(url, 3, 7) == (url, 3)
    assert SourceMaps().mapped({"url": "file:///a.js"}) == {"url": "file:///a.js"}
    url = written(tmp_path)
    monkeypatch.setattr(source_maps, "_MOST", 10)
    assert place(url, 0, 0) == (url, 0)


def test_a_map_is_read_once_and_a_tree_is_told_throughout(tmp_path: Path) -> None:
    url = written(tmp_path)
    maps = SourceMaps()

    def call(line: int) -> dict[str, Any]:
        return {"callFrame": {"url": url, "lineNumber": line, "columnNumber": 0}}

    head = call(0) | {"children": [call(2) | {"children": [call(0)]}]}
    maps.map_tree(head)
    (tmp_path / "dist" / "main.js.map").unlink()
    again = call(2)
    maps.map_tree(again)
    inner = head["children"][0]
    assert head["callFrame"]["url"] == inner["children"][0]["callFrame"]["url"]
    assert inner["callFrame"] == again["callFrame"]
    assert (again["callFrame"]["url"], again["callFrame"]["lineNumber"]) == (
        f"file://{tmp_path}/src/a.ts",
        2,
    )


@pytest.mark.parametrize(
    ("part", "numbers"),
    [
        ("A", [0]),
        ("C", [1]),
        ("D", [-1]),
        ("f", [-15]),
        ("gB", [16]),
        ("w+B", [1000]),
        ("ID", [4, -1]),
    ],
)
def test_numbers_are_written_in_base_64_with_five_bits_each(part: str, numbers: list[int]) -> None:
    assert _numbers(part) == numbers
