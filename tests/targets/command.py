"""Prints the command that starts a target, once it is built: `python -m tests.targets.command java --jolokia 8778`."""

from __future__ import annotations

import argparse
import shlex

from tests.targets.building import SERVICES, java_service


def main() -> None:
    """One line, ready for a shell; the flags of the service go after it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=SERVICES)
    parser.add_argument(
        "--jolokia", type=int, metavar="PORT", help="java only: with the Jolokia agent on this port"
    )
    asked = parser.parse_args()
    if asked.jolokia is not None and asked.target != "java":
        parser.error("only java can have the Jolokia agent")
    service = java_service(asked.jolokia) if asked.jolokia is not None else SERVICES[asked.target]()
    settings = (f"{name}={shlex.quote(value)}" for name, value in service.environment.items())
    print(*settings, shlex.join(service.command))


if __name__ == "__main__":
    main()
