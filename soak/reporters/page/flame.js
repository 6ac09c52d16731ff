// The flame graph of growth: a click or Enter on a call fills the width with it, arrows walk the calls, a search dims the others.
function soakFlame(figure) {
  const list = figure.querySelector("ol.flame");
  const boxes = [...list.children].map((element) => ({
    element, left: Number(element.dataset.left), width: Number(element.dataset.width), depth: Number(element.dataset.depth),
  }));
  const SLACK = 1e-6;
  const holds = (outer, inner) => outer.depth < inner.depth && outer.left <= inner.left + SLACK && outer.left + outer.width >= inner.left + inner.width - SLACK;
  const parent = (box) => boxes.find((other) => other.depth === box.depth - 1 && holds(other, box));
  const calls = (box) => boxes.filter((other) => other.depth === box.depth + 1 && holds(box, other));
  const beside = (box, way) => boxes.filter((other) => other.depth === box.depth && Math.sign(other.left - box.left) === way)
    .sort((a, b) => way * (a.left - b.left))[0];
  const shown = (box) => box && !box.element.hidden ? box : undefined;

  function zoom(whole) {
    for (const box of boxes) {
      const around = box === whole || holds(box, whole);
      box.element.hidden = !around && !holds(whole, box);
      box.element.classList.toggle("around", box !== whole && around);
      box.element.style.left = around ? "0%" : `${100 * (box.left - whole.left) / whole.width}%`;
      box.element.style.width = around ? "100%" : `${100 * box.width / whole.width}%`;
    }
    back.hidden = whole === boxes[0];
  }

  function focus(box) {
    for (const other of boxes) other.element.tabIndex = other === box ? 0 : -1;
    box.element.focus();
  }

  list.setAttribute("role", "tree");
  list.setAttribute("aria-label", "Calls, by how much grows beneath them");
  const back = document.createElement("button");
  back.type = "button";
  back.className = "axis screen";
  back.textContent = "Show all calls";
  back.hidden = true;
  back.addEventListener("click", () => zoom(boxes[0]));
  for (const box of boxes) {
    const { element } = box;
    element.setAttribute("role", "treeitem");
    element.setAttribute("aria-level", String(box.depth + 1));
    element.setAttribute("aria-label", element.title);
    element.tabIndex = box === boxes[0] ? 0 : -1;
    element.addEventListener("click", () => { zoom(box); focus(box); });
    element.addEventListener("keydown", (event) => {
      const to = { ArrowUp: () => parent(box), ArrowDown: () => calls(box)[0], ArrowLeft: () => beside(box, -1), ArrowRight: () => beside(box, 1) }[event.key];
      if (event.ctrlKey || event.altKey || event.metaKey) return;
      if (to) { const other = shown(to()); if (other) focus(other); }
      else if (event.key === "Enter" || event.key === " ") zoom(box);
      else if (event.key === "Escape" || event.key === "Home") { zoom(boxes[0]); focus(boxes[0]); }
      else return;
      event.preventDefault();
    });
  }

  const label = document.createElement("label");
  const field = document.createElement("input");
  const count = document.createElement("output");
  label.className = "filter screen";
  field.type = "search";
  label.append("Find a call", field, " ", count);
  field.addEventListener("input", () => {
    const text = field.value.trim().toLowerCase();
    const matches = boxes.filter((box) => text && box.element.title.toLowerCase().includes(text));
    for (const box of boxes) box.element.classList.toggle("dim", Boolean(text) && !matches.includes(box));
    const outermost = matches.filter((box) => !matches.some((other) => holds(other, box)));
    const share = outermost.reduce((sum, box) => sum + box.width, 0);
    const calls = matches.length === 1 ? "1 call" : `${matches.length} calls`;
    count.textContent = text ? `${calls}, ${(100 * share).toPrecision(2)}% of what changed` : "";
  });
  list.parentElement.before(label, back);
}

function soakFlames(root) {
  for (const figure of root.querySelectorAll("figure.growth")) soakFlame(figure);
}
soakFlames(document);
