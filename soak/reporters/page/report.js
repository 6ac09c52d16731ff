// Values in a person's words: the page's own soak.units, for axes and pointers. Base units in, text out.
const BYTES = [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"], [1, "B"]];
const TIMES = [[5400, "h", 3600], [90, "min", 60], [1, "s", 1], [1e-3, "ms", 1e-3], [0, "µs", 1e-6]];

function soakScale(size, unit) {
  if (unit === "bytes") { const [scale, word] = BYTES.find(([least]) => size >= least) ?? BYTES.at(-1); return [scale, " " + word]; }
  if (unit === "seconds") { const [, word, scale] = TIMES.find(([least]) => size >= least); return [scale, " " + word]; }
  return unit === "ratio" ? [0.01, "%"] : size >= 1e7 ? [1e6, " M"] : [1, ""];
}

// Making one costs far more than using it, so each is made once.
const soakFormats = new Map();
function soakFormat(kind, digits) {
  const key = `${kind} ${digits}`;
  if (!soakFormats.has(key)) soakFormats.set(key, new Intl.NumberFormat("en-US", kind === "significant"
    ? { maximumSignificantDigits: digits } : { minimumFractionDigits: digits, maximumFractionDigits: digits }));
  return soakFormats.get(key);
}

function soakShow(value, unit) {
  if (!Number.isFinite(value)) return "no value";
  const [scale, word] = soakScale(Math.abs(value), unit);
  const counted = ["bytes", "seconds", "ratio"].includes(unit) ? "" : ` ${unit}`;
  const format = Math.abs(value / scale) >= 100 ? soakFormat("decimals", 0) : soakFormat("significant", 3);
  return format.format(value / scale) + word + counted;
}

// Labels of one axis: one unit for all of them, and just as many decimals as tell them apart.
function soakTick(tick, ticks, unit) {
  const [scale, word] = soakScale(Math.max(...ticks.map(Math.abs)), unit);
  const exact = (digits) => ticks.every((one) => Math.abs(one / scale - Number((one / scale).toFixed(digits))) < 1e-9 + Math.abs(one / scale) * 1e-9);
  const digits = [0, 1, 2, 3, 4, 5, 6].find(exact) ?? 7;
  return soakFormat("decimals", digits).format(tick / scale) + word;
}

// 5400 as 1h30m: elapsed time as a profile writes it.
function soakElapsed(seconds) {
  if (Math.abs(seconds) < 1 && seconds !== 0) return `${Number((seconds * 1e3).toPrecision(3))}ms`;
  let rest = Math.round(Math.abs(seconds));
  const parts = [[86400, "d"], [3600, "h"], [60, "m"], [1, "s"]].map(([size, word]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return count ? `${count}${word}` : "";
  });
  return (seconds < 0 ? "-" : "") + (parts.filter(Boolean).slice(0, 3).join("") || "0");
}

// When that was, in UTC: 22:05, or 22:05:12 where not `brief`, with its date where `before` was on another; empty where the start is not known.
function soakWall(seconds, before = null, brief = true) {
  const started = Date.parse(document.documentElement.dataset.started ?? "");
  if (!Number.isFinite(started)) return "";
  const [date, time] = new Date(started + seconds * 1e3).toISOString().split("T");
  const same = before !== null && new Date(started + before * 1e3).toISOString().startsWith(date);
  return (same ? "" : `${date} `) + time.slice(0, brief ? 5 : 8);
}

// A label of the time axis: elapsed time, below it the time of day, and below that its date where it is a new one.
function soakTimeLabel(tick, index, ticks) {
  const wall = soakWall(tick, index > 0 ? ticks[index - 1] : null, ticks.length < 2 || ticks[1] - ticks[0] >= 60);
  const lines = wall.split(" ").reverse(); // the time of day and, of a new day, its date: the first one with the year
  if (index > 0 && lines[1] && !lines[1].endsWith("-01-01")) lines[1] = lines[1].slice(5);
  return [soakElapsed(tick), ...lines].join("\n").trimEnd();
}

// A moment in full: 1h30m, 2026-11-28 22:05 UTC.
function soakMoment(seconds) {
  const wall = soakWall(seconds, null, false);
  return wall ? `${soakElapsed(seconds)}, ${wall} UTC` : soakElapsed(seconds);
}

// The library travels compressed. It is run once, before the first chart is drawn.
async function soakLoadLibrary() {
  const packed = Uint8Array.from(atob(document.getElementById("chart-library").textContent), (letter) => letter.charCodeAt(0));
  const script = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  (0, eval)(await new Response(script).text());
  Bokeh.set_log_level("error");
}
const soakLibrary = soakLoadLibrary();

// Bokeh's documents with the columns of numbers put back, each of which the page holds once.
function soakUnpack(text) {
  const { columns, ...content } = JSON.parse(text);
  const walk = (node) => {
    if (node === null || typeof node !== "object") return node;
    if (Array.isArray(node)) return node.map(walk);
    if ("column" in node) return { type: "bytes", data: columns[node.column] };
    return Object.fromEntries(Object.entries(node).map(([key, value]) => [key, walk(value)]));
  };
  return walk(content);
}

// A chart is drawn when it comes as near to what the window shows as this, in heights of the window: each costs a tenth of a second.
const NEAR = 1;

// The charts that the page shows, drawn or `waiting` to be: a live page gets them anew.
let soakShown = { models: [], views: [], waiting: new Map(), document: null };
let soakPrinting = false;
const soakDark = matchMedia("(prefers-color-scheme: dark)");

// Canvases know no style sheet: they are painted from its variables, and again when light or dark changes.
function soakPaint() {
  if (soakPrinting) return;
  document.documentElement.dataset.painted = soakDark.matches ? "dark" : "light";
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  for (const model of soakShown.models) {
    const name = model.tags?.find((tag) => String(tag).startsWith("paint:"))?.slice(6);
    if (name) for (const key of ["line_color", "fill_color", "hatch_color", "text_color"]) {
      if (key in model.attributes && model[key] !== null) model[key] = colour(name);
    }
    if ("major_label_text_color" in model.attributes) {
      model.setv({ major_label_text_color: colour("soft"), axis_line_color: colour("rule"), major_tick_line_color: colour("rule") });
    }
    if (model.type === "Grid" && model.dimension === 1) model.grid_line_color = colour("rule");
  }
}

// A chart with a forecast goes beyond the run's end: it shows all of that until a zoom, and then the same stretch as the others.
function soakLink(span, ahead, whole) {
  if (!span || !ahead) return;
  const all = { start: ahead.start, end: ahead.end };
  let linking = false;
  const follow = (from, to) => from.change.connect(() => {
    if (linking) return;
    linking = true;
    const { start, end } = from;
    if (to === ahead) to.setv(start === whole.start && end === whole.end ? all : { start, end });
    else to.setv(start < whole.end ? { start, end: Math.min(end, whole.end) } : whole);
    linking = false;
  });
  follow(span, ahead);
  follow(ahead, span);
}

// Prepare the charts of a part of the page; what is shown is then these. None is drawn yet.
async function soakPrepare(root, data) {
  await soakLibrary;
  const { docs, items } = soakUnpack(data);
  await Bokeh.embed.embed_items(docs, []); // reads the documents, and draws none of their roots
  const held = Bokeh.documents.at(-1);
  const models = [...held.all_models];
  const tagged = (tag) => models.filter((model) => model.tags?.includes(tag));
  const plots = new Map(Object.entries(items[0].roots).map(([id, place]) => [root.querySelector(`#${CSS.escape(place)}`), held.get_model_by_id(id)]));
  soakShown.sight?.disconnect();
  soakShown = { models, views: [], waiting: new Map(plots), document: held, span: tagged("time")[0] };
  soakShown.whole = { start: soakShown.span?.start, end: soakShown.span?.end };
  const onRequests = tagged("requests").map((range) => [range, { start: range.start, end: range.end }]);
  soakLink(soakShown.span, tagged("time-ahead")[0], soakShown.whole);
  soakPaint();
  soakExplore(root, plots);
  for (const button of root.querySelectorAll("[data-curve]")) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      for (const renderer of tagged(button.dataset.curve)) renderer.visible = shown;
    });
  }
  root.querySelector("#whole").addEventListener("click", () => {
    soakShown.span?.setv(soakShown.whole);
    for (const [range, whole] of onRequests) range.setv(whole);
  });
}

// A mouse that is dragged zooms; a finger or a pen scrolls the page. Each press tells which it is. Whether the browser has a pointer that
// hovers (any-hover) does not: it may deny that where there is a mouse, and a mouse may lie beside a screen that is touched.
function soakPointers(element, view) {
  const { events_el: pad, ui_event_bus: bus } = view.canvas_view;
  pad.style.touchAction = "auto";
  element.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse") event.stopPropagation();
  }, { capture: true });
  if (bus.ui_gestures) bus.ui_gestures._start_timeout = () => {}; // else a press that rests 0.3 s before it moves is no drag
}

// Draw one chart of those that are shown, unless it is drawn already.
async function soakDraw(shown, element) {
  const plot = shown.waiting.get(element);
  if (!plot) return;
  shown.waiting.delete(element);
  shown.sight?.unobserve(element);
  soakFit(plot, element);
  const view = await Bokeh.index.build_view(plot);
  if (shown !== soakShown) return view.remove(); // a live page shows newer ones by now
  view.build(element);
  soakPointers(element, view);
  shown.views.push(view);
}

// Draw the charts that are near, once the page has moved by `shift` pixels, and from then on each that comes near.
async function soakDrawNear(shift = 0) {
  const shown = soakShown;
  const near = ({ top, bottom }) => bottom + shift > -NEAR * innerHeight && top + shift < (1 + NEAR) * innerHeight;
  const first = [...shown.waiting.keys()].filter((element) => near(element.getBoundingClientRect()));
  for (const element of first) await soakDraw(shown, element);
  shown.sight = new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) if (isIntersecting) soakDraw(shown, target);
  }, { rootMargin: `${100 * NEAR}% 0px` });
  for (const element of shown.waiting.keys()) shown.sight.observe(element);
}

soakDark.addEventListener("change", soakPaint);
// Paper waits for no canvas to be drawn anew at its width: it gets pictures of all charts, which the style sheet fits to it.
// A browser prints once the promises of this are kept, as all of them are kept without waiting for anything.
async function soakPictures() {
  const shown = soakShown;
  for (const element of [...shown.waiting.keys()]) await soakDraw(shown, element);
  if (!soakPrinting) return;
  for (const view of shown.views) {
    if (getComputedStyle(view.el).visibility === "hidden") continue; // on the axis that is not shown
    const picture = new Image();
    picture.alt = "";
    picture.style.width = `${view.el.clientWidth}px`; // letters stay as large as they are on the screen
    picture.src = view.export("png").canvas.toDataURL();
    view.el.before(picture);
  }
}
addEventListener("beforeprint", () => {
  soakPrinting = true;
  for (const folded of document.querySelectorAll("details:not([open])")) { folded.open = true; folded.dataset.folded = ""; }
  soakPictures();
});
addEventListener("afterprint", () => {
  soakPrinting = false;
  for (const picture of document.querySelectorAll(".chart > img")) picture.remove();
  for (const folded of document.querySelectorAll("details[data-folded]")) { folded.open = false; delete folded.dataset.folded; }
  soakPaint();
});
soakPrepare(document, document.getElementById("chart-data").textContent).then(() => soakDrawNear()).then(() => {
  document.documentElement.dataset.charts = "ready";
});
