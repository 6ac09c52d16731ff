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

import dis
import gc
import hmac
import json
import os
import runpy
import socket
import sys
import threading
import tracemalloc
import types
from collections.abc import Callable, Iterator
from typing import Any

_MOST_TRACEBACKS = 2000
_MOST_STACKS, _DEEPEST = 500, 100
_PATIENCE = 10.0
_LOOPBACK = ("127.", "localhost", "::1", "[::1]")

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
    """What was allocated since the first time and is alive after a collection, by traceback, innermost call first."""
    if not tracemalloc.is_tracing():
        tracemalloc.start(frames)
    gc.collect()
    # Statistics by way of its public classes take minutes where these tuples (domain, size, frames, depth) take seconds. A
    # traceback is the same object wherever it occurs, innermost call first.
    traces: list[Any] = tracemalloc.take_snapshot().traces._traces  # type: ignore[attr-defined]  # noqa: SLF001
    sizes: dict[int, int] = {}
    counts: dict[int, int] = {}
    tracebacks: dict[int, tuple[tuple[str, int], ...]] = {}
    for _, size, traceback, *_ in traces:
        identity = id(traceback)
        sizes[identity] = sizes.get(identity, 0) + size
        counts[identity] = counts.get(identity, 0) + 1
        tracebacks[identity] = traceback
    found = [one for one in sorted(sizes, key=lambda one: -sizes[one]) if not _of_the_hook(tracebacks[one])]
    kept, rest = found[:_MOST_TRACEBACKS], found[_MOST_TRACEBACKS:]
    return {
        "libraries": _libraries(),
        "tracebacks": [
            {"size": sizes[one], "count": counts[one], "frames": [_call(*call) for call in tracebacks[one]]}
            for one in kept
        ],
        "rest": {"size": sum(map(sizes.__getitem__, rest)), "count": sum(map(counts.__getitem__, rest))},
    }


def _of_the_hook(traceback: tuple[tuple[str, int], ...]) -> bool:
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
        codes += [(one, str(getattr(one, "co_qualname", one.co_name))) for one in inner]
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
