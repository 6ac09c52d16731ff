"""Import a locustfile as Locust does, and report any exception with the file and line where it was raised."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from inspect import getfile
from pathlib import Path

from locust import LoadTestShape, User
from locust.util.load_locustfile import load_locustfile, load_locustfile_pytest

#: Explains where modules are searched, as in Locust, and so what to change if one is missing.
NOT_INSTALLED = (
    " (it is neither beside the locustfile, nor in the working directory, nor in PYTHONPATH, "
    "nor installed where soak is)"
)


class LocustfileError(ValueError):
    """A locustfile that cannot be used; the message is one line and names the place."""


@dataclass(frozen=True)
class Locustfile:
    """The user classes, by name, that one or more locustfiles define or import, and their load shape if there is one.

    If there are several shapes, it is the first, as in Locust; `unused_shapes` names the others.
    `name` is the name of the file, or the names of all files.
    """

    name: str
    users: dict[str, type[User]]
    shape: LoadTestShape | None
    unused_shapes: tuple[str, ...] = ()


def import_locustfiles(paths: list[Path]) -> Locustfile:
    """Import all files. LocustfileError if one raises, none has users, or two define the same name."""
    classes, shapes = _merged(paths, load_locustfile)
    if not classes and find_spec("pytest") is not None:
        classes, _ = _merged(paths, lambda path: (load_locustfile_pytest(path), []))
    names = ", ".join(path.name for path in paths)
    if not classes:
        raise LocustfileError(
            f"{names} has no Locust user class (one whose `abstract` is not True)"
        )
    unused = tuple(type(shape).__name__ for shape in shapes[1:])
    return Locustfile(names, classes, shapes[0] if shapes else None, unused)


def _merged(
    paths: list[Path], load: Callable[[str], tuple[dict[str, type[User]], list[LoadTestShape]]]
) -> tuple[dict[str, type[User]], list[LoadTestShape]]:
    """Merge what each file defines or imports; a class imported twice from the same file counts once, as in Locust."""
    classes: dict[str, type[User]] = {}
    shapes: dict[str, LoadTestShape] = {}
    for path in paths:
        more, its_shapes = _imported(path, load)
        for name, user in more.items():
            first = getfile(classes.setdefault(name, user))
            if first != getfile(user):
                raise LocustfileError(
                    f"{Path(first).name} and {Path(getfile(user)).name} both have a user class {name}: rename one"
                )
        for shape in its_shapes:
            shapes.setdefault(type(shape).__name__, shape)
    return classes, list(shapes.values())


def _imported(
    path: Path, load: Callable[[str], tuple[dict[str, type[User]], list[LoadTestShape]]]
) -> tuple[dict[str, type[User]], list[LoadTestShape]]:
    # For imports that tasks make later: Locust has the file's directory on the path only while
    # it imports the file.
    sys.path.insert(0, str(path.parent))
    try:
        return load(str(path))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise LocustfileError(described(error, path)) from error


def described(error: BaseException, path: Path) -> str:
    """Describe an exception as `file:line: Type: message`, with the innermost line in the locustfile's own directory."""
    if isinstance(error, SyntaxError) and error.filename is not None:
        return f"{Path(error.filename).name}:{error.lineno}: SyntaxError: {error.msg}"
    where = location(error, {path.parent})
    if isinstance(error, SystemExit):
        return f"{where}: it ends the process (exit {error.code}) while it is imported"
    name = type(error).__name__
    text = f"{where}: {name}: {error}" if str(error) else f"{where}: {name}"
    return text + NOT_INSTALLED if isinstance(error, ModuleNotFoundError) else text


def directories(paths: Sequence[str]) -> set[Path]:
    """Return the locustfiles' directories; `location` looks for an exception's frames there."""
    return {Path(path).parent for path in paths}


def location(error: BaseException, directories: set[Path]) -> str:
    """Return `file:line` of an exception: the innermost frame below the directories, else the innermost of all."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "unknown place"
    own = [frame for frame in frames if directories.intersection(Path(frame.filename).parents)]
    frame = (own or frames)[-1]
    return f"{Path(frame.filename).name}:{frame.lineno}"
