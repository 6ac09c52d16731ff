"""The page: safe and offline by its markup, and by what a real browser makes of it."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from soak.model import Analysis, Event, EventKind, Mark, MarkKind, Phase, Verdict
from soak.reporters import REPORTERS, figures, html, wording
from tests.browser import Chromium
from tests.targets.building import BuildError, MissingToolchainError, cached, call, tool

from .analyses import ANALYSES, failing, passing

#: Of the window: the whole page where a pointer reads all charts, else the first screen.
HEIGHTS = {"fail": 6000}
SCREEN = 800
#: The accessibility checker, from npm.
AXE = "axe-core@4.14.1"
WATCH = """<script>
const seen = { errors: [] };
addEventListener("error", (event) => seen.errors.push(String(event.message)));
addEventListener("unhandledrejection", (event) => seen.errors.push(String(event.reason)));
addEventListener("securitypolicyviolation", (event) => seen.errors.push(`blocked ${event.blockedURI}`));
console.error = console.warn = (...parts) => seen.errors.push(parts.join(" "));
</script>"""
REPORT = """
function all(root, what) {
  return [...root.querySelectorAll("*")].flatMap((node) => [
    ...(node.matches(what) ? [node] : []), ...(node.shadowRoot ? all(node.shadowRoot, what) : [])]);
}
function painted(canvas) {
  const { width, height } = canvas;
  return width > 0 && canvas.getContext("2d").getImageData(0, 0, width, height).data.some((byte) => byte);
}
const shownCharts = () => [...document.querySelectorAll(".chart:not(.aside)")];
const howManyPainted = () => shownCharts().filter((chart) => all(chart, "canvas").some(painted)).length;
const folded = () => document.querySelectorAll("details:not([open])").length;
async function printed() {
  const before = folded();
  dispatchEvent(new Event("beforeprint"));
  await new Promise((done) => setTimeout(done, 0)); // every promise is kept by then, as in a browser that prints
  const pictures = [...document.querySelectorAll(".chart > img")];
  const during = [folded(), pictures.length, new Set(pictures.map((picture) => picture.src)).size];
  dispatchEvent(new Event("afterprint"));
  return [before, ...during, folded(), document.querySelectorAll(".chart > img").length];
}
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
function sortsTables() {
  const rows = () => [...document.querySelectorAll("#endpoints ~ .scroll tbody tr")];
  const names = () => rows().map((row) => row.cells[0].firstChild.textContent.trim());
  const head = document.querySelector("#endpoints ~ .scroll thead tr");
  const some = [...head?.cells ?? []].filter((cell) => /^(Endpoint|Requests|p99)$/.test(cell.textContent));
  seen.sorted = some.map((cell) => {
    const click = () => { cell.firstChild.click(); return [cell.getAttribute("aria-sort"), ...names()]; };
    return [cell.textContent, click(), click()];
  });
}
const widths = () => [...document.querySelectorAll(".legend li")].map((row) => row.offsetWidth);
async function pointsAtCharts() {
  for (const chart of shownCharts()) {
    const [pad] = all(chart, ".bk-events");
    const box = pad.getBoundingClientRect();
    for (const share of [0.24, 0.25]) {
      const place = { clientX: box.left + 86 + (box.width - 104) * share, clientY: box.top + box.height / 2 };
      const mouse = { bubbles: true, composed: true, isPrimary: true, pointerType: "mouse" };
      pad.dispatchEvent(new PointerEvent("pointermove", { ...mouse, ...place }));
    }
  }
  await framed();
  const told = widths();
  for (const value of document.querySelectorAll(".at")) value.textContent = "";
  const untold = widths();
  seen.wider = told.map((width, index) => width - untold[index])
}
function walksTheFlames() {
  const boxes = [...document.querySelectorAll(".flame li")];
  if (boxes.length < 4) return;
  const look = () => boxes.map(({ hidden, style }) => hidden ? "hidden" : `${style.left} ${style.width}`);
  const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  seen.flame = {};
  boxes[2].click();
  seen.flame.zoomed = look();
  press("Escape");
  seen.flame.back = look();
  for (const key of ["ArrowDown", "ArrowDown", "ArrowRight"]) press(key);
  seen.flame.walked = document.activeElement.title;
  press("Enter");
  seen.flame.entered = look();
  press("Home");
  const field = document.querySelector(".growth input");
  field.value = "cache";
  field.dispatchEvent(new Event("input"));
  seen.flame.found = document.querySelector(".growth output").textContent;
  field.value = "";
  field.dispatchEvent(new Event("input"));
}
function pressesKeys() {
  const chart = document.getElementById(document.querySelector("[data-axis]")?.dataset.axis);
  if (!chart) return;
  const press = (key, shiftKey = false) => chart.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true }));
  const stretch = () => [soakShown.span.start, soakShown.span.end].map((time) => time / soakShown.whole.end);
  for (let times = 0; times < 13; times++) press("ArrowRight");
  seen.said = chart.parentElement.querySelector("[role=status]").textContent;
  press("+");
  seen.zoomed = stretch();
  press("ArrowLeft", true);
  seen.panned = stretch();
  press("Home");
  seen.whole = stretch();
  document.querySelector("[data-axis]")?.click();
}
async function looksAround() {
  const requests = document.querySelector(".chart[id$=-requests]:not(.aside)");
  seen.requests = requests ? all(requests, "canvas").some(painted) : null;
  document.querySelector("[data-axis]")?.click();
  if (window.axe) {
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    // What the pointer is told lies beside the page's landmarks, and vanishes with it.
    const told = (node) => /bk-tooltip|data-value/.test(node.html);
    const real = violations.filter((rule) => rule.id !== "region" || !rule.nodes.every(told));
    seen.axe = real.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.html).join(" ")}`.slice(0, 400));
  }
  seen.ready = document.documentElement.dataset.charts ?? null;
  seen.hacked = document.documentElement.dataset.hacked ?? null;
  seen.charts = shownCharts().length;
  seen.painted = howManyPainted();
  const shadows = all(document, "*").flatMap((node) => node.shadowRoot ? [...node.shadowRoot.children] : []);
  seen.told = shadows.filter((node) => node.matches(":not(style)")).map((node) => node.textContent).join(" ");
  seen.images = all(document, "img").length;
  seen.paper = await printed();
  seen.labels = [[0, 0, [0, 7200]], [7200, 1, [0, 7200]]].map((one) => soakTimeLabel(...one).split("\\n"));
  seen.overflow = document.documentElement.scrollWidth > innerWidth;
}
const framed = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
(async () => {
  seen.first = howManyPainted();
  if (innerWidth < 600) seen.early = await printed();
  for (let at = 0; at < document.documentElement.scrollHeight; at += 2 * innerHeight) {
    scrollTo(0, at);
    await framed();
  }
  while (soakShown.waiting.size || howManyPainted() < shownCharts().length) await pause(20);
  for (const step of [sortsTables, pointsAtCharts, walksTheFlames, pressesKeys, looksAround]) {
    await step();
    await framed();
  }
})().catch((error) => seen.errors.push(String(error))).then(() => seen)"""


#: Pixels from one label of a time axis to the next: a date has some 62.
LABEL = 64
PHONE = """(() => {
  const chart = document.querySelector(".chart");
  chart.scrollIntoView({ block: "center" });
  const { left, top, width, height } = chart.getBoundingClientRect();
  const { x_range, below: [{ ticker }] } = soakShown.views[0].model;
  const labels = [50, 60, 80, 95, 150, 600, 5000, 9000, 40000, 90000].map((size) => {
    const start = 0.2 * size, end = start + size;
    x_range.setv({ start, end });
    const ticks = ticker.get_ticks(start, end, null, 0).major.filter((tick) => tick >= start && tick <= end);
    return ticks.map((tick) => (tick - start) / size * (width - 104));
  });
  x_range.setv(soakShown.whole);
  return [labels, left + width / 2, top + height / 2];
})()"""
SCROLLED = """(async () => {
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return [scrollY, soakShown.span.start, soakShown.span.end, getComputedStyle(document.querySelector(".at")).minWidth];
})()"""


class Elements(HTMLParser):
    """Every element with its attributes, and the text of the body outside scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._raw = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._raw = tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._raw = False

    def handle_data(self, data: str) -> None:
        self.text += "" if self._raw else data


def page(analysis: Analysis) -> str:
    """The report of an analysis."""
    return REPORTERS["html"].render(analysis)


@cache
def page_of(which: str) -> str:
    """The report of a named analysis, rendered once."""
    return page(ANALYSES[which]())


@pytest.mark.parametrize("which", ANALYSES)
def test_nothing_in_the_page_points_at_a_network_but_the_profiles_own_links(which: str) -> None:
    analysis = ANALYSES[which]()
    own = {url for exemplar in analysis.exemplars for _, url in wording.links(analysis, exemplar)}
    for tag, attributes in Elements(page_of(which)).found:
        if tag == "a" and attributes.get("href") in own:
            assert attributes["rel"] == "noopener noreferrer"
            continue
        assert tag not in ("img", "iframe", "object", "embed", "base", "form")
        for name in ("src", "href", "action", "data", "srcset"):
            assert (attributes.get(name) or "#").startswith(("#", "data:,")), (tag, attributes)
    style = re.search(r"<style>(.*?)</style>", page_of(which), re.DOTALL)
    assert style
    assert not re.search(r"@import|url\(|https?:", style[1])


def test_the_page_forbids_itself_the_network() -> None:
    policies = [
        attributes["content"]
        for tag, attributes in Elements(page_of("fail")).found
        if "http-equiv" in attributes
    ]
    assert policies
    assert str(policies[0]).startswith("default-src 'none'")


@pytest.mark.parametrize("which", ANALYSES)
def test_hostile_names_add_no_element_to_the_page(which: str) -> None:
    scripts = [attributes for tag, attributes in Elements(page_of(which)).found if tag == "script"]
    assert len(scripts) == {"empty": 0, "inconclusive": 3, "crowded": 3}.get(which, 4)
    handlers = [
        name
        for _, attributes in Elements(page_of(which)).found
        for name in attributes
        if name[:2] == "on"
    ]
    assert not handlers


def test_the_verdict_stands_before_everything_else() -> None:
    text = " ".join(Elements(page_of("fail")).text.split())
    order = [
        "✗ FAIL",
        failing().reason,
        "+3.1 MiB/h",
        "runs outin 4 days",
        "Suspect",
        "Growth by stack",
        "Findings",
        "Warnings",
        "Endpoints",
        "Charts",
        "Slowest and failed requests",
        "What this verdict rests on",
        "1 fails: one proven fail is enough.",
        "Which endpoint leaks: --attribute varies the mix.",
    ]
    places = [text.index(words, text.index("orders-nightly started")) for words in order]
    assert places == sorted(places)


def test_the_flame_graph_has_a_box_a_call_with_its_amount_and_needs_no_script() -> None:
    boxes = [
        attributes
        for tag, attributes in Elements(page_of("fail")).found
        if tag == "li" and "title" in attributes
    ]
    assert [box["title"] for box in boxes] == [
        "all that changes: +512 B per request, 100%",
        "net/http.(*conn).serve server.go:2075: +512 B per request, 100%",
        "main.handler.func1 main.go:72: +1 KiB per request, 66.7%",
        "main.cache.drop cache.go:9: -512 B per request, 33.3%",
    ]
    assert "left:66.667%;width:33.333%" in str(boxes[3]["style"])
    assert [box["class"] for box in boxes] == ["grew", "grew odd", "grew", "shrank"]


def test_the_table_says_who_adds_how_much_where() -> None:
    text = " ".join(Elements(page_of("fail")).text.split())
    assert "What grows through which endpoint" in text
    assert "0.0005 goroutines" in text


def test_slow_and_failed_requests_are_named_with_their_traces() -> None:
    text = " ".join(Elements(page_of("fail")).text.split())
    part = text[text.index("Slowest and failed requests") :]
    for words in ("4bf92f3577b34da6a3ce929d0e0e4736", "4.2 s", "status 500", "timeout"):
        assert words in part
    assert "Slowest and failed requests" not in Elements(page_of("pass")).text


def test_charts_that_fail_come_first() -> None:
    charts = tuple(reversed(failing().charts))
    text = Elements(page(dataclasses.replace(failing(), charts=charts))).text
    places = [
        text.rindex(title) for title in ("Goroutines", "Pool", "Open descriptors", "Request rate")
    ]
    assert places == sorted(places)


def test_the_banner_says_when_the_first_of_what_tells_of_one_resource_runs_out() -> None:
    analysis = failing()
    worst = next(finding for finding in analysis.findings if finding.exhausts_in_hours)
    heap = replace(worst, series="go_gc_heap_live_bytes", exhausts_in_hours=200.0)
    shown = replace(analysis, findings=(heap, *analysis.findings), lead=None)
    banner = page(shown).partition("</header>")[0]
    assert f"runs out</dt><dd>{wording.runs_out(worst)} <small>by the growth of <code>" in banner


def test_the_figures_of_the_first_screen_are_those_of_the_curve_beside_them() -> None:
    analysis = failing()
    assert analysis.lead is not None
    dead = replace(
        analysis.findings[0],
        series="process_start_time_seconds",
        verdict=Verdict.FAIL,
        trend=None,
        exhausts_in_hours=None,
    )
    findings = (dead, *analysis.findings)
    for lead, which in ((analysis.lead, analysis.lead.series), (None, dead.series)):
        shown = replace(analysis, findings=findings, lead=lead)
        tiles = page(shown).partition('<dl class="tiles">')[2].partition("</dl>")[0]
        assert f"<code>{which}</code>" in tiles


@pytest.mark.parametrize(("load", "begin"), [(0.0, 0.0), (100.0, 0.0), (3600.0, 2880.0)])
def test_the_time_axis_begins_with_the_load_where_the_target_starts_slowly(
    load: float, begin: float
) -> None:
    analysis = failing()
    end = load + 36_000.0
    steady = Phase("steady", load + 60, end)
    phases = (Phase("snapshot", 1.0, 2.0), Phase("ramp", load, load + 60), steady)
    moved = replace(analysis, charts=(), phases=phases, run=replace(analysis.run, seconds=end))
    assert figures.begin_of(moved) == pytest.approx(begin)


def test_passes_are_folded_only_when_something_did_not_pass() -> None:
    folded = [
        "open" not in attributes
        for analysis in (failing(), passing())
        for tag, attributes in Elements(page(analysis)).found
        if tag == "details" and attributes.get("class") == "passes"
    ]
    assert folded == [True, False]


def test_the_first_chart_says_what_its_lines_and_shades_are() -> None:
    assert (
        "forecast: its capacity of 512 MiB in 4 days" in page_of("fail").partition("</header>")[0]
    )
    for key in ("fit and 95% interval", "not judged", "</i> event"):
        assert key in page_of("fail").partition("</header>")[0]
    banner = page_of("pass").partition("</header>")[0]
    assert "steepest growth that could hide here: +76.8 KiB/h" in banner
    assert "<strong>Heap</strong>" in banner


def test_a_growth_that_stands_above_the_first_chart_is_not_told_by_its_legend_again() -> None:
    analysis = failing()
    [curve] = analysis.charts[0].curves
    growth = wording.growth_and_interval(curve.trend, analysis.charts[0].unit)
    assert growth
    for which, told in ((analysis, 0), (replace(analysis, findings=()), 1)):
        assert page(which).partition("</header>")[0].count(growth) == told


def test_no_line_ends_between_the_dashes_and_the_name_of_an_option() -> None:
    option = '<span class="option">--rate</span>'
    run = replace(failing().run, facts=(("command", "soak run --rate 5/s a--b <-x"),))
    shown = page(replace(failing(), run=run, reason="Run it again with `--rate 5/s` --rate."))
    assert f"soak run {option} 5/s a--b &lt;" in shown
    assert f"<code>{option} 5/s</code> --rate." in shown


def test_findings_and_passes_have_a_small_line_of_their_series() -> None:
    tables = page_of("fail").partition('id="findings"')[2].partition("</section>")[0]
    assert (
        tables.count('<svg class="spark"') == tables.count('<path d="M') == 6
    )  # failures have no chart here


@pytest.mark.parametrize(("hours", "reached"), [(23.9, True), (24.1, False)])
def test_a_forecast_is_drawn_to_its_target_within_three_more_lengths_of_the_run(
    hours: float, reached: bool
) -> None:
    analysis = failing()
    assert analysis.lead is not None
    assert analysis.lead.line is not None
    end = analysis.run.seconds + 3600 * hours
    lead = replace(analysis.lead, line=replace(analysis.lead.line, end=end))
    line = figures.ahead_of(replace(analysis, lead=lead))
    assert line is not None
    assert (line.end, line.last == lead.target) == (
        end if reached else 1.5 * analysis.run.seconds,
        reached,
    )


def test_marks_are_explained_where_there_are_any_and_what_is_no_moment_is_not_drawn() -> None:
    marks = (
        Mark(MarkKind.LOST, 60.0, 90.0, "process: 3 scrapes without an answer"),
        Mark(MarkKind.LATE, 60.0, 90.0, "30% of the arrivals"),
        Mark(MarkKind.STAGE, 0.0, 90.0, "1 of 2: 20/s for 90 s"),
    )
    events = (Event(9.0, EventKind.RESTART, "the process was replaced"),)
    of_all = (Event(9.0, EventKind.SCRAPING, "soak itself sent 9 requests for metrics"),)
    keys = ("a source gave no answer", "load was sent late", "a stage of the load", "</i> event")
    before = replace(failing(), marks=marks, events=(replace(events[0], time=-1.0),))
    assert "</i> event" not in html.render(before)
    marked = replace(failing(), marks=marks, events=events)
    for which, seen in ((marked, True), (replace(failing(), marks=(), events=of_all), False)):
        page = html.render(which)
        assert [key in page for key in keys] == [seen] * 4
        drawn = figures.embed(which, which.charts[:1], "chart-")
        told = [mark.text in drawn for mark in marks] + ["event names" in drawn]
        assert told == [seen] * 4


def test_the_levels_that_were_fitted_are_points_in_the_chart_of_one_curve() -> None:
    chart = failing().charts[0]
    [curve] = chart.curves
    assert curve.trend is not None
    fitted = replace(curve, trend=replace(curve.trend, levels=((2000.0, 180e6), (9000.0, 190e6))))
    alone, beside = (replace(chart, curves=some) for some in ((fitted,), (fitted, curve)))
    told = "levels that it was fitted to"
    for which, seen in ((alone, True), (beside, False), (chart, False)):
        drawn = figures.embed(replace(failing(), lead=None), [which], "chart-")
        assert ('"Scatter"' in drawn) == seen
        assert (told in html.render(replace(failing(), charts=(which,)))) == seen


def test_parts_of_memory_lie_one_upon_the_other_below_their_capacity() -> None:
    [chart] = [chart for chart in failing().charts if chart.stacked]
    panel = html.panel_of(3, chart)
    assert panel.bounds == "capacity 128 MiB"
    assert figures.bounds_shown(chart) == [128 * 2**20]
    far = replace(chart, capacity=2**40)
    assert html.panel_of(3, far).bounds == "capacity 1 TiB, beyond the chart"
    drawn = figures.embed(replace(failing(), lead=None), [chart], "chart-")
    assert drawn.count('"VArea"') == len(chart.curves)
    text = page_of("fail")
    assert "one upon the other" in text
    assert "limit or capacity" in text


def test_every_table_says_what_its_rows_and_columns_are() -> None:
    headers = [
        attributes.get("scope")
        for tag, attributes in Elements(page_of("fail")).found
        if tag == "th"
    ]
    assert set(headers) == {"row", "col"}


def test_sixty_curves_of_a_thousand_points_stay_below_two_megabytes() -> None:
    assert len(page_of("crowded").encode()) < 2e6


def test_without_charts_the_page_is_small() -> None:
    assert len(page_of("empty")) < 20_000


@pytest.mark.thorough
@pytest.mark.parametrize(("which", "width"), [("fail", 1280), ("hostile", 420), ("crowded", 1280)])
def test_a_browser_draws_every_chart_without_an_error(which: str, width: int) -> None:
    drawable = [chart for chart in ANALYSES[which]().charts if figures.drawable(chart)]
    seen = browse(which, width)
    assert seen["errors"] == []
    assert seen["ready"] == "ready"
    assert seen["charts"] == seen["painted"] == len(drawable)
    assert seen["hacked"] is None
    assert seen["images"] == 0
    assert not seen["overflow"]


@pytest.mark.thorough
def test_the_pointer_reads_series_values_and_events_in_human_units() -> None:
    told = " ".join(browse("fail", 1280)["told"].split())
    assert re.search(
        r"process_resident_memory_bytes value: (?:19|20)\d MiB range: (?:19|20)\d MiB to 20\d MiB time: 3h",
        told,
    )
    assert re.search(r"GET /user\S+ value: \d\.?\d* ms", told)
    assert "config map reloaded" in told
    # Else a legend may take one more line, and the charts below move away from the pointer.
    assert set(browse("fail", 1280)["wider"]) == {0}


@pytest.mark.thorough
def test_on_paper_nothing_is_folded_and_charts_are_pictures() -> None:
    seen = browse("fail", 1280)
    before, *during, after, left = seen["paper"]
    assert before > 0
    assert during[:2] == [0, seen["charts"]]
    assert (after, left) == (before, 0)


@pytest.mark.thorough
@pytest.mark.parametrize(("which", "width"), [("hostile", 420), ("crowded", 1280)])
def test_charts_are_drawn_as_they_come_near_and_all_of_them_before_a_print(
    which: str, width: int
) -> None:
    seen = browse(which, width)
    assert seen["first"] < seen["charts"] == seen["painted"]
    if width < 600:  # printed before anything else; its first chart lies far below the verdict
        assert seen["early"][2] == seen["charts"]
    else:
        assert seen["first"] > 0


@pytest.mark.thorough
def test_endpoints_are_sorted_by_the_column_that_is_clicked_by_size_and_not_by_text() -> None:
    names, requests, p99 = browse("fail", 1280)["sorted"]
    user, order, gone = "GET /user", "create order", "GET /gone"  # 5.8 M, 1.9 M and 40 requests
    assert names == [
        "Endpoint",
        ["descending", user, gone, order],
        ["ascending", order, gone, user],
    ]
    assert requests == [
        "Requests",
        ["descending", user, order, gone],
        ["ascending", gone, order, user],
    ]
    # 21 ms, 0.8 s and none
    assert p99 == ["p99", ["descending", order, user, gone], ["ascending", gone, user, order]]


@pytest.mark.thorough
def test_of_the_dates_below_an_axis_the_first_alone_has_its_year() -> None:
    first, second = browse("fail", 1280)["labels"]
    assert first == ["0", "22:00", "2026-11-22"]
    assert second == ["2h", "00:00", "11-23"]


@pytest.mark.thorough
def test_the_flame_graph_zooms_by_click_and_key_and_finds_a_call() -> None:
    flame = browse("fail", 1280)["flame"]
    assert flame["zoomed"] == ["0% 100%", "0% 100%", "0% 100%", "hidden"]
    assert flame["back"] == ["0% 100%", "0% 100%", "0% 66.6667%", "66.6667% 33.3333%"]
    assert flame["walked"] == "main.cache.drop cache.go:9: -512 B per request, 33.3%"
    assert flame["entered"] == ["0% 100%", "0% 100%", "hidden", "0% 100%"]
    assert flame["found"] == "1 call, 33% of what changed"


@pytest.mark.thorough
def test_keys_read_zoom_and_pan_all_charts_and_a_switch_shows_the_requests_axis() -> None:
    seen = browse("fail", 1280)
    assert re.fullmatch(
        r"[\dhms]+, 2026-11-23 \d\d:\d\d:\d\d UTC: go_goroutines [56]\d\d goroutines", seen["said"]
    )
    assert seen["zoomed"] == pytest.approx([0.25, 0.75], abs=0.03)
    assert seen["panned"] == pytest.approx([0.125, 0.625], abs=0.03)
    assert seen["whole"] == [0, 1]
    assert seen["requests"] is True
    assert browse("crowded", 1280)["requests"] is None


@pytest.mark.thorough
def test_a_mouse_that_is_dragged_zooms_all_charts_even_where_the_browser_denies_having_one() -> (
    None
):
    # The first chart goes on into a forecast of half the run's length; the other ends with the run.
    for seen, drawn in zip(browse("fail", 1280)["dragged"], (1.5, 1), strict=True):
        assert not seen["hovers"]
        third = pytest.approx([drawn / 3, min(drawn * 2 / 3, 1)], abs=0.05)
        assert all(share in ([0, 1], third) for share in seen["shares"][1:])
        assert seen["shares"].count([0, 1]) == 1  # of requests, which the switch shows
        assert seen["whole"] == [0, 1]


@pytest.mark.thorough
def test_on_a_phone_a_finger_scrolls_and_time_axes_have_labels_with_room() -> None:
    with TemporaryDirectory() as folder:
        report = Path(folder, "report.html")
        report.write_text(page_of("pass"), "utf-8")
        phone = chromium()
        phone.touch(screen=True)
        try:
            phone.open(report.as_uri(), 390, 800, "document.documentElement.dataset.charts")
            labels, x, y = phone.run(PHONE)
            before = phone.run(SCROLLED)
            phone.swipe((x, y), (0, -200))
            up = phone.run(SCROLLED)
            _, x, y = phone.run(PHONE)
            phone.swipe((x, y), (150, 0))
            aside = phone.run(SCROLLED)
        finally:
            phone.touch(screen=False)
    for places in labels:
        assert len(places) > 1
        assert min(second - first for first, second in itertools.pairwise(places)) >= LABEL
    assert up[0] > before[0] + 100
    assert before[1:] == up[1:] == aside[1:]  # no zoom
    assert before[3] == "0px"  # no room for what only a mouse asks for


@pytest.mark.thorough
@pytest.mark.parametrize(("which", "width"), [("fail", 1280), ("hostile", 420), ("crowded", 1280)])
def test_axe_finds_no_barrier_on_a_fail_an_inconclusive_and_a_pass(which: str, width: int) -> None:
    seen = browse(which, width)
    if "axe" not in seen:
        pytest.skip(f"no npm here that installs {AXE}")
    assert seen["axe"] == []


@cache
def axe_script() -> str:
    """axe-core as a script element; empty where npm cannot install it, which fails in CI."""
    try:
        folder = cached(
            AXE,
            [],
            lambda to: call(
                [tool("npm"), "install", "--no-audit", "--no-fund", "--ignore-scripts", AXE], to
            ),
        )
    except (MissingToolchainError, BuildError) as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"CI must have it: {error}")
        return ""
    script = (folder / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")
    return "<script>" + script.replace("</script", "<\\/script") + "</script>"


@cache
def browse(which: str, width: int) -> dict[str, Any]:
    """What a browser saw on the page: errors, charts painted, what a pointer that passed over each chart was told."""
    text = re.sub(
        r"<meta http-equiv[^>]*>", lambda match: match[0] + WATCH, page_of(which), count=1
    )
    with TemporaryDirectory() as folder:
        watched = Path(folder, "report.html")
        watched.write_text(
            text.replace("</body>\n</html>", f"{axe_script()}</body></html>"), "utf-8"
        )
        chromium().open(
            watched.as_uri(),
            width,
            HEIGHTS.get(which, SCREEN),
            "document.documentElement.dataset.charts",
        )
        dragged = [dragged_on(number) for number in (0, 2)] if which == "fail" else []
        seen: dict[str, Any] = chromium().run(REPORT)
    return seen | {"dragged": dragged}


def dragged_on(number: int) -> dict[str, Any]:
    """What charts show once the mouse was dragged over the middle third of one, by a browser that denies having a mouse."""
    left, top, width, height = chromium().run(
        f"""(() => {{
          const chart = document.querySelectorAll(".chart:not(.aside)")[{number}];
          const {{ left, top, width, height }} = chart.getBoundingClientRect();
          return [left + 86, top, width - 86 - 18, height];
        }})()"""
    )
    y = top + height / 3
    chromium().drag((left + width / 3, y), (left + width * 2 / 3, y))
    shown: dict[str, Any] = chromium().run(
        """(() => {
          const share = ({ start, end }) => [start, end].map((time) => time / soakShown.whole.end);
          const shares = soakShown.views.map(({ model }) => share(model.x_range));
          shares.sort(([, a], [, b]) => b - a); // the one with a forecast first
          const hovers = matchMedia("(any-hover: hover)").matches;
          document.querySelector("#whole").click();
          return { hovers, shares, whole: share(soakShown.span) };
        })()"""
    )
    return shown


@cache
def chromium() -> Chromium:
    """The browser of these tests, which ends with them."""
    return Chromium()


@pytest.fixture(scope="module", autouse=True)
def ended() -> Iterator[None]:
    yield
    if chromium.cache_info().currsize:
        chromium().close()
        chromium.cache_clear()
