"""The live page in a real browser: it renews itself in place, keeps what was set, and ends as the final report."""

import json
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import pytest

from soak.live.address import Address
from soak.live.judge import Judge, Judgement
from soak.live.page import LivePage
from soak.reporters import figures
from soak.reporters.html import render
from tests.browser import FLAGS, installed
from tests.reporters.analyses import failing
from tests.reporters.test_html import WATCH, Elements

#: Renewals before the run ends, and what the page is called once it is served anew.
RENEWALS, ANEW = 3, "anew"
REPORT = """<script>
addEventListener("load", () => { window.opened = false; });
let left = 0;
const leave = visualViewport.removeEventListener.bind(visualViewport);
visualViewport.removeEventListener = (...how) => { left += 1; leave(...how); };
setInterval(() => {
  const fold = document.querySelector("details");
  if (fold && !window.opened) { fold.open = true; window.opened = true; }
  document.documentElement.dataset.seen = JSON.stringify({
    errors: seen.errors,
    state: document.getElementById("live")?.dataset.state, text: document.getElementById("live")?.textContent,
    banners: document.querySelectorAll("header.banner").length, mains: document.querySelectorAll("main").length,
    charts: document.querySelectorAll(".chart:not(.aside)").length, hidden: document.querySelectorAll(".next").length,
    documents: typeof Bokeh === "undefined" ? 0 : Bokeh.documents.length, open: Boolean(document.querySelector("details")?.open),
    verdict: getComputedStyle(document.documentElement).getPropertyValue("--verdict").trim(),
    ahead: typeof soakShown === "undefined" ? null
      : soakShown.models.find(({ tags, line_color }) => tags?.includes("paint:verdict") && line_color)?.line_color.value,
    listening: typeof soakOnViewport === "undefined" ? 0 : soakOnViewport.length, left,
  });
}, 200);
</script>"""


class Renewing(LivePage):
    """Has a new judgement at each question; after a few it is served anew, unjudged first; then it ends."""

    def _state(self, request: object) -> object:  # type: ignore[override]
        judge = self._judge
        if judge.number <= RENEWALS:
            judge.number += 1
            judge.latest = Judgement(judge.number, None, self.earlier, None, 0.0)
        elif self._id != ANEW:
            self._id, judge.latest = ANEW, None
        elif judge.latest is None:
            judge.latest = Judgement(judge.number, None, self.earlier, None, 0.0)
        elif self._final is None:
            self._final = (self.page, "the run has ended")
        return super()._state(request)  # type: ignore[arg-type]

    def _page(self, request: object) -> object:  # type: ignore[override]
        self.taken.append((self._id == ANEW, self._version()))
        return super()._page(request)  # type: ignore[arg-type]

    page = earlier = ""
    taken: ClassVar[list[tuple[bool, int]]] = []


@pytest.mark.slow
def test_it_renews_in_place_and_ends(tmp_path: Path) -> None:
    chromium = installed()
    judge = Judge(tmp_path, html=True, after=1e9)
    live = Renewing("orders", judge, lambda: "12 s: 50 requests/s", Address("127.0.0.1", 0))
    live.page = render(failing(), live=True).replace(
        "<meta http-equiv", f"{WATCH}{REPORT}<meta http-equiv", 1
    )
    live.earlier = live.page.replace('class="fail"', 'class="inconclusive"', 1)
    judge.number, judge.latest = 1, Judgement(1, None, live.earlier, None, 0.0)
    try:
        with TemporaryDirectory() as folder:
            command = [
                chromium,
                *FLAGS,
                "--virtual-time-budget=30000",
                "--dump-dom",
                f"--user-data-dir={folder}/profile",
                "--window-size=1280,6000",
                live.url,
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    finally:
        live.close()
    states = [
        attributes["data-seen"] for tag, attributes in Elements(done.stdout).found if tag == "html"
    ]
    seen = json.loads(str(states[0]))
    charts = sum(map(figures.drawable, failing().charts))
    assert seen["errors"] == []
    assert (seen["state"], seen["text"]) == ("final", "Final report the run has ended")
    assert (seen["banners"], seen["mains"], seen["hidden"], seen["documents"]) == (1, 1, 0, 1)
    assert seen["charts"] == charts
    assert seen["open"]
    assert seen["ahead"] == seen["verdict"]  # that of the reports before was another
    # What was drawn before is let go of: else a page that is open for days would fill the memory.
    assert seen["listening"] >= charts
    assert seen["left"] == (len(live.taken) - 1) * seen["listening"]
    # The same number from another server is another report; one that has judged nothing is not asked for its page.
    assert live.taken == [(False, 1), (False, 2), (False, 3), (False, 4), (True, 4), (True, 5)]
