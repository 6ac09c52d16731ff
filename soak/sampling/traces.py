"""Asks Zipkin or Jaeger, once the load has ended, for the traces of a run's exemplars."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from soak.errors import TargetError
from soak.model import Exemplar
from soak.profile import Profile
from soak.profile.checking import beside
from soak.profile.types import Tls
from soak.sampling.clock import Clock
from soak.sampling.fetch import Answer, Fetcher
from soak.sampling.spans import jaeger_trace, zipkin_trace
from soak.traces import Trace

#: Traces asked for at most, seconds for all of them, and for one.
MOST, PATIENCE, EACH = 40, 30.0, 5.0


@dataclass(frozen=True, slots=True)
class Backend:
    """The key of the profile, the API's path of a trace, and how its answer is read."""

    key: str
    path: str
    read: Callable[[str, bytes], Trace]


BACKENDS = (
    Backend("zipkin", "/api/v2/trace/", zipkin_trace),
    Backend("jaeger", "/api/traces/", jaeger_trace),
)


def ask_for_traces(
    profile: Profile, exemplars: Sequence[Exemplar], clock: Clock, stop: threading.Event
) -> Iterator[Trace]:
    """Each exemplar's trace, without spans where the backend has none; nothing where the profile names no backend.

    Begins when the youngest is as old as spans may take to arrive (`trace.wait`), or at once when `stop` is set. TargetError
    when the backend cannot be asked, is another, or takes too long; it never shows the address, which may hold a secret.
    """
    settings = profile.trace
    backend = next((one for one in BACKENDS if getattr(settings, one.key)), None)
    wanted = list(dict.fromkeys(one.trace for one in exemplars if one.trace))[:MOST]
    if backend is None or not wanted:
        return
    clock.wait(max(one.time + one.seconds for one in exemplars) + settings.wait, stop)
    parts = urlsplit(getattr(settings, backend.key))
    fetcher = Fetcher(EACH, _authorization(parts), _tls(profile, parts))
    deadline = clock.now() + PATIENCE
    for done, trace in enumerate(wanted):
        if clock.now() > deadline:
            raise TargetError(
                f"{backend.key}: only {done} of {len(wanted)} traces were to be had within {PATIENCE:g} s"
            )
        answer = _ask(fetcher, _address(parts, backend.path + trace))
        yield Trace(trace) if answer.status == 404 else backend.read(trace, answer.body)


def _ask(fetcher: Fetcher, url: str) -> Answer:
    """An answer of 200 or 404."""
    try:
        answer = fetcher.get(url)
    except TargetError as error:
        raise TargetError(str(error).removeprefix(f"{url}: ")) from None
    if answer.status in (401, 403):
        raise TargetError(f"it answered {answer.status}; give its user as https://USER:${{PASSWORD}}@host")
    if answer.status not in (200, 404):
        raise TargetError(f"it answered {answer.status}; is this the address of its API?")
    return answer


def _address(parts: SplitResult, path: str) -> str:
    """The API's address, without the user and with the query that the profile gives."""
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/") + path, parts.query, ""))


def _authorization(parts: SplitResult) -> dict[str, str]:
    """Basic, of the URL's user and password."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"}


def _tls(profile: Profile, parts: SplitResult) -> Tls:
    """The profile's own for this; else the target's where it is the same host, and its files relative to the profile."""
    same = parts.hostname == urlsplit(profile.target.url).hostname
    tls = profile.trace.tls or (profile.target.tls if same else Tls())
    files = {key: getattr(tls, key) for key in ("ca", "certificate", "key")}
    return tls.model_copy(
        update={key: str(beside(profile.document.file, name)) for key, name in files.items() if name is not None}
    )
