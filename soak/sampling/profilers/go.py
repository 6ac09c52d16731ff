"""Go's pprof over HTTP (net/http/pprof): the heap after a collection and its exact size, goroutines, leaked ones."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar

import psutil

from soak.catalog.go import COLLECTED_HEAP
from soak.catalog.process import RESIDENT_AFTER_GC
from soak.errors import SoakError, TargetError
from soak.sampling.fetch import Answer, Fetcher
from soak.sampling.profilers.profiler import ProfiledTarget, ProfileResult, gauges
from soak.snapshots import SnapshotKind, SnapshotStage

#: The default path of net/http/pprof.
USUAL = "/debug/pprof"
MAX_BYTES = 64 * 2**20
_PATIENCE, _PROBING = 30.0, 3.0
#: First bytes of a profile: gzip, the usual case, or its first field if a proxy has unpacked it.
_GZIP, _PLAIN = b"\x1f\x8b", b"\x0a"
#: The heap profile is a sample; its text form also has the exact size, read just after the
#: collection that gc=1 forces.
_EXACT = "heap?gc=1&debug=1"
#: The exact sizes that the text form ends with, of runtime.MemStats.
_SIZES = re.compile(rb"^# (HeapAlloc|HeapIdle|HeapReleased) = (\d{1,18})\s*$", re.MULTILINE)
#: Collections after each of which the size of a heap of up to so many bytes is read, until so many
#: seconds have passed, but at least two: objects in a sync.Pool survive one (gzip writers have 0.8
#: MB each), and what requests allocate until the size is read is garbage. In a larger heap both
#: matter little, and collections cost more.
MOST_COLLECTIONS, COLLECTING, _SMALL = 3, 0.2, 256 * 2.0**20
#: `heap` also has the columns of `allocs`, so `allocs` is not requested. gc=1 shows what is in use
#: without garbage; just after a collection a profile shows its state without that.
_COLLECTING, _COLLECTED = "heap?gc=1", "heap?debug=0"
_PAGES: tuple[tuple[SnapshotKind, str], ...] = (
    ("heap", _COLLECTING),
    ("goroutine", "goroutine?debug=0"),
    ("goroutineleak", "goroutineleak?debug=0"),
)
#: Stages at which goroutines are also requested as text, the only form with their creators. Writing
#: it stops the program, so it is requested only twice per run.
_CREATORS: tuple[SnapshotStage, ...] = ("start", "end")
#: Only some builds of Go serve this profile; its absence is not reported.
_OPTIONAL: SnapshotKind = "goroutineleak"


@dataclass(frozen=True)
class GoPprof:
    """`diagnose: {pprof: /debug/pprof}`, or a whole URL, because services often serve it on a separate port."""

    url: str
    pid: int | None = None
    _fetcher: Fetcher = field(repr=False, compare=False, default_factory=Fetcher)
    _without: set[SnapshotKind] = field(init=False, repr=False, compare=False, default_factory=set)
    kinds: ClassVar[tuple[SnapshotKind, ...]] = (
        "heap",
        "gauges",
        "goroutine",
        "goroutineleak",
        "stacks",
    )
    made_after: ClassVar[tuple[SnapshotKind, ...]] = ()

    @classmethod
    def named(cls, value: str, watched: ProfiledTarget) -> GoPprof:
        """Return the profiler for a path of the target or a URL; the TLS options apply only to the target."""
        url = watched.at(value).rstrip("/")
        own = f"{url}/".startswith(f"{watched.url.rstrip('/')}/")
        tls = watched.tls if own else type(watched.tls)()
        return cls(url, watched.pid, Fetcher(_PATIENCE, watched.headers, tls))

    @classmethod
    def offered(cls, watched: ProfiledTarget) -> GoPprof | None:
        """Return the profiler for the default path if a goroutine profile is served there."""
        try:
            fetcher = Fetcher(_PROBING, watched.headers, watched.tls)
            cls(watched.at(USUAL), None, fetcher).profile("goroutine?debug=0")
        except SoakError:
            return None
        return cls.named(USUAL, watched)

    def take(self, stage: SnapshotStage) -> Iterator[ProfileResult]:
        """Yield the heap (after forcing a collection), goroutines, leaked goroutines if offered, and their creators."""
        sizes = self._exact_sizes()
        if sizes:
            yield "gauges", gauges((name, {}, size) for name, size in sizes.items())
        for kind, page in _PAGES:
            if kind in self._without:
                continue
            if page == _COLLECTING and sizes:
                page = _COLLECTED  # noqa: PLW2901 - the collection has just been
            try:
                yield kind, self.profile(page)
            except DamagedProfileError as error:
                yield kind, error
            except SoakError as error:
                if isinstance(error, NotServedError) and kind == _OPTIONAL:
                    self._without.add(kind)
                    continue
                # A failure that is not specific to one page affects all pages, and is reported
                # once.
                yield kind, error
                return
        if stage in _CREATORS:
            try:
                yield "stacks", self.text("goroutine?debug=2")
            except SoakError as error:
                yield "stacks", error

    def _exact_sizes(self) -> dict[str, float]:
        """Return what is alive and what is resident (bytes) just after a collection; empty if the text form is not served.

        Of several collections, what is alive is the least, as garbage adds to it, and what is resident
        the most, as pages may be given back before it is read.
        """
        sizes: dict[str, float] = {}
        if "gauges" in self._without:
            return sizes
        began = time.monotonic()
        for done in range(MOST_COLLECTIONS):
            late = done > 1 and time.monotonic() - began > COLLECTING
            if late or sizes.get(COLLECTED_HEAP, 0.0) > _SMALL:
                break
            collected = self._collected_sizes()
            if not collected:
                break
            for name, size in collected.items():
                best = min if name == COLLECTED_HEAP else max
                sizes[name] = best(size, sizes.get(name, size))
        return sizes

    def _collected_sizes(self) -> dict[str, float]:
        """Return the same just after one collection."""
        try:
            answer = self._fetcher.get(f"{self.url}/{_EXACT}")
        except SoakError:
            return {}
        told = {
            name.decode(): float(number)
            for name, number in (_SIZES.findall(answer.body) if answer.status == 200 else ())
        }
        if "HeapAlloc" not in told:
            self._without.add("gauges")
            return {}
        sizes = {COLLECTED_HEAP: told["HeapAlloc"]}
        if self.pid is not None and {"HeapIdle", "HeapReleased"} <= told.keys():
            # Go keeps the pages that a collection freed: they are resident and hold nothing.
            idle = told["HeapIdle"] - told["HeapReleased"]
            with suppress(psutil.Error, OSError):
                resident = float(psutil.Process(self.pid).memory_info().rss)
                sizes[RESIDENT_AFTER_GC] = max(0.0, resident - idle)
        return sizes

    def collect(self) -> None:
        """Force a collection with a heap profile (gc=1); twice, because objects in a sync.Pool survive the first."""
        for _ in range(2):
            self.profile("heap?gc=1")

    def close(self) -> None:
        """Close the connection; nothing was set up in the target."""
        self._fetcher.close()

    def text(self, page: str) -> bytes:
        """Return a page of text unchanged; TargetError says what came instead."""
        url = f"{self.url}/{page}"
        answer = self._fetcher.get(url)
        _refuse(answer, url)
        if not answer.body.startswith(b"goroutine "):
            raise DamagedProfileError(f"{url}: this is no list of goroutines")
        return answer.body

    def profile(self, page: str) -> bytes:
        """Return one unpacked profile; TargetError says what came instead."""
        url = f"{self.url}/{page}"
        answer = self._fetcher.get(url)
        _refuse(answer, url)
        if answer.body.startswith(_GZIP):
            return _unpacked(answer.body, url)
        if not answer.body.startswith(_PLAIN):
            what = answer.content_type or "something"
            raise TargetError(
                f"{url}: this is {what} and no profile; does diagnose.pprof name net/http/pprof's path?"
            )
        return answer.body


class NotServedError(TargetError):
    """Nothing is served at this path."""


class DamagedProfileError(TargetError):
    """This profile is unusable; the next one may be usable."""


def _refuse(answer: Answer, url: str) -> None:
    """Raise TargetError, with advice, for every status except 200."""
    if answer.status == 200:
        return
    if answer.status == 404:
        raise NotServedError(
            f"{url}: answered 404: pprof is off there; import net/http/pprof, or say where: diagnose.pprof"
        )
    if answer.status in (401, 403):
        advice = (
            "give diagnose.headers: {Authorization: ...}"
            if answer.status == 401
            else "these credentials are not enough"
        )
        raise TargetError(f"{url}: answered {answer.status} ({advice})")
    raise TargetError(f"{url}: answered {answer.status}")


def _unpacked(data: bytes, url: str) -> bytes:
    """Decompress a whole profile up to the size limit; otherwise raise DamagedProfileError."""
    stream = zlib.decompressobj(wbits=31)
    try:
        plain = stream.decompress(data, MAX_BYTES)
    except zlib.error:
        raise DamagedProfileError(f"{url}: the profile is damaged") from None
    if stream.unconsumed_tail:
        raise DamagedProfileError(
            f"{url}: the profile is larger than {MAX_BYTES >> 20} MiB once unpacked"
        )
    if not stream.eof:
        raise DamagedProfileError(f"{url}: the profile was cut short")
    return plain
