"""The command line: one file a verb, imported when it is used; the only place that prints or exits."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from soak import __version__
from soak.errors import ExitCode, SoakError

VERBS = {
    "run": "Drive, sample, record, judge and report: the main job",
    "demo": "The main job on the bundled service, in about a minute",
    "check": "Validate a profile; --probe asks the target once",
    "analyze": "Judge recorded series: CSV, Prometheus JSON, run directories",
    "worker": "Join a master's run, and make a share of its load",
    "report": "Judge a run again and render it in any format",
    "agent": "Serve /metrics for a process that has none",
    "schema": "Print the profile's JSON Schema, for editors",
}

EPILOG = """\b
Examples:
  soak demo                                  see it find a leak
  soak run profiles/nightly.yaml             a soak test as the profile says
  soak run --url http://127.0.0.1:8080 --endpoint "GET /" --rate 50/s --duration 10m
  soak analyze memory.csv                    judge what was recorded elsewhere

\b
Exit codes: 0 pass, 1 fail, 2 bad profile or usage, 3 inconclusive,
4 the run broke, 130 interrupted (the report is written all the same).
"""


class Verbs(click.Group):
    """Finds a verb's module by its name, so that `--help` imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs, in the order in which one meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A verb's command, from its module."""
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"soak.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of verbs, from VERBS alone."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="soak")
def cli() -> None:
    """Will this service survive a month of this traffic without a restart, and if not, what leaks?"""


def main(arguments: list[str] | None = None) -> None:
    """Run a verb, and turn what it says or raises into an exit code."""
    try:
        code = cli.main(args=arguments, prog_name="soak", standalone_mode=False)
    except SoakError as error:
        click.echo(f"soak: {error}", err=True)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        click.echo("soak: interrupted", err=True)
        code = ExitCode.INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has read enough; keep the interpreter from saying so at exit.
        sys.stdout = sys.stderr
        code = ExitCode.BROKEN
    sys.exit(int(code or 0))
