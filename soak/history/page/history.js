"use strict";
// Under the pointer: the night's date and the metric's value; a click opens the night's report.
const tip = document.getElementById("tip");
for (const table of document.querySelectorAll("table[data-history]")) {
  const data = JSON.parse(document.getElementById("history-" + table.dataset.history).textContent);
  const last = data.nights.length - 1;
  table.querySelectorAll("svg").forEach((svg, row) => {
    const pointer = svg.querySelector(".pointer");
    const night = (event) => {
      const box = svg.getBoundingClientRect();
      return Math.max(0, Math.min(last, Math.round(((event.clientX - box.left) / box.width) * last)));
    };
    svg.addEventListener("pointermove", (event) => {
      const index = night(event);
      const x = last ? (index / last) * svg.viewBox.baseVal.width : 0;
      pointer.setAttribute("x1", x);
      pointer.setAttribute("x2", x);
      pointer.style.visibility = tip.style.visibility = "visible";
      tip.textContent = data.nights[index] + "  " + data.values[row][index];
      tip.style.left = Math.min(event.clientX + 12, window.innerWidth - tip.offsetWidth - 8) + "px";
      tip.style.top = event.clientY + 14 + "px";
    });
    svg.addEventListener("pointerleave", () => { pointer.style.visibility = tip.style.visibility = "hidden"; });
    svg.addEventListener("click", (event) => { window.location.href = data.reports[night(event)]; });
  });
}
