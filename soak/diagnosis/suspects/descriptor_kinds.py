"""Evidence about open descriptors: which type and which files grow, and whether sockets were never closed."""

from __future__ import annotations

from collections import defaultdict

from soak.catalog.process import CLOSE_WAIT, DESCRIPTORS_BY_TYPE, OPEN_FILES
from soak.catalog.row_types import ResourceKind
from soak.diagnosis.suspects.cases import Case
from soak.diagnosis.suspects.context import RunContext, rise
from soak.diagnosis.thresholds import LEAST_DESCRIPTORS

#: Suffixes of the files of embedded databases, and of those that SQLite opens beside one.
_DATABASES, _BESIDE = (".db", ".db3", ".sqlite", ".sqlite3"), ("-wal", "-shm", "-journal")
#: How to close what each type of descriptor belongs to.
_CLOSES = {
    "inotify": "Close each file watcher where its user ends, whatever way that is; or keep one for the service.",
    "timerfd": "Close each timer where its user ends, whatever way that is.",
    "pidfd": "Wait for each child process that a request starts, whatever way the request ends.",
    "epoll": "Close each selector or event loop that a request opens, or keep one for the service.",
}


def growing_descriptor_kind(context: RunContext) -> tuple[str, str, float]:
    """Return the type and state of the descriptors that grow most, and by how many; empty if none grow."""
    grown = [
        (
            rise(series, context.prepared.judged_from),
            dict(series.labels).get("type", ""),
            dict(series.labels).get("state", ""),
        )
        for series in context.series(DESCRIPTORS_BY_TYPE)
    ]
    most, kind, state = max(grown, default=(0.0, "", ""))
    return (kind, state, most) if most >= LEAST_DESCRIPTORS else ("", "", 0.0)


def descriptor_kinds(case: Case, context: RunContext) -> str:
    """Say which type of descriptor grows most."""
    kind, state, grown = growing_descriptor_kind(context)
    if not kind or not case.of(ResourceKind.DESCRIPTORS):
        return ""
    description = f"{kind}, {state.upper()}" if state else kind
    path = growing_file(context)
    files = f" (of {path})" if path else ""
    return (
        f"Of all descriptors it is those of type {description} that grow, by {grown:,.0f}{files}."
    )


def growing_file(context: RunContext) -> str:
    """Return the path, or the folder and suffix, of most of the files that are opened and not closed; empty if unknown."""
    kind, _, grown = growing_descriptor_kind(context)
    if kind != "file":
        return ""
    files: dict[str, float] = defaultdict(float)
    for series in context.series(OPEN_FILES):
        path = dict(series.labels).get("path", "")
        for suffix in _BESIDE:
            path = path.removesuffix(suffix)
        files[path] += rise(series, context.prepared.judged_from)
    path, most = max(files.items(), key=lambda each: each[1], default=("", 0.0))
    return path if most > grown / 2 else ""


def descriptor_remedy(context: RunContext) -> str:
    """Say how to close what the growing descriptors belong to; empty for sockets, pipes and files that tell nothing more."""
    path = growing_file(context)
    if path.endswith(_DATABASES):
        return (
            f"Close each connection to {path} and the rows of each query, whatever way the request ends; "
            "or keep one pool of connections for the service."
        )
    return _CLOSES.get(growing_descriptor_kind(context)[0], "")


def close_wait(case: Case, context: RunContext) -> str:
    """Say how many more sockets the other side has closed, and this one has not."""
    waiting = sum(
        rise(series, context.prepared.judged_from)
        for series in context.series(DESCRIPTORS_BY_TYPE, state=CLOSE_WAIT)
    )
    if waiting < LEAST_DESCRIPTORS or not case.of(ResourceKind.DESCRIPTORS):
        return ""
    return f"{waiting:,.0f} more sockets are in CLOSE_WAIT: the other side has hung up, this side has not."
