"""Expectations of a response, compiled once into a few comparisons; a failure is one of a few kinds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, NamedTuple

from jinja2.runtime import Context

from soak.load.plan.expectations import PlannedExpectations, PlannedMatch
from soak.load.scenario.json_schema import SchemaCheck
from soak.load.scenario.jsonpath import JsonPath, parsed
from soak.load.scenario.matching import MatchError, Predicate, predicate_of, shown
from soak.load.scenario.search_time import LONGEST, SearchTooLongError
from soak.load.scenario.templates import RenderError, Template
from soak.profile.statuses import shown_statuses, statuses_in
from soak.units import show_duration


class FailedCheck(NamedTuple):
    """Why a response fails: its `kind` (one of a few), what was expected in words, and what was found."""

    kind: str
    expected: str
    found: Any

    @property
    def text(self) -> str:
        """The failure as text, bounded and escaped: `expect json $.state: expected "created", found "gone"`."""
        actual = self.found if isinstance(self.found, _Said) else shown(self.found)
        return f"{self.kind}: expected {self.expected}, found {actual}"


class _Said(str):
    """What was found, already as text."""

    __slots__ = ()


_NOTHING = _Said("nothing there")
_TOO_LONG = "expect: a regular expression took too long"


class _ValueCheck:
    """The match of one place; with `absent`, the place must have no value."""

    __slots__ = ("absent", "expected", "kind", "path", "place", "plain", "test")

    def __init__(
        self, match: PlannedMatch, kind: str, operands: dict[str, Any], expected: str, *, text: bool
    ) -> None:
        self.kind, self.expected, self.place = kind, expected, match.place
        self.absent = operands.get("exists") is False
        self.test: Predicate = predicate_of(operands, text=text)
        #: The bytes that a body must contain: the usual expectation, checked without decoding the
        #: body.
        self.plain = operands["contains"].encode() if text and _is_contains(operands) else None
        self.path = None if text else JsonPath(match.place)


def _is_contains(operands: dict[str, Any]) -> bool:
    return operands.keys() == {"contains"} and isinstance(operands["contains"], str)


class Checks:
    """One request's expectations. `check` ignores the body unless `needs_body`, and the headers unless `needs_headers`.

    With `templated`, `bound` returns the checks of one request.
    """

    def __init__(self, planned: PlannedExpectations) -> None:
        self._planned = planned
        matches = [
            match for match in (planned.body, *planned.headers, *planned.json) if match is not None
        ]
        self._templates = {
            match: Template("json", match.operands) for match in matches if match.template
        }
        self._status_template = (
            Template("json", planned.status_template) if planned.status_template else None
        )
        self.templated = bool(self._templates or self._status_template)
        names = [
            template.names
            for template in (*self._templates.values(), self._status_template)
            if template
        ]
        self.names: frozenset[str] = frozenset().union(*names)
        self._schema = SchemaCheck(json.loads(planned.schema)) if planned.schema else None
        self.needs_body = planned.body is not None or bool(planned.json) or self._schema is not None
        self.needs_headers = bool(planned.headers)
        self.statuses = frozenset(planned.statuses)
        self._within = planned.within
        if not self.templated:
            self._compile(lambda match: json.loads(match.operands))

    def _compile(self, operands_of: Callable[[PlannedMatch], dict[str, Any]]) -> None:
        def made(match: PlannedMatch, kind: str, *, text: bool) -> _ValueCheck:
            operands = operands_of(match)
            return _ValueCheck(
                match,
                kind,
                operands,
                in_words(operands) if match.template else match.shown,
                text=text,
            )

        planned = self._planned
        self._body = made(planned.body, "expect body", text=True) if planned.body else None
        self._headers = [
            made(match, f"expect header {match.place}", text=True) for match in planned.headers
        ]
        self._json = [
            made(match, f"expect json {match.place}", text=False) for match in planned.json
        ]

    def bound(self, context: Context) -> Checks:
        """Return the checks of one request, rendered with a virtual user's context. RenderError if that fails."""
        made = copy(self)
        if self._status_template is not None:
            made.statuses = _rendered_statuses(self._status_template, context)
        try:
            made._compile(  # noqa: SLF001 - of its own class
                lambda match: json.loads(
                    self._templates[match].render(context) if match.template else match.operands
                )
            )
        except MatchError as error:
            raise RenderError(f"expect: {error}") from None
        return made

    def check(
        self, status: int, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> FailedCheck | None:
        """Return why the response fails, or None; kinds are `status 500`, `expect within`, `expect body` and so on.

        Headers are by lower-case name. The first failed check counts: the status is checked first, the
        time last.
        """
        if (status not in self.statuses) if self.statuses else status >= 400:
            return self.wrong_status(status)
        try:
            failed = self._check_answer(headers, body)
        except SearchTooLongError:
            return FailedCheck(_TOO_LONG, f"a search of at most {LONGEST * 1e3:g} ms", body)
        if failed is not None:
            return failed
        if self._within is not None and seconds > self._within:
            return FailedCheck(
                "expect within",
                f"at most {show_duration(self._within)}",
                _Said(f"{seconds * 1e3:,.0f} ms"),
            )
        return None

    def _check_answer(self, headers: Mapping[str, str], body: bytes) -> FailedCheck | None:
        """Return what is wrong with the headers or the body, or None."""
        for header in self._headers:
            value = headers.get(header.place.lower())
            if (value is not None) if header.absent else (value is None or not header.test(value)):
                return FailedCheck(
                    header.kind, header.expected, _NOTHING if value is None else value
                )
        if self._body is not None and not _body_holds(self._body, body):
            return FailedCheck("expect body", self._body.expected, body)
        return self._check_json(body) if self._json or self._schema else None

    def wrong_status(self, status: int) -> FailedCheck:
        """Return the failure for an unexpected status."""
        expected = shown_statuses(self.statuses) if self.statuses else "a status below 400"
        return FailedCheck(f"status {status}", expected, _Said(str(status)))

    def _check_json(self, body: bytes) -> FailedCheck | None:
        try:
            document = parsed(body)
        except (ValueError, RecursionError):
            return FailedCheck("expect json: not JSON", "JSON", body)
        for check in self._json:
            assert check.path is not None
            values = check.path.find(document)
            if check.absent:
                if values:
                    return FailedCheck(check.kind, check.expected, values[0])
            elif not values:
                return FailedCheck(check.kind, check.expected, _NOTHING)
            else:
                for value in values:
                    if not check.test(value):
                        return FailedCheck(check.kind, check.expected, value)
        if self._schema is not None and (wrong := self._schema.wrong(document)) is not None:
            return FailedCheck("expect schema", "a document of the schema", _Said(wrong))
        return None


def in_words(operands: Mapping[str, Any]) -> str:
    """Describe a match in words: `"created"`, `above 3`, `not null`."""
    parts = [
        _WORDS[operator].format(
            in_words(operand) if operator in ("not", "length") else shown(operand)
        )
        for operator, operand in operands.items()
        if operator != "exists"
    ]
    if "exists" in operands:
        parts.insert(0, "a value" if operands["exists"] else "no value")
    return " and ".join(parts)


_WORDS = {
    "equals": "{}",
    "not": "not {}",
    "gt": "above {}",
    "ge": "at least {}",
    "lt": "below {}",
    "le": "at most {}",
    "in": "one of {}",
    "contains": "something with {} in it",
    "regex": "a match of {}",
    "length": "a length of {}",
}


def _body_holds(check: _ValueCheck, body: bytes) -> bool:
    if check.plain is not None:
        return check.plain in body
    if check.absent:
        return not body
    return check.test(body.decode(errors="replace"))


def _rendered_statuses(template: Template, context: Context) -> frozenset[int]:
    statuses: set[int] = set()
    for item in json.loads(template.render(context)):
        named = statuses_in(item)
        if named is None:
            raise RenderError("expect: not a status")
        statuses.update(named)
    return frozenset(statuses)
