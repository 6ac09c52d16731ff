"""`soak export`: write what a run recorded as a table for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from soak.cli.printing import hand_out, say
from soak.errors import ExitCode, UsageError


@click.command("export")
@click.argument("run", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write this file: .csv, or .parquet, which needs soak-harness[parquet]. Printed as CSV unless given.",
)
def command(run: Path, out: Path | None) -> int:
    """Export what a run recorded as one table: a row a moment, a column a series, an empty cell where it has no value.

    Series are as they were sampled, counters as they were counted; of requests there are the rate,
    the share that failed, and the median and 99th percentile of each window.

    \b
    Examples:
      soak export reports/nightly-20260101T000000Z > nightly.csv
      soak export reports/nightly-20260101T000000Z --out nightly.parquet
    """
    from soak.exported import csv_text, parquet_bytes, table_of  # noqa: PLC0415
    from soak.recording import is_run_directory, load_recording, write_whole  # noqa: PLC0415

    if out is not None and out.suffix not in (".csv", ".parquet"):
        raise UsageError(f"--out {out}: give a file that ends in .csv or .parquet")
    if not is_run_directory(run):
        raise UsageError(
            f"{run}: not a run directory (it has no run.json); `soak run` says where it put its run"
        )
    table = table_of(load_recording(run))
    if out is None:
        hand_out(csv_text(table))
        return ExitCode.PASS
    write_whole(
        out, parquet_bytes(table) if out.suffix == ".parquet" else csv_text(table), shared=True
    )
    say(f"{out}: {len(table.times):,} rows, {len(table.columns):,} series")
    return ExitCode.PASS
