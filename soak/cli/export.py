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
    help="File to write: .csv, or .parquet (needs soak-harness[parquet]). Default: CSV on standard output.",
)
def command(run: Path, out: Path | None) -> int:
    """Export the recorded series of a run as one table: one row per time, one column per series.

    A cell is empty if the series has no value at that time. Series are exported as sampled, counters as running totals. For
    requests, the table has the rate, the share of failures, and the median and 99th percentile of latency in each window.

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
            f"{run}: not a run directory (it has no run.json); `soak run` prints the path of its run directory"
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
