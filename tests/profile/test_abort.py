import pytest

from soak.errors import ProfileError
from soak.profile import Profile, parse_profile
from soak.profile.abort import USUAL, parse_rule
from tests.profile_texts import GOOD


def profile(line: str, url: str = "http://127.0.0.1:8080") -> Profile:
    text = GOOD.replace('{url: "http://127.0.0.1:8080"}', f'{{url: "{url}", allow: ["*"]}}')
    return parse_profile(f"{text}{line}\n", "p.yaml")[0]


def texts(line: str, url: str = "http://127.0.0.1:8080") -> list[str]:
    return [rule.text for rule in profile(line, url).abort_rules]


@pytest.mark.parametrize(
    ("text", "series", "limit", "seconds"),
    [
        ("errors > 50% for 30s", "http_request_error_ratio", 0.5, 30),
        ("p99>2s for 1m", "http_request_p99_seconds", 2, 60),
        ("rate < 10/s for 1m30s", "http_requests_per_second", 10, 90),
        ("process_resident_memory_bytes >= 2GiB", "process_resident_memory_bytes", 2**31, 0),
        ('go_goroutines{pod=~"orders-.*", x="a > b"} > 1e4 for 5s', "go_goroutines", 1e4, 5),
        ('errors{endpoint="GET /a"} > 0.2 for 30s', "http_request_error_ratio", 0.2, 30),
    ],
)
def test_a_rule_is_read(text: str, series: str, limit: float, seconds: float) -> None:
    rule = parse_rule(text)
    assert (rule.selector.name, rule.limit, rule.seconds) == (series, limit, seconds)
    assert rule.of_target


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("abort: [x]", "expected a condition such as errors > 50% for 30s"),
        ("abort: 3", "expected off, or a list of conditions"),
        ("abort: [3]", "expected a condition such as"),
        (
            "abort: [errors > 50 for 30s]",
            "errors are a share of the requests: expected one such as 50%, not '50'",
        ),
        ("abort: [eror > 50% for 30s]", "'eror' is no series, did you mean errors?"),
        ("abort: [p98 > 2s for 30s]", "'p98' is no series, did you mean p99"),
        (
            "abort: [errors > 50% for 30]",
            "expected a duration such as 90s, 10m or 1h30m, not '30'; add its unit",
        ),
        ("abort: [errors > 50% for 0s]", "a condition must hold for more than 0 s"),
        ("abort: [p99 > fast]", "expected a number, a size such as 2GiB"),
        ("abort: ['x{a=1} > 2']", "expected a matcher"),
    ],
)
def test_a_wrong_rule_is_named_with_its_line(line: str, expected: str) -> None:
    with pytest.raises(ProfileError) as error:
        profile(line)
    assert str(error.value).startswith("p.yaml:8: abort: ")
    assert expected in str(error.value)


def test_the_limit_itself_counts_as_the_comparison_says() -> None:
    assert [parse_rule(f"x_y {than} 2").breached(2.0) for than in (">", ">=", "<", "<=")] == [
        False,
        True,
        False,
        True,
    ]
    assert not parse_rule("x_y > 2").breached(float("nan"))


def test_a_target_on_another_machine_has_a_rule_by_itself() -> None:
    elsewhere = "http://orders.example.com"
    assert texts("") == []
    assert texts("", elsewhere) == [USUAL]
    assert texts("abort: []", elsewhere) == [USUAL]
    assert texts("abort: x_y > 2", elsewhere) == ["x_y > 2", USUAL]
    assert texts("abort: off", elsewhere) == []
    assert texts("abort: ['errors > 90% for 5m']", elsewhere) == ["errors > 90% for 5m"]
    [rule] = profile("", elsewhere).abort_rules
    assert not rule.of_target


def test_a_rule_on_soak_itself_is_no_limit_of_the_target() -> None:
    assert not parse_rule("soak_load_cpu_ratio > 95% for 1m").of_target
