"""Which format a metrics page is asked for in: no scrape is lost, and no series, whatever a server makes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from soak.errors import TargetError
from soak.sampling.exposition import Exposition
from soak.sampling.exposition_protobuf import PROTOBUF
from soak.sampling.fetch import Answer, Fetcher
from soak.sampling.pages import LARGE, PROTOBUF_FIRST, Pages
from soak.sampling.sources.prometheus import Prometheus
from tests.sampling.serving import answering, http, serving
from tests.sampling.test_exposition_protobuf import double, family, metric

TEXT = '# TYPE g gauge\ng{a="1"} 5\ng{a="2"} 6\n'
MESSAGES = family(
    "g",
    "gauge",
    *(metric("gauge", {"a": name}, double(1, value)) for name, value in (("1", 5.0), ("2", 6.0))),
)
SHORT = family("g", "gauge", metric("gauge", {"a": "1"}, double(1, 5.0)))


def padded(size: int) -> bytes:
    """The page's text, so many bytes of it."""
    return (TEXT + "#" * (size - len(TEXT) - 1) + "\n").encode()


@dataclass
class Scripted(Fetcher):
    """A server that answers to text and to protobuf with what a test says; `formats` are what it was asked for."""

    text: Callable[[], Answer] = lambda: Answer(200, "text/plain", padded(LARGE))
    protobuf: Callable[[], Answer] = lambda: Answer(200, PROTOBUF, MESSAGES)
    formats: list[str] = field(default_factory=list)

    def get(self, url: str, headers: Any = None) -> Answer:
        asked = (headers or {}).get("Accept") == PROTOBUF_FIRST
        self.formats.append("protobuf" if asked else "text")
        return self.protobuf() if asked else self.text()

    def close(self) -> None:
        """There is no connection."""


def pages(server: Scripted, *, negotiated: bool = True) -> Pages:
    return Pages(server, Exposition, negotiated)


def failing() -> Answer:
    raise TargetError("u: connection refused")


def test_a_large_page_is_asked_for_in_protobuf_from_the_next_scrape_on() -> None:
    server = Scripted()
    reader = pages(server)
    read = [reader.read("u") for _ in range(4)]
    assert server.formats == ["text", "protobuf", "protobuf", "protobuf"]
    assert {repr(page) for page in read} == {repr(read[0])}


@pytest.mark.parametrize(("size", "second"), [(LARGE - 1, "text"), (LARGE, "protobuf")])
def test_a_page_is_large_from_a_size_on(size: int, second: str) -> None:
    server = Scripted(text=lambda: Answer(200, "text/plain", padded(size)))
    reader = pages(server)
    for _ in range(2):
        reader.read("u")
    assert server.formats == ["text", second]


def test_a_format_that_the_profile_chose_stays() -> None:
    server = Scripted()
    reader = pages(server, negotiated=False)
    for _ in range(3):
        reader.read("u")
    assert server.formats == ["text"] * 3


@pytest.mark.parametrize(
    "protobuf",
    [
        pytest.param(lambda: Answer(406, "text/plain", b"no"), id="refused"),
        pytest.param(lambda: Answer(500, "text/html", b"<html>"), id="broken"),
        pytest.param(lambda: Answer(200, PROTOBUF, MESSAGES[:-1]), id="cut"),
        pytest.param(lambda: Answer(200, PROTOBUF, padded(LARGE)), id="mislabelled"),
        pytest.param(lambda: Answer(200, PROTOBUF, SHORT), id="lacks a series"),
        pytest.param(failing, id="hangs up"),
        pytest.param(lambda: Answer(200, PROTOBUF, MESSAGES), id="lacks a bucket"),
    ],
)
def test_what_cannot_be_read_is_asked_for_as_text_at_once_and_ever_after(
    protobuf: Callable[[], Answer],
) -> None:
    buckets = '# TYPE h histogram\nh_bucket{le="+Inf"} 4\n'
    server = Scripted(
        text=lambda: Answer(200, "text/plain", padded(LARGE) + buckets.encode()), protobuf=protobuf
    )
    reader = pages(server)
    assert {len(reader.read("u").samples) for _ in range(4)} == {2}
    assert server.formats == ["text", "protobuf", "text", "text", "text"]


def test_a_server_without_protobuf_is_asked_once() -> None:
    server = Scripted(protobuf=lambda: Answer(200, "text/plain", padded(LARGE)))
    reader = pages(server)
    assert {len(reader.read("u").samples) for _ in range(3)} == {2}
    assert server.formats == ["text", "protobuf", "text"]


def test_a_server_that_is_away_is_an_error_as_ever() -> None:
    server = Scripted()
    reader = pages(server)
    reader.read("u")
    reader.read("u")
    server.protobuf = server.text = failing
    with pytest.raises(TargetError, match="connection refused"):
        reader.read("u")
    server.text = lambda: Answer(200, "text/plain", padded(LARGE))
    assert len(reader.read("u").samples) == 2
    assert server.formats == ["text", "protobuf", "protobuf", "text", "text"]


def test_series_that_come_and_go_later_are_no_reason_for_text() -> None:
    server = Scripted()
    reader = pages(server)
    reader.read("u")
    reader.read("u")
    server.protobuf = lambda: Answer(200, PROTOBUF, SHORT)
    assert len(reader.read("u").samples) == 1
    assert server.formats[-1] == "protobuf"


def test_a_server_that_knows_nothing_but_protobuf_is_read() -> None:
    with serving(http(MESSAGES, content_type=f"{PROTOBUF}; encoding=delimited")) as url:
        names = {sample.name: sample.value for sample in Prometheus(url=url).collect()}
    assert names["g"] == 6.0
    assert names["scrape_samples_scraped"] == 2.0


def test_the_source_asks_over_http_unless_the_profile_has_an_accept_header() -> None:
    seen: list[str] = []
    with answering({"/": http(padded(LARGE))}, seen) as url:
        ours, theirs = Prometheus(url=url), Prometheus(url=url, headers={"accept": "text/plain"})
        for source in (ours, theirs):
            for _ in range(2):
                assert source.collect()
    assert ["vnd.google.protobuf" in request for request in seen] == [False, True, False, False]
