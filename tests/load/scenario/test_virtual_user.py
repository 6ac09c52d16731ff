import random
import uuid

import pytest

from soak.load.scenario.feeder import Feeder, FeederExhausted
from soak.load.scenario.templates import Template
from soak.load.scenario.virtual_user import SequenceNumbers, VirtualUser

ALL = Template(
    "text",
    "{{ uuid() }} {{ randint(1, 10 ** 9) }} {{ choice([1, 2, 3, 4, 5]) }} {{ row.n }} {{ user }}",
)


def virtual_user(number: int = 1, seed: int = 0, **more: object) -> VirtualUser:
    rows = {"row": Feeder("row", ("n",), [(n,) for n in range(1000)], "random")}
    return VirtualUser(number, seed, rows, clock=lambda: 1_700_000_000.25, **more)  # type: ignore[arg-type]


def story(user: VirtualUser, length: int = 5) -> list[str]:
    told = []
    for _ in range(length):
        user.begin(ALL.names)
        told.append(ALL.render(user.context))
    return told


def test_the_same_seed_and_number_make_the_same_requests() -> None:
    assert story(virtual_user(3, 7)) == story(virtual_user(3, 7))
    assert story(virtual_user(3, 7)) != story(virtual_user(3, 8))
    assert story(virtual_user(3, 7)) != story(virtual_user(4, 7))
    assert len(set(story(virtual_user()))) == 5


def test_a_uuid_is_one_of_version_4() -> None:
    user = virtual_user()
    for _ in range(100):
        made = uuid.UUID(user.uuid())
        assert (made.version, made.variant) == (4, uuid.RFC_4122)


def test_numbers_of_all_processes_differ() -> None:
    first, second = SequenceNumbers(0, 2), SequenceNumbers(1, 2)
    assert [first.next() for _ in range(3)] == [1, 3, 5]
    assert [second.next() for _ in range(3)] == [2, 4, 6]


def test_users_of_a_process_share_one_sequence() -> None:
    numbers = SequenceNumbers()
    template = Template("text", "{{ seq() }}")
    assert [template.render(virtual_user(n, numbers=numbers).context) for n in (1, 2, 1)] == [
        "1",
        "2",
        "3",
    ]


def test_now_is_seconds_or_a_layout_in_utc() -> None:
    template = Template("text", '{{ now() }} {{ now("%Y-%m-%dT%H:%M:%SZ") }}')
    assert template.render(virtual_user().context) == "1700000000.25 2023-11-14T22:13:20Z"


def test_a_row_stays_the_same_through_one_flow_and_captures_end_with_it() -> None:
    user = virtual_user()
    template = Template("text", "{{ row.n }}{{ cart }}")
    user.begin(template.names)
    user.keep({"cart": "c"})
    assert template.render(user.context) == template.render(user.context)
    user.begin(template.names)
    assert "cart" not in user.context


def test_rows_are_drawn_only_where_they_are_wanted() -> None:
    user = VirtualUser(1, rows={"row": Feeder("row", ("n",), [(1,)], "unique")})
    user.begin(frozenset({"uuid"}))
    user.begin(frozenset({"row"}))
    with pytest.raises(FeederExhausted):
        user.begin(frozenset({"row"}))


def test_choices_of_a_visitor_are_its_own() -> None:
    before = random.getstate()
    story(virtual_user())
    assert random.getstate() == before
