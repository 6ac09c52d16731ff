"""What the published schema of SARIF 2.1.0 (OASIS, errata 01) demands of the objects that soak writes, and of no others.

The whole schema, of some 110 kB, was asked by hand with `jsonschema`; this keeps what it said
without fetching it. An object that soak begins to write must be added here after the schema.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft4Validator

TEXT = {"type": "string"}
LEVEL = {"enum": ["none", "note", "warning", "error"]}


def _object(required: str, /, **properties: Any) -> dict[str, Any]:
    """An object that has these properties and no others."""
    made = {"type": "object", "properties": properties, "additionalProperties": False}
    return made | ({"required": required.split()} if required else {})


def _list(items: dict[str, Any], *, unique: bool = False) -> dict[str, Any]:
    return {"type": "array", "items": items, "uniqueItems": unique}


MESSAGE = _object("text", text=TEXT)
NOTIFICATION = _object("message", level=LEVEL, message=MESSAGE)
PLACE = _object(
    "artifactLocation",
    artifactLocation=_object("", uri={"type": "string", "format": "uri-reference"}),
    region=_object("startLine", startLine={"type": "integer", "minimum": 1}),
)
LOCATION = _object(
    "",
    physicalLocation=PLACE,
    logicalLocations=_list(_object("", fullyQualifiedName=TEXT), unique=True),
)
RESULT = _object(
    "message",
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": -1},
    level=LEVEL,
    message=MESSAGE,
    locations=_list(LOCATION),
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
)
DRIVER = _object(
    "name",
    name=TEXT,
    semanticVersion=TEXT,
    rules=_list(_object("id", id=TEXT, shortDescription=MESSAGE), unique=True),
)
INVOCATION = _object(
    "executionSuccessful",
    executionSuccessful={"type": "boolean"},
    exitCodeDescription=TEXT,
    toolExecutionNotifications=_list(NOTIFICATION),
)
RUN = _object(
    "tool",
    tool=_object("driver", driver=DRIVER),
    invocations=_list(INVOCATION),
    results=_list(RESULT),
    properties={"type": "object"},
)
LOG = _object(
    "version runs",
    **{"$schema": {"type": "string", "format": "uri"}},
    version={"enum": ["2.1.0"]},
    runs=_list(RUN),
)


def breaches(document: Any) -> list[str]:
    """What a document has that the schema does not allow, or lacks."""
    validator = Draft4Validator(LOG, format_checker=Draft4Validator.FORMAT_CHECKER)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]
