"""No template runs for long or makes anything enormous, whatever it says: each of these would."""

from __future__ import annotations

from typing import Any

import pytest

from soak.load.scenario.templates import RenderError, Template, context_of
from soak.load.scenario.virtual_user import VirtualUser

ENORMOUS = [
    "{{ 2**(2**33) }}",
    "{{ 10**400000 }}",
    "{{ (10**2000) * (10**2000) }}",
    "{{ 'a' * 10**9 }}",
    "{{ 10**9 * 'a' }}",
    "{{ [0] * 10**9 }}",
    "{{ range(10**9) | list | length }}",
    "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
    "{% macro f(x, n) %}{% if n %}{{ f(x + x, n - 1) }}{% endif %}{% endmacro %}{{ f('ab', 200) }}",
    "{% macro f(x, n) %}{% if n %}{{ f(x ~ x, n - 1) }}{% endif %}{% endmacro %}{{ f('ab', 200) }}",
    "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(100) }}",
    "{{ '%999999999d' | format(1) }}",
    "{{ '%999999999d' % 1 }}",
    "{{ '%*d' % (999999999, 1) }}",
    "{{ '{:>999999999}'.format(1) }}",
    "{{ '{:>{}}'.format(1, 999999999) }}",
    "{{ 'a'.center(10**9) }}",
    "{{ 'a'.zfill(10**9) }}",
    "{{ 'a' | center(10**9) }}",
    "{{ ('a' * 1000000) | replace('a', 'b' * 1000000) }}",
    "{{ ('a' * 1000000).replace('a', 'b' * 1000000) }}",
    "{{ range(99999) | join('a' * 1000000) }}",
    "{{ ('\\t' * 1000000).expandtabs(1000000) }}",
]
USUAL = {
    "{{ 2**10 }}": "1024",
    "{{ 'a' * 3 ~ 'b' ~ 1 }}": "aaab1",
    "{{ '%05d' | format(42) }}": "00042",
    "{{ '%05d' % 42 }}": "00042",
    "{{ '{:05d}'.format(42) }}": "00042",
    "{{ 'a-b'.replace('-', '') }}": "ab",
    "{{ (7 | string).zfill(3) }}": "007",
    "{{ range(5) | join(',') }}": "0,1,2,3,4",
    "{% for i in range(3) %}{% for j in range(2) %}{{ i * j }}{% endfor %}{% endfor %}": "000102",
    "{% for i in range(2) %}{{ choice(['a']) }}{% endfor %}": "aa",
    "{% macro f(x) %}<{{ x }}>{% endmacro %}{{ f(1) }}{{ f(2) }}": "<1><2>",
}


def rendered(source: str) -> Any:
    user = VirtualUser(1)
    user.begin()
    return Template("text", source).render(user.context)


@pytest.mark.parametrize("source", ENORMOUS)
def test_what_would_be_enormous_is_refused(source: str) -> None:
    with pytest.raises(RenderError, match=r"template: (not allowed|OverflowError)"):
        rendered(source)


@pytest.mark.parametrize(("source", "text"), USUAL.items())
def test_what_templates_usually_do_is_as_ever(source: str, text: str) -> None:
    assert rendered(source) == text


def test_each_rendering_has_rounds_of_its_own() -> None:
    template, context = (
        Template("text", "{% for i in range(60000) %}{% endfor %}"),
        context_of({"range": range}),
    )
    for _ in range(3):
        assert template.render(context) == ""
