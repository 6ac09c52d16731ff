"""A planned request, compiled: what is constant is made once, and only what is a template is rendered per request."""

from __future__ import annotations

import base64
import re
from typing import NamedTuple

from jinja2.runtime import Context

from soak.load.plan.plan import PlannedRequest
from soak.load.scenario.checks import Checks
from soak.load.scenario.templates import RenderError, Template, is_template

_PATH = re.compile(r"/[\x21-\x7e]*")
_NOT_IN_HEADER = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


class RenderedRequest(NamedTuple):
    """A request ready to send: no line break or blank in its path, no line break in a header.

    `checks` are those of its answer where they are templates, too.
    """

    path: str
    headers: dict[str, str]
    body: bytes
    checks: Checks | None = None


def fixed(planned: PlannedRequest) -> RenderedRequest:
    """A request as it is planned, whatever in it looks like a template: the one that fetches a token has none."""
    return RenderedRequest(planned.path, dict(planned.headers), base64.b64decode(planned.body))


class RequestTemplate:
    """One planned request. `constant` is its rendering where nothing of it is a template; `names` are those it needs."""

    def __init__(self, planned: PlannedRequest) -> None:
        self.planned = planned
        self._path = Template("path", planned.path) if is_template(planned.path) else None
        self._headers = {name: Template("text", value) for name, value in planned.headers.items() if is_template(value)}
        self._body = Template(planned.template_kind, planned.template) if planned.template else None
        self._fixed = fixed(planned)
        templates = [template for template in (self._path, self._body, *self._headers.values()) if template]
        self.names: frozenset[str] = frozenset().union(*(template.names for template in templates))
        self.constant: RenderedRequest | None = None if templates else self._fixed

    def render(self, context: Context) -> RenderedRequest:
        """The request for what a visitor's context holds now; RenderError when it cannot be made or would be unsafe."""
        if self.constant is not None:
            return self.constant
        path, headers, body, _ = self._fixed
        if self._path is not None:
            path = self._path.render(context)
            if not _PATH.fullmatch(path):
                raise RenderError("template: not a path")
        if self._headers:
            headers = headers | {name: template.render(context) for name, template in self._headers.items()}
            if any(_NOT_IN_HEADER.search(headers[name]) for name in self._headers):
                raise RenderError("template: line break or odd character in a header")
        if self._body is not None:
            text = self._body.render(context)
            try:
                body = text.encode()
            except UnicodeEncodeError:
                raise RenderError("template: not Unicode in the body") from None
        return RenderedRequest(path, headers, body)
