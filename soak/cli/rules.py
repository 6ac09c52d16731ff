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
    help="Label matchers that every series must meet, such as 'job=\"orders\"'. All targets unless given.",
)
def command(profile: Path, matchers: str) -> int:
    """Print alert rules for Prometheus that watch in production what the profile's limits are about.

    Growth towards a limit, or by half, within the profile's `survive`; limits of growth and maxima;
    memory and pools near their capacity; pauses and work of the garbage collector; restarts. A rule
    draws a straight line through 6 hours where soak judges, and each says what that misses.

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
