"""`soak init`: print or write an example profile, or files for a CI service."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from soak.cli.printing import hand_out, say
from soak.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from soak.starters import Example


@click.command("init")
@click.option(
    "--example",
    "example_name",
    default="",
    is_flag=False,
    flag_value="",
    metavar="NAME",
    help="Print this bundled profile; without NAME, list all of them.",
)
@click.option(
    "--ci",
    "service",
    default="",
    metavar="SERVICE",
    help="Write the files for this service: github, gitlab, systemd or kubernetes.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="File to write the example to, or folder for the CI files.",
)
@click.option(
    "--force",
    is_flag=True,
    help="Overwrite existing files, except the profile of --ci github, gitlab and systemd.",
)
def command(example_name: str, service: str, out: Path | None, force: bool) -> int:
    """Print an example profile, or write files for a CI service; without options, list both.

    Existing files are overwritten only with --force.

    \b
    Examples:
      soak init
      soak init --example nightly > nightly.yaml
      soak init --example checkout --out checkout.yaml
      soak init --ci github
      soak init --ci kubernetes --out deploy/soak
    """
    from soak.profile.parsing import nearest  # noqa: PLC0415 - `--help` needs none of it
    from soak.starters import CI_SERVICES, ci_files, examples  # noqa: PLC0415

    if example_name and service:
        raise UsageError("soak init: give either --example or --ci, and not both")
    if not example_name and not service:
        if out is not None or force:
            raise UsageError("soak init: say what to write with --example NAME or --ci SERVICE")
        return _list()
    if service:
        if service not in CI_SERVICES:
            raise UsageError(f"--ci {service}: unknown{nearest(service, CI_SERVICES)}")
        chosen = CI_SERVICES[service]
        folder = out if out is not None else Path(chosen.where)
        _write(ci_files(service), folder, force=force)
        if chosen.profile:
            _keep_or_write(folder / chosen.profile, examples()["nightly"].text)
        say(chosen.next_step, err=True)
        return ExitCode.PASS
    if example_name not in examples():
        raise UsageError(f"--example {example_name}: unknown{nearest(example_name, examples())}")
    example = examples()[example_name]
    if out is None:
        _show(example, force=force)
    else:
        _write({out.name: example.text, **dict(example.needs)}, out.parent, force=force)
        say(f"Edit it, then: soak check {out} --probe", err=True)
    return ExitCode.PASS


def _list() -> ExitCode:
    from soak.starters import CI_SERVICES, examples  # noqa: PLC0415

    lines = ["Example profiles (soak init --example NAME > profile.yaml):"]
    lines += [f"  {name:<14} {example.about}" for name, example in examples().items()]
    lines += ["", "Files for CI services (soak init --ci SERVICE):"]
    lines += [f"  {name:<14} {service.about}" for name, service in CI_SERVICES.items()]
    say("\n".join(lines))
    return ExitCode.PASS


def _show(example: Example, *, force: bool) -> None:
    """Print the example to standard output, and on standard error which other files it needs."""
    if force:
        raise UsageError("--force goes with --out FILE")
    hand_out(example.text)
    if example.needs:
        needed = ", ".join(path for path, _ in example.needs)
        say(f"soak: this profile also needs {needed}: --out FILE writes both", err=True)


def _write(texts: dict[str, str], folder: Path, *, force: bool) -> None:
    """Write files below a folder, all or none; raise UsageError first if any exists, unless forced."""
    present = [str(folder / path) for path in texts if (folder / path).exists()]
    if present and not force:
        raise UsageError(
            f"{', '.join(present)}: not overwritten without --force; --out names another place"
        )
    for path, text in texts.items():
        target = folder / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"{target}: cannot be written: {error.strerror}") from None
        say(f"wrote {target}", err=True)


def _keep_or_write(profile: Path, text: str) -> None:
    """Write the profile that the CI files refer to; an existing one is never overwritten, even with --force."""
    if profile.exists():
        say(f"kept {profile}, which already existed", err=True)
    else:
        _write({profile.name: text}, profile.parent, force=False)
