"""From the profile's sources to sources: replicas, TLS, and what is refused."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from soak.errors import ProfileError
from soak.profile import Profile, parse_profile
from soak.sampling import sources
from soak.sampling.building import build_sources, instance_of
from soak.sampling.replicas import Replica
from soak.sampling.sources import Source
from soak.sampling.sources.command import Command
from soak.sampling.sources.process import Process
from soak.sampling.sources.prometheus import Prometheus
from tests.profile_texts import GOOD
from tests.sampling.serving import answering, http


def profile(listed: str, more: str = "") -> Profile:
    return parse_profile(
        f"{GOOD}sources:\n{listed}{more}", "p.yaml", environment={"TOKEN": "s3cret"}
    )[0]


def built(listed: str) -> dict[str, Source]:
    return build_sources(profile(listed))


def test_replicas_are_sources_of_their_own() -> None:
    sources = built(
        "  - prometheus: {urls: ['http://127.0.0.1:1/metrics', 'http://127.0.0.1:2/metrics'], keep: ['a']}\n"
    )
    assert list(sources) == ["prometheus", "prometheus-2"]
    for number, source in enumerate(sources.values(), 1):
        assert isinstance(source, Replica)
        assert source.instance == f"127.0.0.1:{number}"
        assert isinstance(source.source, Prometheus)
        assert source.source.keep == ("a",)


def test_a_process_and_the_page_of_one_replica_are_the_same_instance() -> None:
    sources = built(
        "  - process: {port: 1}\n  - process: {port: 2}\n"
        "  - prometheus: {url: 'http://localhost:1/metrics'}\n  - prometheus: {url: 'http://localhost:2/metrics'}\n"
        "  - command: {run: [x]}\n"
    )
    labels = {
        name: source.instance for name, source in sources.items() if isinstance(source, Replica)
    }
    assert labels["process"] == labels["prometheus"] == "127.0.0.1:1"
    assert labels["process-2"] == labels["prometheus-2"] == "127.0.0.1:2"
    assert isinstance(sources["command"], Command)


def test_two_pages_of_one_service_are_no_replicas() -> None:
    sources = built("  - prometheus: {url: /metrics}\n  - prometheus: {url: /more}\n")
    assert not any(isinstance(source, Replica) for source in sources.values())


def test_a_replica_labels_every_sample_and_one_that_is_lost_costs_only_itself() -> None:
    with answering({"/metrics": http('a{x="1"} 2\n')}) as url:
        sources = built(
            f"  - prometheus: {{urls: ['{url}/metrics', 'http://127.0.0.1:1/metrics']}}\n"
        )
        samples = list(sources["prometheus"].collect())
    assert all("instance" in dict(sample.labels) for sample in samples)
    assert samples[0].labels == (("instance", url.removeprefix("http://")), ("x", "1"))


def test_what_says_its_instance_itself_is_left_as_it_is() -> None:
    with answering({"/metrics": http('a{instance="theirs"} 2\n')}) as url:
        sample = next(iter(Replica(Prometheus(f"{url}/metrics"), "ours").collect()))
    assert sample.labels == (("instance", "theirs"),)


def test_the_instance_of_what_has_none() -> None:
    assert instance_of(Command(("x",))) == ""
    assert instance_of(Process(name="orders")) == "name orders"


def test_headers_come_from_the_environment_and_are_sent() -> None:
    seen: list[str] = []
    with answering({"/metrics": http("a 1\n")}, seen) as url:
        source = built(
            f"  - prometheus: {{url: '{url}/metrics', headers: {{Authorization: 'Bearer ${{TOKEN}}'}}}}\n"
        )
        list(source["prometheus"].collect())
    assert "Authorization: Bearer s3cret" in seen[0]


def test_a_page_on_the_target_is_verified_as_the_target_is() -> None:
    text = GOOD.replace(
        '{url: "http://127.0.0.1:8080"}', '{url: "https://127.0.0.1:8080", tls: {insecure: true}}'
    )
    text += "sources: [{prometheus: {}}, {prometheus: {url: 'https://127.0.0.1:1/'}}]\n"
    sources = build_sources(parse_profile(text, "p.yaml", environment={})[0])
    # Another port of the same host is another instance, so both are labelled.
    pages = [source.source for source in sources.values() if isinstance(source, Replica)]
    assert [
        isinstance(source, Prometheus) and source.tls is not None and source.tls.insecure
        for source in pages
    ] == [True, False]


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ("  - promql: {query: {a: up}}\n", "sources.0.promql.server: "),
        ("  - promql: {server: 'http://127.0.0.1:1', query: {}}\n", "give at least one"),
        ("  - cgroup: {}\n", "name it by one of path, pid or container"),
        ("  - command: {run: x}\n", "sources.0.command.run: "),
        ("  - jolokia: {read: {a: b}}\n", "expected MBean/attribute"),
        ("  - prometheus: {tls: {secure: true}}\n", "sources.0.prometheus.tls"),
        ("  - prometheus: {series: 0}\n", "sources.0.prometheus.series: "),
        ("  - grafana: {}\n", "unknown source"),
    ],
)
def test_a_wrong_source_is_refused_with_its_line(sources: str, said: str) -> None:
    with pytest.raises(ProfileError) as caught:
        built(sources)
    assert said in str(caught.value)
    assert str(caught.value).startswith("p.yaml:")


def test_the_started_process_is_watched_beside_what_is_named() -> None:
    sources = build_sources(profile("  - prometheus: {}\n"), started_pid=1)
    assert list(sources) == ["process", "prometheus"]


def test_files_of_tls_are_relative_to_the_profile(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    text = GOOD + "sources: [{prometheus: {url: 'https://127.0.0.1:1/m', tls: {ca: ca.pem}}}]\n"
    [source] = build_sources(
        parse_profile(text, str(tmp_path / "p.yaml"), environment={})[0]
    ).values()
    assert isinstance(source, Prometheus)
    assert source.tls is not None
    assert source.tls.ca == str(tmp_path / "ca.pem")


def test_another_packages_source_that_cannot_be_loaded_costs_only_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = EntryPoint("theirs", "no_such_package:Theirs", "soak.sources")
    monkeypatch.setattr(sources, "entry_points", lambda group: [broken])
    sources._offered.cache_clear()
    try:
        assert set(sources.known_sources()) == set(sources.SOURCES)
        text = GOOD + "sources:\n  - theirs: {}\n"
        with pytest.raises(
            ProfileError,
            match=r"sources\.0\.theirs: no_such_package:Theirs cannot be loaded: ModuleNotFound",
        ):
            build_sources(parse_profile(text, "p.yaml")[0])
    finally:
        sources._offered.cache_clear()


@pytest.mark.parametrize(
    "url",
    [
        "http://[::1/metrics",
        "ftp://127.0.0.1/m",
        "http://127.0.0.1:99999/m",
        "http:///m",
        "127.0.0.1:1/m",
    ],
)
def test_an_address_that_leads_nowhere_is_refused_with_file_and_line(url: str) -> None:
    text = GOOD + f"sources:\n  - prometheus: {{url: '{url}'}}\n"
    with pytest.raises(
        ProfileError,
        match=r"p\.yaml:\d+: sources\.0\.prometheus\.url: expected a path such as /metrics",
    ):
        build_sources(parse_profile(text, "p.yaml")[0])


def test_a_source_says_nothing_of_what_the_environment_holds() -> None:
    text = GOOD + "sources:\n  - prometheus: {url: ['${SECRET_PAGE}']}\n"
    with pytest.raises(ProfileError) as caught:
        build_sources(
            parse_profile(text, "p.yaml", environment={"SECRET_PAGE": "http://u:canary-7f3@h/"})[0]
        )
    assert "canary" not in str(caught.value)
