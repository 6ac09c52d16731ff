"""Captures: values from one step's response for the templates of later steps."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from soak.load.plan.expectations import PlannedExtractor
from soak.load.scenario.jsonpath import JsonPath, parsed
from soak.load.scenario.search_time import SearchTooLongError, search_time

#: Maximum characters of a captured text: a pattern that matches too much of a page must not fill
#: the memory.
MAX_CAPTURED = 65536
#: Maximum values of a captured list: enough for a page of results, also with many users.
MAX_VALUES = 1000


class CaptureError(Exception):
    """A capture that found nothing. It counts as a failure of its step and ends the flow's iteration."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class CapturedFrom(NamedTuple):
    """The input of captures. Headers are by lower-case name; `cookie` returns a cookie's value by name, or None."""

    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    cookie: Callable[[str], str | None] = lambda _name: None
    random: random.Random | None = None


class Extractors:
    """One step's captures. `take` ignores the body unless `needs_body`, and the headers unless `needs_headers`."""

    def __init__(self, planned: tuple[PlannedExtractor, ...]) -> None:
        self._planned = planned
        self._paths = {
            extractor.name: JsonPath(extractor.expression)
            for extractor in planned
            if extractor.source == "json"
        }
        self._patterns = {
            extractor.name: re.compile(extractor.expression)
            for extractor in planned
            if extractor.source in ("regex", "url") and extractor.expression
        }
        sources = {extractor.source for extractor in planned}
        self.needs_body = bool(sources & {"json", "regex"})
        self.needs_headers = bool(sources & {"header", "cookie"})

    def take(self, answer: CapturedFrom) -> dict[str, Any]:
        """Return the captured values by name; JSON values keep their type. CaptureError for the first one not found."""
        return {extractor.name: self._taken(extractor, answer) for extractor in self._planned}

    def _taken(self, planned: PlannedExtractor, answer: CapturedFrom) -> Any:
        try:
            values = self._found(planned, answer)
        except CaptureError:
            if planned.default is None:
                raise
            values = []
        if not values:
            if planned.default is None:
                raise CaptureError(f"capture {planned.name}")
            return json.loads(planned.default)
        if planned.take == "all":
            return _bounded(planned.name, values)
        if planned.take == "random" and answer.random is not None:
            return _bounded(planned.name, answer.random.choice(values))
        return _bounded(planned.name, values[-1 if planned.take == "last" else 0])

    def _found(self, planned: PlannedExtractor, answer: CapturedFrom) -> list[Any]:
        """Return all values at a place. Raise CaptureError if the place cannot be searched."""
        if planned.source == "json":
            try:
                document = parsed(answer.body)
            except (ValueError, RecursionError):
                raise CaptureError(f"capture {planned.name}: not JSON") from None
            return self._paths[planned.name].find(document)
        if planned.source == "header":
            value = answer.headers.get(planned.expression.lower())
        elif planned.source == "cookie":
            value = answer.cookie(planned.expression)
        elif planned.source == "url" and not planned.expression:
            value = answer.url
        else:
            text = answer.url if planned.source == "url" else answer.body.decode(errors="replace")
            try:
                with search_time.limit():
                    return _matched(
                        self._patterns[planned.name], text, several=planned.take != "first"
                    )
            except SearchTooLongError:
                raise CaptureError(f"capture {planned.name}: took too long") from None
        return [] if value is None else [value]


def _matched(pattern: re.Pattern[str], text: str, *, several: bool) -> list[Any]:
    group = 1 if pattern.groups else 0
    if not several:
        match = pattern.search(text)
        return [] if match is None or match[group] is None else [match[group]]
    values = []
    for match in pattern.finditer(text):
        if match[group] is not None:
            values.append(match[group])
        if len(values) > MAX_VALUES:
            break
    return values


def _bounded(name: str, value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_CAPTURED:
        raise CaptureError(f"capture {name}: too long")
    if isinstance(value, list):
        if len(value) > MAX_VALUES:
            raise CaptureError(f"capture {name}: more than {MAX_VALUES:,} values")
        for item in value:
            _bounded(name, item)
    return value
