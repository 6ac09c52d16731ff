"""Captures: values out of one step's answer for the templates of the steps after it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from soak.load.plan.plan import PlannedRequest
from soak.load.scenario.jsonpath import JsonPath, parsed

#: A pattern that runs away over a large page must not fill the generator's memory.
MAX_CAPTURED = 65536


class CaptureError(Exception):
    """A capture that found nothing: counted as a failure of its step, and the end of the flow's iteration."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class Extractors:
    """One step's captures. Without `needs_body` or `needs_headers`, `take` looks at neither."""

    def __init__(self, planned: PlannedRequest) -> None:
        self._paths: dict[str, JsonPath] = {}
        self._headers: dict[str, str] = {}
        self._patterns: dict[str, re.Pattern[str]] = {}
        for name, place in planned.extractors.items():
            if place.get("header") is not None:
                self._headers[name] = place["header"].lower()
            elif place.get("regex") is not None:
                self._patterns[name] = re.compile(place["regex"])
            else:
                self._paths[name] = JsonPath(place["json"])
        self.needs_body = bool(self._paths or self._patterns)
        self.needs_headers = bool(self._headers)

    def take(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """The values by name, JSON values with their type; CaptureError for the first that is not there.

        Headers are by lower-case name.
        """
        found: dict[str, Any] = {}
        for name, header in self._headers.items():
            if header not in headers:
                raise CaptureError(f"capture {name}")
            found[name] = _bounded(name, headers[header])
        if self._paths:
            found |= self._from_json(body)
        if self._patterns:
            text = body.decode(errors="replace")
            for name, pattern in self._patterns.items():
                match = pattern.search(text)
                taken = match and match[1 if pattern.groups else 0]
                if taken is None:
                    raise CaptureError(f"capture {name}")
                found[name] = _bounded(name, taken)
        return found

    def _from_json(self, body: bytes) -> dict[str, Any]:
        try:
            document = parsed(body)
        except (ValueError, RecursionError):
            raise CaptureError(f"capture {next(iter(self._paths))}: not JSON") from None
        found = {}
        for name, path in self._paths.items():
            values = path.find(document)
            if not values:
                raise CaptureError(f"capture {name}")
            found[name] = _bounded(name, values[0])
        return found


def _bounded(name: str, value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_CAPTURED:
        raise CaptureError(f"capture {name}: too long")
    return value
