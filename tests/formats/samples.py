"""One writer a format: the same memory series as each tool writes it, after real output of that tool."""

import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from soak.model import Floats

MIB = 2**20
START = 1_754_000_000
STEP = 15


def leak(hours: float = 1.0, slope: float = 144e6, seed: int = 1) -> tuple[Floats, Floats]:
    """Unix times and bytes: 200 MB that grows by `slope` bytes an hour, under a little noise."""
    times = START + np.arange(0, hours * 3600, STEP)
    values = (
        200e6
        + slope * (times - START) / 3600
        + np.random.default_rng(seed).normal(0, 5e5, len(times))
    )
    return times.astype(np.float64), values


def iso(time: float, between: str = " ") -> str:
    return datetime.fromtimestamp(time, UTC).strftime(f"%Y-%m-%d{between}%H:%M:%S")


def clock(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%H:%M:%S")


def date(time: float) -> str:
    """As `date` prints."""
    return datetime.fromtimestamp(time, UTC).strftime("%a %b %e %H:%M:%S UTC %Y")


def lines(head: str, rows: list[str]) -> str:
    return "\n".join([*([head] if head else []), *rows]) + "\n"


Writer = Callable[[Floats, Floats], str | bytes]
WRITERS: dict[str, Writer] = {}


def writer(name: str) -> Callable[[Writer], Writer]:
    def register(function: Writer) -> Writer:
        WRITERS[name] = function
        return function

    return register


def matrix(times: Floats, values: Floats) -> list[dict[str, object]]:
    points = [[time, f"{value:.0f}"] for time, value in zip(times, values, strict=True)]
    return [
        {"metric": {"__name__": "process_resident_memory_bytes", "job": "api"}, "values": points}
    ]


@writer("csv")
def csv(times: Floats, values: Floats) -> str:
    return lines(
        "time,rss_bytes",
        [f"{time:.0f},{value:.0f}" for time, value in zip(times, values, strict=True)],
    )


@writer("grafana")
def grafana(times: Floats, values: Floats) -> str:
    rows = [f'"{iso(time)}",{value:.0f}' for time, value in zip(times, values, strict=True)]
    return lines(
        '"Time","process_resident_memory_bytes{instance=""10.0.0.1:9100"", job=""api""}"', rows
    )


@writer("datadog")
def datadog(times: Floats, values: Floats) -> str:
    rows = [
        f"{iso(time)},avg:process.mem.rss (avg),{value:.0f}"
        for time, value in zip(times, values, strict=True)
    ]
    return lines("date,metric,host:web-1", rows)


@writer("netdata")
def netdata(times: Floats, values: Floats) -> str:
    """Newest first, in MiB."""
    rows = [
        f"{iso(time)},{value / MIB:.3f},1000.5" for time, value in zip(times, values, strict=True)
    ]
    return lines("time,used,free", rows[::-1])


@writer("prometheus")
def prometheus(times: Floats, values: Floats) -> str:
    data = {"resultType": "matrix", "result": matrix(times, values)}
    return json.dumps({"status": "success", "data": data})


@writer("victoriametrics")
def victoriametrics(times: Floats, values: Floats) -> str:
    half = len(times) // 2
    rows = [
        json.dumps(
            {
                "metric": {"__name__": "process_resident_memory_bytes", "job": "api"},
                "values": values[part].tolist(),
                "timestamps": (times[part] * 1000).astype(int).tolist(),
            }
        )
        for part in (slice(half), slice(half, None))
    ]
    return lines("", rows)


@writer("openmetrics")
def openmetrics(times: Floats, values: Floats) -> str:
    rows = [
        f'process_resident_memory_bytes{{job="api",path="/a b"}} {value:g} {time:.3f}'
        for time, value in zip(times, values.round(), strict=True)
    ]
    return lines("# TYPE process_resident_memory_bytes gauge", [*rows, "# EOF"])


@writer("influx-line")
def influx_line(times: Floats, values: Floats) -> str:
    rows = [
        f'procstat,host=web\\ 1,pid=7 memory_rss={value:.0f}i,state="ok" {time:.0f}000000000'
        for time, value in zip(times, values, strict=True)
    ]
    return lines("", rows)


@writer("influx-csv")
def influx_csv(times: Floats, values: Floats) -> str:
    head = (
        "#group,false,false,true,true,false,false,true,true,true\n"
        "#datatype,string,long,dateTime:RFC3339,dateTime:RFC3339,dateTime:RFC3339,double,string,string,string\n"
        "#default,_result,,,,,,,,\n"
        ",result,table,_start,_stop,_time,_value,_field,_measurement,host"
    )
    rows = [
        f",,{table},2025-07-31T00:00:00Z,2025-08-01T00:00:00Z,{iso(time, 'T')}Z,{value * factor:.0f},rss,mem,web-{table}"
        for table, factor in ((0, 1.0), (1, 0.5))
        for time, value in zip(times, values, strict=True)
    ]
    return lines(head, rows)


@writer("cloudwatch")
def cloudwatch(times: Floats, values: Floats) -> str:
    """Datapoints come in no order."""
    points = [
        {"Timestamp": f"{iso(time, 'T')}+00:00", "Average": float(value), "Unit": "Bytes"}
        for time, value in zip(times, values, strict=True)
    ]
    return json.dumps({"Label": "MemoryUsed", "Datapoints": points[1::2] + points[::2]}, indent=4)


def pairs(times: Floats, values: Floats, each: float = 1.0) -> list[tuple[float, float]]:
    return [(time * each, float(value)) for time, value in zip(times, values, strict=True)]


@writer("datadog-json")
def datadog_json(times: Floats, values: Floats) -> str:
    unit = [{"family": "bytes", "name": "mebibyte", "scale_factor": float(MIB)}, None]
    series = {
        "metric": "memory.used",
        "scope": "host:web-1,*",
        "unit": unit,
        "pointlist": pairs(times, values / MIB, 1000),
    }
    return json.dumps({"status": "ok", "series": [series], "query": "avg:memory.used{*}"})


@writer("netdata-json")
def netdata_json(times: Floats, values: Floats) -> str:
    """The newest comes first, and version 2 gives the anomaly rate with each value."""
    data = [[time * 1000, [value / MIB, 0, 0]] for time, value in pairs(times, values)][::-1]
    result = {"labels": ["time", "used"], "point": {"value": 0, "arp": 1}, "data": data}
    return json.dumps({"api": 2, "id": "memory", "result": result, "view": {"units": "MiB"}})


@writer("graphite")
def graphite(times: Floats, values: Floats) -> str:
    """A point without a value is null."""
    points = [[value, time] for time, value in pairs(times, values)]
    return json.dumps(
        [{"target": "memory.used_bytes", "datapoints": [*points, [None, points[-1][1] + 15]]}]
    )


@writer("azure")
def azure(times: Floats, values: Floats) -> str:
    data = [
        {"timeStamp": f"{iso(time, 'T')}Z", "average": value}
        for time, value in pairs(times, values)
    ]
    labels = [{"name": {"value": "instance"}, "value": "web-1"}]
    metric = {
        "name": {"value": "MemoryUsed", "localizedValue": "Memory used"},
        "unit": "Bytes",
        "timeseries": [{"metadatavalues": labels, "data": data}],
    }
    return json.dumps({"cost": 0, "timespan": "x", "value": [metric]})


@writer("google")
def google(times: Floats, values: Floats) -> str:
    points = [
        {
            "interval": {"startTime": f"{iso(time, 'T')}Z", "endTime": f"{iso(time, 'T')}Z"},
            "value": {"int64Value": f"{value:.0f}"},
        }
        for time, value in pairs(times, values)
    ]
    series = {
        "metric": {
            "type": "kubernetes.io/container/memory/used_bytes",
            "labels": {"memory_type": "non-evictable"},
        },
        "resource": {"type": "k8s_container", "labels": {"pod_name": "orders-1"}},
        "metricKind": "GAUGE",
        "points": points[::-1],
    }
    return json.dumps({"timeSeries": [series]})


@writer("opentsdb")
def opentsdb(times: Floats, values: Floats) -> str:
    points = {f"{time:.0f}": value for time, value in pairs(times, values)}
    return json.dumps([{"metric": "memory.used_bytes", "tags": {"host": "web-1"}, "dps": points}])


@writer("zabbix")
def zabbix(times: Floats, values: Floats) -> str:
    points = [
        {"itemid": "23296", "clock": f"{time:.0f}", "value": f"{value:.0f}", "ns": "563157632"}
        for time, value in pairs(times, values)
    ]
    return json.dumps({"jsonrpc": "2.0", "result": points, "id": 1})


@writer("grafana-json")
def grafana_json(times: Floats, values: Floats) -> str:
    fields = [
        {"name": "Time", "type": "time"},
        {"name": "memory_used_bytes", "type": "number", "labels": {"instance": "a"}},
    ]
    data = {"values": [(times * 1000).tolist(), values.tolist()]}
    return json.dumps(
        {"results": {"A": {"frames": [{"schema": {"fields": fields}, "data": data}]}}}
    )


@writer("influx-json")
def influx_json(times: Floats, values: Floats) -> str:
    rows = [[f"{iso(time, 'T')}Z", value, "ok"] for time, value in pairs(times, values)]
    series = {
        "name": "mem",
        "tags": {"host": "web-1"},
        "columns": ["time", "rss", "state"],
        "values": rows,
    }
    return json.dumps({"results": [{"statement_id": 0, "series": [series]}]})


@writer("dynatrace")
def dynatrace(times: Floats, values: Floats) -> str:
    data = {
        "dimensionMap": {"dt.entity.host": "HOST-1"},
        "timestamps": (times * 1000).tolist(),
        "values": values.tolist(),
    }
    return json.dumps({"result": [{"metricId": "builtin:memory.used_bytes:avg", "data": [data]}]})


@writer("json")
def json_rows(times: Floats, values: Floats) -> str:
    return lines(
        "",
        [
            json.dumps({"ts": time * 1000, "pid": 7, "memory": {"rss": int(value)}, "msg": "stats"})
            for time, value in zip(times, values, strict=True)
        ],
    )


@writer("mprof")
def mprof(times: Floats, values: Floats) -> str:
    rows = [
        f"MEM {value / MIB:.6f} {time + 0.1234:.4f}"
        for time, value in zip(times, values, strict=True)
    ]
    return lines("CMDLINE python app.py", rows)


@writer("psrecord")
def psrecord(times: Floats, values: Floats) -> str:
    rows = [
        f"{time - START:12.3f} {89.357:12.3f} {value / MIB:12.3f} {900.0:12.3f}"
        for time, value in zip(times, values, strict=True)
    ]
    return lines("# Elapsed time   CPU (%)     Real (MB)   Virtual (MB)", rows)


@writer("pidstat")
def pidstat(times: Floats, values: Floats) -> str:
    head = "Linux 6.8.0 (host) \t08/01/2025 \t_x86_64_\t(2 CPU)\n"
    title = "# Time        UID       PID  minflt/s  majflt/s     VSZ     RSS   %MEM  Command"
    rows = [
        f"{clock(time)}     1000      4711     10.00      0.00  900000  {value / 1024:.0f}   2.50  app --port 80"
        for time, value in zip(times, values, strict=True)
    ]
    return lines(head, [line for row in rows for line in (title, row)])


@writer("sar")
def sar(times: Floats, values: Floats) -> str:
    head = "Linux 6.8.0 (host) \t08/01/2025 \t_x86_64_\t(2 CPU)\n"
    title = f"{clock(START - STEP)}    kbmemfree   kbavail kbmemused  %memused kbbuffers  kbcached"
    rows = [
        f"{clock(t)}     400000    900000    {v / 1024:.0f}      2.50     1000     2000"
        for t, v in zip(times, values, strict=True)
    ]
    return lines(
        head,
        [title, *rows, "Average:       400000    900000    200000      2.50     1000     2000"],
    )


@writer("sadf")
def sadf(times: Floats, values: Floats) -> str:
    rows = [
        f"host;15;{datetime.fromtimestamp(t, UTC):%Y-%m-%d %H:%M:%S} UTC;400000;{v / 1024:.0f};2.50"
        for t, v in zip(times, values, strict=True)
    ]
    return lines("# hostname;interval;timestamp;kbmemfree;kbmemused;%memused", rows)


@writer("sadf-lines")
def sadf_lines(times: Floats, values: Floats) -> str:
    """As `-A` writes them: reports one after the other, each with a processor's or an interface's own lines."""
    stamps = [f"web\t15\t{iso(time)} UTC" for time in times]
    rows = [
        f"{at}\tall\t%user\t1.50\n{at}\t-\tkbmemfree\t800000\n{at}\t-\tkbmemused\t{value / 1024:.0f}\n"
        f"{at}\t-\t%memused\t5.20"
        for at, value in zip(stamps, values, strict=True)
    ]
    return lines("", [*rows, *(f"{at}\teth0\trxpck/s\t3.10" for at in stamps)])


@writer("glances")
def glances(times: Floats, values: Floats) -> str:
    rows = [
        f"{iso(time)},2,255.255.255.0,5.1,{value:.0f},100,0,117,70000000,key"
        for time, value in zip(times, values, strict=True)
    ]
    return lines(
        "timestamp,load.cpucore,ip.mask,mem.percent,mem.used,memswap.total,memswap.used,processcount.total,fs./.used,fs./.key",
        rows,
    )


@writer("vmstat")
def vmstat(times: Floats, values: Floats) -> str:
    head = (
        "procs -----------memory---------- ---swap-- -----io---- -system-- ------cpu----- -----timestamp-----\n"
        " r  b   swpd   free   buff  cache   si   so    bi    bo   in   cs us sy id wa st                 UTC"
    )
    rows = [
        f" 1  0 {value / 1024:6.0f} 900000  1000  2000    0    0     1     2  300  400  5  6 89  0  0 {iso(time)}"
        for time, value in zip(times, values, strict=True)
    ]
    return lines(head, rows)


@writer("free")
def free(times: Floats, values: Floats) -> str:
    title = "               total        used        free      shared  buff/cache   available"
    return lines(
        "",
        [
            f"{date(t)}\n{title}\nMem:           15987   {v / MIB:9.0f}       13627          43        6070       19328\n"
            "Swap:              0           0           0\n"
            for t, v in zip(times, values, strict=True)
        ],
    )


@writer("procfs")
def procfs(times: Floats, values: Floats) -> str:
    """Of what `cat` prints, a part."""
    return lines(
        "",
        [
            f"{date(t)}\nVmPeak:\t  999999 kB\nVmRSS:\t{v / 1024:8.0f} kB\nThreads:\t17"
            for t, v in zip(times, values, strict=True)
        ],
    )


@writer("docker")
def docker(times: Floats, values: Floats) -> str:
    title = "CONTAINER ID   NAME      CPU %     MEM USAGE / LIMIT     MEM %     NET I/O       BLOCK I/O     PIDS"
    row = "4f5c3b7d8a10   orders    0.07%     {0:.1f}MiB / 2GiB       1.20%     1.1kB / 0B    0B / 0B       12"
    return lines(
        "",
        [f"{date(t)}\n{title}\n{row.format(v / MIB)}" for t, v in zip(times, values, strict=True)],
    )


@writer("kubectl")
def kubectl(times: Floats, values: Floats) -> str:
    title = "NAME                      CPU(cores)   MEMORY(bytes)"
    return lines(
        "",
        [
            f"{date(t)}\n{title}\norders-7d4b9c6f8-x2v4q    12m          {v / MIB:.0f}Mi"
            for t, v in zip(times, values, strict=True)
        ],
    )


@writer("jstat")
def jstat(times: Floats, values: Floats) -> str:
    title = (
        "Timestamp           S0C         S1C         S0U         S1U          EC           EU           OC           OU"
        "          MC         MU       CCSC      CCSU     YGC     YGCT     FGC    FGCT     CGC    CGCT       GCT   "
    )
    rows = [
        f"{t - START:15.1f} 0.0 1024.0 0.0 512.0 20480.0 {1000 + 13 * n % 9000:.1f} 900000.0 {v / 1024:.1f} 512.0 400.0 64.0 60.0"
        f" {n} 0.1 {n // 10} 0.2 {n // 5 * 2} 0.1 0.4"
        for n, (t, v) in enumerate(zip(times, values, strict=True))
    ]
    return lines(title, rows)


@writer("gctrace")
def gctrace(times: Floats, values: Floats) -> str:
    return lines(
        "2025/08/01 22:13:20 listening",
        [
            f"gc {n} @{t - START + 0.012:.3f}s 2%: 0.018+1.2+0.003 ms clock, 0.14+0.35/1.0/0+0.02 ms cpu, "
            f"{v / MIB + 4:.0f}->{v / MIB + 5:.0f}->{v / MIB:.0f} MB, {2 * v / MIB:.0f} MB goal, 0 MB stacks, 0 MB globals, 8 P"
            for n, (t, v) in enumerate(zip(times, values, strict=True), 1)
        ],
    )


@writer("jvm-gc")
def jvm_gc(times: Floats, values: Floats) -> str:
    head = "[2025-07-31T22:13:19.900+0000][0.012s][gc] Using Serial"
    return lines(
        head,
        [
            f"[{iso(t, 'T')}.123+0000][{t - START:.3f}s][gc] GC({n}) Pause Full (Allocation Failure) "
            f"{v / MIB + 200:.0f}M->{v / MIB:.0f}M(2048M) 12.345ms"
            for n, (t, v) in enumerate(zip(times, values, strict=True))
        ],
    )


@writer("node-gc")
def node_gc(times: Floats, values: Floats) -> str:
    return lines(
        "listening on 8080",
        [
            f"[4711:0x5581d0f0a000] {(t - START) * 1000 + 45:8.0f} ms: Mark-Compact {v / MIB + 20:.1f} ({v / MIB + 40:.1f}) -> "
            f"{v / MIB:.1f} ({v / MIB + 30:.1f}) MB, 3.2 / 0.0 ms  (average mu = 0.9, current mu = 0.9) allocation failure; "
            for t, v in zip(times, values, strict=True)
        ],
    )


def parquet(times: Floats, values: Floats) -> bytes:
    """Needs pyarrow, and so is no part of WRITERS."""
    target = io.BytesIO()
    frame = pd.DataFrame({"time": pd.to_datetime(times, unit="s", utc=True), "rss_bytes": values})
    frame.to_parquet(target, engine="pyarrow")
    return target.getvalue()


def packed(text: str | bytes) -> bytes:
    return gzip.compress(text.encode() if isinstance(text, str) else text)


@writer("ps")
def ps(times: Floats, values: Floats) -> str:
    head = "    PID   RSS NLWP COMMAND"
    rows = [
        f"{date(time)}\n{head}\n   4242 {value / 1024:.0f}   38 orders --port 80"
        for time, value in zip(times, values, strict=True)
    ]
    return lines("", rows)


@writer("spaced")
def spaced(times: Floats, values: Floats) -> str:
    return lines(
        "time rss_bytes",
        [f"{iso(time)} {value:.0f}" for time, value in zip(times, values, strict=True)],
    )


@writer("promtool")
def promtool(times: Floats, values: Floats) -> str:
    rows = [f"{value:.0f} @[{time:.0f}]" for time, value in zip(times, values, strict=True)]
    return lines('process_resident_memory_bytes{instance="10.0.0.1:9100", job="api"} =>', rows)


@writer("perfmon")
def perfmon(times: Floats, values: Floats) -> str:
    columns = [rf"\\WEB01\Process(orders)\{counter}" for counter in ("Working Set", "Handle Count")]
    head = ",".join(
        f'"{column}"' for column in ("(PDH-CSV 4.0) (W. Europe Standard Time)(-60)", *columns)
    )
    stamps = [datetime.fromtimestamp(time, UTC).strftime("%m/%d/%Y %H:%M:%S.000") for time in times]
    return lines(
        head,
        [f'"{stamp}","{value:.10f}","412"' for stamp, value in zip(stamps, values, strict=True)],
    )


@writer("dstat")
def dstat(times: Floats, values: Floats) -> str:
    head = '"pcp-dstat 5.3.6 CSV Output"\n"Author:","PCP team"\n"Host:","web",,,,"User:","root"\n'
    head += '"Cmdline:","dstat -tm --output x.csv 15",,,,"Date:","31 Jul 2025 22:13:20 UTC"\n\n'
    head += '"system","memory usage",,,\n"time","used","free","buf","cach"'
    stamps = [datetime.fromtimestamp(time, UTC).strftime("%d-%m %H:%M:%S") for time in times]
    return lines(
        head,
        [
            f'"{stamp}",{value:.0f},8000000000,1,2'
            for stamp, value in zip(stamps, values, strict=True)
        ],
    )
