// Tables that sort by a click on a column's name: numbers by size (units and all), everything else by its text.
function soakSize(text) {
  const [, number, unit = ""] = text.replaceAll(",", "").match(/^([-+]?[\d.]+)\s*([^\s]*)/) ?? [];
  const scale = { "µs": 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, k: 1e3, M: 1e6 }[unit.replace("/s", "")] ?? 1;
  return number === undefined ? null : Number(number) * scale;
}

function soakSort(table, column, falling) {
  const headers = [...table.tHead.rows[0].cells];
  for (const other of headers) other.removeAttribute("aria-sort");
  headers[column].setAttribute("aria-sort", falling ? "descending" : "ascending");
  const key = (row) => row.cells[column].textContent.trim();
  const rows = [...table.tBodies[0].rows].sort((a, b) => {
    const [x, y] = [soakSize(key(a)), soakSize(key(b))];
    const order = x !== null && y !== null ? x - y : key(a).localeCompare(key(b));
    return falling ? -order : order;
  });
  table.tBodies[0].append(...rows);
}

function soakSortable(root) {
  for (const table of root.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((header, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener("click", () => soakSort(table, column, header.getAttribute("aria-sort") !== "descending"));
    });
  }
}

// Above a long table a field that leaves the rows which contain its text.
function soakFilterable(root) {
  for (const table of root.querySelectorAll("table.filtered")) {
    const label = document.createElement("label");
    const field = document.createElement("input");
    label.className = "filter screen";
    label.append("Show only", field);
    field.type = "search";
    field.addEventListener("input", () => {
      const text = field.value.trim().toLowerCase();
      for (const row of table.tBodies[0].rows) row.hidden = !row.cells[0].textContent.toLowerCase().includes(text);
    });
    table.parentElement.before(label);
  }
}
soakSortable(document);
soakFilterable(document);
