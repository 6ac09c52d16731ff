"""What a profile may say of its traffic: requests, flows, data, tokens, stages."""

import re
from pathlib import Path

import pytest

from soak.errors import ProfileError
from soak.profile import Profile, parse_profile
from soak.profile.flows import requests_in
from soak.profile.load import MOST
from tests.profile_texts import GOOD


def parse(text: str, **environment: str) -> Profile:
    return parse_profile(text, "p.yaml", environment=environment)[0]


def refusal(text: str, **environment: str) -> str:
    with pytest.raises(ProfileError) as caught:
        parse(text, **environment)
    return str(caught.value)


ENDPOINT = GOOD + "  - request: POST /b\n"
STAGES = GOOD.replace(
    "  rate: 50/s\n  duration: 10m\n", "  stages: [{rate: 5/s, for: 1h}, {ramp: 9/s, for: 1h}]\n"
)
USERS = GOOD.replace("rate: 50/s", "users: 5")
FLOW = (
    GOOD + "flows:\n  - name: f\n    steps: [GET /a, {request: POST /b, capture: {cart: $.id}}]\n"
)

MISTAKES = {
    "two places": (
        FLOW.replace("$.id", "{json: $.id, header: Location}"),
        "p.yaml:10: flows.0.steps.1.capture.cart: give exactly one of json, header, regex, url and cookie",
    ),
    "not a regex": (
        FLOW.replace("$.id", "{regex: '('}"),
        "p.yaml:10: flows.0.steps.1.capture.cart.regex: not a regular expression: missing ), unterminated subpattern",
    ),
    "unknown place": (
        FLOW.replace("$.id", "{heder: a}"),
        "p.yaml:10: flows.0.steps.1.capture.cart.heder: unknown key, did you mean header?",
    ),
    "a capture of no name": (
        FLOW.replace("cart:", "'the cart':"),
        "p.yaml:10: flows.0.steps.1.capture.the cart: expected a name of letters, digits and underscores",
    ),
    "a capture that hides": (
        FLOW.replace("cart:", "uuid:"),
        "p.yaml:10: flows.0.steps.1.capture.uuid: uuid means something else in templates; choose another name",
    ),
    "a step twice": (
        FLOW.replace("POST /b", "GET /a"),
        "p.yaml:10: flows.0.steps.1: 'f / GET /a' is there already (flows.0.steps.0); give it a name of its own",
    ),
    "a flow like an endpoint": (
        FLOW + "  - {name: f, steps: [GET /a]}\n",
        "p.yaml:11: flows.1.steps.0: 'f / GET /a' is there already (flows.0.steps.0); give it a name of its own",
    ),
    "a flow without steps": (GOOD + "flows: [{name: f, steps: []}]\n", "p.yaml:8: flows.0.steps: needs at least 1, not []"),
    "a capture without a flow": (
        ENDPOINT + "    capture: {cart: $.id}\n",
        "p.yaml:9: endpoints.1.capture: unknown key",
    ),
    "a header with two lines": (
        ENDPOINT + '    headers: {A: "b\\r\\nC: d"}\n',
        "p.yaml:9: endpoints.1.headers: the value of A has a line break or another control character in it",
    ),
    "no header": (ENDPOINT + "    headers: {'A B': c}\n", "p.yaml:9: endpoints.1.headers: 'A B' is no name for a header"),
    "an empty match": (
        ENDPOINT + "    expect: {body: {}}\n",
        "p.yaml:9: endpoints.1.expect.body: a mapping here says what the value must be, by equals, not",
    ),
    "unknown match": (
        ENDPOINT + "    expect: {headers: {a: {is: b}}}\n",
        "p.yaml:9: endpoints.1.expect.headers.a: a mapping here says what the value must be, by equals, not, gt, ge, lt, le,",
    ),
    "a mapping as a value": (
        ENDPOINT + "    expect: {json: {$.a: {state: open}}}\n",
        "p.yaml:9: endpoints.1.expect.json.$.a: a mapping here says what the value must be",
    ),
    "a bound that is no number": (
        ENDPOINT + "    expect:\n      json: {$.a: {gt: many}}\n",
        "p.yaml:10: endpoints.1.expect.json.$.a.gt: expected a number, or a template such as {{ total }}, not 'many'",
    ),
    "a template in a pattern": (
        ENDPOINT + "    expect: {body: {regex: '{{ cart }}'}}\n",
        "p.yaml:9: endpoints.1.expect.body.regex: a regular expression takes no template; contains and equals do",
    ),
    "a value of nothing": (
        ENDPOINT + "    expect: {json: {$.a: {exists: false, gt: 3}}}\n",
        "p.yaml:9: endpoints.1.expect.json.$.a: what must not exist has no value to compare: exists: false stands alone",
    ),
    "no value that exists": (
        ENDPOINT + "    expect: {json: {$.a: {not: {exists: true}}}}\n",
        "p.yaml:9: endpoints.1.expect.json.$.a: exists stands by itself: write {exists: false}",
    ),
    "a status of text": (
        ENDPOINT + "    expect: {status: fine}\n",
        "p.yaml:9: endpoints.1.expect.status: expected an HTTP status such as 201, 2xx, 200-299, {not: 5xx}, or a list",
    ),
    "a status like no other": (
        ENDPOINT + "    expect: {status: {contains: 2}}\n",
        "p.yaml:9: endpoints.1.expect.status: expected a status such as 201, or not, in, gt, ge, lt or le of one",
    ),
    "no status at all": (
        ENDPOINT + "    expect: {status: {gt: 500, lt: 400}}\n",
        "p.yaml:9: endpoints.1.expect.status: no status is all of that",
    ),
    "a schema without a file": (
        ENDPOINT + "    expect: {schema: a.json}\n",
        "p.yaml:9: endpoints.1.expect.schema: no file a.json",
    ),
    "repeat and while": (
        FLOW.replace("GET /a,", "{repeat: 2, while: 'true', steps: [GET /a]},"),
        "p.yaml:10: flows.0.steps.0: give either repeat or while, and not both",
    ),
    "a block's key": (
        FLOW.replace("GET /a,", "{repeats: 2, steps: [GET /a]},"),
        "p.yaml:10: flows.0.steps.0.repeats: unknown key, did you mean repeat?",
    ),
    "a step in a block": (
        FLOW.replace("GET /a,", "{repeat: 2, steps: [GET /x, {request: a}]},"),
        "p.yaml:10: flows.0.steps.0.steps.1.request: expected a method and a path, such as GET /user, not 'a'",
    ),
    "too many rounds": (
        FLOW.replace("GET /a,", "{repeat: 10001, steps: [GET /a]},"),
        "p.yaml:10: flows.0.steps.0.repeat: must be at most 10,000, not 10001",
    ),
    "bounds of nothing": (
        FLOW.replace("GET /a,", "{at_most: 3, steps: [GET /a]},"),
        "p.yaml:10: flows.0.steps.0: at_most goes with while; repeat says how many rounds itself",
    ),
    "no chance": (
        FLOW.replace("GET /a,", "{request: GET /a, chance: 0%},"),
        "p.yaml:10: flows.0.steps.0.chance: is a step that is never made: leave it out",
    ),
    "more than certain": (
        FLOW.replace("GET /a,", "{request: GET /a, chance: 101%},"),
        "p.yaml:10: flows.0.steps.0.chance: must be at most 1",
    ),
    "setup of nobody": (
        GOOD + "setup: [POST /login]\n",
        "p.yaml:8: setup: goes with users; with a rate, each flow is a visitor of its own: begin the flow with these",
    ),
    "a place of a capture twice": (
        FLOW.replace("cart: $.id", "c: {json: $.a, cookie: b}"),
        "p.yaml:10: flows.0.steps.1.capture.c: give exactly one of json, header, regex, url and cookie",
    ),
    "a header of several": (
        FLOW.replace("cart: $.id", "c: {header: a, take: all}"),
        "p.yaml:10: flows.0.steps.1.capture.c: take goes with json or regex: there is only one header, URL or cookie",
    ),
    "two data files": (
        GOOD + "data: {row: {csv: a, jsonl: b}}\n",
        "p.yaml:8: data.row: give either csv or jsonl, and not both",
    ),
    "no data file": (GOOD + "data: {row: {csv: a.csv}}\n", "p.yaml:8: data.row.csv: no file a.csv"),
    "an order": (
        GOOD + "data: {row: {csv: a.csv, order: shuffled}}\n",
        "p.yaml:8: data.row.order: expected 'random', 'sequential' or 'unique', not 'shuffled'",
    ),
    "data that hides": (
        GOOD + "data: {user: {csv: p.yaml}}\n",
        "p.yaml:8: data.user: user means something else in templates; choose another name",
    ),
    "no certificate": (
        GOOD.replace('8080"}', '8080", tls: {ca: a.pem}}'),
        "p.yaml:2: target.tls.ca: no file a.pem",
    ),
    "a key alone": (GOOD.replace('8080"}', '8080", tls: {key: a}}'), "p.yaml:2: target.tls: a key goes with a certificate"),
    "a template for a token": (
        GOOD + "auth: {request: 'POST /{{ x }}'}\n",
        "p.yaml:8: auth.request: expected a method and a path, such as POST /token, not 'POST /{{ x }}'",
    ),
    "a token from elsewhere": (
        GOOD + "auth: {request: POST /t, url: 'http://example.com'}\n",
        "p.yaml:8: auth.url: load to example.com is not allowed; to allow it, write target: {allow: ['example.com']}",
    ),
    "stages and a rate": (STAGES.replace("stages", "rate: 5/s\n  stages"), "p.yaml:3: load: give either stages or rate"),
    "mixed stages": (STAGES.replace("ramp: 9/s", "ramp: 9"), "p.yaml:3: load: stages are all of rates (200/s) or all"),
    "a stage of two": (STAGES.replace("ramp:", "rate: 5/s, ramp:"), "p.yaml:4: load.stages.1: a stage has exactly one"),
    "a stage of none": (STAGES.replace("ramp: 9/s, ", ""), "p.yaml:4: load.stages.1: a stage has exactly one of"),
    "a stage without time": (STAGES.replace("9/s, for: 1h", "9/s"), "p.yaml:4: load.stages.1.for: is missing"),
    "no load": (STAGES.replace("5/s", "0/s").replace("9/s", "0/s"), "p.yaml:3: load: stages without any load"),
    "a level": (STAGES.replace("ramp: 9/s", "ramp: a lot"), "p.yaml:4: load.stages.1.ramp: expected a rate such as 200/s"),
    "a rate of users": (STAGES.replace("rate: 5/s", "rate: 5"), "p.yaml:4: load.stages.0: rate is such as 200/s, and"),
    "a negative rate": (STAGES.replace("9/s", "-9/s"), "p.yaml:4: load.stages.1.ramp: expected a rate such as 200/s"),
    "a sine upside down": (
        STAGES.replace("ramp: 9/s", "sine: {low: 9/s, high: 1/s, period: 1h}"),
        "p.yaml:4: load.stages.1: the low of a sine must not be above its high",
    ),
    "no stages": (
        GOOD.replace("  rate: 50/s\n  duration: 10m\n", "  stages: []\n"),
        "p.yaml:4: load.stages: needs at least 1, not []",
    ),
    "a pace with a rate": (GOOD.replace("rate", "pace: 5s\n  rate"), "p.yaml:3: load: pace goes with users"),
    "arrivals of users": (USERS.replace("users", "arrivals: poisson\n  users"), "p.yaml:3: load: arrivals go with a rate"),
    "thinking backwards": (
        USERS.replace("users", "think: {min: 3s, max: 1s}\n  users"),
        "p.yaml:4: load.think: min must not be above max",
    ),
    "flows and a locustfile": (
        FLOW.replace("rate: 50/s", "users: 5\n  locustfile: a.py").replace("endpoints:\n  - GET /a\n", ""),
        "p.yaml:7: flows: flows and load.locustfile exclude each other",
    ),
    "a blank in a path": (GOOD.replace("/a", "/a b"), "p.yaml:7: endpoints.0.request: expected a method and a path"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_file_line_and_key(
    mistake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p.yaml").touch()
    text, expected = MISTAKES[mistake]
    assert refusal(text).startswith(expected)


def test_short_forms() -> None:
    profile = parse(
        FLOW.replace("rate: 50/s", "users: 5\n  think: 1s\n  pace: 10s")
        + "  - {name: g, steps: [{request: 'GET /{{ user }}', expect: {body: a, headers: {b: c}}, limits: {p99: 1s}}]}\n"
    )
    assert profile.load.think is not None
    assert (profile.load.think.min, profile.load.think.max, profile.load.pace) == (1, 1, 10)
    first, second = profile.flows
    (_, first_step), (_, two) = requests_in(first.steps, ())
    assert (first_step.request, two.capture["cart"].json_) == ("GET /a", "$.id")
    expect = next(step.expect for _, step in requests_in(second.steps, ()))
    assert expect.body is not None
    assert (expect.body.contains, expect.headers["b"].equals) == ("a", "c")
    assert list(profile.own_limits) == ["g / GET /{user}"]


def test_flows_alone_are_enough() -> None:
    assert parse(
        GOOD.replace("endpoints:\n  - GET /a\n", "flows: [{name: f, steps: [GET /a]}]\n")
    ).flows


def test_what_is_in_the_environment_is_not_shown_by_a_refusal() -> None:
    text = ENDPOINT + '    headers: {A: "Bearer ${TOKEN}"}\n'
    assert "hunter2" not in refusal(text, TOKEN="hunter2\r\n")


def test_the_secrets_of_a_token_stay_variables_in_the_text_as_run() -> None:
    text = GOOD + "auth: {request: POST /t, form: {password: '${PASSWORD}'}}\n"
    _, as_run = parse_profile(
        text, "p.yaml", ["auth.form.user=hunter3", "load.seed=3"], {"PASSWORD": "hunter2"}
    )
    assert "hunter" not in as_run
    assert "seed: 3" in as_run


@pytest.mark.parametrize(
    "assignment",
    [
        "auth={request: POST /t, form: {password: hunter2}}",
        "auth.form={password: hunter2}",
        "auth.request=POST /u",
        "endpoints.0.headers={Authorization: hunter2}",
        "endpoints.0.expect.json={$.a: hunter2}",
        "trace.zipkin=http://soak:hunter2@127.0.0.1:9411",
    ],
)
def test_what_is_left_out_of_the_text_as_run_does_not_keep_it_from_being_judged(
    assignment: str,
) -> None:
    text = GOOD.replace("GET /a", "{request: GET /a}") + "auth: {request: POST /t}\n"
    _, as_run = parse_profile(text, "p.yaml", [assignment], {})
    assert "hunter" not in as_run
    assert parse_profile(as_run, "p.yaml", environment={}, lenient=True)[0].load.duration == 600


@pytest.mark.parametrize("key", ["processes", "users", "duration", "ramp", "warmup"])
def test_loads_beyond_any_machine_and_any_life_are_refused(key: str) -> None:
    def text(value: int) -> str:
        load = {"users": 5, "duration": 600} | {key: value}
        units = {"users": "", "processes": ""}
        lines = "\n".join(
            f"  {name}: {number}{units.get(name, 's')}" for name, number in load.items()
        )
        return f"target:\n  url: http://127.0.0.1:8080\nload:\n{lines}\nendpoints:\n  - GET /a\n"

    most = int(MOST[key])
    assert getattr(parse(text(most)).load, key) == most
    assert re.search(rf"{key}:? is above {most:,}", refusal(text(most + 1)))


def test_arguments_and_tags_go_with_a_locustfile() -> None:
    assert "tags go with a locustfile" in refusal(
        USERS.replace("users: 5", "users: 5\n  tags: [a]")
    )
