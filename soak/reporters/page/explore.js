// Charts by pointer and keyboard: the values of all curves at one moment, zoom and pan, the axis of requests.
const KEY_STEP = 1 / 50, KEY_PAN = 1 / 4, KEY_ZOOM = 1 / 2; // shares of the stretch that is shown
const LABEL_WIDTH = 66, LABELS_MOST = 8; // pixels that a label of the time axis needs; how many labels are asked for
const ROOM_SAMPLES = 50, ROOM_MOST = 24; // values of a curve whose lengths are looked at; letters that they have room for

// What a clock of requests had counted when it showed this.
function soakRequests(moment, shown, requests) {
  if (moment < shown[0] || moment > shown[shown.length - 1]) return "";
  let after = shown.findIndex((time) => time >= moment);
  if (after < 0) after = shown.length - 1;
  const before = Math.max(after - 1, 0);
  const gap = shown[after] - shown[before];
  const share = gap > 0 ? Math.min(Math.max((moment - shown[before]) / gap, 0), 1) : 0;
  const count = requests[before] + share * (requests[after] - requests[before]);
  return Math.round(count).toLocaleString("en-US");
}

function soakNearest(times, moment) {
  let [low, high] = [0, times.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] <= moment) low = middle; else high = middle;
  }
  return moment - times[low] <= times[high] - moment ? low : high;
}

// The curves of a chart: each one's tag, name and columns.
function soakCurves(plot) {
  return plot.renderers.filter((drawn) => drawn.glyph?.type === "Line" && drawn.data_source?.data.v && !drawn.glyph.line_dash?.includes?.(8))
    .map((drawn) => [drawn.tags?.find((tag) => String(tag).startsWith("curve:")), drawn]).filter(([tag]) => tag)
    .filter(([tag], index, all) => all.findIndex(([other]) => other === tag) === index);
}

function soakUnit(plot) {
  return plot.left?.[0]?.formatter?.args?.unit ?? plot.left?.[0]?.formatter?.args?.get?.("unit") ?? "";
}

// The legend keeps room for the longest value of each curve: else one that appears would push the charts from under the pointer.
function soakKeepRoom(root, plot) {
  for (const [tag, drawn] of soakCurves(plot)) {
    const place = root.querySelector(`[data-at="${tag}"]`);
    const { v } = drawn.data_source.data;
    const apart = Math.max(1, Math.floor(v.length / ROOM_SAMPLES));
    const longest = v.reduce((most, value, index) => index % apart ? most : Math.max(most, soakShow(value, soakUnit(plot)).length), 0);
    place?.style.setProperty("--room", `${Math.min(longest + 1, ROOM_MOST)}ch`);
  }
}

// At a moment, each curve's legend tells its value; outside of every chart none does.
function soakRead(root, plots, moment) {
  for (const plot of plots) {
    const known = Number.isFinite(moment);
    const unit = soakUnit(plot);
    for (const [tag, drawn] of soakCurves(plot)) {
      const place = root.querySelector(`[data-at="${tag}"]`);
      if (!place) continue;
      const { t, v } = drawn.data_source.data;
      const inside = known && t.length && moment >= t[0] && moment <= t[t.length - 1];
      place.textContent = inside ? soakShow(v[soakNearest(t, moment)], unit) : "";
    }
  }
}

function soakCrosshair(plot) {
  const overlay = plot.toolbar.tools.find((tool) => tool.type === "CrosshairTool")?.overlay;
  return overlay === "auto" ? undefined : overlay;
}

// Arrows move the crosshair, with shift the stretch that is shown; + and - zoom, Home shows all, Escape takes the crosshair away.
function soakKey(event, plot, whole) {
  const range = plot.x_range, crosshair = soakCrosshair(plot);
  const { start, end } = range;
  const size = end - start, at = crosshair?.location;
  const inside = Number.isFinite(at) && at >= start && at <= end;
  const middle = inside ? at : (start + end) / 2;
  const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const show = (from, to) => {
    const width = Math.min(to - from, whole.end - whole.start);
    const begin = Math.min(Math.max(from, whole.start), whole.end - width);
    range.setv({ start: begin, end: begin + width });
  };
  if (event.ctrlKey || event.altKey || event.metaKey) return false;
  if (way && event.shiftKey) show(start + way * KEY_PAN * size, end + way * KEY_PAN * size);
  else if (way && crosshair) crosshair.location = Math.min(Math.max((inside ? at : way > 0 ? start : end) + way * KEY_STEP * size, start), end);
  else if (event.key === "+" || event.key === "=") show(middle - (middle - start) * KEY_ZOOM, middle + (end - middle) * KEY_ZOOM);
  else if (event.key === "-" || event.key === "_") show(middle - (middle - start) / KEY_ZOOM, middle + (end - middle) / KEY_ZOOM);
  else if (event.key === "Home" || event.key === "0") range.setv({ start: whole.start, end: whole.end });
  else if (event.key === "Escape" && crosshair) crosshair.location = NaN;
  else return false;
  return true;
}

// What was read is said as well, to those who hear the page.
function soakSayMoment(status, legend, moment) {
  const values = [...legend?.querySelectorAll("li") ?? []].map((row) => [row.querySelector("button")?.textContent.trim(), row.querySelector(".at")?.textContent])
    .filter(([name, value]) => name && value).map(([name, value]) => `${name} ${value}`);
  status.textContent = Number.isFinite(moment) ? `${soakMoment(moment)}: ${values.join(", ") || "no value"}` : "";
}

// As many labels as find room, so that none lies on another: a ticker gives more or fewer than it is asked for, as its steps are round.
function soakFit(plot, element) {
  const { start, end } = plot.x_range, room = (element.clientWidth - 104) / (end - start);
  for (const { ticker } of plot.below) if (ticker && "desired_num_ticks" in ticker.attributes) {
    let few = LABELS_MOST;
    while (few > 1 && ticker.get_interval(start, end, few) * room < LABEL_WIDTH) few -= 1;
    for (const one of [ticker, ...ticker.tickers ?? []]) if (one.desired_num_ticks !== few) one.desired_num_ticks = few;
  }
}

function soakExplore(root, plots) {
  const groups = new Map(); // charts that share a crosshair
  for (const [element, plot] of plots) {
    const whole = { start: plot.x_range.start, end: plot.x_range.end };
    const status = document.createElement("p");
    status.className = "unseen";
    status.setAttribute("role", "status");
    element.after(status);
    element.addEventListener("keydown", (event) => {
      if (!soakKey(event, plot, whole)) return;
      event.preventDefault();
      soakSayMoment(status, element.closest("figure").querySelector(".legend"), soakCrosshair(plot)?.location);
    });
    soakKeepRoom(root, plot);
    new ResizeObserver(() => soakFit(plot, element)).observe(element);
    plot.x_range.change.connect(() => soakFit(plot, element));
    const crosshair = soakCrosshair(plot);
    if (crosshair) groups.set(crosshair, [...groups.get(crosshair) ?? [], plot]);
  }
  for (const [crosshair, together] of groups) {
    crosshair.properties.location.change.connect(() => soakRead(root, together, crosshair.location));
  }
  for (const button of root.querySelectorAll("[data-axis]")) {
    button.addEventListener("click", () => {
      const over = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(over));
      button.textContent = over ? "Show over time" : "Show over requests";
      root.querySelector(`#${CSS.escape(button.dataset.axis)}`).classList.toggle("aside", over);
      root.querySelector(`#${CSS.escape(button.dataset.axis)}-requests`).classList.toggle("aside", !over);
    });
  }
}
