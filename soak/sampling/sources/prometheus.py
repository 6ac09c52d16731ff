"""Polls a /metrics page: Prometheus text, OpenMetrics, or protobuf where the page is large."""

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
    """`prometheus: {url: /metrics, keep: ["go_*"], drop: ["*_bucket"]}`; a path is meant on the target.

    `keep` and `drop` take label matchers too: `container_memory_rss{pod=~"orders-.*"}`.

    `urls` instead of `url` are replicas: each becomes a source of its own, its series labelled with
    their `instance`. At most `series` are kept of a page.
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
        """All samples of the page that `keep` matches and `drop` does not, and some about the scrape itself."""
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
        """What was unusual about the first page."""
        return tuple(self._notices)


def about(page: Page, took: float) -> Iterator[Sample]:
    """What a scrape says about itself, under Prometheus's names where it has one; `took` in seconds."""
    yield Sample("scrape_duration_seconds", took)
    yield Sample("scrape_samples_scraped", float(page.scraped))
    yield Sample("scrape_samples_post_metric_relabeling", float(page.wanted))
    yield Sample("scrape_samples_left_out", float(page.left_out))
    yield Sample("scrape_samples_repeated", float(page.repeated))


def requests_sent(fetcher: Fetcher, url: str) -> Sample:
    """How many requests soak itself has sent there."""
    return Sample(
        "scrape_requests_total",
        float(fetcher.asked),
        (("url", without_url_secrets(url)),),
        Kind.COUNTER,
    )


def parse(answer: Answer, url: str) -> tuple[Sample, ...]:
    """The samples of one page; TargetError when it is none."""
    return Exposition().read(answer, url).samples
