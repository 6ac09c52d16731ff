"""Apply YAML's merge keys (https://yaml.org/type/merge.html): `<<: *base` adds the keys of another mapping."""

from __future__ import annotations

import yaml

from soak.errors import ProfileError


def merge(node: yaml.Node, file: str) -> None:
    """Replace every merge key below a node, in place; raise ProfileError with file and line for an invalid one.

    A key of the mapping itself takes precedence over a merged one, and an earlier mapping of a list
    over a later one. Each node is visited once, so that aliases cost nothing.
    """
    _merge(node, file, set(), set())


def _merge(node: yaml.Node, file: str, done: set[int], open_: set[int]) -> None:
    if id(node) in done or isinstance(node, yaml.ScalarNode):
        return
    if id(node) in open_:
        return  # an alias that contains itself is refused when the values are read
    open_.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _merge(item, file, done, open_)
    elif isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            _merge(value, file, done, open_)
        node.value[:] = _merged(node, file)
    open_.discard(id(node))
    done.add(id(node))


def _merged(node: yaml.MappingNode, file: str) -> list[tuple[yaml.Node, yaml.Node]]:
    own = [(key, value) for key, value in node.value if not _is_merge(key)]
    if len(own) == len(node.value):
        return own
    names = {key.value for key, _ in own if isinstance(key, yaml.ScalarNode)}
    added: list[tuple[yaml.Node, yaml.Node]] = []
    for key, value in node.value:
        if not _is_merge(key):
            continue
        for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
            if not isinstance(source, yaml.MappingNode) or source is node:
                line = key.start_mark.line + 1
                raise ProfileError(
                    f"{file}:{line}: <<: expected a mapping to merge, such as <<: *base, or a list of them"
                )
            for name, item in source.value:
                if isinstance(name, yaml.ScalarNode) and name.value not in names:
                    names.add(name.value)
                    added.append((name, item))
    return [*own, *added]


def _is_merge(key: yaml.Node) -> bool:
    return isinstance(key, yaml.ScalarNode) and key.value == "<<" and key.style is None
