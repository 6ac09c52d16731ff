"""Parts of the HTML pages: the template environment, style and scripts, and the library that draws charts."""

from __future__ import annotations

import re
from base64 import b64encode
from functools import cache
from gzip import compress
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from soak.reporters import trace_wording, wording
from soak.reporters.next_steps import again, what_now
from soak.units import show_count, show_duration, show_number, show_ratio


def own_script(text: str) -> Markup:
    """Return our own JavaScript, escaped so that it cannot end its element."""
    return Markup(text.replace("</script", "<\\/script").replace("<!--", "<\\!--"))  # noqa: S704 - our own


#: Code within a sentence, as in a remedy.
_CODE = re.compile(r"`([^`]+)`")
#: An option of a command; text longer than any option may be broken.
_OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]{0,30}")
#: The library's colour for names in tooltips, which is too pale to read on white (WCAG AA requires
#: 4.5 to 1).
PALE_LABEL = "color:#26aae1"


@cache
def chart_library() -> str:
    """Return the chart library, compressed (gzip) to a third of its size, in base64; `report.js` unpacks it."""
    script = (files("bokeh") / "server/static/js/bokeh.min.js").read_text("utf-8")
    script = script.replace(PALE_LABEL, "color:inherit")
    return b64encode(compress(script.encode(), mtime=0)).decode()


def chart_data(text: str) -> Markup:
    """Escape JSON for a script element: it contains no character that is special in HTML."""
    inert = text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    return Markup(inert)  # noqa: S704 - what could end the element is gone


def page_file(name: str) -> str:
    """Read one of the page's files."""
    return (files("soak.reporters") / "page" / name).read_text("utf-8")


def prose(text: str) -> Markup:
    """Escape a sentence; text between backticks becomes code."""
    safe = str(escape(wording.clean(text)))
    return Markup(_CODE.sub(lambda code: f"<code>{_whole(code[1])}</code>", safe))  # noqa: S704 - escaped


def options(text: str) -> Markup:
    """Escape a text, and prevent line breaks within a command's options: browsers break lines after a dash."""
    return Markup(_whole(str(escape(wording.clean(text)))))  # noqa: S704 - escaped


def _whole(safe: str) -> str:
    return _OPTION.sub(r'<span class="option">\g<0></span>', safe)


@cache
def environment() -> Environment:
    """Return the template environment: everything is escaped, and an unknown name is an error."""
    made = Environment(
        loader=FunctionLoader(page_file),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = Markup(page_file("report.css"))  # noqa: S704 - our own
    made.globals.update(
        wording=wording,
        trace_wording=trace_wording,
        marks=wording.MARK,
        style=style,
        count=show_count,
        what_now=what_now,
        again=again,
    )
    made.filters.update(
        clean=wording.clean,
        prose=prose,
        options=options,
        number=show_number,
        ratio=show_ratio,
        duration=show_duration,
    )
    return made
