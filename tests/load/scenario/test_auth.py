from collections.abc import Callable

import pytest

from soak.load.plan.plan import PlannedAuth, PlannedRequest
from soak.load.scenario.auth import LONGEST_WAIT, AuthError, FetchedToken, Token, TokenReader

REQUEST = PlannedRequest("auth", "POST", "/token", 1.0, {})


def planned(refresh: float | None = None, header: str = "Authorization: Bearer") -> PlannedAuth:
    return PlannedAuth(REQUEST, None, "$.access_token", refresh, header)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Issuer:
    """Gives tokens t1, t2, …, or fails while `broken`."""

    def __init__(self, lifetime: float | None = None) -> None:
        self.asked, self.lifetime, self.broken = 0, lifetime, False
        self.meanwhile: Callable[[], object] = lambda: None

    def __call__(self) -> FetchedToken:
        self.asked += 1
        self.meanwhile()
        if self.broken:
            raise AuthError("status 503")
        return FetchedToken(f"t{self.asked}", self.lifetime)


def test_a_token_is_renewed_when_it_is_due_and_not_before() -> None:
    clock, issuer = Clock(), Issuer()
    token = Token(planned(refresh=3000), issuer, clock)
    assert (token.header, token.wait()) == (None, 0.0)
    assert token.renew()
    assert token.header == ("Authorization", "Bearer t1")
    assert token.wait() == 3000
    clock.now += 2999
    assert token.wait() == 1
    clock.now += 5
    assert token.wait() == 0
    assert token.renew()
    assert token.header == ("Authorization", "Bearer t2")


def test_the_life_that_the_answer_gives_counts_where_the_profile_says_nothing() -> None:
    token = Token(planned(), Issuer(lifetime=100), Clock())
    token.renew()
    assert token.wait() == 80
    token = Token(planned(), Issuer(), Clock())
    token.renew()
    assert token.wait() is None


def test_the_old_token_serves_while_a_new_one_is_fetched_once() -> None:
    issuer = Issuer()
    token = Token(planned(refresh=10), issuer, Clock())
    token.renew()
    seen: list[object] = []
    issuer.meanwhile = lambda: seen.extend([token.header, token.renew()])
    assert token.renew()
    assert seen == [("Authorization", "Bearer t1"), False]
    assert issuer.asked == 2


def test_failures_are_counted_and_asked_about_less_and_less_often() -> None:
    clock, issuer = Clock(), Issuer()
    token = Token(planned(refresh=10), issuer, clock)
    token.renew()
    issuer.broken = True
    waits = []
    for _ in range(8):
        assert not token.renew()
        waits.append(token.wait())
        clock.now += token.wait() or 0
    assert waits == [1, 2, 4, 8, 16, 32, LONGEST_WAIT, LONGEST_WAIT]
    assert (token.failures, token.problem) == (8, "status 503")
    assert token.header == ("Authorization", "Bearer t1")
    issuer.broken = False
    assert token.renew()
    assert (token.wait(), token.problem) == (10, "")


def test_whatever_the_network_does_is_a_failure_without_its_words() -> None:
    def fetch() -> FetchedToken:
        raise ConnectionResetError("with secret words")

    token = Token(planned(), fetch, Clock())
    assert not token.renew()
    assert token.problem == "ConnectionResetError"


def test_a_refused_token_is_renewed_at_once_but_no_storm_follows() -> None:
    clock = Clock()
    token = Token(planned(refresh=3000), Issuer(), clock)
    token.renew()
    token.refused()
    assert token.wait() == 1
    clock.now += 10
    token.refused()
    assert token.wait() == 0


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Authorization: Bearer", ("Authorization", "Bearer t1")),
        ("X-Api-Key:", ("X-Api-Key", "t1")),
        ("Cookie: session=", ("Cookie", "session=t1")),
    ],
)
def test_the_header_is_the_profiles(header: str, expected: tuple[str, str]) -> None:
    token = Token(planned(header=header), Issuer(), Clock())
    token.renew()
    assert token.header == expected


def test_a_token_in_an_answer() -> None:
    token = TokenReader(planned()).read(200, b'{"access_token": "abc", "expires_in": 3600}')
    assert (token.token, token.lifetime) == ("abc", 3600)


@pytest.mark.parametrize(
    ("said", "lifetime"),
    [
        ("60", 60),
        ('"60"', 60),
        ("0.5", 0.5),
        ("0", None),
        ('"soon"', None),
        ("true", None),
        ("[1]", None),
    ],
)
def test_how_long_a_token_lives(said: str, lifetime: float | None) -> None:
    body = f'{{"access_token": "abc", "expires_in": {said}}}'
    assert TokenReader(planned()).read(200, body.encode()).lifetime == lifetime


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (401, b'{"access_token": "hunter2"}', "status 401"),
        (200, b"hunter2", "the answer is not JSON"),
        (200, b'{"token": "hunter2"}', "the answer holds no token"),
        (200, b'{"access_token": ""}', "the answer holds no token"),
        (
            200,
            b'{"access_token": "hunter2\\r\\nX: y"}',
            "the token has characters that no header may hold",
        ),
    ],
)
def test_an_answer_without_a_token_says_so_and_nothing_of_it(
    status: int, body: bytes, problem: str
) -> None:
    with pytest.raises(AuthError) as caught:
        TokenReader(planned()).read(status, body)
    assert str(caught.value) == problem


def test_no_token_is_shown_by_chance() -> None:
    token = Token(planned(), lambda: FetchedToken("hunter2"), Clock())
    token.renew()
    assert "hunter2" not in f"{token!r} {FetchedToken('hunter2')!r}"
