"""Imports a locustfile as Locust does; whatever it raises is said with the file and line where it was raised."""

from __future__ import annotations

import sys
import traceback
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from locust import LoadTestShape, User
from locust.util.load_locustfile import load_locustfile, load_locustfile_pytest

#: Where modules are looked for, as Locust does; which is what to change when one is missing.
NOT_INSTALLED = (
    " (it is neither beside the locustfile, nor in the working directory, nor in PYTHONPATH, "
    "nor installed where soak is)"
)


class LocustfileError(ValueError):
    """A locustfile that cannot be used; the message is one line and says where."""


@dataclass(frozen=True)
class Locustfile:
    """The user classes that a locustfile defines or imports, by name, and its load shape where it has one.

    Of several shapes it is the first in the file, as in Locust; `unused_shapes` names the others.
    """

    path: Path
    users: dict[str, type[User]]
    shape: LoadTestShape | None
    unused_shapes: tuple[str, ...] = ()


def import_locustfile(path: Path) -> Locustfile:
    """The users and the shape of a file; LocustfileError when it raises or has no users."""
    # For imports that tasks make later on: Locust has the file's directory on the path only while
    # it imports the file.
    sys.path.insert(0, str(path.parent))
    try:
        users, shapes = load_locustfile(str(path))
        if not users and find_spec("pytest") is not None:
            users = load_locustfile_pytest(str(path))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise LocustfileError(described(error, path)) from error
    if not users:
        raise LocustfileError(
            f"{path.name} has no Locust user class (one whose `abstract` is not True)"
        )
    unused = tuple(type(shape).__name__ for shape in shapes[1:])
    return Locustfile(path, users, shapes[0] if shapes else None, unused)


def described(error: BaseException, path: Path) -> str:
    """An exception as `file:line: Type: message`, the line being the innermost of the locustfile's own directory."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{Path(error.filename).name}:{error.lineno}: SyntaxError: {error.msg}"
    where = location(error, path.parent)
    if isinstance(error, SystemExit):
        return f"{where}: it ends the process (exit {error.code}) while it is imported"
    name = type(error).__name__
    text = f"{where}: {name}: {error}" if str(error) else f"{where}: {name}"
    return text + NOT_INSTALLED if isinstance(error, ModuleNotFoundError) else text


def location(error: BaseException, directory: Path | None) -> str:
    """Where an exception was raised, as `file:line`: the innermost frame below a directory, else the innermost of all."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "unknown place"
    own = [
        frame
        for frame in frames
        if directory is not None and directory in Path(frame.filename).parents
    ]
    frame = (own or frames)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"
