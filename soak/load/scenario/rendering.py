"""A compiled planned request: constant parts are built once, and only templates are rendered per request."""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

from jinja2.runtime import Context

from soak.load.plan.plan import Headers, PlannedRequest
from soak.load.scenario.expectations import Checks
from soak.load.scenario.templates import RenderError, Template, is_template

_PATH = re.compile(r"/[\x21-\x7e]*")
_NOT_IN_HEADER = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


class RenderedRequest(NamedTuple):
    """A request ready to send: no line break or space in its path, no line break in a header.

    `checks` are the checks of its response if they contain templates, else None.
    """

    path: str
    headers: Headers
    body: bytes
    checks: Checks | None = None


def fixed(planned: PlannedRequest) -> RenderedRequest:
    """Return a request without rendering. A token's request has no templates, even if text in it looks like one."""
    body = planned.body and base64.b64decode(planned.body)
    pieces = (base64.b64decode(piece.body) for piece in planned.pieces)
    return RenderedRequest(planned.path, dict(planned.headers), body or b"".join(pieces))


def _values(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise RenderError("template: not Unicode in the body") from None


class RequestTemplate:
    """One planned request. `constant` is its rendering if it has no template; `names` are the names it needs."""

    def __init__(self, planned: PlannedRequest) -> None:
        self.planned = planned
        self._path = Template("path", planned.path) if is_template(planned.path) else None
        self._headers = {
            name: [Template("text", value) for value in values]
            for name, values in ((name, _values(given)) for name, given in planned.headers.items())
            if any(map(is_template, values))
        }
        self._pieces = [
            Template("text", piece.template) if piece.template else base64.b64decode(piece.body)
            for piece in planned.pieces
        ]
        self._body = Template(planned.template_kind, planned.template) if planned.template else None
        self._fixed = fixed(planned)
        templates = [template for template in (self._path, self._body) if template]
        templates += [template for those in self._headers.values() for template in those]
        templates += [piece for piece in self._pieces if isinstance(piece, Template)]
        self.names: frozenset[str] = frozenset().union(*(template.names for template in templates))
        self.constant: RenderedRequest | None = None if templates else self._fixed

    def render(self, context: Context) -> RenderedRequest:
        """Render the request with a visitor's context. Raise RenderError if this fails or the result would be unsafe."""
        if self.constant is not None:
            return self.constant
        path, headers, body, _ = self._fixed
        if self._path is not None:
            path = self._path.render(context)
            if not _PATH.fullmatch(path):
                raise RenderError("template: a path that does not begin with /")
        if self._headers:
            rendered = {
                name: tuple(template.render(context) for template in templates)
                for name, templates in self._headers.items()
            }
            if any(
                _NOT_IN_HEADER.search(value) for values in rendered.values() for value in values
            ):
                raise RenderError("template: line break or odd character in a header")
            headers = {
                **headers,
                **{name: v[0] if len(v) == 1 else v for name, v in rendered.items()},
            }
        if self._body is not None:
            body = _encoded(self._body.render(context))
        elif self._pieces:
            pieces = self._pieces
            body = b"".join(
                piece if isinstance(piece, bytes) else _encoded(piece.render(context))
                for piece in pieces
            )
        return RenderedRequest(path, headers, body)
