"""Poll a /metrics page: Prometheus text, OpenMetrics, or protobuf if the page is large."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from soak.errors import TargetError, UsageError, without_url_secrets
from soak.model import Kind, Sample
from soak.profile.fields import Count, Positive
from soak.profile.tls import TlsSettings
from soak.sampling.exposition import MOST_OF_ONE, MOST_SERIES, Exposition, Page
from soak.sampling.fetch import Answer, Fetcher
from soak.sampling.page_notices import page_notices
from soak.sampling.pages import TEXT_FIRST, Pages


@dataclass(frozen=True)
class Prometheus:
    """`prometheus: {url: /metrics, keep: ["go_*"], drop: ["*_bucket"]}`; a path is relative to the target.

    `keep` and `drop` also accept label matchers: `container_memory_rss{pod=~"orders-.*"}`.

    `urls` instead of `url` are replicas: each becomes a source of its own, whose series get the label
    `instance`. At most `series` series of a page are kept.
    """

    url: str = "/metrics"
    urls: tuple[str, ...] = ()
    keep: tuple[str, ...] = ("*",)
    drop: tuple[str, ...] = ()
    series: Count = MOST_SERIES
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    tls: TlsSettings | None = None
    timeout: Positive = 5.0
    _fetcher: Fetcher = field(init=False, repr=False, compare=False)
    _pages: Pages = field(init=False, repr=False, compare=False)
    _notices: dict[str, None] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(
            self,
            "_fetcher",
            Fetcher(
                self.timeout, {"Accept": TEXT_FIRST, **self.headers}, self.tls or TlsSettings()
            ),
        )
        most = self.series

        def reader() -> Exposition:
            return Exposition(self.keep, self.drop, most, min(MOST_OF_ONE, most))

        own = any(name.lower() == "accept" for name in self.headers)
        try:
            pages = Pages(self._fetcher, reader, negotiated=not own)
        except ValueError as error:
            raise UsageError(f"prometheus: keep or drop: {error}") from None
        object.__setattr__(self, "_pages", pages)

    def collect(self) -> Iterable[Sample]:
        """Return all samples of the page that `keep` matches and `drop` does not, and some about the scrape itself."""
        began = time.monotonic()
        page = self._pages.read(self.url)
        if not page.samples:
            raise TargetError(f"{self.url}: no metric matches keep and drop")
        if not self._notices:
            self._notices.update(dict.fromkeys((*page.notices, *page_notices(page.samples))))
        return [
            *page.samples,
            *about(page, time.monotonic() - began),
            requests_sent(self._fetcher, self.url),
        ]

    def notices(self) -> tuple[str, ...]:
        """Return what was unusual about the first page."""
        return tuple(self._notices)


def about(page: Page, took: float) -> Iterator[Sample]:
    """Yield samples about the scrape itself, with Prometheus's names where they exist; `took` in seconds."""
    yield Sample("scrape_duration_seconds", took)
    yield Sample("scrape_samples_scraped", float(page.scraped))
    yield Sample("scrape_samples_post_metric_relabeling", float(page.wanted))
    yield Sample("scrape_samples_left_out", float(page.left_out))
    yield Sample("scrape_samples_repeated", float(page.repeated))


def requests_sent(fetcher: Fetcher, url: str) -> Sample:
    """Return the number of requests that soak itself has sent to this server."""
    return Sample(
        "scrape_requests_total",
        float(fetcher.asked),
        (("url", without_url_secrets(url)),),
        Kind.COUNTER,
    )


def parse(answer: Answer, url: str) -> tuple[Sample, ...]:
    """Return the samples of one page; raise TargetError if it is not a metrics page."""
    return Exposition().read(answer, url).samples
