"""A target that died is told at once and ends the run after its grace; one that is only slow, failing or restarting does not."""

import signal
import threading

import pytest

from soak.cli.drive import interruptible
from soak.latency import Histogram
from soak.load.http.failures import REFUSED
from soak.model import EventKind, Scrape, ScrapeError
from soak.target_watch import TargetWatch
from soak.windows import EndpointWindow, Window

GRACE = 30.0


def window(time: float, failures: dict[str, int], requests: int = 10) -> Window:
    return Window(
        time, 1.0, 1, (EndpointWindow("GET /", requests, failures, 0, Histogram(), Histogram()),)
    )


class Ended:
    def exit_code(self) -> int:
        return 3


def watched(*records: object) -> TargetWatch:
    watch = TargetWatch(GRACE)
    for record in records:
        watch.saw(record)  # type: ignore[arg-type]
    return watch


def test_refused_connections_alone_are_a_death_and_end_the_run_after_the_grace() -> None:
    watch = watched(window(10, {}), window(11, {REFUSED: 10}), window(12, {REFUSED: 10}))
    assert watch.since == 10
    assert (
        watch.said(22) == "target dead for 12 s (it refuses every connection), the run ends in 18 s"
    )
    assert not list(watch.news(10 + GRACE - 0.1, None))
    [event] = watch.news(10 + GRACE, None)
    assert (event.kind, event.time) == (EventKind.TARGET, 10)
    assert watch.over(10 + GRACE)
    assert not list(watch.news(11 + GRACE, None))


def test_a_target_that_comes_back_within_the_grace_lives() -> None:
    watch = watched(window(11, {REFUSED: 10}), window(12, {REFUSED: 9}))
    assert watch.since is None
    assert not watch.over(1000)
    assert watch.said(13) == ""


@pytest.mark.parametrize(
    "failures", [{"status 503": 10}, {"timeout": 10}, {REFUSED: 9, "timeout": 1}, {REFUSED: 9}]
)
def test_a_target_that_answers_badly_or_slowly_is_not_dead(failures: dict[str, int]) -> None:
    assert watched(window(11, failures)).since is None


def test_a_process_that_is_gone_is_dead_however_its_requests_fail_and_not_while_any_succeeds() -> (
    None
):
    gone = Scrape(
        "process", 11.0, 0.0, 0.0, error="process 7 has ended", error_kind=ScrapeError.GONE
    )
    assert watched(gone, window(12, {"timeout": 10})).since == 11
    assert watched(gone, window(12, {})).since is None
    assert (
        watched(gone, Scrape("process", 12.0, 0.0, 0.0), window(12, {"timeout": 10})).since is None
    )


def test_a_started_target_that_ended_is_told_at_once() -> None:
    watch = TargetWatch(GRACE)
    [event] = watch.news(20.0, Ended())  # type: ignore[arg-type]
    assert event.text == "the target ended by itself with code 3"
    assert watch.since == 20
    assert not watch.over(20 + GRACE - 0.1)
    assert watch.over(20 + GRACE)
    assert not list(watch.news(60.0, Ended()))  # type: ignore[arg-type]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("before", [signal.SIG_IGN, signal.SIG_DFL])
def test_signals_end_a_run_in_order_also_where_a_shell_ignores_them_but_nohup_stays(
    number: signal.Signals, before: signal.Handlers, capfd: pytest.CaptureFixture[str]
) -> None:
    old = signal.signal(number, before)
    stop = threading.Event()
    try:
        with interruptible(stop):
            hung_up = number is signal.SIGHUP and before is signal.SIG_IGN
            signal.raise_signal(number)
            assert stop.is_set() is not hung_up
            assert ("ending the run in order" in capfd.readouterr().err) is not hung_up
        assert signal.getsignal(number) is before
    finally:
        signal.signal(number, old)
