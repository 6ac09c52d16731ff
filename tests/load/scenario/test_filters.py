"""Filters against the values of the standards that define them."""

import base64
import json
import warnings

import jwt as pyjwt
import pytest

from soak.load.scenario import filters, templates
from soak.load.scenario.filters import signing_filters
from soak.load.scenario.templates import RenderError, Template, TemplateError
from soak.load.scenario.virtual_user import VirtualUser


def rendered(source: str, **names: object) -> str:
    user = VirtualUser(1)
    user.keep(names)
    return Template("text", source).render(user.context)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ 'foobar' | b64encode }}", "Zm9vYmFy"),  # RFC 4648, section 10
        ("{{ 'f>?' | b64encode(url=true) }}", "Zj4_"),
        (
            "{{ 'abc' | sha256 }}",
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        ),  # FIPS 180-2
        (  # RFC 4231, test case 2
            "{{ 'what do ya want for nothing?' | hmac('Jefe') }}",
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        ),
        ("{{ 'a' | hmac('k', 'sha1', 'base64') }}", "QOfUQcrbF7B/BQNBqiOmgg7YHIs="),
    ],
)
def test_values_of_the_standards(source: str, expected: str) -> None:
    assert rendered(source) == expected


def test_a_json_web_token_can_be_verified() -> None:
    key = "k" * 32
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        signing_filters()
        rendered("{{ {'sub': user} | jwt('short') }}", user="7")
    token = rendered("{{ {'sub': user, 'exp': (now() + 60) | int} | jwt(key) }}", key=key, user="7")
    assert pyjwt.decode(token, key, algorithms=["HS256"])["sub"] == "7"
    assert json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "==")) == {
        "alg": "HS256",
        "typ": "JWT",
    }


def test_wrong_arguments_are_a_failed_request_and_no_crash() -> None:
    for source in ("{{ 'a' | hmac('k', kind) }}", "{{ 1 | jwt('k') }}"):
        with pytest.raises(RenderError):
            rendered(source, kind="sha3")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ user | hmac('k', 'sha3') }}", "hmac has no digest sha3; there is sha1, sha256"),
        ("{{ user | hmac('k', encoding='x') }}", "hmac has no encoding x; there is hex, base64"),
        ("{{ user | jwt('k', 'HS1') }}", "jwt has no algorithm HS1; there is .*HS256"),
    ],
)
def test_what_no_filter_has_is_refused_before_the_load(source: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        Template("text", source)


def test_without_its_package_the_filter_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(filters, "find_spec", lambda _name: None)
    templates.environment.cache_clear()
    try:
        with pytest.raises(
            TemplateError, match=r"the filter jwt needs PyJWT: pip install 'soak-harness\[jwt\]'"
        ):
            Template("text", "{{ 1 | jwt('k') }}")
    finally:
        templates.environment.cache_clear()
