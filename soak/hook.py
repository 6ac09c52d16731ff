"""A Python service's memory and threads, for soak to ask for: import it first thing, or run the service through it.

    SOAK_HOOK=127.0.0.1:9230 python -m soak.hook service.py --its-arguments     (or -m service.module)
    SOAK_HOOK=127.0.0.1:9230 python service.py                                  with `import soak.hook` at its top

It needs nothing but Python (3.8 or newer), so this one file may be copied next to a service that has no soak. Without SOAK_HOOK
it does nothing. SOAK_HOOK_FRAMES is how many calls of each allocation are kept (5), SOAK_HOOK_TOKEN what must be sent along as
`Authorization: Bearer …`; other addresses than loopback's need one. From when soak first asks for memory until its run ends,
every allocation is traced, which costs a service a good part of its speed, the more so the more frames: it is for runs that look
for a leak. One process is served: a server of several workers is to be started with one.
"""

from __future__ import annotations

import collections
import dis
import gc
import hmac
import json
import os
import runpy
import socket
import sys
import threading
import time
import tracemalloc
import types
from collections.abc import Callable, Iterator
from typing import Any, Tuple  # noqa: UP035

_MOST_TRACEBACKS = 2000
_MOST_HELD, _DEEPLY = 200000, 5
_WATCHED, _EVERY, _LARGE, _BLOCK, _MOST_PASSING = 0.25, 0.005, 4 << 20, 256 << 10, 20
_MOST_STACKS, _DEEPEST = 500, 100
_PATIENCE = 10.0
_LOOPBACK = ("127.", "localhost", "::1", "[::1]")

#: Parts of a function.
_PARTS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
#: What a thread-local only refers to.
_NOBODYS = (type, types.ModuleType, types.FunctionType, types.MethodType, threading.Thread)
Traceback = Tuple[Tuple[str, int], ...]  # noqa: UP006 - Python 3.8 knows no other

_names: dict[str, dict[int, str]] = {}
_roots: list[str] = []


def start(address: str, frames: int = 5, token: str = "") -> threading.Thread:
    """Serve at HOST:PORT from a thread; ValueError or OSError where that cannot be. Nothing is traced yet."""
    host, _, port = address.rpartition(":")
    if not host.startswith(_LOOPBACK) and not token:
        raise ValueError("SOAK_HOOK: other addresses than loopback's need a SOAK_HOOK_TOKEN")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host.strip("[]"), int(port)))
    listener.listen(4)
    pages = {"/memory": lambda: _memory(frames), "/threads": _threads, "/collect": _collected, "/end": _ended}
    thread = threading.Thread(target=_serve, args=(listener, token, pages), name="soak-hook", daemon=True)
    thread.start()
    return thread


def _serve(listener: socket.socket, token: str, pages: dict[str, Callable[[], dict[str, Any]]]) -> None:
    while True:
        connection, _ = listener.accept()
        with connection:
            try:
                connection.settimeout(_PATIENCE)
                connection.sendall(_answer(_request(connection), token, pages))
            except Exception:  # noqa: BLE001, S112 - whatever a caller does, the service must not notice
                continue


def _request(connection: socket.socket) -> bytes:
    """A request's head, of up to 16 KiB."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < 1 << 14:
        part = connection.recv(4096)
        if not part:
            break
        head += part
    return head


def _answer(head: bytes, token: str, pages: dict[str, Callable[[], dict[str, Any]]]) -> bytes:
    line, *fields = head.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
    sent = {key.strip().lower(): value.strip() for key, _, value in (field.partition(":") for field in fields)}
    if token and not hmac.compare_digest(sent.get("authorization", "").encode(), b"Bearer " + token.encode()):
        return _http("401 Unauthorized", {"error": "wrong token"})
    given = pages.get(line.partition(" ")[2].partition(" ")[0])
    return _http("404 Not Found", {"error": "no such page"}) if given is None else _http("200 OK", given())


def _http(status: str, found: dict[str, Any]) -> bytes:
    body = json.dumps(found).encode()
    head = "HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    return (head % (status, len(body))).encode() + body


def _memory(frames: int) -> dict[str, Any]:
    """What was allocated since the first time and is alive after a collection, by traceback, innermost call first; what
    of it thread-locals hold; and what was large for a moment, if anything was."""
    if not tracemalloc.is_tracing():
        tracemalloc.start(frames)
    gc.collect()
    high = _high()
    held = _held()
    found = [one for one in sorted(held, key=lambda one: -held[one][0]) if not _of_the_hook(one)]
    kept, rest = found[:_MOST_TRACEBACKS], found[_MOST_TRACEBACKS:]
    local = _in_thread_locals()
    gone = [one for one in high if high[one][0] - held.get(one, (0, 0))[0] >= _LARGE // 4 and not _of_the_hook(one)]
    return {
        "libraries": _libraries(),
        "tracebacks": [{**_told(one, held[one]), "local": 2 * local.get(one, 0) > held[one][0]} for one in kept],
        "rest": {"size": sum(held[one][0] for one in rest), "count": sum(held[one][1] for one in rest)},
        "passing": [_told(one, high[one]) for one in sorted(gone, key=lambda one: -high[one][0])[:_MOST_PASSING]],
    }


def _told(traceback: Traceback, held: tuple[int, int]) -> dict[str, Any]:
    return {"size": held[0], "count": held[1], "frames": [_call(*call) for call in traceback]}


def _held(least: int = 0) -> dict[Traceback, tuple[int, int]]:
    """Bytes and blocks that are alive, by traceback, of blocks of at least so many bytes."""
    # Statistics by way of its public classes take minutes where these tuples (domain, size, frames, depth) take seconds. A
    # traceback is the same object wherever it occurs, innermost call first.
    traces: list[Any] = tracemalloc.take_snapshot().traces._traces  # type: ignore[attr-defined]  # noqa: SLF001
    sizes: dict[int, int] = {}
    counts: dict[int, int] = {}
    tracebacks: dict[int, Traceback] = {}
    for _, size, traceback, *_ in traces:
        if size >= least:
            identity = id(traceback)
            sizes[identity] = sizes.get(identity, 0) + size
            counts[identity] = counts.get(identity, 0) + 1
            tracebacks[identity] = traceback
    return {tracebacks[one]: (sizes[one], counts[one]) for one in sizes}


def _high() -> dict[Traceback, tuple[int, int]]:
    """The large blocks at a moment when memory stands high, if one comes while it is watched; none where none does.

    It returns when memory stands low again, if that does not take too long: what passes is not held.
    """
    found: dict[Traceback, tuple[int, int]] = {}
    floor, end = sys.maxsize, time.monotonic() + _WATCHED
    while time.monotonic() < end:
        now = tracemalloc.get_traced_memory()[0]
        floor = min(floor, now)
        if found and now - floor < _LARGE // 2:
            break
        if not found and now - floor >= _LARGE:
            found, end = _held(_BLOCK), time.monotonic() + _WATCHED
        time.sleep(_EVERY)
    return found


def _in_thread_locals() -> dict[Traceback, int]:
    """Bytes by traceback of what thread-locals hold: in containers and attributes, a few levels deep."""
    found: dict[Traceback, int] = {}
    locals_ = [one for one in gc.get_objects() if isinstance(one, threading.local)]
    waiting = [(held, 0) for one in locals_ for held in gc.get_referents(one) if type(held) is dict]
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_HELD:
        one, depth = waiting.pop()
        if id(one) in seen or isinstance(one, _NOBODYS):
            continue
        seen.add(id(one))
        traceback = tracemalloc._get_object_traceback(one)  # type: ignore[attr-defined]  # noqa: SLF001
        if traceback is not None:
            found[traceback] = found.get(traceback, 0) + sys.getsizeof(one, 0)
        if depth < _DEEPLY:
            waiting += [(inner, depth + 1) for inner in _inside(one)]
    return found


def _inside(one: Any) -> list[Any]:
    if isinstance(one, dict):
        return list(one.values())
    if isinstance(one, (list, tuple, set, frozenset, collections.deque)):
        return list(one)
    return list(getattr(one, "__dict__", {}).values())


def _of_the_hook(traceback: Traceback) -> bool:
    """Whether it is this module that holds it; the outermost of its calls is who runs the service."""
    return traceback[0][0] in (__file__, tracemalloc.__file__)


def _threads() -> dict[str, Any]:
    """Threads by their stacks, innermost call first."""
    counted: dict[tuple[tuple[str, int, str], ...], int] = {}
    for thread, innermost in sys._current_frames().items():  # noqa: SLF001 - the documented way to see them
        if thread != threading.get_ident():
            stack = tuple(_calls(innermost))
            counted[stack] = counted.get(stack, 0) + 1
    most = sorted(counted.items(), key=lambda one: -one[1])[:_MOST_STACKS]
    return {"libraries": _libraries(), "threads": [{"count": count, "frames": stack} for stack, count in most]}


def _calls(frame: types.FrameType | None) -> Iterator[tuple[str, int, str]]:
    depth = 0
    while frame is not None and depth < _DEEPEST:
        code = frame.f_code
        yield code.co_filename, frame.f_lineno or 0, str(getattr(code, "co_qualname", code.co_name))
        frame, depth = frame.f_back, depth + 1


def _collected() -> dict[str, Any]:
    """A collection."""
    return {"collected": gc.collect()}


def _ended() -> dict[str, Any]:
    """No more tracing, until memory is asked for again."""
    tracemalloc.stop()
    return {}


def _libraries() -> tuple[str, ...]:
    """How paths of what is not the service's own begin: the standard library, wherever packages are installed, this file."""
    if not _roots:
        _roots.extend((os.path.dirname(os.__file__) + os.sep, os.path.abspath(__file__)))
        _roots.extend(os.path.abspath(place) + os.sep for place in sys.path if _holds_packages(place))
    return tuple(_roots)


def _holds_packages(place: str) -> bool:
    if place.endswith(("site-packages", "dist-packages")):
        return True
    try:
        return any(name.endswith(".dist-info") for name in os.listdir(place))
    except OSError:
        return False


def _call(file: str, line: int) -> tuple[str, int, str]:
    """File, line, and the function that the line is in, for tracemalloc does not say; only of the service's own files."""
    if file not in _names:
        _names[file] = {} if file.startswith(("<", *_libraries())) else _functions(file)
    return file, line, _names[file].get(line, "")


def _functions(file: str) -> dict[int, str]:
    """The innermost function of each of a file's lines."""
    names: dict[int, str] = {}
    try:
        with open(file, "rb") as source:
            codes = [(compile(source.read(), file, "exec", dont_inherit=True), "<module>")]
    except (OSError, ValueError, SyntaxError):
        return names
    while codes:
        code, name = codes.pop(0)
        names.update((line, name) for _, line in dis.findlinestarts(code) if line)
        inner = [one for one in code.co_consts if isinstance(one, types.CodeType)]
        codes += [
            (one, name if one.co_name in _PARTS else str(getattr(one, "co_qualname", one.co_name))) for one in inner
        ]
    return names


def _from_environment() -> None:
    address = os.environ.get("SOAK_HOOK", "")
    if not address:
        return
    try:
        start(address, int(os.environ.get("SOAK_HOOK_FRAMES", "5")), os.environ.get("SOAK_HOOK_TOKEN", ""))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"soak.hook: not serving at {address}: {error}\n")


def _run() -> None:
    """The service, as Python itself would run it; what it imports as soak.hook is this."""
    sys.modules.setdefault("soak.hook", sys.modules[__name__])
    arguments = sys.argv[1:]
    if not arguments:
        raise SystemExit("usage: python -m soak.hook service.py [arguments], or -m service.module [arguments]")
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path.insert(0, "")
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
        runpy.run_path(arguments[0], run_name="__main__")


_from_environment()
if __name__ == "__main__":
    _run()
