"""Run a service as Python itself would, with the hook started first."""

from __future__ import annotations

import importlib.util
import os
import runpy
import sys


def load_from_folder(folder: str) -> None:
    """Start the hook from a folder alone (`python path/to/hook service.py`), so that its modules hide no others."""
    sys.path.pop(0)
    spec = importlib.util.spec_from_file_location(
        "soak_hook", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules["soak_hook"] = package
    spec.loader.exec_module(package)
    sys.path.insert(0, folder)


def run(arguments: list[str]) -> None:
    """Run a script with its arguments, or a module (`-m`) with its arguments."""
    if not arguments:
        raise SystemExit(
            "usage: python -m soak.hook service.py [arguments], or -m service.module [arguments]"
        )
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        sys.path[0] = ""
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    if __package__:
        __import__(__package__)
    else:
        load_from_folder(os.path.dirname(os.path.abspath(__file__)))
    run(sys.argv[1:])
