"""What an answer must be, compiled once: a few comparisons an answer, and why it fails as one of a few kinds."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from soak.load.plan.plan import PlannedRequest
from soak.load.scenario.jsonpath import JsonPath, parsed

Check = Callable[[str], bool]


class Checks:
    """One request's expectations. Without `needs_body` or `needs_headers`, `check` looks at neither."""

    def __init__(self, planned: PlannedRequest) -> None:
        expect = planned.expect
        self._statuses = frozenset(planned.statuses)
        self._within: float | None = expect.get("within")
        self._body = _body_check(expect["body"]) if expect.get("body") else None
        self._headers = [
            (name.lower(), f"expect header {name}", _text_check(match))
            for name, match in expect.get("headers", {}).items()
        ]
        self._json = [(JsonPath(path), f"expect json {path}", value) for path, value in expect.get("json", {}).items()]
        self.needs_body = self._body is not None or bool(self._json)
        self.needs_headers = bool(self._headers)

    def check(self, status: int, headers: Mapping[str, str], body: bytes, seconds: float) -> str | None:
        """Why the answer fails, or None: `status 500`, `expect within`, `expect body`, `expect json $.state` and so on.

        Headers are by lower-case name; the first thing wrong counts, the status before all else and the time last.
        """
        if (status not in self._statuses) if self._statuses else status >= 400:
            return f"status {status}"
        for name, kind, right in self._headers:
            if name not in headers or not right(headers[name]):
                return kind
        if self._body is not None and not self._body(body):
            return "expect body"
        if self._json and (kind_of := self._check_json(body)) is not None:
            return kind_of
        if self._within is not None and seconds > self._within:
            return "expect within"
        return None

    def _check_json(self, body: bytes) -> str | None:
        try:
            document = parsed(body)
        except (ValueError, RecursionError):
            return "expect json: not JSON"
        for path, kind, value in self._json:
            found = path.find(document)
            if not found or not all(same(one, value) for one in found):
                return kind
        return None


def same(found: Any, wanted: Any) -> bool:
    """Equal as JSON is: `true` is not 1, but 1 is 1.0."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(same(found[key], wanted[key]) for key in wanted)
    if isinstance(found, list) and isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _text_check(match: dict[str, Any]) -> Check:
    contains, equals, regex = match.get("contains"), match.get("equals"), match.get("regex")
    search = re.compile(regex).search if regex is not None else None
    return lambda text: (
        (equals is None or text == equals)
        and (contains is None or contains in text)
        and (search is None or search(text) is not None)
    )


def _body_check(match: dict[str, Any]) -> Callable[[bytes], bool]:
    if match.keys() == {"contains"}:  # the usual case, with nothing to decode
        wanted = match["contains"].encode()
        return lambda body: wanted in body
    check = _text_check(match)
    return lambda body: check(body.decode(errors="replace"))
