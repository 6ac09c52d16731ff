"""Selectors as Prometheus writes them."""

import pytest

from soak.selectors import Selector


@pytest.mark.parametrize(
    ("text", "labels", "matches"),
    [
        ('rss{pod=~"orders-.*"}', {"pod": "orders-1"}, True),
        ('rss{pod=~"orders"}', {"pod": "orders-1"}, False),
        ('rss{pod!~"orders-.*"}', {"pod": "cart"}, True),
        ('rss{pod!=""}', {}, False),
        ('rss{pod=""}', {}, True),
        ("{pod=\"a\", zone='b',}", {"pod": "a", "zone": "b"}, True),
        ('r*{pod="a\\"b"}', {"pod": 'a"b'}, True),
        (r'rss{pod=~"a\.b"}', {"pod": "a.b"}, True),
        (r'rss{pod=~"a\.b"}', {"pod": "axb"}, False),
        ("r?s", {}, True),
        ("fds", {}, False),
    ],
)
def test_a_series_is_selected_by_name_and_labels(
    text: str, labels: dict[str, str], matches: bool
) -> None:
    assert Selector.parse(text).matches("rss", labels) is matches


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('rss{pod="a"', "do not end with }"),
        ("rss{pod=a}", "expected a matcher"),
        ('rss{pod=~"("}', "not a regular expression"),
        ('rss{pod=~"(a+)+$"}', "could take for ever"),
        ('rss{pod=~"a{99999999999}"}', "not a regular expression"),
        ('rss{pod="a" zone="b"}', "expected a matcher"),
    ],
)
def test_what_is_no_selector_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Selector.parse(text)
