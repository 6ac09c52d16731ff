// A page that renews itself: it asks its server how the run stands, and takes each new report in place.
const soakLive = document.createElement("div");
soakLive.id = "live";
soakLive.append(document.createElement("strong"), " ", document.createElement("span"));
document.body.prepend(soakLive);
let soakHeard = Date.now();

// Bokeh's canvases listen to the viewport and never leave it, which would keep every report in memory: renewing takes them off.
const soakOnViewport = [];
if (window.visualViewport) {
  const listen = visualViewport.addEventListener.bind(visualViewport);
  visualViewport.addEventListener = (kind, act, ...more) => {
    soakOnViewport.push([kind, act]);
    listen(kind, act, ...more);
  };
}

function soakSay(state, text) {
  soakLive.dataset.state = state;
  soakLive.firstChild.textContent = { live: "Live", lost: "No connection", final: "Final report" }[state];
  soakLive.lastChild.textContent = text;
}

// What a reader has set: open folds, sorted tables, hidden curves, axes of requests, a zoom, the chart with the focus.
function soakChoices() {
  const span = typeof soakShown === "undefined" ? null : soakShown.span;
  return {
    folds: [...document.querySelectorAll("details")].map((fold) => fold.open),
    sorted: [...document.querySelectorAll("table.sortable")].map((table) =>
      [...table.tHead.rows[0].cells].map((header) => header.getAttribute("aria-sort"))),
    filters: [...document.querySelectorAll(".filter input")].map((field) => field.value),
    hidden: [...document.querySelectorAll("[data-curve][aria-pressed=false]")].map((button) => button.textContent),
    axes: [...document.querySelectorAll("[data-axis][aria-pressed=true]")].map(soakTitle),
    focused: document.activeElement?.matches(".chart") ? document.activeElement.id : null,
    zoom: span && (span.start !== soakShown.whole.start || span.end !== soakShown.whole.end) ? { start: span.start, end: span.end } : null,
  };
}

function soakTitle(button) {
  return button.closest("figure").querySelector("strong").textContent;
}

function soakRestore(root, choices) {
  root.querySelectorAll("details").forEach((fold, index) => { fold.open = choices.folds[index] ?? fold.open; });
  root.querySelectorAll("table.sortable").forEach((table, index) => {
    const column = (choices.sorted[index] ?? []).findIndex(Boolean);
    if (column >= 0 && column < table.tHead.rows[0].cells.length) soakSort(table, column, choices.sorted[index][column] === "descending");
  });
  root.querySelectorAll(".filter input").forEach((field, index) => {
    field.value = choices.filters[index] ?? "";
    field.dispatchEvent(new Event("input"));
  });
  for (const button of root.querySelectorAll("[data-curve]")) if (choices.hidden.includes(button.textContent)) button.click();
  for (const button of root.querySelectorAll("[data-axis]")) if (choices.axes.includes(soakTitle(button))) button.click();
  if (choices.zoom) soakShown.span?.setv(choices.zoom);
}

async function soakRenew() {
  const answer = await fetch("report" + location.search, { cache: "no-store" });
  if (!answer.ok) throw new Error(answer.status);
  const next = new DOMParser().parseFromString(await answer.text(), "text/html");
  const data = next.getElementById("chart-data")?.textContent;
  if (!document.getElementById("chart-library") && data) return location.reload(); // the first report with charts brings what draws them
  const choices = soakChoices();
  const old = [...document.querySelectorAll("body > header, body > main, body > footer")];
  const before = typeof soakShown === "undefined" ? null : soakShown;
  const listeners = soakOnViewport.splice(0);
  for (const part of old) for (const element of part.querySelectorAll("[id]")) element.removeAttribute("id");
  const holder = document.createElement("div");
  holder.className = "next";
  holder.style.width = `${old[0]?.clientWidth ?? document.body.clientWidth}px`;
  holder.append(...next.querySelectorAll("body > header, body > main, body > footer"));
  document.body.append(holder);
  if (typeof soakSortable !== "undefined") {
    soakSortable(holder);
    soakFilterable(holder);
    soakFlames(holder);
  }
  if (data) await soakPrepare(holder, data);
  soakRestore(holder, choices);
  if (data) await soakDrawNear((old[0]?.getBoundingClientRect().top ?? 0) - holder.getBoundingClientRect().top);
  document.documentElement.className = next.documentElement.className;
  if (data) soakPaint(); // the verdict's colour may be another now
  document.title = next.title;
  for (const part of old) part.remove();
  holder.replaceWith(...holder.childNodes);
  if (choices.focused) document.getElementById(choices.focused)?.focus({ preventScroll: true });
  for (const [kind, act] of listeners) visualViewport.removeEventListener(kind, act);
  if (before?.document && before.document !== soakShown.document) {
    for (const view of before.views) view.remove();
    Bokeh.documents.splice(Bokeh.documents.indexOf(before.document), 1);
    before.document.clear();
  }
}

async function soakPoll() {
  let wait = 2000;
  try {
    const answer = await fetch("state" + location.search, { cache: "no-store", signal: AbortSignal.timeout(10000) });
    if (!answer.ok) throw new Error(answer.status);
    const state = await answer.json();
    const { dataset } = document.documentElement;
    // One that is served anew, by a `soak watch` started again, has nothing to show before its first judgement.
    if (state.version > 0 && (String(state.version) !== dataset.version || state.page !== dataset.page)) {
      await soakRenew();
      Object.assign(dataset, { page: state.page, version: state.version });
    }
    soakHeard = Date.now();
    soakSay(state.final ? "final" : "live", state.text);
    if (state.final) return;
  } catch {
    soakSay("lost", `since ${Math.round((Date.now() - soakHeard) / 1000)} s; trying again. What is shown is the last report.`);
    wait = 3000;
  }
  setTimeout(soakPoll, wait);
}
soakPoll();
