"""`soak check --probe` on sources that are wrong: one clear message each, and exit code 4."""

import gzip
import os
import re
import socket
import time
from pathlib import Path
from unittest.mock import ANY

import psutil
import pytest

from soak.sampling import fetch
from tests.cli.calling import run
from tests.sampling.serving import answering, http, serving

PROFILE = """\
name: probe
target: {{url: "{url}"}}
load: {{rate: 5/s, duration: 1m}}
endpoints: [GET /]
sources:
  - {source}
"""
PAGES = {
    "/": http("hello"),
    "/html": http("<!DOCTYPE html><p>hello", content_type="text/html; charset=utf-8"),
    "/plain-html": http("<html>"),
    "/cut": http('a{x="1"} 1\nb{x="'),
    "/json": http("{}", content_type="application/json"),
    "/octets": http(b"\x00\xff\x80", content_type="application/octet-stream"),
    "/nothing": http(""),
    "/login": http("who are you", "401 Unauthorized"),
    "/forbidden": http("no", "403 Forbidden"),
    "/broken": http("no", "500 Internal Server Error"),
    "/twice": http("a 1\na 2\n"),
    "/odd": http("a NaN\nb +Inf\nc -Inf\n"),
    "/octet-text": http("a 1\n", content_type="application/octet-stream"),
    "/api/v1/query?query=sum%28&timeout=5s": http(
        '{"status":"error","errorType":"bad_data","error":"1:5: parse error"}', "400 Bad Request"
    ),
}
GONE = 2**22 + 5


def probed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], url: str, source: str
) -> tuple[int, str]:
    (tmp_path / "p.yaml").write_text(PROFILE.format(url=url, source=source))
    code, out, err = run(capsys, "check", str(tmp_path / "p.yaml"), "--probe")
    assert "Traceback" not in out + err
    return code, out


@pytest.mark.parametrize(
    ("path", "code", "said"),
    [
        ("/zipkin", 0, "ok   trace.zipkin: it answers"),
        ("/html", 4, "FAIL trace.zipkin: it answered 404; is this the address of its API?"),
        (
            "/page",
            4,
            "FAIL trace.zipkin: its answer is not JSON; is this the address of its API, and not of its pages?",
        ),
    ],
)
def test_the_backend_of_traces_is_asked_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str, code: int, said: str
) -> None:
    more = {
        "/zipkin/api/v2/services": http('["a"]'),
        "/page/api/v2/services": http("<html>"),
        "/fine": http("a 1\n"),
    }
    with answering(PAGES | more) as url:
        source = f"prometheus: {{url: /fine}}\ntrace: {{zipkin: '{url}{path}'}}"
        assert probed(tmp_path, capsys, url, source) == (code, ANY)
        assert said in probed(tmp_path, capsys, url, source)[1]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("prometheus: {url: /html}", "answered text/html, not Prometheus text"),
        ("prometheus: {url: /plain-html}", "it looks like HTML"),
        ("prometheus: {url: /cut}", "not valid Prometheus text: line 2"),
        ("prometheus: {url: /json}", "answered application/json"),
        ("prometheus: {url: /octets}", "it is not UTF-8"),
        ("prometheus: {url: /nothing}", "holds no metric"),
        ("prometheus: {url: /login}", "answered 401 (give headers: {Authorization: ...})"),
        ("prometheus: {url: /forbidden}", "answered 403"),
        ("prometheus: {url: /broken}", "answered 500"),
        ("prometheus: {url: /twice, keep: [none]}", "no metric matches keep and drop"),
        ("prometheus: {url: 'http://127.0.0.1:1/metrics'}", "connection refused"),
        (
            "prometheus: {url: 'http://no-such-host.invalid/metrics'}",
            "the host name cannot be resolved",
        ),
        ("process: {port: 1}", "nobody listens on port 1"),
        (f"process: {{pid: {GONE}}}", f"process {GONE} does not exist"),
        (f"cgroup: {{pid: {GONE}}}", f"process {GONE} does not exist"),
        ("cgroup: {path: /nowhere}", "no control group is there"),
        ("command: {run: [./nobody-has-this]}", "cannot be started"),
        ("actuator: {url: /nowhere}", "answered 404"),
        ("jolokia: {url: /nowhere}", "answered 404"),
        ("expvar: {url: /html}", "not valid JSON, so not expvar"),
        ("promql: {server: 'URL', query: {a: 'sum('}}", "a: bad_data: 1:5: parse error"),
        ("promql: {server: 'URL', query: {a: up}}", "answered 404"),
    ],
)
def test_each_wrong_source_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], source: str, said: str
) -> None:
    with answering(PAGES) as url:
        code, out = probed(tmp_path, capsys, url, source.replace("URL", url))
    assert code == 4
    [line] = [line for line in out.splitlines() if "FAIL" in line]
    assert said in line
    kind = source.partition(":")[0]
    assert line.startswith(f"  FAIL {kind}: ")


def test_an_address_of_no_known_scheme_is_refused_unprobed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.yaml").write_text(
        PROFILE.format(
            url="http://127.0.0.1:1", source="prometheus: {url: 'ftp://127.0.0.1/metrics'}"
        )
    )
    code, out, err = run(capsys, "check", str(tmp_path / "p.yaml"), "--probe")
    assert (code, out) == (2, "")
    assert "p.yaml:" in err
    assert (
        "sources.0.prometheus.url: expected a path such as /metrics, or an address such as" in err
    )


@pytest.mark.parametrize(("path", "count"), [("/twice", 1), ("/odd", 3), ("/octet-text", 1)])
def test_what_is_odd_and_can_be_read_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], path: str, count: int
) -> None:
    with answering(PAGES) as url:
        code, out = probed(tmp_path, capsys, url, f"prometheus: {{url: {path}}}")
    assert code == 0
    assert re.search(rf"ok   prometheus: {count + 6} series", out)


def test_a_page_of_a_hundred_megabytes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "MAX_BYTES", 2**20)
    sent = []

    def flood(connection: socket.socket) -> None:
        connection.sendall(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 104857600\r\n\r\n"
        )
        for _ in range(1600):
            connection.sendall(b"a 1\n" * 16384)
            sent.append(1)

    with serving(flood) as big, answering(PAGES) as url:
        code, out = probed(tmp_path, capsys, url, f"prometheus: {{url: '{big}/metrics'}}")
    assert code == 4
    assert "the answer is larger than 1 MiB" in out
    assert len(sent) < 400, "the rest is not read"


def test_a_page_that_comes_byte_by_byte(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def drip(connection: socket.socket) -> None:
        for byte in http("a 1\n" * 1000):
            connection.send(bytes([byte]))
            time.sleep(0.02)

    with serving(drip) as slow, answering(PAGES) as url:
        code, out = probed(
            tmp_path, capsys, url, f"prometheus: {{url: '{slow}/metrics', timeout: 300ms}}"
        )
    assert code == 4
    assert "no whole answer within 0.3 s" in out


def test_a_process_of_somebody_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> int:
        raise psutil.AccessDenied(os.getpid())

    monkeypatch.setattr("psutil.Process.num_fds", refuse)
    with answering(PAGES) as url:
        code, out = probed(tmp_path, capsys, url, f"process: {{pid: {os.getpid()}}}")
    assert code == 4
    assert f"process {os.getpid()}: not allowed to read it; run soak as its user or as root" in out


@pytest.mark.parametrize(
    ("diagnose", "code", "said"),
    [
        ("{pprof: /debug/pprof}", 0, "  ok   pprof heap: 5 bytes"),
        ("{}", 0, "  ok   pprof goroutine: 5 bytes"),
        ("{pprof: /login}", 4, "answered 404: pprof is off there"),
        (
            "{pprof: 'http://127.0.0.1:1/x'}",
            4,
            "  FAIL pprof heap: http://127.0.0.1:1/x/heap?…: connection refused",
        ),
    ],
)
def test_each_profiler_is_asked_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], diagnose: str, code: int, said: str
) -> None:
    profile = http(gzip.compress(b"\x0aheap"), content_type="application/octet-stream")
    pages = PAGES | dict.fromkeys(
        ("/debug/pprof/heap?gc=1", "/debug/pprof/goroutine?debug=0"), profile
    )
    pages |= {
        "/debug/pprof/goroutine?debug=2": http(
            b"goroutine 1 [running]:\n", content_type="text/plain"
        )
    }
    with answering(pages) as url:
        text = (
            PROFILE.format(url=url, source="prometheus: {url: /twice}") + f"diagnose: {diagnose}\n"
        )
        (tmp_path / "p.yaml").write_text(text)
        exit_code, out, err = run(capsys, "check", str(tmp_path / "p.yaml"), "--probe")
    assert exit_code == code
    assert said in out
    assert "Traceback" not in out + err


def test_a_diagnosis_with_nothing_to_take_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(PAGES) as url:
        text = PROFILE.format(url=url, source="prometheus: {url: /twice}") + "diagnose: {}\n"
        (tmp_path / "p.yaml").write_text(text)
        code, out, _ = run(capsys, "check", str(tmp_path / "p.yaml"), "--probe")
    assert code == 4
    assert "FAIL diagnose: no profiles were found at the target" in out
