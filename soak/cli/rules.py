"""`soak rules`: print a profile's limits as alert rules for Prometheus."""

from __future__ import annotations

from pathlib import Path

import click

from soak.cli.printing import hand_out
from soak.errors import ExitCode, UsageError

_HEAD = """\
# Alert rules for Prometheus after the limits of {profile}, printed by soak {version}.
# Check them with: promtool check rules FILE
# A rule over series that your targets do not have stays silent; delete its group.
"""


@click.command("rules")
@click.argument("profile", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--match",
    "matchers",
    default="",
    metavar="MATCHERS",
    help="Label matchers for every series, such as 'job=\"orders\"'. Default: all targets.",
)
def command(profile: Path, matchers: str) -> int:
    """Print Prometheus alert rules, derived from a profile's limits, to monitor the same service in production.

    The rules cover resources that would reach their capacity or grow by half within the profile's `survive` time, limits of
    growth and maxima, memory and pools close to their capacity, garbage-collector pauses and activity, and restarts. A rule on
    growth only extrapolates the last 6 hours linearly; its description says what it can miss compared with soak's analysis.

    \b
    Examples:
      soak rules profiles/nightly.yaml
      soak rules profiles/nightly.yaml --match 'job="orders", namespace="shop"' > orders-rules.yaml
    """
    import yaml  # noqa: PLC0415 - `--help` needs none of it

    from soak import __version__  # noqa: PLC0415
    from soak.alert_rules import alert_rules  # noqa: PLC0415
    from soak.profile import parse_profile  # noqa: PLC0415
    from soak.selectors import Selector  # noqa: PLC0415

    try:
        text = profile.read_text(encoding="utf-8")
        Selector.parse(f"up{{{matchers}}}")
    except OSError as error:
        raise UsageError(f"{profile}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UsageError(f"--match: {error}") from None
    parsed, _ = parse_profile(text, str(profile), lenient=True)
    rules = alert_rules(parsed, matchers)
    hand_out(_HEAD.format(profile=parsed.name, version=__version__))
    hand_out(yaml.safe_dump(rules, sort_keys=False, allow_unicode=True, width=1000))
    return ExitCode.PASS
