"""Heads whose parts change: the same bytes as those made anew, and a token beside what the profile gives."""

from __future__ import annotations

import pytest

from soak.load.http.connection_options import Origin
from soak.load.http.request_head import RequestHead, head_of

ORIGIN = Origin.of("http://127.0.0.1:8080")
GIVEN = {"Accept": "*/*", "X-A": "b"}
TOKEN = ("Authorization", "Bearer t1")


def lines(head: bytes) -> list[str]:
    assert head.endswith(b"\r\n\r\n")
    first, *rest = head[:-4].decode().split("\r\n")
    return [first, *sorted(rest)]


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "DELETE"])
@pytest.mark.parametrize("length", [0, 5])
def test_a_head_of_parts_is_the_head(method: str, length: int) -> None:
    heads = RequestHead(method, ORIGIN, "/base")
    for path in ("/a?b=1", "/c"):
        made = heads.of(path, GIVEN, length)
        assert lines(made) == lines(head_of(method, f"/base{path}", ORIGIN, GIVEN, length))


def test_the_token_is_added_and_changes_but_never_replaces_what_is_given() -> None:
    heads = RequestHead("GET", ORIGIN, "")
    assert "Authorization: Bearer t1" in lines(heads.of("/", GIVEN, 0, TOKEN))
    assert "Authorization: Bearer t2" in lines(
        heads.of("/", GIVEN, 0, ("Authorization", "Bearer t2"))
    )
    assert "Authorization: Bearer t1" not in lines(heads.of("/", GIVEN, 0))
    own = lines(heads.of("/", {"authorization": "Basic x"}, 0, TOKEN))
    assert [line for line in own if line.lower().startswith("authorization")] == [
        "authorization: Basic x"
    ]


def test_what_would_smuggle_a_header_in_is_refused() -> None:
    with pytest.raises(ValueError, match="line break"):
        RequestHead("GET", ORIGIN, "").of("/", {"A": "b\r\nC: d"}, 0)
    with pytest.raises(ValueError, match="line break"):
        RequestHead("GET", ORIGIN, "/a b")
