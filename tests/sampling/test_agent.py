"""The agent's page: what it serves, to whom, and what it says when the process is gone."""

import math
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from soak.cli import cli
from soak.errors import TargetError, UsageError
from soak.model import Kind, Sample, label_pairs
from soak.sampling.agent import Agent, as_text
from soak.sampling.exposition import Exposition
from soak.sampling.fetch import Answer
from soak.sampling.sources.process import Process
from soak.sampling.sources.prometheus import Prometheus


@contextmanager
def agent(source: Process, token: str | None = None, host: str = "127.0.0.1") -> Iterator[str]:
    with Agent((host, 0), source, token) as server:
        thread = threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()


def test_a_process_is_watched_through_its_agent() -> None:
    with agent(Process(pid=os.getpid())) as url:
        samples = {sample.name: sample for sample in Prometheus(url).collect()}
    assert samples["process_resident_memory_bytes"].value > 1e6
    assert samples["process_cpu_seconds_total"].kind is Kind.COUNTER
    assert samples["process_pid"].value == os.getpid()


def test_an_agent_listens_on_ipv6_too() -> None:
    with agent(Process(pid=os.getpid()), host="::1") as url:
        assert url.startswith("http://[::1]:")
        assert list(Prometheus(url).collect())


def test_the_token_is_asked_for() -> None:
    with agent(Process(pid=os.getpid()), "s3cret") as url:
        with pytest.raises(TargetError, match="answered 401"):
            list(Prometheus(url).collect())
        with pytest.raises(TargetError, match="answered 401"):
            list(Prometheus(url, headers={"Authorization": "Bearer wrong"}).collect())
        assert list(Prometheus(url, headers={"Authorization": "Bearer s3cret"}).collect())


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "[::2]", ""])
def test_a_page_of_another_site_cannot_read_it(host: str) -> None:
    with agent(Process(pid=os.getpid())) as url, pytest.raises(TargetError, match="answered 421"):
        list(Prometheus(url, headers={"Host": host}).collect())


@pytest.mark.parametrize("address", ["0.0.0.0", "[::]:9256", "10.0.0.7", "other.localhost"])
@pytest.mark.parametrize("token", [None, "short"])
def test_other_machines_need_a_token(address: str, token: str | None) -> None:
    given = ["agent", "--pid", str(os.getpid()), "--listen", address]
    given += [] if token is None else ["--token-from", "AGENT_TOKEN"]
    answer = CliRunner().invoke(cli, given, env={"AGENT_TOKEN": token})
    assert isinstance(answer.exception, UsageError)
    assert "--token-from must name a variable with a secret of 16" in str(answer.exception)


def test_a_process_that_is_gone_and_a_page_that_is_none() -> None:
    with agent(Process(pid=2**22 + 5)) as url:
        with pytest.raises(TargetError, match="answered 503"):
            list(Prometheus(url).collect())
        with pytest.raises(TargetError, match="answered 404"):
            list(Prometheus(url.removesuffix("metrics")).collect())


@given(
    st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True), st.text(max_size=6), max_size=3),
    st.floats(),
)
def test_what_is_written_is_what_is_read(labels: dict[str, str], value: float) -> None:
    try:
        "".join(labels.values()).encode()
    except UnicodeEncodeError:
        return
    sample = Sample("a", value, label_pairs(labels), Kind.GAUGE)
    [read] = Exposition().read(Answer(200, "text/plain", as_text([sample]).encode()), "u").samples
    assert read.labels == sample.labels
    assert read.value == value or (math.isnan(read.value) and math.isnan(value))
