import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soak.errors import ProfileError, SoakError
from soak.profile import Profile, load_profile, parse_profile
from tests.profile_texts import GOOD

PROFILES = Path(__file__).parents[2] / "profiles"


def parse(text: str, **environment: str) -> Profile:
    return parse_profile(text, "p.yaml", environment=environment)[0]


def refusal(text: str, **environment: str) -> str:
    with pytest.raises(ProfileError) as caught:
        parse(text, **environment)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_right_profile_in_base_units() -> None:
    profile = parse(
        GOOD
        + "limits: {p99: 250ms, errors: 0.1%, growth: {process_open_fds: 1/h}, max: {x_bytes: 2GiB}}\n"
    )
    assert profile.load.rate == 50
    assert profile.load.duration == 600
    assert profile.limits.p99 == 0.25
    assert profile.limits.errors == pytest.approx(0.001)
    assert profile.limits.growth == {"process_open_fds": 1.0}
    assert profile.limits.max == {"x_bytes": 2 * 2**30}
    assert profile.limits.survive.for_ == 30 * 86400
    assert profile.endpoints[0].label == "GET /a"


@pytest.mark.parametrize(
    ("duration", "interval"), [("10m", 1.0), ("2h", 1.0), ("3h", 5.0), ("24h", 5.0), ("25h", 15.0)]
)
def test_the_sampling_interval_follows_the_duration(duration: str, interval: float) -> None:
    assert parse(GOOD.replace("10m", duration)).interval == interval


BESIDE = "target: {url: 'http://127.0.0.1:1'}\n"
LOCUST = "load: {users: 1, duration: 1s, locustfile: locustfiles/checkout.py}\n"
MISTAKES = {
    "unknown key": (
        GOOD.replace("duration", "durration"),
        "p.yaml:5: load.durration: unknown key, did you mean duration?",
    ),
    "unknown top key": (
        GOOD.replace("load:", "laod:"),
        "p.yaml:3: laod: unknown key, did you mean load?",
    ),
    "deep unknown key": (
        GOOD + "  - {request: GET /b, expect: {statuss: 3}}\n",
        "p.yaml:8: endpoints.1.expect.statuss: unknown key, did you mean status?",
    ),
    "rate without unit": (
        GOOD.replace("50/s", "50"),
        "p.yaml:4: load.rate: expected a rate such as 200/s or 50/m, not 50; say per what",
    ),
    "negative rate": (
        GOOD.replace("50/s", "-1/s"),
        "p.yaml:4: load.rate: must be more than 0, not '-1/s'",
    ),
    "zero rate": (
        GOOD.replace("50/s", "0/s"),
        "p.yaml:4: load.rate: must be more than 0, not '0/s'",
    ),
    "infinite rate": (
        GOOD.replace("50/s", ".inf/s"),
        "p.yaml:4: load.rate: expected a rate such as 200/s or 50/m, not '.inf/s'",
    ),
    "NaN": (
        GOOD.replace("10m", ".nan"),
        "p.yaml:5: load.duration: expected a duration such as 90s, 10m or 1h30m, not '.nan'",
    ),
    "zero duration": (
        GOOD.replace("10m", "0s"),
        "p.yaml:5: load.duration: must be more than 0, not '0s'",
    ),
    "zero users": (
        GOOD.replace("rate: 50/s", "users: 0"),
        "p.yaml:4: load.users: expected a whole number of at least 1, not 0",
    ),
    "part of a user": (
        GOOD.replace("rate: 50/s", "users: 1.5"),
        "p.yaml:4: load.users: expected a whole number of at least 1, not 1.5",
    ),
    "both models": (
        GOOD.replace("rate: 50/s", "rate: 50/s\n  users: 3"),
        "p.yaml:3: load: give either rate (open model) or users (closed model), and not both",
    ),
    "no model": (
        GOOD.replace("rate: 50/s", ""),
        "p.yaml:3: load: give either rate (open model) or users (closed model), and not both",
    ),
    "no duration": (
        GOOD.replace("  duration: 10m\n", ""),
        "p.yaml:3: load: duration is missing (or stages instead)",
    ),
    "weight": (
        GOOD + "  - {request: GET /b, weight: 0}\n",
        "p.yaml:8: endpoints.1.weight: must be above 0, not 0",
    ),
    "a key twice": (GOOD + "name: again\n", "p.yaml:8: name: given twice"),
    "an endpoint twice": (
        GOOD + "  - GET /a\n",
        "p.yaml:8: endpoints.1: 'GET /a' is there already (endpoints.0)",
    ),
    "no method": (
        GOOD.replace("GET /a", "/a"),
        "p.yaml:7: endpoints.0.request: expected a method and a path, such as GET /user, not '/a'",
    ),
    "two bodies": (
        GOOD + "  - {request: POST /b, json: {}, body: x}\n",
        "p.yaml:8: endpoints.1: only one of json and body can be the body",
    ),
    "other host": (
        GOOD.replace("127.0.0.1", "example.com"),
        "p.yaml:2: target.url: load to example.com is not allowed; to allow it, write target: {allow: ['example.com']}",
    ),
    "no URL": (
        GOOD.replace("http://127.0.0.1:8080", "127.0.0.1"),
        "p.yaml:2: target.url: expected a URL such as http://127.0.0.1:8080, not '127.0.0.1'",
    ),
    "unset variable": (
        GOOD.replace("orders", "${NOBODY_SETS_THIS}"),
        "p.yaml:1: ${NOBODY_SETS_THIS} is not set in the environment; export NOBODY_SETS_THIS, or write",
    ),
    "bad limit": (
        GOOD + "limits: {growth: {a: 1MiB}}\n",
        "p.yaml:8: limits.growth.a: expected growth such as 1MiB/h or 0/h, not '1MiB'",
    ),
    "no file": (
        GOOD + "  - {request: POST /b, file: nowhere.bin}\n",
        "p.yaml:8: endpoints.1.file: no file nowhere.bin",
    ),
    "trace": (
        GOOD + "trace: maybe\n",
        "p.yaml:8: trace: expected on, off, or keys such as header, not 'maybe'",
    ),
    "trace header": (
        GOOD + "trace: {header: 'X: y'}\n",
        "p.yaml:8: trace.header: expected the name of a header such as X-Trace-ID, or true, not 'X: y'",
    ),
    "a wait of no such part": (
        GOOD.replace("rate: 50/s", "rate: 50/s\n  timeout: {reed: 2s}"),
        "p.yaml:5: load.timeout.reed: unknown key, did you mean read?",
    ),
    "a wait of nothing": (
        GOOD.replace("rate: 50/s", "rate: 50/s\n  timeout: {read: 0s}"),
        "p.yaml:5: load.timeout.read: must be more than 0, not '0s'",
    ),
    "a link without a trace": (
        GOOD + "trace:\n  link: http://x/trace\n",
        "p.yaml:9: trace.link: expected an address of http or https with {trace_id} in it",
    ),
    "a link that runs": (
        GOOD + "trace: {logs: 'javascript:alert(1)//{trace_id}'}\n",
        "p.yaml:8: trace.logs: expected an address of http or https",
    ),
    "a link that shows a password": (
        GOOD + "trace: {logs: 'https://soak:${WORD:-secret}@logs/{trace_id}'}\n",
        "p.yaml:8: trace.logs: expected an address of http or https",
    ),
    "two backends": (
        GOOD + "trace: {zipkin: 'http://x', jaeger: 'http://x'}\n",
        "p.yaml:8: trace: give either zipkin or jaeger, and not both",
    ),
    "a backend that is none": (
        GOOD + "trace: {zipkin: 'x:9411'}\n",
        "p.yaml:8: trace.zipkin: expected the API's address, such as http://127.0.0.1:9411",
    ),
    "a link for no ids": (
        GOOD + "trace: {traceparent: false, link: 'http://x/{trace_id}'}\n",
        "p.yaml:8: trace: link needs trace ids: leave traceparent on, or give a header",
    ),
    "traces beside a locustfile": (
        BESIDE
        + "load: {users: 1, duration: 1s, locustfile: locustfiles/checkout.py}\ntrace: off\n",
        "p.yaml:3: trace: a locustfile's users do all that themselves, and this would have no effect: leave it out",
    ),
    "thinking beside a locustfile": (
        BESIDE + "load: {users: 1, duration: 1s, think: 1s, locustfile: locustfiles/checkout.py}\n",
        "p.yaml:2: load.think: a locustfile's users do all that themselves, and this would have no effect: leave it out",
    ),
    "a pace beside a locustfile": (
        BESIDE + "load: {users: 1, duration: 1s, pace: 1s, locustfile: locustfiles/checkout.py}\n",
        "p.yaml:2: load.pace: a locustfile's users do all that themselves",
    ),
    "a coded mix beside a locustfile": (
        BESIDE
        + "load: {users: 1, duration: 1s, locustfile: locustfiles/checkout.py}\ndiagnose: {attribute: true}\n",
        "p.yaml:3: diagnose.attribute: a locustfile's users do all that themselves",
    ),
    "a seed beside a locustfile": (
        BESIDE + "load: {users: 1, duration: 1s, seed: 0, locustfile: locustfiles/checkout.py}\n",
        "p.yaml:2: load.seed: a locustfile's users do all that themselves",
    ),
    "data beside a locustfile": (
        f"{BESIDE}{LOCUST}data: {{row: {{csv: data/skus.csv}}}}\n",
        "p.yaml:3: data: a locustfile's users do all that themselves",
    ),
    "auth beside a locustfile": (
        f"{BESIDE}{LOCUST}auth: {{request: POST /token, token: $.token}}\n",
        "p.yaml:3: auth: a locustfile's users do all that themselves",
    ),
    "flows beside a locustfile": (
        f"{BESIDE}{LOCUST}flows: [{{name: f, steps: [GET /a]}}]\n",
        "p.yaml:3: flows: flows and load.locustfile exclude each other",
    ),
    "workers, none of them": (
        GOOD.replace("50/s", "50/s\n  workers: {lost: break}"),
        "p.yaml:3: load: workers: say how many to expect, or give processes",
    ),
    "a list": (
        "- a\n- b\n",
        "p.yaml:1: a profile is a mapping of keys such as target, load and endpoints, not a list",
    ),
    "text": (
        "hello\n",
        "p.yaml:1: a profile is a mapping of keys such as target, load and endpoints, not text",
    ),
    "a tag": ("a: !!python/object/apply:os.system [ls]\n", "p.yaml:1: YAML tags such as"),
    "own tag": (
        "a: !secret x\n",
        "p.yaml:1: YAML tags such as '!secret' are not allowed in a profile",
    ),
    "alias to itself": ("a: &a [*a]\n", "p.yaml:1: an alias that contains itself"),
    "not YAML": ("a: [1\n", "p.yaml:"),
    "control characters": ("a: \x01\n", "p.yaml: not valid YAML"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_file_line_and_key(mistake: str) -> None:
    text, expected = MISTAKES[mistake]
    assert refusal(text).startswith(expected)


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "once aliases are expanded" in refusal("\n".join(lines))


def test_deep_nesting_is_refused() -> None:
    assert "not valid YAML" in refusal("a: " + "[" * 5000)


def test_variables_come_from_the_environment() -> None:
    text = GOOD.replace("50/s", "${RATE:-20/s}").replace("/a", "/${WHAT}")
    profile = parse(text, WHAT="b")
    assert profile.load.rate == 20
    assert profile.endpoints[0].request == "GET /b"
    assert parse(text, WHAT="b", RATE="7/s").load.rate == 7


def test_the_text_as_run_keeps_variables_and_has_overrides() -> None:
    text = GOOD.replace("GET /a", "{request: GET /a, headers: {Authorization: 'Bearer ${TOKEN}'}}")
    profile, as_run = parse_profile(
        text, "p.yaml", ["load.rate=7/s", "limits.p99=1s"], {"TOKEN": "hunter2"}
    )
    assert profile.load.rate == 7
    assert profile.limits.p99 == 1
    assert profile.endpoints[0].headers == {"Authorization": "Bearer hunter2"}
    assert "hunter2" not in as_run
    assert "${TOKEN}" in as_run
    again, _ = parse_profile(as_run, "p.yaml", environment={}, lenient=True)
    assert again.load == profile.load
    assert again.limits == profile.limits


def test_an_old_run_is_judged_without_the_variables_that_only_its_profilers_needed() -> None:
    text = GOOD + (
        "\ndiagnose: {attribute: true, node: '127.0.0.1:${INSPECTOR}', every: '${EVERY}', python: {hook: '${HOOK}'}}\n"
    )
    profile, _ = parse_profile(text, "p.yaml", environment={}, lenient=True)
    assert profile.diagnose is not None
    assert profile.diagnose.attribute
    assert profile.diagnose.node is None
    assert profile.diagnose.every is None
    with pytest.raises(ProfileError, match="INSPECTOR"):
        parse_profile(text, "p.yaml", environment={})


def test_an_old_run_whose_limit_is_in_an_unset_variable_says_which_one() -> None:
    text = GOOD + "\nlimits: {p99: '${SLOW}'}\n"
    with pytest.raises(ProfileError) as raised:
        parse_profile(text, "p.yaml", environment={}, lenient=True)
    assert str(raised.value).endswith(
        "limits.p99: SLOW is not set in the environment; export the value that the run had"
    )


@pytest.mark.parametrize("assignment", ["load.rate", "=3", "endpoints.7=GET /x", "load.rate=[1"])
def test_a_wrong_override_is_named(assignment: str) -> None:
    with pytest.raises(ProfileError, match=r"--set|load|name"):
        parse_profile(GOOD, "p.yaml", [assignment], {})


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02\xff\xfe", b"\xff\xfea\x00"])
def test_a_file_that_is_no_text_or_empty(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(content)
    with pytest.raises(ProfileError, match=r"p\.yaml"):
        load_profile(path)


def test_a_missing_file() -> None:
    with pytest.raises(ProfileError, match=r"nowhere\.yaml: cannot be read: No such file"):
        load_profile(Path("nowhere.yaml"))


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.yaml")), ids=lambda path: path.name)
def test_the_ready_profiles(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("# yaml-language-server: $schema=./soak.schema.json\n")
    lenient = path.stem == "reference"  # it shows the keys that are to come, too
    parse_profile(text, str(path), environment={}, lenient=lenient)


@given(st.text(max_size=200))
def test_any_text_is_a_profile_or_one_clear_refusal(text: str) -> None:
    try:
        parse_profile(text, "p.yaml", environment={})
    except SoakError as error:
        assert str(error).startswith("p.yaml")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(
    key=st.sampled_from(
        [
            "name",
            "target",
            "sources",
            "sample",
            "load",
            "endpoints",
            "limits",
            "flows",
            "abort",
            "trace",
        ]
    ),
    value=_VALUES,
)
def test_any_value_of_any_key_is_accepted_or_refused_in_one_line(key: str, value: object) -> None:
    lines = [line for line in GOOD.splitlines() if not line.startswith(key)]
    text = "\n".join(lines) + f"\n{key}: {json.dumps(value)}\n"
    try:
        parse_profile(text, "p.yaml", environment={})
    except SoakError as error:
        assert str(error).startswith("p.yaml")
        assert "\n" not in str(error).strip()


SECRET = "s3cr3t-0123456789"


@pytest.mark.parametrize(
    "endpoint",
    [
        "GET /q?key=${KEY}",
        "{request: 'GET /q?key=${KEY}', weight: 2}",
        '{request: "GET /q?key=${KEY:-none}"}',
    ],
)
def test_a_label_is_what_is_written_and_never_what_a_variable_holds(endpoint: str) -> None:
    text = f"target: {{url: http://127.0.0.1:1}}\nload: {{rate: 1/s, duration: 1s}}\nendpoints: [{endpoint}]"
    if endpoint.startswith("GET"):
        text = text.replace(f"[{endpoint}]", f"['{endpoint}']")
    profile, _ = parse_profile(text, "p.yaml", environment={"KEY": SECRET})
    assert profile.endpoints[0].label == "GET /q?key=${KEY}"
    assert profile.endpoints[0].request == f"GET /q?key={SECRET}"


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("url", "target: {url: '${KEY}'}"),
        ("url", "target: {url: 'http://${KEY}.example.com'}"),
        ("rate", "load: {rate: '${KEY}', duration: 1s}"),
        ("users", "load: {users: '${KEY}', duration: 1s}"),
        ("endpoints", "endpoints: ['GET${KEY}']"),
        ("tls", "target: {url: 'http://127.0.0.1:1', tls: {ca: '${KEY}'}}"),
    ],
)
def test_no_message_shows_what_a_variable_holds(key: str, line: str) -> None:
    lines = {
        "target": "target: {url: 'http://127.0.0.1:1'}",
        "load": "load: {rate: 1/s, duration: 1s}",
        "endpoints": "endpoints: [GET /]",
    }
    lines[line.partition(":")[0]] = line
    with pytest.raises(ProfileError) as error:
        parse_profile("\n".join(lines.values()), "p.yaml", environment={"KEY": SECRET})
    assert SECRET not in str(error.value)
    assert key in str(error.value)


def test_a_question_mark_in_a_flow_mapping_is_to_be_quoted() -> None:
    with pytest.raises(
        ProfileError,
        match=r'p\.yaml:1: not valid YAML: .*quote .* such as \{request: "GET /x\?a=b"',
    ):
        parse_profile("endpoints: [{request: GET /x?a=b, weight: 2}]", "p.yaml")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f"load: {{rate: 1/s, duration: {'9' * 400}s}}", "duration"),
        ("load: {users: 999999999, duration: 1s}", "users is above"),
        ("load: {users: 1, duration: 1s, processes: 100000}", "processes is above"),
        ("load: {rate: 99999999/s, duration: 1s}", "is above 10,000,000"),
        ("target: {url: 'http://a..localhost:1'}", "expected a URL"),
        ("target: {url: 'http://[::1/metrics'}", "expected a URL"),
        (r'target: {url: "http://127.0.0.1:1/\e[31m"}', "expected a URL"),
        ("load: {rate: 1/s, duration: 1s, workers: {expect: 1000000}}", "workers.expect"),
        ("endpoints: [{request: GET /, json: " + "[" * 80 + "]" * 80 + "}]", "levels deep"),
        (
            "endpoints: [{request: GET /, json: " + "[" * 5000 + "]" * 5000 + "}]",
            "nested too deeply",
        ),
        ("endpoints: [{request: GET /, expect: {body: {regex: '(a+)+$'}}}]", "take for ever"),
    ],
)
def test_what_is_enormous_or_malformed_is_one_line(line: str, reason: str) -> None:
    lines = {
        "target": "target: {url: 'http://127.0.0.1:1'}",
        "load": "load: {rate: 1/s, duration: 1s}",
        "endpoints": "endpoints: [GET /]",
    }
    lines[line.partition(":")[0]] = line
    with pytest.raises(ProfileError, match=reason) as error:
        parse_profile("\n".join(lines.values()), "p.yaml")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("start", ["python3 service.py", "[python3, service.py]"])
def test_a_start_without_its_key_is_answered_with_an_example(start: str) -> None:
    text = "target: {url: 'http://127.0.0.1:1', start: " + start + "}\n"
    text += "load: {rate: 1/s, duration: 5s}\nendpoints: [GET /]\n"
    assert refusal(text).endswith("write start: {command: [python3, service.py]}")


def test_a_command_that_is_one_text_is_answered_with_its_arguments() -> None:
    def said(command: str) -> str:
        text = (
            "target: {url: 'http://127.0.0.1:1', start: {command: " + json.dumps(command) + "}}\n"
        )
        return refusal(text + "load: {rate: 1/s, duration: 5s}\nendpoints: [GET /]\n")

    written = "write command: [python3, -c, 'import shop', --port, 80]; it is run without a shell"
    assert said('python3 -c "import shop" --port 80').endswith(written)
    assert "write command: [it, " in said("it isn't")
