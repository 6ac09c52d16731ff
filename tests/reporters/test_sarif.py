"""suspects.sarif and the annotations of GitHub Actions: a leak on its line."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from soak.growth_views import Place
from soak.reporters import github, sarif

from .analyses import ANALYSES, failing, hostile, passing
from .sarif_schema import breaches


def test_a_suspect_with_a_line_is_a_result_on_it() -> None:
    document = json.loads(sarif.render(failing()))
    [run] = document["runs"]
    assert document["version"] == "2.1.0"
    [result] = run["results"]
    assert (
        result["ruleId"]
        == run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"]
        == "goroutine-leak"
    )
    assert result["level"] == "error"
    assert "GET /user" in result["message"]["text"]
    [location] = result["locations"]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "main.go"},
        "region": {"startLine": 72},
    }


@pytest.mark.parametrize(
    ("path", "shown"),
    [("", "main.go"), ("/build/cmd/main.go", "main.go"), ("C:/main.go", "main.go"), ("cmd/main.go", "cmd/main.go")],
)  # fmt: skip
def test_a_file_is_told_relative_to_the_repository_and_never_by_a_machine_s_path(
    path: str, shown: str
) -> None:
    analysis = failing()
    suspect = analysis.suspects[0]
    moved = replace(suspect, place=replace(suspect.place, path=path))
    analysis = replace(analysis, suspects=(moved,))
    [result] = json.loads(sarif.render(analysis))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": shown}
    assert f"file={shown}," in github.render(analysis)


@pytest.mark.parametrize("which", ANALYSES)
def test_every_document_keeps_to_the_published_schema(which: str) -> None:
    assert breaches(json.loads(sarif.render(ANALYSES[which]()))) == []


def test_a_suspect_of_any_names_keeps_to_the_published_schema() -> None:
    analysis = failing()
    place = Place(function="m (x)\x1b", file="a b/<x> ü%.go", line=1)
    named = replace(analysis, suspects=(replace(analysis.suspects[0], place=place),) * 2)
    document = json.loads(sarif.render(named))
    assert breaches(document) == []
    [run] = document["runs"]
    first, second = run["results"]
    assert first == second
    first["locations"][0]["physicalLocation"]["region"]["startLine"] = 0
    second["lines"] = []
    del run["tool"]["driver"]["name"]
    assert len(breaches(document)) == 3


def test_a_suspect_without_a_line_is_no_result() -> None:
    analysis = failing()
    unplaced = replace(
        analysis, suspects=(replace(analysis.suspects[0], place=Place(unknown="no snapshot")),)
    )
    [run] = json.loads(sarif.render(unplaced))["runs"]
    assert run["results"] == []
    assert run["tool"]["driver"]["rules"] == []


def test_annotations_stand_on_the_suspects_line() -> None:
    lines = github.render(failing()).splitlines()
    assert lines[0].startswith("::error title=soak%3A orders-nightly%3A fail::")
    assert any(
        line.startswith("::error title=goroutine-leak,file=main.go,line=72::") for line in lines
    )
    assert github.render(passing()).startswith("::notice ")


def test_hostile_names_make_no_command_of_their_own() -> None:
    for line in github.render(hostile()).splitlines():
        assert line.startswith("::")
        assert "\x1b" not in line
        properties = line[2:].partition("::")[0]
        assert "::" not in properties
