"""Answers of monitoring services in the forms that differ from the usual one, and lines that have a time before each."""

import json
from pathlib import Path
from typing import Any

import pytest

from soak.errors import InputError
from soak.formats import Options, recording_of
from soak.formats.content import Content
from soak.model import Recording
from tests.formats.samples import MIB, START, STEP
from tests.formats.test_kinds import notes, read

COUNT = 40
TIMES = [START + STEP * place for place in range(COUNT)]


def opened(answer: Any, **options: Any) -> Recording:
    return recording_of(Content(Path("a.json"), json.dumps(answer).encode()), Options(**options))


def series(answer: Any, **options: Any) -> dict[str, list[float]]:
    recording = opened(answer, **options)
    return {series.key: series.values.tolist() for series in recording.series}


def test_datadog_version_2_has_one_column_of_times() -> None:
    units = [[{"name": "byte"}, None], None]
    groups = [{"group_tags": ["host:a"], "unit": unit} for unit in units]
    values = [[5.0] * COUNT, [None, *[7.0] * (COUNT - 1)]]
    attributes = {
        "series": groups,
        "times": [1000 * time for time in TIMES],
        "values": values,
    }
    answer = {"data": {"type": "timeseries_response", "attributes": attributes}}
    assert series(answer) == {
        'value_bytes{host="a"}': [5.0] * COUNT,
        'value{host="a"}': [7.0] * (COUNT - 1),
    }


def test_series_of_one_name_stay_apart_and_share_the_times_of_all() -> None:
    answer = [
        {
            "target": "rss_bytes",
            "datapoints": [[1.0 + place, time] for place, time in enumerate(TIMES)],
        },
        {"target": "rss_bytes", "datapoints": [[9.0, time + 5] for time in TIMES]},
    ]
    assert sorted(map(len, series(answer).values())) == [COUNT, COUNT]
    assert series(answer, without=("rss_bytes",)) == {'rss_bytes{column="2"}': [9.0] * COUNT}


def test_googles_cumulative_metrics_are_counters() -> None:
    points = [
        {"interval": {"endTime": f"2026-11-28T08:{place:02d}:00Z"}, "value": {"doubleValue": place}}
        for place in range(COUNT)
    ]
    answer = [
        {
            "metric": {"type": "custom/requests"},
            "metricKind": "CUMULATIVE",
            "points": points,
        }
    ]
    points[7]["value"] = {}
    recording = opened(answer, counters=("custom_requests_total",))
    [requests] = recording.series
    assert (requests.name, len(requests.values)) == ("custom_requests_total", COUNT - 1)


def test_opentsdb_may_give_points_as_pairs() -> None:
    answer = [{"metric": "rss_bytes", "dps": [[time, 5] for time in TIMES]}]
    assert series(answer) == {"rss_bytes": [5.0] * COUNT}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ([{"target": "a", "datapoints": []}], "holds no points; was the query or its range wrong"),
        ([{"target": "a", "datapoints": [[1, 2, 3], [4]]}], "not Graphite JSON as it is known"),
        ([{"target": "a", "datapoints": [["x", TIMES[0]]]}], "not Graphite JSON as it is known"),
        ({"labels": ["time", "a"], "data": [[{}, 5]]}, "not netdata JSON as it is known"),
        ({"result": [{"itemid": "1", "clock": "noon"}]}, "not Zabbix JSON as it is known"),
    ],
)
def test_what_is_none_of_it_is_refused_with_its_name(answer: Any, why: str) -> None:
    with pytest.raises(InputError, match=why):
        series(answer)


def sizes(stamp: str, between: str = " ") -> str:
    """Lines of `docker stats --format '{{.Name}} {{.MemUsage}}'`, each with a time before it; `stamp` is a spelling."""
    from datetime import UTC, datetime  # noqa: PLC0415 - of this alone

    spelt = [datetime.fromtimestamp(time, UTC).strftime(stamp) for time in TIMES]
    return "".join(
        f"{text}{between}orders-1 {100 + place}MiB / 512MiB\n" for place, text in enumerate(spelt)
    )


@pytest.mark.parametrize(
    "stamp",
    [
        *("%s", "%Y-%m-%dT%H:%M:%S", "[%Y-%m-%d %H:%M:%S]", "%H:%M:%S", "%b %d %H:%M:%S"),
        *("%a %b %d %H:%M:%S UTC %Y", "%a %d %b %Y %I:%M:%S %p UTC", "%a %b %d %H:%M:%S %Y"),
    ],
)
def test_sizes_with_any_time_before_each_line_are_read(stamp: str) -> None:
    [memory] = read(sizes(stamp)).series
    assert memory.times.tolist() == [STEP * place for place in range(COUNT)]
    assert memory.values.tolist() == [(100 + place) * MIB for place in range(COUNT)]


def test_times_of_a_day_go_on_after_midnight() -> None:
    lines = [
        "23:59:50 orders 1MiB",
        "23:59:55 orders 2MiB",
        "00:00:00 orders 3MiB",
        "00:00:05 orders 4MiB",
    ]
    assert read("\n".join(lines * 1) + "\n").series[0].times.tolist() == [0, 5, 10, 15]


def test_a_line_out_of_order_begins_no_new_day() -> None:
    lines = ["10:00:05 orders 1MiB", "10:00:04 orders 2MiB", "10:00:06 orders 3MiB"]
    assert read("\n".join(lines) + "\n").series[0].times.tolist() == [0, 1, 2]


def test_words_beside_sizes_tell_lines_of_one_time_apart() -> None:
    text = sizes("%s")
    both = read(text + text.replace("orders", "carts")).series
    assert [dict(series.labels) for series in both] == [
        {"column_2": "orders-1"},
        {"column_2": "carts-1"},
    ]


def test_lines_of_a_log_are_no_samples() -> None:
    log = "".join(f"{time} INFO request took {place} ms\n" for place, time in enumerate(TIMES))
    with pytest.raises(InputError):
        read(log)
    with pytest.raises(InputError, match="expected a time, 1 number and 1 word"):
        read(sizes("%s") + f"{TIMES[-1]} orders-1 none at all\n")


def test_kubectl_with_the_time_of_day_before_each_line() -> None:
    rows = [f"08:00:{place:02d} orders-1   12m   {100 + place}Mi" for place in range(COUNT)]
    text = "\n".join(["08:00:00 NAME       CPU(cores)   MEMORY(bytes)", *rows]) + "\n"
    recording = read(text)
    assert recording.series[0].values.tolist() == [(100 + place) * MIB for place in range(COUNT)]
    assert "cut short" not in notes(recording)
