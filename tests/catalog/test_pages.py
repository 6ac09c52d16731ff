"""What is judged of the pages that runtimes and exporters serve."""

import textwrap

import numpy as np
import pytest

from soak.analysis.prepare.prepare import prepare
from soak.analysis.rules.rule import RuleInput
from soak.analysis.rules.subjects import judged_subjects
from soak.catalog.metrics import metric_of
from soak.model import Series
from soak.profile import Limits
from soak.sampling.exposition import Exposition
from soak.sampling.fetch import Answer
from tests.analysis.recordings import SECONDS, recording
from tests.catalog.pages import PAGES


def judged(page: str) -> set[str]:
    """The keys of the series that the growth rule would judge, of a page whose values go up and down a little."""
    samples = Exposition().read(Answer(200, "text/plain", page.encode()), "page").samples
    times = np.arange(SECONDS, dtype=float)
    wave = 1 + 0.01 * (times // 60 % 2)
    series = [
        Series(sample.name, times, sample.value * wave, sample.labels, sample.kind, "prometheus")
        for sample in samples
    ]
    return set(judged_subjects(RuleInput(prepare(recording(*series), 0.0), Limits())))


@pytest.mark.parametrize("served_by", PAGES)
def test_memory_threads_handles_and_pools_of_a_page_are_judged_and_nothing_else(
    served_by: str,
) -> None:
    page, expected = PAGES[served_by]
    assert judged(textwrap.dedent(page)) == set(expected)


def test_a_heap_total_is_judged_where_no_collection_is_told() -> None:
    assert judged(
        'jvm_memory_used_bytes{area="heap"} 5e7\njvm_memory_used_bytes{area="nonheap"} 4e7\n'
    ) == {
        'jvm_memory_used_bytes{area="heap"}',
        'jvm_memory_used_bytes{area="nonheap"}',
    }


def test_totals_that_nest_are_not_judged_twice() -> None:
    name = "container_memory_working_set_bytes"
    page = f'{name}{{id="/"}} 3\n{name}{{id="/docker"}} 2\n{name}{{id="/docker/a"}} 1\n{name}{{id="/docker/ab"}} 1\n'
    assert judged(page) == {f'{name}{{id="/docker/a"}}', f'{name}{{id="/docker/ab"}}'}


def test_whole_processes_are_marked() -> None:
    for name in (
        "process_resident_memory_bytes",
        "process_working_set_bytes",
        "sys_rss",
        "ruby_rss",
    ):
        metric = metric_of(name)
        assert metric is not None
        assert metric.whole
