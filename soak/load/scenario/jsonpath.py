"""JSONPath (RFC 9535), compiled once: a path like `$.a.b[0]` uses a few lookups, any other python-jsonpath."""

from __future__ import annotations

import json
import re
from typing import Any

_PART = re.compile(
    r"\.([A-Za-z_][A-Za-z0-9_]*)|\[([0-9]{1,9})\]|\['([^'\\]*)'\]|\[\"([^\"\\]*)\"\]"
)


_last: list[Any] = [None, None]


def parsed(body: bytes) -> Any:
    """Parse a body as JSON, only once for both expectations and captures. ValueError or RecursionError if that fails."""
    if body is not _last[0]:
        # Nearly always UTF-8, so detecting the encoding is unnecessary.
        plain = body[:1] in (b"{", b"[") and body[1:2] != b"\0"
        _last[:] = body, json.loads(body.decode() if plain else body)
    return _last[1]


class PathError(ValueError):
    """A text that is not a JSONPath; the message says why."""


class JsonPath:
    """One compiled path."""

    def __init__(self, text: str) -> None:
        self._keys = _plain_keys(text)
        self._compiled: Any = None if self._keys is not None else _compiled(text)

    def find(self, document: Any) -> list[Any]:
        """Return all values that the path selects; an empty list if it selects none."""
        if self._keys is None:
            return list(self._compiled.findall(document))
        for key in self._keys:
            if isinstance(key, str):
                if type(document) is not dict or key not in document:
                    return []
            elif type(document) is not list or key >= len(document):
                return []
            document = document[key]
        return [document]


def _plain_keys(text: str) -> list[str | int] | None:
    """Return the keys of a path with only names and indices; None if it has wildcards, filters, slices or the like."""
    if not text.startswith("$"):
        return None
    keys: list[str | int] = []
    place = 1
    while place < len(text):
        part = _PART.match(text, place)
        if part is None:
            return None
        name, index, *quoted = part.groups()
        keys.append(
            int(index) if index else name or next((word for word in quoted if word is not None), "")
        )
        place = part.end()
    return keys


def _compiled(text: str) -> Any:
    import jsonpath  # noqa: PLC0415 - a tenth of a second, and few paths need it

    if not text.startswith("$"):
        raise PathError(f"a JSONPath begins with $, such as $.items[0].id, not {text!r}")
    try:
        return jsonpath.JSONPathEnvironment(strict=True).compile(text)
    except (jsonpath.JSONPathError, RecursionError) as error:
        reason = str(error).splitlines()[0] if str(error) else "nested too deeply"
        raise PathError(f"not a JSONPath: {reason}") from None
