"""Failing requests are told once a kind and an endpoint, and never without bound."""

from soak.latency import Histogram
from soak.live.failures import MOST, FailureNews, failing
from soak.windows import EndpointWindow, Window


def window(**failures: dict[str, int]) -> Window:
    seen = (
        EndpointWindow(f"GET /{path}", 20, kinds, 0, Histogram(), Histogram())
        for path, kinds in failures.items()
    )
    return Window(5.0, 1.0, 1, tuple(seen))


def test_each_endpoint_and_kind_is_told_once() -> None:
    news = FailureNews()
    first = window(a={}, b={"status 503": 7})
    assert list(news.saw(first)) == ["GET /b fails: status 503, 7 of 20 requests in the last 1 s"]
    assert list(news.saw(first)) == []
    assert list(news.saw(window(b={"timeout": 1}))) == [
        "GET /b fails: timeout, 1 of 20 requests in the last 1 s"
    ]


def test_the_lines_are_bounded() -> None:
    news = FailureNews()
    lines = [
        line for number in range(40) for line in news.saw(window(a={f"status {500 + number}": 1}))
    ]
    assert len(lines) == MOST + 1
    assert lines[-1] == "requests fail in still more ways; the report has them all"


def test_what_fails_now_is_named_most_first() -> None:
    now = window(a={"timeout": 1}, b={"status 503": 7, "status 404": 2}, c={"status 500": 1})
    assert (
        failing(now)
        == "GET /b status 503 (7), GET /b status 404 (2), GET /a timeout (1) and 1 more"
    )
    assert failing(None) == failing(window(a={})) == ""
