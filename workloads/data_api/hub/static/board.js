import { all } from "./api.js";
import { age, asOf, cell, keep, link, number, period, time } from "./page.js";

const body = document.querySelector("#board tbody");
const find = document.getElementById("find");
const order = { by: "symbol", down: false };
let rows = [];

function shown() {
  const wanted = find.value.trim().toLowerCase();
  const found = rows.filter((row) => `${row.symbol} ${row.market} ${row.source} ${row.product}`.toLowerCase().includes(wanted));
  return found.sort((a, b) => {
    const [x, y] = [a[order.by], b[order.by]];
    if (x === y) return 0;
    if (x === null) return 1;
    if (y === null) return -1;
    return (x < y ? -1 : 1) * (order.down ? -1 : 1);
  });
}

function draw() {
  const held = document.activeElement?.closest?.("#board tbody a")?.href;
  body.replaceChildren(...shown().map((row) => {
    const line = document.createElement("tr");
    const name = cell("", { header: true });
    name.append(link(row.symbol, "instrument", { symbol: row.symbol, source: row.source, resolution: row.resolution }));
    const unit = document.createElement("small");
    unit.textContent = ` ${row.currency}/${row.unit} · ${row.resolution} · ${row.source}`;
    name.append(unit);
    const moved = row.change === null ? "" : row.change > 0 ? "up" : row.change < 0 ? "down" : "";
    const sign = row.change > 0 ? "▲ +" : row.change < 0 ? "▼ " : "";
    const f = row.forecast;
    const forecast = cell(f ? number(f.prediction) : "–", { number: true });
    if (f) forecast.title = `${f.model_alias}, version ${f.model_version}, skill ${f.skill}, from ${time(f.made_from, row.market)}`;
    if (f?.skill === "none") forecast.append(" ", Object.assign(document.createElement("small"), { textContent: "(no skill)" }));
    const known = cell(age(row.published_at));
    known.title = time(row.published_at, row.market);
    line.append(
      name, cell(row.market), cell(row.provenance === "market" ? row.product : `${row.product} (${row.provenance})`),
      cell(period(row)), cell(number(row.price), { number: true, mark: row.price < 0 ? "negative" : "" }),
      cell(row.change === null ? "–" : `${sign}${number(row.change)}`, { number: true, mark: moved }),
      forecast, cell(f ? `${number(f.lower)} … ${number(f.upper)}` : "–", { number: true }), known,
    );
    return line;
  }));
  if (held) [...body.querySelectorAll("a")].find((a) => a.href === held)?.focus();
  document.getElementById("empty").hidden = rows.length > 0;
}

find.addEventListener("input", draw);
for (const button of document.querySelectorAll("#board button[data-sort]")) {
  button.addEventListener("click", () => {
    order.down = order.by === button.dataset.sort && !order.down;
    order.by = button.dataset.sort;
    for (const head of document.querySelectorAll("#board th")) head.removeAttribute("aria-sort");
    button.parentElement.setAttribute("aria-sort", order.down ? "descending" : "ascending");
    draw();
  });
}
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !["INPUT", "SELECT"].includes(document.activeElement.tagName)) {
    event.preventDefault();
    find.focus();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (document.activeElement.tagName === "SELECT") return;
    const links = [...body.querySelectorAll("a")];
    if (!links.length) return;
    event.preventDefault();
    const at = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    links[Math.min(Math.max(at, 0), links.length - 1)].focus();
  }
});

keep(async () => {
  rows = await all("/v1/latest", { limit: 500 });
  asOf(new Date().toISOString());
  draw();
});
