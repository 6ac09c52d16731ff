"""Strict YAML: text to plain values, each with its line; tags, duplicate keys and alias bombs are refused.

Scalars follow YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#103-core-schema), so `no` is
text and `1:30` is not 90.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from soak.errors import ProfileError
from soak.profile.merge_keys import merge

Path = tuple[str | int, ...]

MAX_BYTES = 1_000_000
MAX_NODES = 20_000
#: Maximum depth of a profile; its own keys go down to level 8, the rest is for JSON bodies.
MAX_DEPTH = 64
#: Shorter values of variables are not treated as secrets: masking them would garble messages.
MASKED_FROM = 4
_QUOTING = 'inside of {} and [], quote text that holds ? or a comma, such as {request: "GET /x?a=b", weight: 2}'
_CORE = ("str", "int", "float", "bool", "null", "map", "seq")
_TAGS = {f"tag:yaml.org,2002:{name}" for name in (*_CORE, "timestamp", "merge", "value", "binary")}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = ("", "~", "null", "Null", "NULL")
#: Replaces a value from the command line that may be a secret, in the stored profile.
LEFT_OUT = "…"
#: The key whose values only a run needs: where profilers are, and how often they are asked.
_ONLY_DRIVES = ("diagnose",)
#: Part of the names of headers and keys whose value is a secret, as a case-insensitive regular
#: expression.
SECRET_NAMES = "authorization|cookie|passw|secret|token|api[-_]?key|credential"
_TEMPLATE = re.compile(r"\{(?=[{%])")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class Document:
    """Plain values, the line of each path, and which environment variables were read."""

    value: dict[str, Any]
    lines: dict[Path, int]
    file: str
    unset: frozenset[str] = field(default_factory=frozenset)
    #: Paths of texts into which a variable brought `{{` or `{%`, which then do not begin a
    #: template.
    literal: frozenset[Path] = field(default_factory=frozenset)
    #: The flag behind a path, if the profile was made from flags and has no file.
    flags: Mapping[Path, str] = field(default_factory=dict)
    #: Texts with `${VAR}` as written, and the environment's values in them, by variable name.
    written: dict[Path, str] = field(default_factory=dict)
    filled_in: dict[Path, dict[str, str]] = field(default_factory=dict, repr=False)

    @staticmethod
    def lacks(value: object, name: str) -> bool:
        """Return True if a value is a text that still holds this variable."""
        return isinstance(value, str) and f"${{{name}}}" in value

    def masked(self, path: Path, message: str) -> str:
        """Return a message about a path with values from the environment at, above or below it replaced by `${VAR}`."""
        for place, values in self.filled_in.items():
            shared = min(len(place), len(path))
            if place[:shared] != path[:shared]:
                continue
            for name, value in sorted(values.items(), key=lambda item: -len(item[1])):
                for shown in (value, repr(value)[1:-1]):
                    if len(shown) >= MASKED_FROM:
                        message = message.replace(shown, f"${{{name}}}")
        return message

    def place(self, path: Path) -> str:
        """Return how a message names a key: `file:line: load.rate`, or `--rate` if flags made the profile."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.flags:
                return self.flags[path[:length]]
        key = ".".join(map(str, path))
        return f"{self.where(path)}: {key}" if key else self.where(path)

    def where(self, path: Path) -> str:
        """Return `file:line` of a path, or of its nearest parent."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return f"{self.file}:{self.lines[path[:length]]}"
        return self.file


def compose(text: str, file: str) -> yaml.MappingNode:
    """Parse one YAML document with a mapping at the top; raise ProfileError with file and line otherwise."""
    if len(text) > MAX_BYTES:
        raise ProfileError(
            f"{file}: a profile of {len(text):,} characters is surely not one (at most {MAX_BYTES:,})"
        )
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        quoting = f"; {_QUOTING}" if error.problem and "expected ',' or" in error.problem else ""
        raise ProfileError(
            f"{file}:{line}: not valid YAML: {error.problem or error.context}{quoting}"
        ) from None
    except (yaml.YAMLError, RecursionError) as error:
        first = (
            str(error).splitlines()[0]
            if isinstance(error, yaml.YAMLError) and str(error)
            else "nested too deeply"
        )
        raise ProfileError(f"{file}: not valid YAML: {first}") from None
    if node is None:
        raise ProfileError(
            f"{file}: the profile is empty; `soak schema` and profiles/reference.yaml show what it may hold"
        )
    if not isinstance(node, yaml.MappingNode):
        kind = "a list" if isinstance(node, yaml.SequenceNode) else "text"
        raise ProfileError(
            f"{file}:1: a profile is a mapping of keys such as target, load and endpoints, not {kind}"
        )
    merge(node, file)
    return node


def read(
    node: yaml.MappingNode,
    file: str,
    environment: Mapping[str, str] = os.environ,
    lenient: bool = False,
) -> Document:
    """Convert a node tree to plain values, with `${VAR}` and `${VAR:-default}` expanded.

    With `lenient`, an unset variable stays as written, and values that were left out of the stored
    text are missing, and so are addresses of profilers: to judge an old run, neither is needed.
    """
    reader = _Reader(file, environment, lenient)
    value = reader.value(node, ())
    assert isinstance(value, dict)
    return Document(
        value,
        reader.lines,
        file,
        frozenset(reader.unset),
        frozenset(reader.literal),
        written=reader.written,
        filled_in=reader.filled_in,
    )


class _Reader:
    """Walks a node tree once, counting nodes, so that an alias bomb is refused before it grows."""

    def __init__(self, file: str, environment: Mapping[str, str], lenient: bool) -> None:
        self.file, self.environment, self.lenient = file, environment, lenient
        self.lines: dict[Path, int] = {}
        self.unset: set[str] = set()
        self.literal: set[Path] = set()
        self.written: dict[Path, str] = {}
        self.filled_in: dict[Path, dict[str, str]] = {}
        self.nodes = 0
        self.open: set[int] = set()

    def fail(self, node: yaml.Node, message: str) -> ProfileError:
        return ProfileError(f"{self.file}:{node.start_mark.line + 1}: {message}")

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.fail(node, f"more than {MAX_NODES:,} values once aliases are expanded")
        if len(path) > MAX_DEPTH:
            raise self.fail(node, f"nested more than {MAX_DEPTH} levels deep")
        if id(node) in self.open:
            raise self.fail(node, "an alias that contains itself")
        if node.tag not in _TAGS:
            raise self.fail(node, f"YAML tags such as {node.tag!r} are not allowed in a profile")
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        self.open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
            return self.mapping(node, path)
        finally:
            self.open.discard(id(node))

    def mapping(self, node: yaml.Node, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.fail(key_node, "a key must be plain text")
            key = key_node.value
            where = ".".join(map(str, (*path, key)))
            if key in result:
                raise self.fail(key_node, f"{where}: given twice")
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            value = self.value(value_node, (*path, key))
            if path[:1] == _ONLY_DRIVES and any(Document.lacks(value, name) for name in self.unset):
                continue
            if value != LEFT_OUT:
                result[key] = value
            elif not self.lenient:
                raise self.fail(
                    value_node,
                    f"{where}: its value was left out ({LEFT_OUT}); write it, or ${{VAR}} in its place",
                )
        return result

    def scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        template = _TEMPLATE.search(node.value) is not None
        text = _VARIABLE.sub(
            lambda match: as_text(self.variable(node, match, path), template), node.value
        )
        if _VARIABLE.search(node.value):
            self.written[path] = _VARIABLE.sub(r"${\1}", node.value)
        if not template and _TEMPLATE.search(text):
            self.literal.add(path)
        return text if node.style in ("'", '"', "|", ">") else plain(text)

    def variable(self, node: yaml.Node, match: re.Match[str], path: Path) -> str:
        name, default = match[1], match[2]
        value = self.environment.get(name)
        if value is not None and (value or default is None):
            self.filled_in.setdefault(path, {})[name] = value
            return value
        if default is not None:
            return default
        if not self.lenient:
            raise self.fail(
                node,
                f"${{{name}}} is not set in the environment; export {name}, or write ${{{name}:-default}}",
            )
        self.unset.add(name)
        return match[0]


def as_text(text: str, template: bool = True) -> str:
    """Escape a text for literal use inside a template; unchanged if `template` is False."""
    return _TEMPLATE.sub("{{ '{' }}", text) if template else text


def plain(text: str) -> Any:
    """Convert an unquoted scalar by the core schema; infinities and NaN stay text, which no number field accepts."""
    if text in _NULLS:
        return None
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) < 300:
        return int(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        return text if number in (float("inf"), float("-inf")) else number
    return text


def scalars(node: yaml.Node) -> Iterator[yaml.ScalarNode]:
    """Yield every scalar value of a tree, without keys."""
    if isinstance(node, yaml.ScalarNode):
        yield node
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from scalars(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from scalars(value)


def override(node: yaml.MappingNode, assignment: str) -> None:
    """Apply one `--set load.rate=50/s` to a node tree; the ProfileError names the part that is wrong."""
    key, equals, text = assignment.partition("=")
    path = [part for part in key.strip().split(".") if part]
    if not equals or not path:
        raise ProfileError(f"--set {assignment}: expected KEY=VALUE, such as load.rate=50/s")
    value = compose_value(text, f"--set {key}")
    parent: yaml.Node = node
    for part in path[:-1]:
        parent = _child(parent, part, assignment)
    _put(parent, path[-1], value, assignment)


def compose_value(text: str, file: str) -> yaml.Node:
    """Parse one value from the command line into a node; an empty value is null."""
    try:
        value: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        reason = (
            str(error).splitlines()[0] if isinstance(error, yaml.YAMLError) else "nested too deeply"
        )
        raise ProfileError(f"{file}: not a YAML value: {reason}") from None
    return value if value is not None else yaml.ScalarNode("tag:yaml.org,2002:null", "null")


def _child(parent: yaml.Node, part: str, assignment: str) -> yaml.Node:
    if isinstance(parent, yaml.SequenceNode) and part.isdigit() and int(part) < len(parent.value):
        child = parent.value[int(part)]
    elif isinstance(parent, yaml.MappingNode):
        child = next((value for key, value in parent.value if key.value == part), None)
        if not isinstance(child, (yaml.MappingNode, yaml.SequenceNode)):
            child = yaml.MappingNode("tag:yaml.org,2002:map", [], start_mark=parent.start_mark)
            _put(parent, part, child, assignment)
    else:
        raise ProfileError(f"--set {assignment}: there is no {part!r} to set anything in")
    assert isinstance(child, yaml.Node)
    return child


def _put(parent: yaml.Node, key: str, value: yaml.Node, assignment: str) -> None:
    if isinstance(parent, yaml.SequenceNode) and key.isdigit() and int(key) < len(parent.value):
        parent.value[int(key)] = value
    elif isinstance(parent, yaml.MappingNode):
        kept = [(name, old) for name, old in parent.value if name.value != key]
        name_node = yaml.ScalarNode(
            "tag:yaml.org,2002:str", key, start_mark=value.start_mark or parent.start_mark
        )
        parent.value[:] = [*kept, (name_node, value)]
    else:
        raise ProfileError(f"--set {assignment}: there is no {key!r} to set here")
