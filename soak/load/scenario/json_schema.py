"""JSON Schema (https://json-schema.org), checked by the jsonschema package, which is imported only if needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from soak.backtracking import refusal
from soak.load.scenario.matching import shown
from soak.load.scenario.search_time import search_time

#: Maximum characters of a message about a document.
LONGEST = 160


class SchemaError(ValueError):
    """An invalid or unsuitable JSON Schema; the message says why."""


class SchemaCheck:
    """One compiled schema, of Draft 2020-12 unless its `$schema` says otherwise; external references are refused."""

    def __init__(self, schema: Any) -> None:
        import jsonschema  # noqa: PLC0415 - a fifth of a second, and few profiles need it
        from referencing import Registry  # noqa: PLC0415

        if not isinstance(schema, dict | bool):
            raise SchemaError("a JSON Schema is a mapping")
        kind: Any = jsonschema.validators.validator_for(
            schema, default=jsonschema.Draft202012Validator
        )
        try:
            kind.check_schema(schema)
        except jsonschema.SchemaError as error:
            raise SchemaError(
                f"not a JSON Schema: {error.json_path}: {error.message}"[:LONGEST]
            ) from None
        for pattern in _patterns(schema):
            if (why := refusal(pattern)) is not None:
                raise SchemaError(f"the pattern {shown(pattern)}: {why}")
        for reference in _references(schema):
            if not reference.startswith("#"):
                raise SchemaError(
                    f"the reference {shown(reference)} leads out of the schema: put it into $defs"
                )
        self._validator = kind(schema, registry=Registry())

    def wrong(self, document: Any) -> str | None:
        """Return what is wrong with a document, and where; None if the document is valid."""
        with search_time.limit():  # for the schema's patterns
            error = next(self._validator.iter_errors(document), None)
        if error is None:
            return None
        rule = f"{error.validator}: {shown(error.validator_value)}"
        return f"{shown(error.instance)} at {error.json_path}, against {rule}"[:LONGEST]


def _walked(schema: Any) -> Iterator[dict[str, Any]]:
    unread = [schema]
    while unread:
        node = unread.pop()
        if isinstance(node, dict):
            yield node
            unread += node.values()
        elif isinstance(node, list):
            unread += node


def _patterns(schema: Any) -> Iterator[str]:
    for node in _walked(schema):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        if isinstance(node.get("patternProperties"), dict):
            yield from node["patternProperties"]


def _references(schema: Any) -> Iterator[str]:
    for node in _walked(schema):
        for key in ("$ref", "$dynamicRef"):
            if isinstance(node.get(key), str):
                yield node[key]
