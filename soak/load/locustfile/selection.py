"""Load a plan's locustfiles as Locust's command line would: their classes and options, and which users to drive."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

from locust import User

from soak.load.locustfile.command_line import command_line, parsed_options
from soak.load.locustfile.importing import Locustfile, LocustfileError, import_locustfiles
from soak.load.plan.plan import Plan


@dataclass(frozen=True)
class SelectedUsers:
    """The locustfile, its Locust options, and the user classes to drive.

    `preferred` are the profile's keys that override Locust's options for the same setting.
    """

    locustfile: Locustfile
    options: Namespace
    preferred: list[str]
    classes: list[type[User]]


def select_users(plan: Plan) -> SelectedUsers:
    """Import the plan's locustfiles and choose the users. Raise LocustfileError if the plan's choice is not possible."""
    # Locustfiles read `sys.argv`, and so does Locust's parser if one of their listeners calls it.
    sys.argv[:] = command_line(plan)
    locustfile = import_locustfiles([Path(path) for path in plan.locustfiles])
    if locustfile.shape is not None and plan.staged:
        name = type(locustfile.shape).__name__
        raise LocustfileError(
            f"{locustfile.name} has a load shape ({name}), which says how many users there are, and so do "
            "load.stages: give load.users and load.duration instead"
        )
    options, preferred = parsed_options(plan, plan.users or 0)
    users = locustfile.users
    if missing := sorted(set(options.user_classes) - users.keys()):
        raise LocustfileError(
            f"load.user_classes: {locustfile.name} has no user class {', '.join(missing)}; "
            f"there are {', '.join(sorted(users))}"
        )
    chosen = [
        user
        for name, user in users.items()
        if not options.user_classes or name in options.user_classes
    ]
    return SelectedUsers(locustfile, options, preferred, chosen)
