"""suspects.sarif and the annotations of GitHub Actions: a leak on its line."""

from __future__ import annotations

import json
from dataclasses import replace

from soak.growth_views import Place
from soak.reporters import github, sarif

from .analyses import failing, hostile, passing


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
