"""The metrics pages of one server, in text, or in protobuf where pages are large and the server offers it."""

from __future__ import annotations

from collections.abc import Callable

from soak.errors import TargetError
from soak.sampling.exposition import Exposition, Page
from soak.sampling.exposition_protobuf import PROTOBUF
from soak.sampling.fetch import Fetcher, accepted

TEXT_FIRST = (
    "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.9,*/*;q=0.1"
)
PROTOBUF_FIRST = (
    f"{PROTOBUF};proto=io.prometheus.client.MetricFamily;encoding=delimited,{TEXT_FIRST}"
)
#: A page of so many bytes is large. Some 700 lines: reading them takes 2 ms, 0.2% of a core at a scrape a second, of which
#: protobuf can spare half; below, there is nothing to gain.
LARGE = 64 * 1024


class Pages:
    """Text at first; `reader` makes what reads either.

    After a large page, protobuf is preferred where the format may be `negotiated`, and what the
    server answers is read as what it says it is.

    Text it is again, for good, as soon as the server answers with text all the same, or with an
    error, or with a page that cannot be read or lacks a series of the text: then the text is asked
    for at once, so that no scrape is lost.
    """

    def __init__(
        self, fetcher: Fetcher, reader: Callable[[], Exposition], negotiated: bool
    ) -> None:
        self._fetcher = fetcher
        self._text, self._protobuf = reader(), reader()
        self._negotiated, self._asks = negotiated, False
        self._before: Page | None = None

    def read(self, url: str) -> Page:
        """The next page; TargetError says why there is none."""
        if self._asks:
            page = self._preferring_protobuf(url)
            if page is not None:
                return page
            self._settle()
        answer = self._fetcher.get_ok(url)
        page = self._text.read(answer, url)
        if self._negotiated and len(answer.body) >= LARGE:
            self._asks, self._before = True, page
        return page

    def _preferring_protobuf(self, url: str) -> Page | None:
        """The page, in protobuf where the server offers it; None where its text is to be asked for."""
        try:
            answer = accepted(self._fetcher.get(url, {"Accept": PROTOBUF_FIRST}), url)
            if answer.content_type != PROTOBUF:
                self._settle()
                return self._text.read(answer, url)
            page = self._protobuf.read(answer, url)
        except TargetError:
            return None
        before, self._before = self._before, None
        return page if before is None or _holds(page, before) else None

    def _settle(self) -> None:
        """Ask for text from here on."""
        self._asks = self._negotiated = False
        self._before = None


def _holds(page: Page, before: Page) -> bool:
    """Whether a page has the series of another, and as many lines: clients may spell the two formats differently."""
    there = {(sample.name, sample.labels) for sample in page.samples}
    lacking = any((sample.name, sample.labels) not in there for sample in before.samples)
    return not lacking and page.scraped >= before.scraped
