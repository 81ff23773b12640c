/* What a page gains where scripts run; without them all of it can be read. */

/* A table whose headings name what they sort by: a press sorts, another turns it round. */
function sortable(table) {
  const body = table.tBodies[0];
  const value = (row, column, kind) => {
    const cell = row.cells[column];
    const text = cell.dataset.value ?? cell.textContent;
    return kind === "number" ? Number(text) : text;
  };
  table.querySelectorAll("th[data-sort]").forEach((head) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      const { sort } = head.dataset;
      const order = [...body.rows].map((row) => [value(row, head.cellIndex, sort), row]);
      order.sort(([a], [b]) => {
        const less = sort === "number" ? a - b : a.localeCompare(b);
        return up ? less : -less;
      });
      body.append(...order.map(([, row]) => row));
      table.querySelectorAll("th[aria-sort]").forEach((h) => h.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
    });
  });
}

/* Rows that hold every word that is asked for. */
function filtered(table, input, output) {
  const rows = [...table.tBodies[0].rows].map((row) => [row, row.textContent.toLowerCase()]);
  const show = () => {
    const words = input.value.toLowerCase().replace("lesson ", "").split(/\s+/);
    let count = 0;
    rows.forEach(([row, text]) => {
      row.hidden = !words.every((word) => text.includes(word));
      count += !row.hidden;
    });
    output.textContent = `${count} of ${rows.length}`;
  };
  input.addEventListener("input", show);
  show();
}

const claims = document.getElementById("claims");
if (claims) {
  sortable(claims);
  document.querySelector(".tl-filter").hidden = false;
  filtered(claims, document.getElementById("tl-filter"), document.getElementById("tl-count"));
}

/* What scrolls by itself can be reached by the keyboard, and nothing else can. */
const WIDE = "article pre, article .output, article .cell_output, article table, article .math-display, .tl-drawing";
function reachable() {
  document.querySelectorAll(WIDE).forEach((box) => {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  });
}
reachable();
addEventListener("resize", reachable);
document.addEventListener("toggle", reachable, true); // what was folded has no width

/* Paper holds what is folded on the screen. */
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("article details:not([open])")];
  opened.forEach((fold) => { fold.open = true; });
});
addEventListener("afterprint", () => {
  opened.forEach((fold) => { fold.open = false; });
});

/* The page of the search, when nothing was asked. */
const found = document.getElementById("search-results");
if (found && !new URLSearchParams(location.search).get("q")) {
  const said = { h1: "Search", p: "Type words into the field above the list of pages, and press Enter." };
  found.append(...Object.entries(said).map(([tag, text]) => Object.assign(document.createElement(tag), { textContent: text })));
}
