"""Compile a profile's expectations and captures into the form that the load process reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from soak.errors import ProfileError
from soak.load.plan.expectations import PlannedExpectations, PlannedExtractor, PlannedMatch
from soak.load.scenario.expectations import in_words
from soak.load.scenario.templates import is_template, json_source, literal
from soak.profile.checking import beside
from soak.profile.matches import Match
from soak.profile.requests import Capture, Expect
from soak.profile.yamltext import Document
from soak.profile.yamltext import Path as Place


def planned_expectations(expect: Expect, place: Place, document: Document) -> PlannedExpectations:
    """Compile one request's expectations, ready to check or to render; `place` is the request's place in the profile."""
    here = (*place, "expect")
    statuses = expect.status or []
    templates = any(isinstance(status, str) for status in statuses)
    return PlannedExpectations(
        () if templates else tuple(int(status) for status in statuses),
        json_source(literal(statuses, here, document, key="status")) if templates else "",
        expect.within,
        _match("", expect.body, (*here, "body"), document) if expect.body else None,
        tuple(
            _match(name, match, (*here, "headers", name), document)
            for name, match in expect.headers.items()
        ),
        tuple(
            _match(path, match, (*here, "json", path), document)
            for path, match in expect.json_.items()
        ),
        schema_text(expect, document),
    )


def schema_text(expect: Expect, document: Document) -> str:
    """Return the JSON Schema of an expectation as JSON text, if need be from its file; empty if there is none."""
    if expect.schema_ is None:
        return ""
    if not isinstance(expect.schema_, str):
        return json.dumps(expect.schema_)
    return Path(beside(document.file, expect.schema_)).read_text(encoding="utf-8")


def _match(where: str, match: Match, place: Place, document: Document) -> PlannedMatch:
    operands = match.operands()
    source = json_source(_literal(operands, place, document))
    template = is_template(source)
    return PlannedMatch(where, source, template, document.masked(place, in_words(operands)))


def _literal(operands: dict[str, Any], place: Place, document: Document) -> Any:
    """Escape braces that came from the environment in the operands. A short form has the match's own place."""
    if place in document.literal:
        return {operator: literal(value, place, document) for operator, value in operands.items()}
    return literal(operands, place, document)


def planned_extractors(captures: dict[str, Capture]) -> tuple[PlannedExtractor, ...]:
    """Compile a step's captures, keyed by name."""
    return tuple(_extractor(name, capture) for name, capture in captures.items())


def _extractor(name: str, capture: Capture) -> PlannedExtractor:
    places = {
        "json": capture.json_,
        "header": capture.header,
        "regex": capture.regex,
        "url": "" if capture.url is True else capture.url,
        "cookie": capture.cookie,
    }
    source, expression = next((key, value) for key, value in places.items() if value is not None)
    default = json.dumps(capture.default) if "default" in capture.model_fields_set else None
    return PlannedExtractor(name, source, str(expression), default, capture.take)


def schema_of(expect: Expect, place: Place, document: Document) -> Any:
    """Return the parsed JSON Schema of an expectation. Raise ProfileError if its file or text is not JSON."""
    here = document.place((*place, "expect", "schema"))
    try:
        return json.loads(schema_text(expect, document))
    except (OSError, ValueError) as error:
        raise ProfileError(f"{here}: {expect.schema_}: not JSON: {error}") from None
