"""The file formats that soak can judge. To add one: write its module and add one line to FORMATS.

A format is recognised by the file's content, never by its name. Where a format has its own name
for a known metric, its reader uses Prometheus's name instead.
"""

from __future__ import annotations

from pathlib import Path

from soak.formats import (
    cloudwatch,
    csv_text,
    docker_stats,
    dstat,
    exported_csv,
    free,
    gctrace,
    glances,
    influx_csv,
    influx_line,
    json_rows,
    jstat,
    jvm_gc_log,
    kubectl_top,
    mprof,
    node_gc,
    openmetrics,
    parquet,
    perfmon,
    procfs,
    prometheus_json,
    promtool,
    ps,
    psrecord,
    spaced,
    sysstat,
    victoriametrics,
    vmstat,
)
from soak.formats.assemble import assemble
from soak.formats.choosing import choose
from soak.formats.content import CUT_SHORT, OLD_ENCODING, Content, read_content
from soak.formats.format import Format, Options
from soak.formats.monitoring_json import MONITORING
from soak.model import Recording

#: Formats in the order in which they are tried; CSV is last, because it accepts any text.
FORMATS: dict[str, Format] = {
    "parquet": parquet.FORMAT,
    "cloudwatch": cloudwatch.FORMAT,
    "prometheus": prometheus_json.FORMAT,
    "victoriametrics": victoriametrics.FORMAT,
    **MONITORING,
    "docker": docker_stats.FORMAT,
    "json": json_rows.FORMAT,
    "influx-csv": influx_csv.FORMAT,
    "mprof": mprof.FORMAT,
    "psrecord": psrecord.FORMAT,
    "pidstat": sysstat.PIDSTAT,
    "sar": sysstat.SAR,
    "sadf": sysstat.SADF,
    "sadf-lines": sysstat.SADF_LINES,
    "glances": glances.FORMAT,
    "vmstat": vmstat.FORMAT,
    "free": free.FORMAT,
    "procfs": procfs.FORMAT,
    "ps": ps.FORMAT,
    "dstat": dstat.FORMAT,
    "perfmon": perfmon.FORMAT,
    "kubectl": kubectl_top.FORMAT,
    "jstat": jstat.FORMAT,
    "promtool": promtool.FORMAT,
    "gctrace": gctrace.FORMAT,
    "jvm-gc": jvm_gc_log.FORMAT,
    "node-gc": node_gc.FORMAT,
    "openmetrics": openmetrics.FORMAT,
    "influx-line": influx_line.FORMAT,
    "spaced": spaced.FORMAT,
    "grafana": exported_csv.GRAFANA,
    "datadog": exported_csv.DATADOG,
    "netdata": exported_csv.NETDATA,
    "csv": csv_text.FORMAT,
}


def read_recording(path: Path, options: Options | None = None) -> Recording:
    """Read a file, a pipe, or standard input (`-`); InputError says what is wrong, where, and what to do."""
    return recording_of(read_content(path), options or Options())


def recording_of(content: Content, options: Options) -> Recording:
    """Return the Recording of a content that has already been read."""
    name = format_of(content)
    known = FORMATS[name]
    whole = content.without_cut_line() if known.by_lines else content
    reading = known.read(whole, options)
    if whole is not content:
        reading.notes.append(CUT_SHORT)
    if content.head and content.encoding == OLD_ENCODING:
        reading.notes.append("its text is no UTF-8 and is read as Windows-1252 (Western European)")
    choose(content, reading, options)
    return assemble(content, reading, name)


def format_of(content: Content) -> str:
    """Return the name of the first format that recognises a content, or CSV if none does."""
    return next((name for name, known in FORMATS.items() if known.recognises(content)), "csv")


__all__ = ["FORMATS", "Format", "Options", "format_of", "read_recording", "recording_of"]
