"""The Go service leaks what it says, as much as it says, and nowhere else."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator

import pytest
from requests import Session

from tests.targets import GO_SOURCE, Target, build_go, running

N = 200


@pytest.fixture(scope="module")
def http() -> Iterator[Session]:
    with Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def target() -> Iterator[Target]:
    with running([build_go(), "-addr", "127.0.0.1:0"]) as target:
        yield target


def goroutines(http: Session, target: Target) -> dict[str, int]:
    """How many goroutines there are, by the whole text of their stack, and in `total`."""
    text = http.get(f"{target.url}/debug/pprof/goroutine?debug=1").text
    total = re.match(r"goroutine profile: total (\d+)", text)
    assert total
    stacks = {
        stack: int(count)
        for count, stack in re.findall(r"^(\d+) @ .*\n((?:#.*\n)+)", text, re.MULTILINE)
    }
    return {"total": int(total[1]), **stacks}


def live_heap(http: Session, target: Target) -> int:
    """Bytes of live objects after two collections: the first frees, the second finds what finalizers let go."""
    for _ in range(2):
        assert http.get(f"{target.url}/debug/pprof/heap?gc=1").content
    return int(http.get(f"{target.url}/debug/vars").json()["memstats"]["HeapAlloc"])


def levels(http: Session, target: Target) -> tuple[int, int, int]:
    """Live heap (bytes), goroutines, descriptors."""
    return live_heap(http, target), goroutines(http, target)["total"], target.descriptors()


def ask(http: Session, target: Target, path: str, times: int = N) -> None:
    for _ in range(times):
        answer = http.get(target.url + path)
        assert answer.status_code == 200, answer.text


def test_the_endpoints_answer(http: Session, target: Target) -> None:
    assert len(http.get(f"{target.url}/healthy").json()) == 50
    assert http.get(f"{target.url}/stream").text.splitlines()[-1] == "line 200 of 200"
    assert http.post(f"{target.url}/echo", data=b"abc").content == b"abc"
    assert http.get(f"{target.url}/cache/bounded").text == "1 entries kept\n"
    assert http.get(f"{target.url}/leak/memory?kb=x").status_code == 400
    assert http.get(f"{target.url}/nothing").status_code == 404
    assert "memstats" in json.loads(http.get(f"{target.url}/debug/vars").text)


def test_healthy_endpoints_keep_nothing(http: Session, target: Target) -> None:
    ask(http, target, "/cache/bounded", 300)
    heap, routines, descriptors = levels(http, target)
    for path in ("/healthy", "/stream", "/cache/bounded"):
        ask(http, target, path)
    for _ in range(N):
        http.post(f"{target.url}/echo", data=b"x" * 10_000)
    after = levels(http, target)
    assert after[0] - heap < 300_000
    assert after[1:] == (routines, descriptors)


@pytest.mark.parametrize("kb", [10, 40])
def test_the_memory_leak_keeps_what_was_asked(http: Session, target: Target, kb: int) -> None:
    ask(http, target, "/healthy")
    heap, routines, descriptors = levels(http, target)
    ask(http, target, "/leak/memory" if kb == 10 else f"/leak/memory?kb={kb}")
    after = levels(http, target)
    assert after[0] - heap == pytest.approx(N * kb * 1024, rel=0.1)
    assert after[1:] == (routines, descriptors)


def test_the_goroutine_leak_blocks_one_a_request_at_one_line(http: Session, target: Target) -> None:
    ask(http, target, "/healthy")
    before, descriptors = goroutines(http, target)["total"], target.descriptors()
    ask(http, target, "/leak/goroutine")
    after = goroutines(http, target)
    assert after["total"] - before == N
    assert [count for stack, count in after.items() if "main.awaitReply" in stack] == [N]
    assert target.descriptors() == descriptors


def test_the_descriptor_leak_opens_one_a_request_and_collections_do_not_help(
    http: Session, target: Target
) -> None:
    ask(http, target, "/healthy")
    _, routines, descriptors = levels(http, target)
    ask(http, target, "/leak/descriptor")
    after = levels(http, target)
    assert after[2] - descriptors == N
    assert after[1] == routines


def test_it_serves_loopback_only() -> None:
    result = subprocess.run(
        [build_go(), "-addr", "0.0.0.0:0"], capture_output=True, text=True, timeout=600, check=False
    )
    assert result.returncode == 1
    assert "not a loopback address" in result.stderr


def test_the_sources_are_formatted_and_vetted() -> None:
    build_go()
    formatted = subprocess.run(
        ["gofmt", "-l", "."], cwd=GO_SOURCE, capture_output=True, text=True, check=True
    )
    assert formatted.stdout == ""
    subprocess.run(["go", "vet", "./..."], cwd=GO_SOURCE, capture_output=True, check=True)
