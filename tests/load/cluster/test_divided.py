"""Rows, numbers, users, tokens and what is asked, divided between two processes: nothing twice, and nothing left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.errors import LoadError, ProfileError
from tests.load.test_driver import AUTH, LOCUSTFILE, Driven, rows
from tests.targets.orders import orders

UNIQUE = """
endpoints: [{request: "GET /{{ row.sku }}/{{ user }}/{{ seq() }}"}]
data: {row: {csv: skus.csv, order: unique}}
"""


def test_no_row_and_no_number_comes_twice_and_all_rows_are_used(tmp_path: Path) -> None:
    rows(tmp_path, 120)
    with orders() as shop:
        driven = Driven(tmp_path, shop.url, "rate: 60/s, duration: 2s, processes: 2", UNIQUE)
    assert (driven.failure, driven.warnings, driven.failures()) == (None, [], {})
    asked = [request.path.split("/")[1:] for request in shop.asked]
    assert sorted(sku for sku, _, _ in asked) == sorted(f"s{n}" for n in range(120))
    assert sorted(int(user) for _, user, _ in asked) == list(range(1, 121))
    assert len({number for _, _, number in asked}) == 120
    # Trace ids begin with what each process drew for itself.
    traces = [
        request.headers[name].split("-")[1]
        for request in shop.asked
        for name in request.headers
        if name.lower() == "traceparent"
    ]
    prefixes = {trace[:16] for trace in traces}
    assert len(prefixes) == 2
    healths = [window.generator for window in driven.windows if window.generator is not None]
    assert len(healths) == len(driven.windows)
    assert sum(health.asked or 0.0 for health in healths) == pytest.approx(120)
    assert sum(health.made for health in healths) == 120


def test_the_run_goes_on_until_no_process_has_a_row(tmp_path: Path) -> None:
    rows(tmp_path, 60)
    with (
        orders() as shop
    ):  # of three users two are one process's, whose rows end in half of the time
        driven = Driven(
            tmp_path, shop.url, "users: 3, pace: 40ms, duration: 20s, processes: 2", UNIQUE
        )
    assert sorted(request.path.split("/")[1] for request in shop.asked) == sorted(
        f"s{n}" for n in range(60)
    )
    assert driven.failure is not None
    assert driven.failure.startswith("every row of the data has been used")
    assert len(driven.warnings) == 2  # one of each


def test_the_run_ends_when_nobody_has_both_a_user_and_a_row(tmp_path: Path) -> None:
    rows(tmp_path, 20)
    with orders() as shop:
        driven = Driven(tmp_path, shop.url, "users: 1, duration: 20s, processes: 2", UNIQUE)
    assert len(shop.asked) == 10
    assert driven.failure is not None
    assert driven.failure.startswith("every row of the data has been used")


def test_rows_that_are_too_few_to_share_are_refused(tmp_path: Path) -> None:
    rows(tmp_path, 3)
    with pytest.raises(
        ProfileError, match=r"data\.row: 3 unique rows cannot be shared by 4 workers"
    ):
        Driven(tmp_path, "http://127.0.0.1:9", "users: 8, duration: 1s, processes: 4", UNIQUE)


def test_staged_users_add_up_to_those_asked_for(tmp_path: Path) -> None:
    stages = "stages: [{users: 5, for: 1500ms}, {users: 2, for: 1500ms}], think: 50ms, processes: 2"
    with orders() as shop:
        driven = Driven(tmp_path, shop.url, stages, "endpoints: ['GET /{{ user }}']\n")
    users = [window.users for window in driven.windows]
    assert set(users[2:5]) == {5}
    assert set(users[8:11]) == {2}
    assert {request.path for request in shop.asked} == {f"/{number}" for number in range(1, 6)}
    # The last to come were the first to go.
    late = {request.path for request in shop.asked if request.time > shop.asked[0].time + 2.2}
    assert late == {"/1", "/2"}


def test_staged_users_of_a_locustfile_add_up_too(tmp_path: Path) -> None:
    (tmp_path / "quiet.py").write_text(LOCUSTFILE)
    stages = (
        "stages: [{users: 3, for: 2s}, {users: 1, for: 2s}], locustfile: quiet.py, processes: 2"
    )
    driven = Driven(tmp_path, "http://127.0.0.1:9", stages, "")
    users = [window.users for window in driven.windows]
    assert set(users[4:7]) == {3}
    assert set(users[-4:-1]) == {1}


def test_each_process_has_a_token_of_its_own_before_the_load_begins(tmp_path: Path) -> None:
    with orders(lifetime=60) as shop:
        driven = Driven(tmp_path, shop.url, "rate: 50/s, duration: 1s, processes: 2", AUTH)
    assert (driven.failure, driven.failures(), len(shop.issued)) == (None, {}, 2)
    assert sum(driven.requests().values()) == 50
    assert {request.headers["authorization"] for request in shop.of("/a", "/b")} == {
        "Bearer t1",
        "Bearer t2",
    }


def test_a_process_without_a_token_breaks_the_run(tmp_path: Path) -> None:
    with (
        orders(lifetime=60, tokens=1) as shop,
        pytest.raises(
            LoadError,
            match=r"worker \d .*: auth: no token from POST /token: status 503 \(3 attempts\)",
        ),
    ):
        Driven(tmp_path, shop.url, "rate: 50/s, duration: 1s, processes: 2", AUTH)
    assert shop.of("/a", "/b") == []
