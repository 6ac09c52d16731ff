import gzip
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.errors import SoakError, TargetError, TargetGoneError, UsageError
from soak.model import Kind, Sample
from soak.sampling import fetch
from soak.sampling.fetch import Answer
from soak.sampling.sources import SOURCES
from soak.sampling.sources.expvar import Expvar
from soak.sampling.sources.process import Process, listening_on, memory_limit
from soak.sampling.sources.prometheus import Prometheus, parse
from tests.sampling.serving import answering, http, serving

TEXT = """\
# HELP go_goroutines Number of goroutines.
# TYPE go_goroutines gauge
go_goroutines 12
# TYPE process_cpu_seconds_total counter
process_cpu_seconds_total 1.5
# TYPE jvm_memory_used_bytes gauge
jvm_memory_used_bytes{area="heap",id="G1 Eden \\"x\\""} 1.5e+06
# TYPE latency_seconds histogram
latency_seconds_bucket{le="0.1"} 3
latency_seconds_bucket{le="+Inf"} 4
latency_seconds_sum 0.7
latency_seconds_count 4
# TYPE gc summary
gc{quantile="0.5"} 0.001
gc_sum 2
gc_count 7
untyped_total 9
strange NaN
"""


def by_name(samples: object) -> dict[str, Sample]:
    return {sample.name: sample for sample in samples}  # type: ignore[attr-defined]


def test_prometheus_text() -> None:
    samples = by_name(parse(Answer(200, "text/plain", TEXT.encode()), "u"))
    assert samples["go_goroutines"] == Sample("go_goroutines", 12.0)
    assert samples["process_cpu_seconds_total"].kind is Kind.COUNTER
    assert samples["jvm_memory_used_bytes"].labels == (("area", "heap"), ("id", 'G1 Eden "x"'))
    assert "latency_seconds_bucket" not in samples
    assert samples["latency_seconds_count"].kind is Kind.COUNTER
    assert samples["gc"].kind is Kind.GAUGE
    assert samples["gc_count"].kind is Kind.COUNTER
    assert samples["untyped_total"].kind is Kind.COUNTER
    assert samples["strange"].value != samples["strange"].value


def test_openmetrics() -> None:
    text = "# TYPE a gauge\na 1\n# TYPE c counter\nc_total 5\nc_created 123\n# EOF\n"
    samples = by_name(parse(Answer(200, "application/openmetrics-text", text.encode()), "u"))
    assert samples["c_total"] == Sample("c_total", 5.0, (), Kind.COUNTER)
    assert "c_created" not in samples


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            http("<html>hello</html>", content_type="text/html"),
            "answered text/html, not Prometheus text",
        ),
        (http("<html>hello</html>"), "not valid Prometheus text"),
        (http("a{b=\n"), "not valid Prometheus text"),
        (http("a 1\nb\n"), "not valid Prometheus text"),
        (http(b"\xff\xfe"), "not valid Prometheus text"),
        (http(""), "holds no metric"),
        (http("no", "401 Unauthorized"), "answered 401"),
        (http("no", "503 Service Unavailable"), "answered 503"),
        (http("x", Content_Encoding="gzip"), "Not a gzipped file"),
        (b"SSH-2.0-OpenSSH\r\n", ""),
        (
            http("# EOF before\n", content_type="application/openmetrics-text"),
            "not valid Prometheus text",
        ),
    ],
)
def test_a_page_that_is_no_metrics_page_is_one_clear_error(answer: bytes, expected: str) -> None:
    with serving(answer) as url, pytest.raises(TargetError) as caught:
        list(Prometheus(url=f"{url}/metrics", timeout=30).collect())
    assert str(caught.value).startswith(url)
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_page_that_does_not_end_is_waited_for_until_the_deadline() -> None:
    with (
        serving(http("a 1\n")[:-2]) as url,
        pytest.raises(TargetError, match=r"no whole answer within 0\.3 s"),
    ):
        list(Prometheus(url=f"{url}/metrics", timeout=0.3).collect())


def test_an_answer_that_is_cut_short() -> None:
    def cut(connection: socket.socket) -> None:
        connection.sendall(http("a 1\n" * 100)[:-50])

    with serving(cut) as url, pytest.raises(TargetError, match="the answer was cut short"):
        list(Prometheus(url=url).collect())


def test_an_answer_slow_by_the_byte_ends_at_the_deadline() -> None:
    whole, dripped = http("a 1\n" * 1000), 0

    def drip(connection: socket.socket) -> None:
        nonlocal dripped
        for byte in whole:
            connection.send(bytes([byte]))
            dripped += 1
            time.sleep(0.02)

    with serving(drip) as url, pytest.raises(TargetError, match=r"no whole answer within 0\.3 s"):
        list(Prometheus(url=url, timeout=0.3).collect())
    assert (
        dripped < len(whole) / 2
    )  # each byte restarts no clock: it was over long before all had come


def test_an_enormous_answer_is_refused() -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        for _ in range(700):
            connection.sendall(b"a 1\n" * 16384)

    with serving(flood) as url, pytest.raises(TargetError, match="larger than 32 MiB"):
        list(Prometheus(url=url).collect())


def test_a_gzip_bomb_is_refused() -> None:
    bomb = gzip.compress(b"a" * (40 * 2**20))
    with (
        serving(http(bomb, Content_Encoding="gzip")) as url,
        pytest.raises(TargetError, match="once decompressed"),
    ):
        list(Prometheus(url=url).collect())


def test_gzip_keep_and_drop_and_one_kept_connection() -> None:
    source_body = gzip.compress(TEXT.encode())
    with serving(http(source_body, Content_Encoding="gzip")) as url:
        source = Prometheus(url=url, keep=("go_*", "gc*"), drop=("*_sum",))
        for _ in range(3):
            names = {sample.name for sample in source.collect()}
            assert {name for name in names if not name.startswith("scrape_")} == {
                "go_goroutines",
                "gc",
                "gc_count",
            }
        connection = source._fetcher._connection
        assert connection is not None
        source._fetcher.close()


@pytest.mark.parametrize(("here", "encoding"), [(True, "identity"), (False, "gzip")])
def test_only_another_machine_is_asked_to_compress(
    monkeypatch: pytest.MonkeyPatch, here: bool, encoding: str
) -> None:
    monkeypatch.setattr(fetch, "is_loopback", lambda host: here)
    seen: list[str] = []
    with answering({"/metrics": http(TEXT)}, seen) as url:
        list(Prometheus(url=f"{url}/metrics").collect())
    assert f"Accept-Encoding: {encoding}" in seen[0]


def test_a_series_given_twice_counts_once() -> None:
    assert len(list(parse(Answer(200, "text/plain", b"a 1\na 2\n"), "u"))) == 1


@given(st.text(max_size=300))
def test_any_text_is_samples_or_one_clear_error(text: str) -> None:
    for kind in ("text/plain", "application/openmetrics-text"):
        try:
            list(parse(Answer(200, kind, text.encode()), "u"))
        except SoakError as error:
            assert "\n" not in str(error)


def test_expvar_becomes_prometheus_names() -> None:
    memory = {
        "HeapAlloc": 5,
        "NextGC": 9,
        "NumGC": 3,
        "PauseTotalNs": 2e9,
        "TotalAlloc": 100,
        "BySize": [],
    }
    page = json.dumps({"cmdline": ["x"], "memstats": memory, "jobs.open": 4, "on": True})

    def answer(connection: socket.socket) -> None:
        connection.sendall(http(page, content_type="application/json", Connection="close"))

    with serving(answer) as url:
        samples = by_name(Expvar(url=f"{url}/debug/vars", pprof="").collect())
    assert samples["go_memstats_heap_alloc_bytes"] == Sample("go_memstats_heap_alloc_bytes", 5.0)
    assert samples["go_memstats_alloc_bytes_total"].kind is Kind.COUNTER
    assert samples["go_gc_duration_seconds_sum"].value == 2.0
    assert samples["jobs_open"].value == 4.0
    assert set(samples).isdisjoint({"on", "cmdline", "memstats"})


@pytest.mark.parametrize("body", ["<html>", "[]", "3", ""])
def test_a_page_that_is_no_expvar(body: str) -> None:
    with serving(http(body)) as url, pytest.raises(TargetError, match="so not expvar"):
        list(Expvar(url=url).collect())


CHILD = "import time; held = bytearray(50_000_000); print('up', flush=True); time.sleep(60)"
PARENT = f"""
import subprocess, sys
print("alone", flush=True)
sys.stdin.readline()
child = subprocess.Popen([sys.executable, "-c", {CHILD!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print("together", flush=True)
sys.stdin.readline()
child.kill()
child.wait()
"""


def test_a_process_is_watched_with_its_children() -> None:
    """The parent is a process of its own: threads of the tests' process end whenever they like."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        parent.stdout.readline()
        alone = by_name(Process(pid=parent.pid).collect())
        parent.stdin.write(b"\n")
        parent.stdin.flush()
        parent.stdout.readline()
        together = by_name(Process(pid=parent.pid).collect())
    assert (
        together["process_resident_memory_bytes"].value
        > alone["process_resident_memory_bytes"].value + 50_000_000
    )
    assert together["process_threads"].value == alone["process_threads"].value + 1
    assert together["process_open_fds"].value >= alone["process_open_fds"].value + 3
    assert alone["process_start_time_seconds"].value < time.time()


def test_a_process_is_found_by_port_pidfile_and_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert listening_on(port) == os.getpid()
        assert by_name(Process(port=port).collect())["process_open_fds"].value > 3
    pidfile = tmp_path / "pid"
    pidfile.write_text(f"{os.getpid()}\n")
    assert list(Process(pidfile=str(pidfile)).collect())
    with pytest.raises(TargetError, match="nobody listens on port"):
        list(Process(port=port).collect())
    with pytest.raises(TargetError, match="no process is named nobody-is-called-this"):
        list(Process(name="nobody-is-called-this").collect())
    with pytest.raises(TargetError, match="no process id"):
        list(Process(pidfile=str(tmp_path / "nowhere")).collect())


def test_a_process_that_ends_is_gone_and_one_that_replaces_it_is_found(tmp_path: Path) -> None:
    pidfile = tmp_path / "pid"
    source = Process(pidfile=str(pidfile))
    starts = []
    for _ in range(2):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        pidfile.write_text(str(child.pid))
        starts.append(by_name(source.collect())["process_start_time_seconds"].value)
        child.kill()
        child.wait()
        with pytest.raises(TargetGoneError):
            list(source.collect())
    assert len(starts) == 2


def test_the_tightest_memory_limit_around_a_process_counts(tmp_path: Path) -> None:
    group = tmp_path / "cgroup" / "pod" / "app"
    group.mkdir(parents=True)
    (tmp_path / "proc" / "7").mkdir(parents=True)
    (tmp_path / "proc" / "7" / "cgroup").write_text("1:cpu:/x\n0::/pod/app\n")
    limits = (tmp_path / "proc", tmp_path / "cgroup")
    assert memory_limit(7, *limits) is None
    (group / "memory.max").write_text("max\n")
    assert memory_limit(7, *limits) is None
    (group.parent / "memory.max").write_text("1048576\n")
    assert memory_limit(7, *limits) == 1048576
    (group / "memory.max").write_text("2097152\n")
    assert memory_limit(7, *limits) == 1048576
    assert memory_limit(8, *limits) is None


@pytest.mark.parametrize("keys", [{}, {"pid": 1, "port": 2}])
def test_a_process_is_named_in_one_way(keys: dict[str, int]) -> None:
    with pytest.raises(UsageError, match="name it by one of"):
        Process(**keys)  # type: ignore[arg-type]


def test_every_source_is_documented() -> None:
    reference = (Path(__file__).parents[2] / "profiles" / "reference.yaml").read_text()
    for kind, source in SOURCES.items():
        assert f"- {kind}:" in reference, f"profiles/reference.yaml does not show {kind}"
        assert source.__doc__
        assert f"`{kind}:" in source.__doc__
