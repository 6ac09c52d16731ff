"""The command line: one module per command, imported when it is used; only this package prints or exits."""

from __future__ import annotations

import errno
import io
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, TextIO

import click

from soak import __version__
from soak.cli.address_space import fit_address_space
from soak.cli.folding import folded
from soak.cli.printing import say
from soak.errors import ExitCode, SoakError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

VERBS = {
    "run": "Run a load test or soak test, judge it, and write reports",
    "demo": "Try soak on a bundled service that leaks, in about a minute",
    "init": "Print an example profile, or write files for a CI service",
    "check": "Validate a profile; with --probe, also send each request once",
    "analyze": "Judge recorded data: files, a Prometheus server, run directories",
    "worker": "Join a run on another machine, and generate a share of its load",
    "compare": "Compare a candidate's runs with base runs, metric by metric",
    "gate": "Test two targets alternately at the same load, and compare them",
    "baseline": "Set, list and show baselines, with which later runs are compared",
    "watch": "Show a run in progress on this machine (terminal or browser)",
    "history": "Show all runs in a folder over time, and what changed",
    "rules": "Print Prometheus alert rules derived from a profile's limits",
    "dashboard": "Print a Grafana dashboard for the metrics of `soak run --metrics`",
    "prune": "Delete old runs that are no longer needed",
    "compact": "Compress the recordings of finished runs",
    "report": "Judge a run again, and write its reports in any format",
    "export": "Export the recorded series of a run as CSV or Parquet",
    "agent": "Serve /metrics for a process that has none of its own",
    "schema": "Print the JSON Schema of profiles, for editors",
}

EPILOG = """\b
Examples:
  soak demo                         find a leak in a bundled service
  soak run profiles/nightly.yaml    run the soak test that a profile describes
  soak run --url http://127.0.0.1:8080 --endpoint "GET /" --rate 50/s --duration 10m
  soak analyze memory.csv           judge data that was recorded elsewhere

\b
Exit codes: 0 pass, 1 fail, 2 invalid profile or usage, 3 inconclusive,
4 the run broke, 130 interrupted (the reports are still written).

`soak COMMAND --help` shows the options of a command.
"""


class Verbs(click.Group):
    """Finds a command's module by its name, so that `--help` imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands, in the order in which a user meets them."""
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command from its module; None if there is no such command."""
        if cmd_name not in VERBS:
            return None
        fit_address_space()
        command: click.Command = import_module(f"soak.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table of commands from VERBS, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=Verbs, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="soak")
def cli() -> None:
    """Load-test and soak-test a service, and judge the growth of its resources.

    Will it survive a month of this traffic without a restart, and if not, what leaks?
    """


def main(arguments: list[str] | None = None) -> None:
    """Run a command, and turn what it returns or raises into an exit code."""
    _open_standard_streams()
    sys.exit(_delivered(int(_exit_code(arguments))))


def _exit_code(arguments: list[str] | None) -> int:
    try:
        return cli.main(args=arguments, prog_name="soak", standalone_mode=False) or 0
    except SoakError as error:
        _complain(str(error))
        code = error.exit_code
    except click.ClickException as error:
        shown = io.StringIO()
        error.show(shown)
        say(shown.getvalue(), err=True, nl=False)
        code = ExitCode.USAGE
    except (click.Abort, KeyboardInterrupt):
        _complain("interrupted")
        code = ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever was not foreseen is exit code 4, never a verdict's
        code = _crashed(error)
    return code


def _crashed(error: Exception) -> ExitCode:
    if isinstance(error, OSError) and error.errno == errno.ENOSPC and error.filename is None:
        # Standard output failed in a command that has no verdict.
        _complain(f"standard output cannot be written: {error.strerror}")
        return ExitCode.BROKEN
    if refused := _refused(error):
        _complain(f"no more {refused}; there is no verdict")
        return ExitCode.BROKEN
    try:
        from soak.cli.crash import crash_message  # noqa: PLC0415 - hardly ever needed

        message = crash_message(error)
    except Exception as another:  # noqa: BLE001 - what fails while a failure is told must not become a verdict's code
        message = f"internal error: {type(error).__name__}, which cannot be described further: {type(another).__name__}"
    _complain(message)
    return ExitCode.BROKEN


def _refused(error: Exception) -> str | None:
    """Return which resource the system refused to this process, and its limit; None for any other error."""
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return "file descriptors were given to this process (ulimit -n)"
    if isinstance(error, MemoryError):
        return "memory was given to this process (ulimit -v, a control group)"
    if isinstance(error, RuntimeError) and str(error) == "can't start new thread":
        return "threads were given to this process (ulimit -u, ulimit -v, a control group)"
    return None


def _complain(text: str) -> None:
    """Write one line to standard error."""
    say(folded(f"soak: {text}", sys.stderr), err=True)


def _open_standard_streams() -> None:
    """Open streams that the shell closed (`soak run >&-`) on /dev/null; else a recording would get descriptor 1 or 2."""
    for number, flags in ((0, os.O_RDONLY), (1, os.O_WRONLY), (2, os.O_WRONLY)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, flags)  # gets the lowest free descriptor, which is `number`
    # Leave a stream alone that other code, such as a test, has replaced.
    if sys.stdout is sys.__stdout__:
        sys.stdout = _stream(sys.stdout, _Output(1, "w"))
    if sys.stderr is sys.__stderr__:
        sys.stderr = _stream(sys.stderr, _Notes(2, "w"))


class _Output(io.FileIO):
    """Standard output that ignores a reader that has gone (`| head`): further output is dropped."""

    def __init__(self, number: int, mode: str) -> None:
        super().__init__(number, mode, closefd=False)

    def write(self, data: ReadableBuffer, /) -> int:
        """Write like any file; after a broken pipe, output goes to /dev/null."""
        try:
            return super().write(data)
        except BrokenPipeError:
            _discard_output()
            return memoryview(data).nbytes


class _Notes(_Output):
    """Standard error on which failed writes are ignored: messages must not affect the result."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write like any file; drop what cannot be written."""
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def _stream(before: TextIO | None, raw: io.RawIOBase) -> TextIO:
    """Return a text stream with the settings of `before`, the interpreter's own, which is None if it was closed."""
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=before.encoding if before else "utf-8",
        errors="backslashreplace",  # paths and terminals may not be able to show all characters
        line_buffering=raw.fileno() == 2 or raw.isatty(),
    )


def _delivered(code: int) -> int:
    """Flush standard output, which may fail only here; return exit code 4 if, for example, the disk is full."""
    try:
        sys.stdout.flush()
    except OSError as error:
        _discard_output()
        _complain(f"standard output cannot be written: {error.strerror}")
        return code if code == ExitCode.FAIL else ExitCode.BROKEN
    return code


def _discard_output() -> None:
    """Point standard output at /dev/null, so that no later flush can fail and change the exit code."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
