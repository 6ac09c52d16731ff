"""What other tools write of the formats that soak reads, in forms that their own documentation does not show first."""

import pytest

from soak.model import Verdict
from tests.formats.samples import START, STEP, leak
from tests.formats.test_kinds import read, verdict


def test_freeable_memory_that_falls_is_a_leak() -> None:
    """CloudWatch's FreeableMemory of a database."""
    times, values = leak()
    rows = [f"{time:.0f},{4e9 - value:.0f}" for time, value in zip(times, values, strict=True)]
    assert verdict(read("\n".join(["time,FreeableMemory", *rows]) + "\n")) is Verdict.FAIL


def test_a_dump_that_names_its_metrics_inside_of_the_braces() -> None:
    """`promtool tsdb dump`: no JSON, though it begins with a brace."""
    line = '{{__name__="go_goroutines",job="x"}} {} {}\n'
    [series] = read(line.format(1, START * 1000) + line.format(2, (START + STEP) * 1000)).series
    assert (series.key, series.times.tolist()) == ('go_goroutines{job="x"}', [0, STEP])


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ('"max:system.mem.used{host:web-1,env:prod}"', '{env="prod",host="web-1"}'),
        ("avg:system.mem.used{*}", ""),
        ("rss_bytes {pod=orders-0}", '{pod="orders-0"}'),
    ],
)
def test_labels_without_quotes(header: str, key: str) -> None:
    [series] = read(f"time,{header}\n0,1\n15,2\n").series
    assert series.name in ("system.mem.used", "rss_bytes")
    assert series.key.partition("{")[1] + series.key.partition("{")[2] == key


def test_an_answer_of_datadog_is_not_taken_for_one_of_prometheus() -> None:
    [series] = read(
        '{"status":"ok","series":[{"metric":"rss","pointlist":[[1754000000000.0,1.0]]}]}'
    ).series
    assert (series.name, series.values.tolist()) == ("rss", [1.0])


@pytest.mark.parametrize("date", ["20250731-2213{}", "2025-07-31_22:13:{}", "2025-07-31_22-13-{}"])
def test_times_as_scripts_write_them(date: str) -> None:
    rows = "".join(f"{date.format(second)},{second}\n" for second in (20, 35, 50))
    assert read(f"time,rss\n{rows}").series[0].times.tolist() == [0, 15, 30]


def test_line_protocol_of_one_field_without_tags_and_of_an_export() -> None:
    """A measurement and one field look like a name and a value; an export begins with statements."""
    rows = f"app rss=1 {START}000\napp rss=2 {START + STEP}000\n"
    for text in (rows, f"# DDL\nCREATE DATABASE telegraf WITH NAME autogen\n# DML\n{rows}"):
        [series] = read(text).series
        assert (series.name, series.values.tolist()) == ("app_rss", [1, 2])


def test_a_node_that_kubectl_top_does_not_know() -> None:
    block = "2025-07-31 22:13:{}\nNAME  CPU(cores)  CPU%  MEMORY(bytes)  MEMORY%\na  47m  2%  536Mi  14%\n"
    unknown = "b  <unknown>  <unknown>  <unknown>  <unknown>\n"
    [series] = read(block.format(20) + unknown + block.format(35) + unknown).series
    assert dict(series.labels) == {"node": "a"}
