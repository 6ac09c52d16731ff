"""Check before the run what a profile's traffic needs: templates, names, columns, JSONPaths, data files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from soak.errors import ProfileError
from soak.load.plan.cluster_options import cluster_options_of
from soak.load.scenario.conditions import Condition
from soak.load.scenario.feeder import FeederError, read_feed
from soak.load.scenario.json_schema import SchemaCheck, SchemaError
from soak.load.scenario.jsonpath import JsonPath, PathError
from soak.load.scenario.templates import (
    Kind,
    Template,
    TemplateError,
    form_source,
    is_template,
    json_source,
    literal,
    path_source,
)
from soak.load.supervisor.compile_expectations import schema_of
from soak.load.supervisor.multipart import part_place
from soak.profile import Profile
from soak.profile.checking import TEMPLATE_NAMES, beside
from soak.profile.flows import BlockSpec, StepSpec, blocks_in, requests_in
from soak.profile.parsing import nearest
from soak.profile.refusal import refused
from soak.profile.requests import RequestSpec
from soak.profile.types import courses_of
from soak.profile.yamltext import Document
from soak.profile.yamltext import Path as Place

#: Match an expression at the start of a path; find the filter that makes an expression's value a
#: whole path.
_FIRST_EXPRESSION = re.compile(r"\s*\{\{(.*?)\}\}", re.DOTALL).match
_PATH_FILTER = re.compile(r"\|\s*path\b").search


def check_requests_and_data(profile: Profile) -> None:
    """Raise ProfileError, with file, line and key, for the first thing that would fail when traffic is generated."""
    document = profile.document
    columns = {name: _columns(profile, name) for name in profile.data}
    given = {*TEMPLATE_NAMES, *profile.data}
    lasting: set[str] = set()
    for place, part in profile.parts:
        captured = {name for _, step in requests_in(part.setup, ()) for name in step.capture}
        lasting |= captured
        for index, endpoint in enumerate(part.endpoints):
            _check_request(
                endpoint, (*place, "endpoints", index), document, given | captured, columns
            )
        for where, _, steps in courses_of(place, part):
            known = given | (set() if where[-1] == "setup" else captured)
            for there, step in requests_in(steps, where):
                _check_request(step, there, document, known, columns)
                known |= set(step.capture)
            _check_conditions(where, steps, document, known)
    for where, text in _texts(literal(profile.headers, (), document, "headers"), ("headers",)):
        if is_template(text):
            _check_template(
                where, "text", text, document, {*TEMPLATE_NAMES, *profile.data, *lasting}, columns
            )
    if profile.auth is not None and profile.auth.request is not None:
        _check_path(profile.auth.token, ("auth", "token"), document)


def _check_request(
    request: RequestSpec,
    place: Place,
    document: Document,
    known: set[str],
    columns: dict[str, tuple[str, ...]],
) -> None:
    check_paths(request, place, document)
    for where, kind, source in sources_of(request, place, document):
        _check_template(where, kind, source, document, known, columns)


def _check_conditions(
    place: Place, steps: Sequence[StepSpec | BlockSpec], document: Document, known: set[str]
) -> None:
    """Check that `if` and `while` hold valid expressions that use only known names."""
    for where, step in blocks_in(steps, place):
        for key, text in (
            ("if", step.if_),
            ("while", step.while_ if isinstance(step, BlockSpec) else None),
        ):
            if text is None:
                continue
            try:
                condition = Condition(text)
            except TemplateError as error:
                raise refused(document, (*where, key), str(error)) from None
            for name in sorted(condition.names - known):
                reason = f"nothing is called {name} here{nearest(name, sorted(known))}"
                raise refused(document, (*where, key), reason)


def sources_of(
    request: RequestSpec, place: Place, document: Document
) -> Iterator[tuple[Place, Kind, str]]:
    """Yield every template of a request: its place in the file, its kind, its source."""
    _, _, path = literal(request.request, place, document, key="request").partition(" ")
    trees: list[tuple[str, Kind, Any]] = [
        ("request", "path", path),
        ("headers", "text", request.headers),
        ("json", "json", request.json_),
        ("form", "form", request.form),
        ("body", "text", request.body),
    ]
    for key, kind, tree in trees:
        for where, text in _texts(
            tree if key == "request" else literal(tree, place, document, key), (*place, key)
        ):
            if is_template(text):
                yield where, kind, text
    yield from _expected(request, place, document)
    yield from _fields(request, place, document)


def _expected(
    request: RequestSpec, place: Place, document: Document
) -> Iterator[tuple[Place, Kind, str]]:
    """Yield the templates in a request's expectations."""
    expect, here = request.expect, (*place, "expect")
    trees: list[tuple[Place, Any]] = [((*here, "status"), expect.status)]
    if expect.body is not None:
        trees.append(((*here, "body"), expect.body.operands()))
    for key, matches in (("headers", expect.headers), ("json", expect.json_)):
        trees += [((*here, key, name), match.operands()) for name, match in matches.items()]
    for where, tree in trees:
        for _, text in _texts(literal(tree, where, document), where):
            if is_template(text) and where not in document.literal:
                yield where, "json", text


def _fields(
    request: RequestSpec, place: Place, document: Document
) -> Iterator[tuple[Place, Kind, str]]:
    """Yield the templates in the fields of a multipart body."""
    for name, parts in (request.multipart or {}).items():
        for index, part in enumerate(parts):
            where = part_place((*place, "multipart"), name, index, document)
            if isinstance(part, str) and is_template(text := literal(part, where, document)):
                yield where, "text", text


def _texts(tree: Any, place: Place) -> Iterator[tuple[Place, str]]:
    """Yield every string of a tree with its place, keys included: a key may be a template, too."""
    if isinstance(tree, str):
        yield place, tree
    elif isinstance(tree, dict):
        for key, value in tree.items():
            yield (*place, key), key
            yield from _texts(value, (*place, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from _texts(value, (*place, index))


def _check_template(
    place: Place,
    kind: Kind,
    text: str,
    document: Document,
    known: set[str],
    columns: dict[str, tuple[str, ...]],
) -> None:
    first = _FIRST_EXPRESSION(text) if kind == "path" else None
    if first is not None and not _PATH_FILTER(first[1]):
        reason = "a path begins with /, which is percent-encoded where an expression puts it in"
        expression = first[1].strip()
        raise refused(
            document, place, f"{reason}: for a whole path write {{{{ {expression} | path }}}}"
        )
    try:
        template = Template(kind, _source(kind, text))
    except TemplateError as error:
        raise refused(document, place, str(error)) from None
    for name in sorted(template.names - known):
        raise refused(
            document, place, f"nothing is called {name} here{nearest(name, sorted(known))}"
        )
    for name in template.names & columns.keys():
        for column in sorted(template.columns(name) - set(columns[name])):
            there = nearest(column, columns[name])
            raise refused(document, place, f"data.{name} has no column {column}{there}")


def _source(kind: Kind, text: str) -> str:
    if kind == "path":
        return path_source(text)
    if kind == "json":
        return json_source(text)
    return form_source({"": [text]}) if kind == "form" else text


def _columns(profile: Profile, name: str) -> tuple[str, ...]:
    """Read every row of a data file, and return its columns."""
    rows, document = profile.data[name], profile.document
    try:
        read = read_feed(Path(beside(document.file, rows.file)), jsonl=rows.jsonl is not None)
        columns = next(read)
        count = sum(1 for _ in read)
    except FeederError as error:
        where = document.where(("data", name))
        raise ProfileError(f"{where}: data.{name}: {error}") from None
    distributed = cluster_options_of(profile)
    if distributed is not None and rows.order != "random" and count < distributed.workers:
        reason = f"{count} {rows.order} rows cannot be shared by {distributed.workers} workers"
        raise refused(
            document,
            ("data", name),
            f"{reason}, for no two have the same; take fewer, or order: random",
        )
    return columns


def check_paths(request: RequestSpec, place: Place, document: Document) -> None:
    """Check that the JSONPaths of a request, and its JSON Schema, are valid."""
    if request.expect.schema_ is not None:
        try:
            SchemaCheck(schema_of(request.expect, place, document))
        except SchemaError as error:
            raise refused(document, (*place, "expect", "schema"), str(error)) from None
    for path in request.expect.json_:
        _check_path(path, (*place, "expect", "json", path), document)
    for name, capture in request.capture.items() if isinstance(request, StepSpec) else ():
        if capture.json_ is not None:
            _check_path(capture.json_, (*place, "capture", name), document)


def _check_path(path: str, place: Place, document: Document) -> None:
    try:
        JsonPath(path)
    except PathError as error:
        raise refused(document, place, str(error)) from None
