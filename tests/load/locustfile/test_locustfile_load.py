"""Locustfiles as people have them: events, options, tags, shapes, imports, failures and exceptions are Locust's."""

from __future__ import annotations

from pathlib import Path

import pytest

from soak.errors import LoadError
from tests.load.locustfile.running import counting_server, run

USER = """
from locust import HttpUser, FastHttpUser, User, LoadTestShape, constant, events, tag, task
class Mine(HttpUser):
    wait_time = constant(0.1)
    @task
    def go(self):
        self.client.get("/a?x=1", name="/a")
"""

EVENTS = (
    USER
    + """
import sys
def print(*words):  # in one piece: several processes share the log
    sys.stdout.write(" ".join(map(str, words)) + "\\n")
@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--tenant", default="none")
    parser.add_argument("--loud", action="store_true")
@events.init.add_listener
def init(environment, runner, web_ui, **_):
    options = environment.parsed_options
    print("# init", options.tenant, options.loud, options.host == environment.host, runner is environment.runner)
@events.test_start.add_listener
def start(environment, **_):
    print("# test_start", environment.runner.user_count, "of", environment.runner.target_user_count)
@events.spawning_complete.add_listener
def spawned(user_count, **_): print("# spawning_complete", user_count)
@events.request.add_listener
def request(name, **_):
    if not seen: print("# request", name)
    seen.append(name)
seen = []
@events.test_stopping.add_listener
def stopping(environment, **_): print("# test_stopping", environment.runner.user_count)
@events.test_stop.add_listener
def stop(environment, **_): print("# test_stop", environment.runner.user_count)
@events.quitting.add_listener
def quitting(environment, **_): print("# quitting")
@events.quit.add_listener
def quit(exit_code, **_): print("# quit", exit_code)
"""
)


def test_locusts_own_events_fire_in_locusts_order(tmp_path: Path) -> None:
    with counting_server() as (url, asked):
        result = run(
            tmp_path, EVENTS, url, "users: 2, duration: 3s, arguments: {tenant: acme, loud: true}"
        )
    assert result.load.failure is None
    assert result.printed() == [
        "init acme True True True",
        "test_start 0 of 2",
        "spawning_complete 2",
        "request /a",
        "test_stopping 2",
        "test_stop 0",
        "quitting",
        "quit 0",
    ]
    assert result.requests() == {"GET /a": asked["/a"]}
    assert result.said() == []


def test_spawning_is_complete_once_a_ramp_is(tmp_path: Path) -> None:
    with counting_server() as (url, _):
        result = run(tmp_path, EVENTS, url, "users: 3, ramp: 3s, duration: 3s")
    assert [text for text in result.printed() if "spawning" in text] == ["spawning_complete 3"]


def test_custom_clients_are_counted_by_type_and_name(tmp_path: Path) -> None:
    source = """
from locust import User, constant, events, task
class Mine(User):
    wait_time = constant(0.1)
    @task
    def go(self):
        for error in (None, "unavailable", ValueError("no such row")):
            events.request.fire(request_type="grpc", name="Say", response_time=5, response_length=3, exception=error)
"""
    result = run(tmp_path, source)
    assert set(result.requests()) == {"grpc Say"}
    failures = result.failures()
    assert set(failures) == {"unavailable", "ValueError: no such row"}
    assert result.requests()["grpc Say"] == 3 * failures["unavailable"]


def test_a_failures_own_text_is_its_kind_and_kinds_are_bounded(tmp_path: Path) -> None:
    source = (
        USER
        + """
class Other(Mine):
    number = 0
    def on_start(self):
        self.limited()
    @task
    def many(self):
        for _ in range(60):
            Other.number += 1
            self.environment.events.request.fire(
                request_type="x", name="y", response_time=0, response_length=0, exception=f"no {Other.number}")
    @task
    def limited(self):
        with self.client.get("/b", catch_response=True) as response:
            response.failure("429 rate limited")
        self.client.get("/fail")
"""
    )
    with counting_server() as (url, asked):
        failures = run(tmp_path, source, url, "users: 4, duration: 4s").failures()
    assert failures["429 rate limited"] == asked["/b"] > 0
    assert failures["status 500"] == asked["/fail"] > 0
    assert "other" in failures
    assert len(failures) <= 101


@pytest.mark.parametrize(
    ("load", "paths"),
    [
        ("tags: [fast]", {"/fast"}),
        ("exclude_tags: [fast]", {"/other"}),
        ("arguments: {tags: [fast]}, user_classes: [Mine]", {"/fast"}),
    ],
)
def test_tags_choose_tasks_and_names_user_classes(
    tmp_path: Path, load: str, paths: set[str]
) -> None:
    source = """
from locust import FastHttpUser, constant, tag, task
class Mine(FastHttpUser):
    wait_time = constant(0.1)
    @tag("fast")
    @task
    def fast(self): self.client.get("/fast")
    @task
    def other(self): self.client.get("/other")
"""
    if "user_classes" in load:
        source += (
            "class Other(Mine): tasks = {tag('fast')(lambda user: user.client.get('/more')): 1}\n"
        )
    with counting_server() as (url, asked):
        run(tmp_path, source, url, f"users: 2, duration: 3s, {load}")
    assert set(asked) == paths


SHAPE = """
class Steps(LoadTestShape):
    def tick(self):
        print("# users", self.get_current_user_count())
        seconds = self.get_run_time()
        return (1, 1) if seconds < 1.5 else (3, 1) if seconds < 4.5 else None
"""


def test_a_load_shape_drives_users_and_the_end(tmp_path: Path) -> None:
    with counting_server() as (url, asked):
        # The users of a tick that names none are those of the tick before, as in Locust.
        shape = SHAPE.replace("(1, 1) if", "(1, 1, [Mine]) if")
        other = "class Other(HttpUser):\n    @task\n    def go(self): self.client.get('/other')\n"
        unused = "class Never(LoadTestShape):\n    def tick(self): return None\n"
        result = run(tmp_path, USER + other + shape + unused, url, "users: 9, duration: 60s")
    assert set(asked) == {"/a"}
    users = [window.users for window in result.windows]
    assert users[0] == 1
    assert max(users) == 3
    assert 2 in users  # one user a second, as the shape asks for
    first, last = result.said()
    assert first.endswith("Steps is the first and drives the load, as in Locust, and not Never")
    assert last.endswith("its load shape, Steps, ended it")
    assert result.load.failure is None


def test_a_load_shape_and_stages_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(
        LoadError, match=r"a load shape \(Steps\).*give load\.users and load\.duration instead"
    ):
        run(tmp_path, USER + SHAPE, load="stages: [{users: 2, for: 5s}]")


@pytest.mark.parametrize("call", ["quit", "stop"])
def test_a_locustfile_may_end_its_load(tmp_path: Path, call: str) -> None:
    source = USER + f"        self.environment.runner.{call}()\n"
    with counting_server() as (url, asked):
        result = run(tmp_path, source, url, "users: 1, duration: 60s")
    assert result.load.failure is None
    assert sum(result.requests().values()) == sum(asked.values()) == 1
    assert "the locustfile ended the load after" in result.said()[0]


def test_exceptions_are_counted_and_shown_with_file_and_line(tmp_path: Path) -> None:
    source = """
from locust import User, constant, events, task
class Mine(User):
    wait_time = constant(0.1)
    def on_start(self):
        if not started:
            started.append(self)
            raise RuntimeError("no session")
    @task
    def go(self):
        events.request.fire(request_type="X", name="y", response_time=1, response_length=0)
        {}["sku"]
started = []
@events.request.add_listener
def listen(**_):
    1 / 0
"""
    result = run(tmp_path, source)
    said = result.said()
    assert "mine.py:8: RuntimeError: no session (raised in a task or on_start of Mine)" in said
    assert "mine.py:12: KeyError: 'sku' (raised in a task or on_start of Mine)" in said
    assert (
        "mine.py:16: ZeroDivisionError: division by zero (raised in a listener of request)" in said
    )
    assert "raised by the locustfile outside of its requests" in said[-1]
    assert len(said) == 4
    [mostly] = result.said("exceptions")
    assert "more than the" in mostly


def test_an_exit_code_that_the_locustfile_sets_is_told(tmp_path: Path) -> None:
    source = (
        USER
        + "@events.quitting.add_listener\ndef leave(environment, **_): environment.process_exit_code = 3\n"
    )
    with counting_server() as (url, _):
        result = run(tmp_path, source, url)
    [said] = result.said("exit_code")
    assert "process_exit_code to 3" in said


@pytest.mark.parametrize("user", ["HttpUser", "FastHttpUser"])
def test_the_profiles_timeout_bounds_http_users(tmp_path: Path, user: str) -> None:
    source = USER.replace("class Mine(HttpUser)", f"class Mine({user})").replace("/a?x=1", "/slow")
    with counting_server() as (url, _):
        result = run(tmp_path, source, url, "users: 1, duration: 3s, timeout: 500ms")
    assert set(result.failures()) == {"timeout"}


@pytest.mark.parametrize("user", ["HttpUser", "FastHttpUser"])
def test_a_locustfile_connects_to_no_host_that_is_not_allowed(tmp_path: Path, user: str) -> None:
    source = USER.replace("class Mine(HttpUser)", f"class Mine({user})").replace(
        "/a?x=1", "http://192.0.2.1:9/"
    )
    result = run(tmp_path, source)
    assert set(result.failures()) == {"not allowed by target.allow"}
    assert "tried to connect to 192.0.2.1, which target.allow does not name" in result.said()[0]


def test_imports_are_as_in_locust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A project's own module of a standard name, which the load's process must not take for it.
    (tmp_path / "queue.py").write_text("raise RuntimeError('not the standard library')")
    monkeypatch.chdir(tmp_path)
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "users.py").write_text(USER.replace("/a?x=1", "/shop"))
    source = """
from __future__ import annotations
from dataclasses import dataclass, field
from shop.users import Mine
@dataclass
class Item:
    names: list[str] = field(default_factory=list)
class Base(Mine):
    def look(self):
        from shop import users  # imported while it runs, too
        self.client.get("/own")
class Own(Base):
    abstract = False
    tasks = [Base.look]
"""
    with counting_server() as (url, asked):
        result = run(tmp_path, source, url, "users: 3, duration: 3s")
    assert result.load.failure is None
    assert set(asked) == {"/shop", "/own"}
    assert max(window.users for window in result.windows) == 3


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "import nothing_there\n",
            r"mine\.py:1: ModuleNotFoundError: No module named 'nothing_there' \(it is neither beside",
        ),
        ("x = 1\ndef (\n", r"mine\.py:2: SyntaxError"),
        ("def f():\n    raise OSError('no file')\n\nf()\n", r"mine\.py:2: OSError: no file"),
        (
            "import sys\nsys.exit(3)\n",
            r"mine\.py:2: it ends the process \(exit 3\) while it is imported",
        ),
        ("x = 1\n", r"mine\.py has no Locust user class"),
    ],
)
def test_what_is_raised_at_import_says_where_and_the_log_is_kept(
    tmp_path: Path, source: str, expected: str
) -> None:
    with pytest.raises(LoadError, match=expected):
        run(tmp_path, source)


@pytest.mark.parametrize(
    ("load", "expected"),
    [
        (
            "arguments: {tenent: acme}",
            r"load\.arguments: unrecognized arguments: --tenent=acme",
        ),
        (
            "user_classes: [Mien]",
            r"load\.user_classes: mine\.py has no user class Mien; there are Mine",
        ),
    ],
)
def test_arguments_and_user_classes_that_nobody_knows_are_refused(
    tmp_path: Path, load: str, expected: str
) -> None:
    with pytest.raises(LoadError, match=expected):
        run(tmp_path, EVENTS, load=f"users: 1, duration: 1s, {load}")


def test_a_locustfile_may_start_as_many_users_as_it_likes(tmp_path: Path) -> None:
    source = (
        USER
        + "@events.test_start.add_listener\n"
        + "def more(environment, **_): environment.runner.start(3, spawn_rate=100)\n"
    )
    with counting_server() as (url, asked):
        result = run(tmp_path, source, url, "users: 1, duration: 2s")
    assert result.requests() == {"GET /a": asked["/a"]}
    health = [window.generator for window in result.windows if window.generator is not None]
    assert max(window.users for window in result.windows) == 3
    assert max(each.users_asked or 0 for each in health) == 3
    [said] = result.said()
    assert "asked for 3 users by runner.start" in said


def test_workers_fire_the_events_and_divide_a_shapes_users(tmp_path: Path) -> None:
    with counting_server() as (url, asked):
        result = run(tmp_path, EVENTS + SHAPE, url, "users: 9, duration: 60s, processes: 2")
    assert result.load.failure is None
    assert max(window.users for window in result.windows) == 3
    assert result.requests() == {"GET /a": asked["/a"]}
    printed = result.printed()
    assert sorted(text for text in printed if "test_start" in text) == [
        "test_start 0 of 4",
        "test_start 0 of 5",
    ]
    assert printed.count("quitting") == 2


def test_a_user_that_cannot_be_made_breaks_the_load_with_file_and_line(tmp_path: Path) -> None:
    source = """
import os
from locust import User, task
class Mine(User):
    def __init__(self, environment):
        super().__init__(environment)
        self.tenant = os.environ["NO_SUCH_TENANT"]
    @task
    def go(self): pass
"""
    assert (
        run(tmp_path, source).load.failure
        == "the load broke: mine.py:7: KeyError: 'NO_SUCH_TENANT'"
    )


ENDING = """
import gevent
from locust import HttpUser, events, task
stopping = []
@events.test_stopping.add_listener
def told(**_): stopping.append(True)
class Mine(HttpUser):
    def on_stop(self):
        for path in ("/bye", "/gone"): self.client.get(path)
    @task
    def loop(self):
        for _ in range(ROUNDS):
            for path in ("/a", "/b", "/c"):
                if stopping: print("# late", id(self))
                self.client.get(path)
                gevent.sleep(0.1)
"""


def test_users_end_with_the_load_after_the_request_under_way(tmp_path: Path) -> None:
    source = ENDING.replace("ROUNDS", "100_000")
    with counting_server() as (url, asked):
        result = run(tmp_path, source, url, "users: 3, duration: 1s, timeout: 60s")
    late = result.printed()
    assert len(late) == len(set(late))  # at most one request each: no user goes on with its task
    assert result.requests() == {f"GET {path}": count for path, count in asked.items()}
    assert asked["/bye"] == asked["/gone"] == 3


def test_tasks_have_the_time_to_end_that_locusts_option_gives_them(tmp_path: Path) -> None:
    load = "users: 3, duration: 1s, arguments: {stop-timeout: 60}"
    with counting_server() as (url, asked):
        result = run(tmp_path, ENDING.replace("ROUNDS", "1"), url, load)
    assert result.requests() == {f"GET {path}": count for path, count in asked.items()}
    assert asked["/a"] == asked["/b"] == asked["/c"]
    assert asked["/bye"] == asked["/gone"] == 3
