"""Runs a service as Python itself would, with the hook started before it."""

from __future__ import annotations

import os
import runpy
import sys

if not __package__:  # run as a folder: `python path/to/hook service.py`
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path.insert(0, os.path.dirname(folder))
    __import__(os.path.basename(folder))
    sys.path.pop(0)
else:
    __import__(__package__)


def run(arguments: list[str]) -> None:
    """A script with its arguments, or `-m` and a module with its own."""
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


if __name__ == "__main__":
    run(sys.argv[1:])
