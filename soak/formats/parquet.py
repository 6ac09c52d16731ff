"""Read Apache Parquet files as tables; needs pyarrow, which is an extra."""

from __future__ import annotations

import io

from soak.formats.content import Content
from soak.formats.format import Format, Options, Reading, Table, refuse
from soak.formats.table import read_table


def read(content: Content, options: Options) -> Reading:
    """Read the columns of the file; if pyarrow is missing, InputError says what to install."""
    try:
        from pyarrow import parquet  # noqa: PLC0415 - an extra
        from pyarrow.lib import ArrowException  # noqa: PLC0415
    except ImportError:
        raise refuse(
            content, "a Parquet file needs pyarrow: pip install 'soak-harness[parquet]'"
        ) from None
    import pandas as pd  # noqa: PLC0415 - takes a third of a second

    try:
        frame = parquet.read_table(io.BytesIO(content.data)).to_pandas()
    except (ArrowException, OSError, ValueError, MemoryError) as error:
        raise refuse(content, f"not valid Parquet: {str(error).splitlines()[0]}") from None
    if isinstance(frame.index, pd.DatetimeIndex) or frame.index.name:
        frame = frame.reset_index()
    columns = []
    for name in frame.columns:
        column = frame[name]
        if pd.api.types.is_datetime64_any_dtype(column):
            column = column.astype(str).where(column.notna(), "")
        columns.append(column.reset_index(drop=True))
    return read_table(content, Table([str(name) for name in frame.columns], columns, 1), options)


def _recognises(content: Content) -> bool:
    return content.data.startswith(b"PAR1")


FORMAT = Format(
    "Parquet",
    "pandas, Spark, DuckDB (needs the extra `parquet`)",
    _recognises,
    read,
    by_lines=False,
)
