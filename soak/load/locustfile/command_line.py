"""A locustfile's command line: `load.arguments`, LOCUST_* variables and locust.conf, parsed by Locust's own parser."""

from __future__ import annotations

from argparse import Namespace
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

from locust.argument_parser import get_parser

from soak.load.locustfile.importing import LocustfileError
from soak.load.plan.plan import Plan

#: What the profile decides, whatever arguments, variables or locust.conf say: Locust's option and
#: the profile's key.
DECIDED_BY_PROFILE = {
    "num_users": "load.users",
    "spawn_rate": "load.ramp",
    "run_time": "load.duration",
    "host": "target.url",
    "processes": "load.processes",
    "master": "load.workers",
    "worker": "load.workers",
}


def command_line(plan: Plan) -> list[str]:
    """Return the complete command, program included, with which plain Locust would drive the plan's locustfiles."""
    locustfile = ("--locustfile", ",".join(plan.locustfiles), "--headless", "--host", plan.url)
    return ["locust", *locustfile, *plan.user_classes, *plan.arguments]


def parsed_options(plan: Plan, users: int) -> tuple[Namespace, list[str]]:
    """Return Locust's options as a locustfile sees them, and the profile's keys that overrode options given elsewhere.

    Raise LocustfileError for an argument that neither Locust nor the locustfile knows.
    """
    printed = StringIO()
    try:
        with redirect_stderr(printed):
            parser = get_parser()
            options = parser.parse_args([*plan.user_classes, *plan.arguments])
    except SystemExit:
        text = " ".join(printed.getvalue().split()) or "not understood"
        raise LocustfileError(f"load.arguments: {text.rpartition('error: ')[2]}") from None
    defaults: dict[str, Any] = {action.dest: action.default for action in parser._actions}  # noqa: SLF001 - no other way
    same = {"host": (plan.url, plan.url + "/"), "num_users": (users,)}
    given = [
        key
        for option, key in DECIDED_BY_PROFILE.items()
        if getattr(options, option, None)
        not in (None, False, defaults.get(option), *same.get(option, ()))
    ]
    options.host, options.num_users = plan.url, users
    options.run_time, options.headless = int(plan.ramp + plan.duration), True
    options.spawn_rate = users / plan.ramp if plan.ramp else users
    if plan.tags:
        options.tags = list(plan.tags)
    if plan.exclude_tags:
        options.exclude_tags = list(plan.exclude_tags)
    return options, sorted(set(given))
