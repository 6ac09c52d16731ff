"""Requests grouped by scenario and tag, and the start of a sentence about such a group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from soak.analysis.prepare.merged_requests import merged
from soak.model import Labels
from soak.profile.tags import RequestGroup
from soak.windows import EndpointWindows


def group_windows(
    windows: Sequence[EndpointWindows], groups: Sequence[RequestGroup]
) -> Iterator[tuple[RequestGroup, EndpointWindows]]:
    """Yield each group that has windows, with the windows of its endpoints merged; the result is exact."""
    by_name = {window.endpoint: window for window in windows}
    for group in groups:
        members = tuple(by_name[label] for label in group.endpoints if label in by_name)
        if members:
            yield group, replace(merged(members), endpoint=group.name)


def of(labels: Labels) -> str:
    """Return the start of a sentence about an endpoint, a scenario or a tag; empty for all requests."""
    if not labels:
        return ""
    kind, name = labels[0]
    return f"{name}: " if kind == "endpoint" else f"{kind} {name}: "
