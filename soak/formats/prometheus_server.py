"""Query a Prometheus server for a range of time, in pieces that are joined (the API allows 11,000 points at a time)."""

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

#: Points per series in one query; Prometheus refuses more than 11,000.
POINTS = 10_000
#: Points per series that make a good recording; determines the step if none is given.
_GOOD_NUMBER = 5_000
#: Most series that all queries together may return.
MOST_SERIES = 500
_TIMEOUT = 60.0
#: An aggregate of a single metric, which keeps the metric's name.
_AGGREGATE = re.compile(
    r"\s*(?:(?:sum|avg|max|min)(?:\s+(?:by|without)\s*\([^)]*\))?\s*\()?\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{.*\})?\s*\)?"
    r"(?:\s+(?:by|without)\s*\([^)]*\))?\s*"
)

_FUNCTION = re.compile(r"^\s*(?:sum|avg|min|max)\b")
#: A plain selector of one metric, whose series keep the labels of their process.
_SELECTOR = re.compile(r"\s*([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(\{.*\})?\s*")
#: Labels of cAdvisor and the kubelet that identify a container.
_CONTAINERS = ("instance", "namespace", "pod", "container", "name", "id")

Fetch = Callable[[str], bytes]


@dataclass(frozen=True)
class RangeQuery:
    """A range query: a server, queries, and a range of time (Unix seconds) with a step in seconds."""

    server: str
    queries: tuple[str, ...]
    start: float
    end: float
    step: float


def range_query(
    server: str, queries: tuple[str, ...], since: float, step: float | None, now: float
) -> RangeQuery:
    """Build a query for the last `since` seconds; raise UsageError if the server is not an HTTP address."""
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
    """Query the server and return a Recording; raise TargetError if it does not answer or rejects a query."""
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
    """Yield the start times of the series' processes or containers, so that deployments are recognised.

    Yield nothing if the server does not have them. Without them, a leak that deployments
    reset looks like a collector's sawtooth.
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
    """Return the queries that aggregate one metric, as pairs of metric and query."""
    return [
        (match[1], query)
        for query in asked.queries
        if _SELECTOR.fullmatch(query) is None and (match := _AGGREGATE.fullmatch(query))
    ]


def _are_told_apart(recorded: list[dict[str, str]]) -> bool:
    """Return True if a restart can be assigned to one series: there is only one, or each names its instance."""
    return len(recorded) == 1 or all(labels.get("instance") for labels in recorded)


def _start_times_of_sums(
    asked: RangeQuery, recorded: list[dict[str, str]], fetch: Fetch
) -> Iterator[RawSeries]:
    """Yield the latest start time of the processes behind a sum, with the same labels as the sum."""
    if len(asked.queries) != 1 or not _are_told_apart(recorded):
        return
    for name, query in _sums(asked):
        start = _start_name(name)
        latest = re.sub(rf"\b{re.escape(name)}\b", start, _FUNCTION.sub("max", query), count=1)
        for answer in _answers(asked, latest, fetch) if name != start else ():
            for series in answer.series:
                yield replace(series, name=start)


def _start_name(name: str) -> str:
    """Return the name of the metric with the start time of the process or container that a metric measures."""
    return CONTAINER_START_TIME if name.startswith("container_") else START_TIME


def _told_by(labels: Mapping[str, str], tellers: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(labels.get(name, "") for name in tellers)


def _is_selector(queries: tuple[str, ...]) -> bool:
    """Return True if the queries ask for metrics as they are or aggregated, not for rates or other functions."""
    return all(_AGGREGATE.fullmatch(query) for query in queries)


def _answers(asked: RangeQuery, query: str, fetch: Fetch) -> Iterator[Reading]:
    """Yield the Reading of each piece of one query; skip empty pieces."""
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
        reason = " ".join(str(answer.get("error", "")).split())[:200]
        raise TargetError(
            f"{_public(asked.server)}: --query {query!r}: {answer.get('errorType')}: {reason}"
        )
    return dict(answer)


def _fetch(url: str) -> bytes:
    """Return the body of an answer, including an error answer in JSON; raise TargetError if there is none."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    request = Request(urlunsplit(parts._replace(netloc=host)))  # noqa: S310 - http and https alone, checked before
    if parts.username:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        # A redirect's target must not receive the credentials.
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
    """Return only scheme and host of an address, without user, password or query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else url
