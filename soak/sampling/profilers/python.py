"""Python's memory and threads, from the hook in the target's process (soak/hook)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar

import psutil

from soak.errors import SoakError, TargetError
from soak.profile.runtimes import PythonProfiles
from soak.sampling.fetch import Fetcher
from soak.sampling.profilers.profiler import ProfiledTarget, ProfileResult
from soak.snapshots import SnapshotKind, SnapshotStage

_PATIENCE = 60.0
_PAGES: tuple[tuple[SnapshotKind, str], ...] = (
    ("tracemalloc", "memory"),
    ("threads", "threads"),
    ("gauges", "gauges"),
)
#: Stages at which the allocator is told to return free memory, to distinguish fragmentation from a
#: leak.
_TRIMMED: tuple[SnapshotStage, ...] = ("end", "drained")


def _asked(page: str, stage: SnapshotStage) -> str:
    """Return the page to request at a stage."""
    return "gauges?trim" if page == "gauges" and stage in _TRIMMED else page


@dataclass(frozen=True)
class PythonHook:
    """`diagnose: {python: 127.0.0.1:9230}`: the hook's address, as in the target's SOAK_HOOK."""

    hook: str
    _fetcher: Fetcher = field(repr=False, compare=False, default_factory=Fetcher)
    kinds: ClassVar[tuple[SnapshotKind, ...]] = ("tracemalloc", "threads", "gauges")
    made_after: ClassVar[tuple[SnapshotKind, ...]] = ()

    @classmethod
    def named(cls, value: PythonProfiles, watched: ProfiledTarget) -> PythonHook:  # noqa: ARG003 - it has an address of its own
        """Return the profiler for an address and token."""
        headers = {"Authorization": f"Bearer {value.token}"} if value.token else {}
        return cls(value.hook, Fetcher(_PATIENCE, headers))

    @classmethod
    def offered(cls, watched: ProfiledTarget) -> PythonHook | None:
        """Return the profiler if the target's process has SOAK_HOOK in its environment."""
        try:
            environment = psutil.Process(watched.pid).environ() if watched.pid is not None else {}
            given = {
                "hook": environment.get("SOAK_HOOK", ""),
                "token": environment.get("SOAK_HOOK_TOKEN", ""),
            }
            return (
                cls.named(PythonProfiles.model_validate(given), watched) if given["hook"] else None
            )
        except (psutil.Error, OSError, ValueError):
            return None

    def take(self, stage: SnapshotStage) -> Iterator[ProfileResult]:
        """Yield memory by traceback after a collection, threads and tasks by stack, and exact counts."""
        for kind, page in _PAGES:
            try:
                yield kind, self._page(_asked(page, stage))
            except SoakError as error:
                yield kind, error
                return

    def levels(self) -> Iterator[ProfileResult]:
        """Yield counts of blocks, tasks and container entries after a collection, without reading tracebacks."""
        try:
            yield "gauges", self._page("gauges")
        except SoakError as error:
            yield "gauges", error

    def collect(self) -> None:
        """Run gc.collect() in the target."""
        self._page("collect")

    def close(self) -> None:
        """Stop tracing, because it slows the target down."""
        with suppress(SoakError):
            self._page("end")

    def _page(self, name: str) -> bytes:
        url = f"http://{self.hook}/{name}"
        try:
            answer = self._fetcher.get(url)
        except TargetError as error:
            raise TargetError(
                f"{error}: is the target started with SOAK_HOOK={self.hook} and `python -m soak.hook` or `import soak.hook`?"
            ) from None
        if answer.status == 401:
            raise TargetError(
                f"{url}: answered 401: give the target's SOAK_HOOK_TOKEN as diagnose.python.token"
            )
        if answer.status == 500:
            raise TargetError(f"{url}: the hook failed in the target: {_error_in(answer.body)}")
        if answer.status != 200 or answer.content_type != "application/json":
            raise TargetError(
                f"{url}: answered {answer.status}: this is no soak.hook of this version"
            )
        return answer.body


def _error_in(body: bytes) -> str:
    """Return the error that the hook tells; its whole answer if that is not as expected."""
    try:
        return str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return body.decode(errors="replace")[:200]
