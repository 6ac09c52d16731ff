"""Every kind of wrong value is explained in plain words, and in none of the library's."""

import re

import pytest

from soak.errors import ProfileError
from soak.profile import parse_profile
from tests.profile_texts import GOOD

LOAD = "rate: 50/s\n  duration: 10m"
WRONG = {
    "flows: [{name: f, steps: []}]": "needs at least 1, not []",
    "flows: 5": "expected a list, not 5",
    "flows: [5]": "expected keys with values, not 5",
    "headers: [a]": "expected keys with values, not ['a']",
    "stop_early: maybe": "expected true or false, not 'maybe'",
    "notify: {webhook: 5}": "expected a text, not 5",
    "flows: [{name: '', steps: [GET /x]}]": "must not be empty, not ''",
    "flows: [{name: f, weight: 0, steps: [GET /x]}]": "must be above 0, not 0",
    "flows: [{name: f, steps: [{repeat: 1.5, steps: [GET /y]}]}]": "expected a whole number, not 1.5",
    "data: {row: {csv: a.csv, order: shuffled}}": "expected 'random', 'sequential' or 'unique', not 'shuffled'",
    "auth: {request: POST /t, header: 'bad header'}": "expected a header and what stands before the token",
    "auth: {basic: {user: 'a:b', password: x}}": "expected a name without a colon",
    "seed: -1": "load.seed: must be at least 0, not -1",
    "workers: {expect: few}": "load.workers.expect: expected a whole number, not 'few'",
}
JARGON = re.compile(
    r"\b(input|should|valid|instance|dictionary|boolean|string|pattern|parse|unable)\b"
)


@pytest.mark.parametrize(("text", "message"), WRONG.items(), ids=WRONG)
def test_a_wrong_value_is_explained_plainly(text: str, message: str) -> None:
    of_load = text.startswith(("seed", "workers"))
    whole = GOOD.replace(LOAD, f"{LOAD}\n  {text}") if of_load else f"{GOOD}{text}\n"
    with pytest.raises(ProfileError) as caught:
        parse_profile(whole, "p.yaml", environment={})
    assert message in str(caught.value)
    assert not JARGON.search(str(caught.value))
