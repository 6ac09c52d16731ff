"""Conditions of steps: the expressions of `if` and `while`, which see what templates see."""

from __future__ import annotations

from jinja2.runtime import Context

from soak.load.scenario.templates import Template, TemplateError

_TRUE = "1"


def condition_source(text: str) -> str:
    """The source of a template that renders to something where an expression holds, and to nothing where it does not.

    The expression may stand in `{{ }}`; TemplateError for a text that is more or less than one
    expression.
    """
    inside = text.strip()
    if inside.startswith("{{") and inside.endswith("}}"):
        inside = inside[2:-2].strip()
    if not inside or any(mark in inside for mark in ("{{", "}}", "{%", "%}")):
        raise TemplateError("expected one expression, such as {{ stock > 0 }}")
    return f"{{% if ({inside}) %}}{_TRUE}{{% endif %}}"


class Condition:
    """One compiled condition; `names` are the names that it needs to be given."""

    def __init__(self, text: str) -> None:
        self._template = Template("text", condition_source(text))
        self.names = self._template.names

    def holds(self, context: Context) -> bool:
        """Whether it holds for what the context holds now; RenderError when a name is missing or the expression fails."""
        return self._template.render(context) == _TRUE
