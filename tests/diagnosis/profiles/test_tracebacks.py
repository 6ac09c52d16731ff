"""Python's memory by traceback."""

from __future__ import annotations

import json
from typing import Any

import pytest

from soak.diagnosis.attribution.allocation_sites import is_library
from soak.diagnosis.profiles.frames import Frame
from soak.diagnosis.profiles.pprof import ProfileFormatError, StackProfile
from soak.diagnosis.profiles.tracebacks import frames_of, is_installed, read_tracebacks

REST = {"size": 9, "count": 1}
CALLS = [["/srv/shop.py", 46, "keep"], ["/usr/lib/python3/threading.py", 327, ""]]
KEEP = Frame("keep", "/srv/shop.py", 46)
THREADING = Frame("threading.py", "/usr/lib/python3/threading.py", 327)


def read(**snapshot: Any) -> StackProfile:
    return read_tracebacks(json.dumps({"libraries": [], "rest": REST, **snapshot}).encode())


def test_each_traceback_has_what_it_holds_or_what_it_held_for_a_moment() -> None:
    profile = read(
        tracebacks=[{"size": 100, "count": 2, "frames": CALLS}],
        passing=[{"size": 300, "count": 4, "frames": CALLS[:1]}],
    )
    assert [name for name, _ in profile.columns] == [
        "inuse_objects",
        "inuse_space",
        "passing_objects",
        "passing_space",
    ]
    assert [(profile.stack(row), values) for row, values in enumerate(profile.values.tolist())] == [
        ((KEEP, THREADING), [2.0, 100.0, 0.0, 0.0]),
        ((KEEP,), [0.0, 0.0, 4.0, 300.0]),
        ((Frame("elsewhere"),), [1.0, 9.0, 0.0, 0.0]),
    ]


@pytest.mark.parametrize(
    ("local", "held"), [(True, True), (False, False), (1, False), (None, False)]
)
def test_what_a_thread_local_holds_begins_with_it(local: object, held: bool) -> None:
    profile = read(tracebacks=[{"size": 1, "count": 1, "frames": CALLS[:1], "local": local}])
    assert profile.stack(0) == ((Frame("threading.local"), KEEP) if held else (KEEP,))


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("/srv/shop.py", True),
        ("/usr/lib/python3/queue.py", False),
        ("/usr/lib/python3/site-packages/flask/app.py", True),
        ("/usr/lib/python3/dist-packages/flask/app.py", True),
        ("<frozen importlib>", False),
        ("shop.py", True),
    ],
)
def test_own_is_what_lies_outside_of_the_libraries_or_is_installed(file: str, own: bool) -> None:
    [frame] = frames_of([[file, 3, "f"]], ("/usr/lib/python3/",))
    assert (frame, frame.own) == (Frame("f", file, 3), own)
    assert is_installed(file) is ("-packages/" in file)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (["/srv/shop.py", 3, ""], "shop.py"),
        (["shop.py", 3, ""], "shop.py"),
        (["/srv/a.py", 3, "f"], "f"),
    ],
)
def test_a_call_without_a_function_is_named_by_its_file(call: list[Any], name: str) -> None:
    [frame] = frames_of([call], ())
    assert frame.function == name


@pytest.mark.parametrize("call", [[], ["/srv/shop.py", 3], ["/srv/shop.py", 3, "f", 4]])
def test_a_call_of_another_shape_is_refused(call: list[Any]) -> None:
    with pytest.raises(ProfileFormatError, match="not a file, a line and a function"):
        read(tracebacks=[{"size": 1, "count": 1, "frames": [call]}])


FOLDERS = ("/usr/lib/python3/", "/opt/soak/hook/", "/srv/vendored/", "/srv/vendored/more/")


@pytest.mark.parametrize(
    ("file", "shown", "own"),
    [
        ("/srv/vendored/aiohttp/web.py", "/srv/vendored/site-packages/aiohttp/web.py", True),
        ("/srv/vendored/more/flask/app.py", "/srv/vendored/more/site-packages/flask/app.py", True),
        ("/srv/shop.py", "/srv/shop.py", True),
        ("/usr/lib/python3/queue.py", "/usr/lib/python3/queue.py", False),
        ("/opt/soak/hook/server.py", "/opt/soak/hook/server.py", False),
    ],
)
def test_a_package_in_a_folder_of_another_name_is_a_library(
    file: str, shown: str, own: bool
) -> None:
    [frame] = frames_of([[file, 5, ""]], FOLDERS)
    assert (frame.file, frame.own) == (shown, own)
    assert is_library(frame) == ("vendored" in file)


def test_the_rest_and_the_libraries_are_always_told() -> None:
    for missing in ("rest", "libraries", "tracebacks"):
        with pytest.raises(ProfileFormatError, match="tracemalloc snapshot"):
            read(**{"tracebacks": [], missing: None})
