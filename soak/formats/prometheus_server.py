"""Asks a Prometheus server for a stretch of time: range queries in pieces, joined (the API takes 11,000 points at a time)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import Request, urlopen

import numpy as np

from soak.catalog.container import CONTAINER_START_TIME
from soak.catalog.process import START_TIME
from soak.errors import OTHER_SHAPE, TargetError, UsageError
from soak.formats.assemble import assemble
from soak.formats.choosing import choose
from soak.formats.column_names import kind_of
from soak.formats.content import MOST_BYTES, Content
from soak.formats.format import Options, RawSeries, Reading
from soak.formats.prometheus_json import read_answer
from soak.model import Kind, Recording

#: Points of a series that one query asks for; Prometheus refuses more than 11,000.
POINTS = 10_000
#: So many points of a series make a fair recording: the step that is chosen where none is given.
_GOOD_NUMBER = 5_000
#: Series that the queries may give in all.
MOST_SERIES = 500
_TIMEOUT = 60.0
#: An aggregate of one metric still is that metric.
_AGGREGATE = re.compile(
    r"\s*(?:(?:sum|avg|max|min)(?:\s+(?:by|without)\s*\([^)]*\))?\s*\()?\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{.*\})?\s*\)?"
    r"(?:\s+(?:by|without)\s*\([^)]*\))?\s*"
)

_FUNCTION = re.compile(r"^\s*(?:sum|avg|min|max)\b")
#: One metric's series as they are: their labels are those of the process that has them.
_SELECTOR = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{.*\})?\s*")
#: Labels of cAdvisor and the kubelet that tell one container from another.
_CONTAINERS = ("instance", "namespace", "pod", "container", "name", "id")

Fetch = Callable[[str], bytes]


@dataclass(frozen=True)
class RangeQuery:
    """What is asked: a server, queries, and a stretch of time (Unix seconds) in steps of so many seconds."""

    server: str
    queries: tuple[str, ...]
    start: float
    end: float
    step: float


def range_query(
    server: str, queries: tuple[str, ...], since: float, step: float | None, now: float
) -> RangeQuery:
    """A query of the last `since` seconds; UsageError for what is no server."""
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"--prometheus {_public(server)}: expected an address such as http://127.0.0.1:9090"
        )
    if not queries:
        raise UsageError(
            "--prometheus: say what to ask for with --query 'process_resident_memory_bytes{job=\"orders\"}'"
        )
    if since <= 0 or (step is not None and step <= 0):
        raise UsageError("--since and --step: expected more than 0 s")
    chosen = step or max(15.0, float(np.ceil(since / _GOOD_NUMBER)))
    return RangeQuery(server.rstrip("/"), queries, now - since, now, chosen)


def query_server(asked: RangeQuery, options: Options, fetch: Fetch | None = None) -> Recording:
    """The Recording of what a server answers; TargetError where it does not, or says that a query is wrong."""
    reading = Reading()
    pieces: dict[tuple[str, tuple[tuple[str, str], ...]], list[RawSeries]] = {}
    for query in asked.queries:
        for answer in _answers(asked, query, fetch or _fetch):
            for series in answer.series:
                own = dict(series.labels)
                if len(asked.queries) > 1 and series.name == "value":
                    own["query"] = query
                match = _AGGREGATE.fullmatch(query)
                name = match[1] if match and series.name == "value" else series.name
                pieces.setdefault((name, tuple(sorted(own.items()))), []).append(series)
            reading.notes += [note for note in answer.notes if note not in reading.notes]
        if len(pieces) > MOST_SERIES:
            raise UsageError(
                f"--query {query!r}: gives over {MOST_SERIES} series; choose fewer, or sum them"
            )
    if not pieces:
        raise TargetError(
            f"{_public(asked.server)}: no series for {', '.join(asked.queries)} in this time"
        )
    if _sums(asked) and (
        len(asked.queries) > 1 or not _are_told_apart([dict(labels) for _, labels in pieces])
    ):
        reading.notes.append(
            "when the processes behind the sums were replaced is not known; ask for their series themselves, "
            "and a leak that deployments reset is told"
        )
    for series in _start_times(asked, [dict(labels) for _, labels in pieces], fetch or _fetch):
        pieces.setdefault((series.name, tuple(sorted(series.labels.items()))), []).append(series)
    for (name, labels), several in pieces.items():
        times, values = (
            np.concatenate([getattr(piece, part) for piece in several])
            for part in ("times", "values")
        )
        kind = (
            Kind.COUNTER
            if kind_of(name) is Kind.COUNTER and _is_selector(asked.queries)
            else Kind.GAUGE
        )
        reading.series.append(RawSeries(name, times, values, dict(labels), kind))
    content = Content(Path(_public(asked.server)), b"")
    choose(content, reading, options)
    return assemble(content, reading, "prometheus")


def _start_times(
    asked: RangeQuery, recorded: list[dict[str, str]], fetch: Fetch
) -> Iterator[RawSeries]:
    """When the processes or containers of the series started, so that a deployment is known for what it is; nothing where it
    is not told.

    A leak that deployments reset looks like a collector's sawtooth without.
    """
    own = [
        (match[1], match[2] or "")
        for query in asked.queries
        if (match := _SELECTOR.fullmatch(query))
    ]
    yield from _start_times_of_sums(asked, recorded, fetch)
    started = {_start_name(name) for name, _ in own}
    if any(name in started for name, _ in own):
        return
    for start, matchers in dict.fromkeys((_start_name(name), matchers) for name, matchers in own):
        tellers = _CONTAINERS if start == CONTAINER_START_TIME else ("instance",)
        known = {_told_by(labels, tellers) for labels in recorded} - {("",) * len(tellers)}
        for answer in _answers(asked, f"{start}{matchers}", fetch) if known else ():
            for series in answer.series:
                if series.name == start and _told_by(series.labels, tellers) in known:
                    yield series


def _sums(asked: RangeQuery) -> list[tuple[str, str]]:
    """The queries that aggregate one metric, each with that."""
    return [
        (match[1], query)
        for query in asked.queries
        if _SELECTOR.fullmatch(query) is None and (match := _AGGREGATE.fullmatch(query))
    ]


def _are_told_apart(recorded: list[dict[str, str]]) -> bool:
    """Whether a restart is of one series alone: there is one, or each names its instance."""
    return len(recorded) == 1 or all(labels.get("instance") for labels in recorded)


def _start_times_of_sums(
    asked: RangeQuery, recorded: list[dict[str, str]], fetch: Fetch
) -> Iterator[RawSeries]:
    """When the latest of the processes behind a sum started: aggregated as the sum is, since its labels are all that is left."""
    if len(asked.queries) != 1 or not _are_told_apart(recorded):
        return
    for name, query in _sums(asked):
        start = _start_name(name)
        latest = re.sub(rf"\b{re.escape(name)}\b", start, _FUNCTION.sub("max", query), count=1)
        for answer in _answers(asked, latest, fetch) if name != start else ():
            for series in answer.series:
                yield replace(series, name=start)


def _start_name(name: str) -> str:
    """The series that tells when what another series measures was started."""
    return CONTAINER_START_TIME if name.startswith("container_") else START_TIME


def _told_by(labels: Mapping[str, str], tellers: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in tellers)


def _is_selector(queries: tuple[str, ...]) -> bool:
    """Whether the queries are counters as they are, and not their rates."""
    return all(_AGGREGATE.fullmatch(query) for query in queries)


def _answers(asked: RangeQuery, query: str, fetch: Fetch) -> Iterator[Reading]:
    """The readings of the pieces of one query, empty ones left out."""
    length = POINTS * asked.step
    start = asked.start
    while start <= asked.end:
        end = min(asked.end, start + length - asked.step)
        url = f"{asked.server}/api/v1/query_range?query={quote(query)}&start={start:.3f}&end={end:.3f}&step={asked.step:g}"
        answer = _parsed(asked, query, fetch(url))
        if answer["data"].get("result"):
            yield read_answer(Content(Path(_public(asked.server)), b""), answer)
        start = end + asked.step


def _parsed(asked: RangeQuery, query: str, body: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(body)
        status = answer["status"]
    except OTHER_SHAPE:
        raise TargetError(
            f"{_public(asked.server)}: its answer is not that of a Prometheus server"
        ) from None
    if status != "success" or not isinstance(answer.get("data"), dict):
        said = " ".join(str(answer.get("error", "")).split())[:200]
        raise TargetError(
            f"{_public(asked.server)}: --query {query!r}: {answer.get('errorType')}: {said}"
        )
    return dict(answer)


def _fetch(url: str) -> bytes:
    """The body of an answer, also of one that says what was wrong; TargetError where there is none."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    request = Request(urlunsplit(parts._replace(netloc=host)))  # noqa: S310 - http and https alone, checked before
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        # Not to where a redirect leads.
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(pair).decode()}")
    try:
        with urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310 - as above
            body: bytes = answer.read(MOST_BYTES + 1)
    except HTTPError as error:
        body = error.read(2**20)
        if not body.lstrip().startswith(b"{"):
            raise TargetError(f"{_public(url)}: answered {error.code} {error.reason}") from None
    except (URLError, OSError, ValueError) as error:
        why = getattr(error, "reason", None) or error
        raise TargetError(f"{_public(url)}: cannot be reached: {why}") from None
    if len(body) > MOST_BYTES:
        raise TargetError(
            f"{_public(url)}: its answer is too large; take a longer --step, or fewer series"
        )
    return body


def _public(url: str) -> str:
    """Scheme and host of an address alone: no user, password or query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else url
