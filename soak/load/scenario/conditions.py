"""Conditions of steps: the expressions of `if` and `while`, with the same names as templates."""

from __future__ import annotations

from jinja2.runtime import Context

from soak.load.scenario.templates import Template, TemplateError

_TRUE = "1"


def condition_source(text: str) -> str:
    """Return the source of a template that renders to a non-empty text if an expression holds, else to an empty one.

    The expression may be enclosed in `{{ }}`. Raise TemplateError if the text is not exactly one
    expression.
    """
    inside = text.strip()
    if inside.startswith("{{") and inside.endswith("}}"):
        inside = inside[2:-2].strip()
    if not inside or any(mark in inside for mark in ("{{", "}}", "{%", "%}")):
        raise TemplateError("expected one expression, such as {{ stock > 0 }}")
    return f"{{% if ({inside}) %}}{_TRUE}{{% endif %}}"


class Condition:
    """One compiled condition; `names` are the names that it needs."""

    def __init__(self, text: str) -> None:
        self._template = Template("text", condition_source(text))
        self.names = self._template.names

    def holds(self, context: Context) -> bool:
        """Return True if the condition holds in `context`. RenderError if a name is missing or the expression fails."""
        return self._template.render(context) == _TRUE
