"""Read the metrics pages of a server, in text, or in protobuf if pages are large and the server offers it."""

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
#: Size in bytes from which a page is large. 64 KiB are some 700 lines, which take 2 ms to read:
#: 0.2% of a core at one scrape a second. Protobuf can save half of that; below this size there is
#: nothing to gain.
LARGE = 64 * 1024


class Pages:
    """Reads pages as text at first; `reader` creates the parser for either format.

    After a large page, protobuf is requested if the format may be `negotiated`; the answer is read in
    the format that its content type declares.

    It returns to text for good if the server still answers with text, or with an error, or if the page
    cannot be read or lacks a series of the text. The text is then requested at once, so that no scrape
    is lost.
    """

    def __init__(
        self, fetcher: Fetcher, reader: Callable[[], Exposition], negotiated: bool
    ) -> None:
        self._fetcher = fetcher
        self._text, self._protobuf = reader(), reader()
        self._negotiated, self._asks = negotiated, False
        self._before: Page | None = None

    def read(self, url: str) -> Page:
        """Return the next page; TargetError says why there is none."""
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
        """Return the page, in protobuf if the server offers it; None if the text must be requested instead."""
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
        """Request only text from now on."""
        self._asks = self._negotiated = False
        self._before = None


def _holds(page: Page, before: Page) -> bool:
    """Return True if `page` has all series and as many lines as `before`; clients may name series differently."""
    there = {(sample.name, sample.labels) for sample in page.samples}
    lacking = any((sample.name, sample.labels) not in there for sample in before.samples)
    return not lacking and page.scraped >= before.scraped
