"""What all comparing commands share: tolerances from flags, writing reports, the exit code."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import get_args

import click

from soak.cli.printing import hand_out, paint, say
from soak.compared import Comparison, GateVerdict
from soak.errors import ExitCode, ProfileError, UsageError
from soak.profile.compare import CompareRule, MetricName
from soak.profile.parsing import nearest
from soak.recording import write_whole
from soak.reporters.comparison import COMPARISON_REPORTERS

CODES = {
    GateVerdict.WORSE: ExitCode.FAIL,
    GateVerdict.CANNOT_TELL: ExitCode.INCONCLUSIVE,
    GateVerdict.NOT_WORSE: ExitCode.PASS,
}
METRIC_NAMES: tuple[str, ...] = get_args(MetricName)


def rules_from(
    rules: Mapping[str, CompareRule], tolerances: Iterable[str], required: Iterable[str]
) -> dict[str, CompareRule]:
    """Return a profile's rules, overridden by those of `--tolerance 'p99: 10%'` and `--require p99`."""
    merged = dict(rules)
    for text in tolerances:
        name, colon, value = text.partition(":")
        name = name.strip()
        if not colon:
            raise UsageError(
                f"--tolerance {text!r}: expected METRIC: TOLERANCE, such as 'p99: 10%'"
            )
        _check(name, "--tolerance")
        try:
            rule = CompareRule.model_validate(
                {"tolerance": value.strip(), "required": _old(merged, name).required}
            )
        except ValueError as error:
            raise UsageError(f"--tolerance {text!r}: {_message(error)}") from None
        merged[name] = rule
    for name in required:
        _check(name, "--require")
        merged[name] = _old(merged, name).model_copy(update={"required": True})
    return merged


def _old(rules: Mapping[str, CompareRule], name: str) -> CompareRule:
    return rules.get(name, CompareRule())


def _check(name: str, flag: str) -> None:
    if name not in METRIC_NAMES:
        raise UsageError(f"{flag} {name}: unknown metric{nearest(name, METRIC_NAMES)}")


def _message(error: ValueError) -> str:
    from pydantic import ValidationError  # noqa: PLC0415

    if isinstance(error, ValidationError):
        return str(error.errors()[0]["msg"]).removeprefix("Value error, ")
    return str(error)


def profile_rules(path: Path | None) -> dict[str, CompareRule]:
    """Return a profile's `compare` rules; empty without a profile."""
    if path is None:
        return {}
    from soak.profile import parse_profile  # noqa: PLC0415

    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path}: cannot be read: {error}") from None
    return {
        str(name): rule
        for name, rule in parse_profile(text, str(path), lenient=True)[0].compare.items()
    }


def wanted_formats(text: str) -> list[str]:
    """Parse the formats of `--format`; all if not given."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in COMPARISON_REPORTERS:
            raise UsageError(f"--format {name}: unknown{nearest(name, COMPARISON_REPORTERS)}")
    return names or list(COMPARISON_REPORTERS)


def deliver(
    comparison: Comparison, out: Path | None, formats: list[str], *, as_json: bool
) -> ExitCode:
    """Show a comparison, write its files into `out`, and return the exit code."""
    if "terminal" in formats or as_json:
        show(comparison, err=as_json)
    if as_json:
        hand_out(COMPARISON_REPORTERS["json"].render(comparison))
    if out is not None:
        names = write_comparison(comparison, out, formats)
        if names:
            say(f"{out}: wrote {', '.join(names)}", err=as_json)
    return CODES[comparison.verdict]


def show(comparison: Comparison, *, err: bool = False) -> None:
    """Show the comparison on the terminal."""
    from soak.reporters.comparison.terminal import render  # noqa: PLC0415 - rich is only needed here

    stream = sys.stderr if err else sys.stdout
    width = click.get_current_context().terminal_width
    paint(render(comparison, width=width, color=stream.isatty()), err=err)


def write_comparison(comparison: Comparison, out: Path, formats: Iterable[str]) -> list[str]:
    """Write a comparison's files, each completely or not at all; return their names."""
    try:
        out.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out {out}: cannot be created: {error.strerror}") from None
    reporters = [
        COMPARISON_REPORTERS[name] for name in formats if COMPARISON_REPORTERS[name].file_name
    ]
    for reporter in reporters:
        write_whole(out / reporter.file_name, reporter.render(comparison))
    return [reporter.file_name for reporter in reporters]
