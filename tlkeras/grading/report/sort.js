"use strict";
// Sorts a table by the column whose heading is pressed: a button, so keys work too.
const announcement = document.getElementById("announcement");
const words = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function value(row, column) {
  const cell = row.cells[column];
  return cell.dataset.v ?? cell.textContent.trim();
}

function compare(a, b) {
  const difference = Number(a) - Number(b);
  return Number.isNaN(difference) ? words.compare(a, b) : difference;
}

function sort(table, head) {
  const other = { ascending: "descending", descending: "ascending" };
  const before = head.getAttribute("aria-sort");
  const direction = before ? other[before] : head.dataset.first;
  const sign = direction === "ascending" ? 1 : -1;
  const body = table.tBodies[0];
  const keyed = Array.from(body.rows, (row) => [value(row, head.cellIndex), row]);
  keyed.sort((a, b) => sign * compare(a[0], b[0]));
  body.append(...keyed.map(([, row]) => row));
  for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", direction);
  const [start, end] = announcement.dataset[direction].split("…");
  announcement.textContent = start + head.textContent.trim() + end;
}

for (const table of document.querySelectorAll("table.sortable")) {
  table.tHead.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button) sort(table, button.closest("th"));
  });
}
