import { all, get, Problem } from "./api.js";
import { draw, whole } from "./chart.js";
import { asOf, attempt, cell, keep, number, period, time } from "./page.js";

const asked = Object.fromEntries(new URLSearchParams(location.search));
const DAYS = { "2 days": 2, "week": 7, "month": 31, "quarter": 92, "year": 366, "3 years": 1096 };
const MOST = 40000;
const chosen = { range: null };
const revisions = document.getElementById("revisions");

const ranges = document.getElementById("ranges");
for (const name of Object.keys(DAYS)) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: name });
  button.addEventListener("click", () => { chosen.range = name; attempt(fill); });
  ranges.append(button);
}

function facts(series) {
  document.getElementById("name").textContent = series.symbol;
  document.title = `${series.symbol} · carbon hub`;
  const told = {
    Market: series.market, Product: series.product, Source: series.source, Resolution: series.resolution,
    Unit: `${series.currency}/${series.unit}`, Provenance: series.provenance,
    "Newest delivery": time(series.last_delivery, series.market), "Known since": time(series.last_published, series.market),
  };
  document.getElementById("facts").replaceChildren(...Object.entries(told).map(([name, value]) => {
    const group = document.createElement("div");
    group.append(Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value }));
    return group;
  }));
}

async function fill() {
  if (!asked.symbol) throw new Problem(0, "No instrument is chosen.", "Choose one on the page Markets.");
  const list = await get("/v1/instruments", { symbol: asked.symbol, source: asked.source });
  const series = list.items.find((one) => !asked.resolution || one.resolution === asked.resolution);
  if (!series) throw new Problem(404, `There is no ${asked.symbol} of this source.`, "Choose one on the page Markets.");
  facts(series);
  const short = !/^P\d+[DWMY]$/.test(series.resolution);
  chosen.range ??= short ? "week" : "year";
  for (const button of ranges.children) button.setAttribute("aria-pressed", button.textContent === chosen.range);
  const start = new Date(new Date(series.last_delivery) - DAYS[chosen.range] * 86400e3).toISOString();
  const question = { symbol: series.symbol, source: series.source, resolution: series.resolution, start, limit: 5000 };
  await read({ ...question, revisions: revisions.checked ? "all" : undefined }, series.last_published);
  asOf(list.as_of);
  show(series, held.prices, held.predictions);
}

/** What was read last: rows count against a tenant's month, so no row is read again that cannot have changed. */
let held = { of: "", prices: [], predictions: [] };

async function read({ revisions: every, ...question }, published) {
  const of = JSON.stringify([question, every, published]);
  if (held.of === of) {
    // No price is newer, so no outcome is: only a forecast may be, from the last one on.
    const start = held.predictions.at(-1)?.event_time ?? question.start;
    const newer = await all("/v1/predictions", { ...question, start }, undefined, MOST);
    const before = held.predictions.filter((one) => Date.parse(one.event_time) < Date.parse(start));
    held = { ...held, predictions: [...before, ...newer] };
    return;
  }
  const [prices, predictions] = await Promise.all([
    all("/v1/prices", { ...question, revisions: every }, undefined, MOST), all("/v1/predictions", question, undefined, MOST),
  ]);
  held = { of, prices, predictions };
}

/** The period that a prediction is of: its own, that of its outcome, else the one after what it was made from. */
function target(prediction, starts, step) {
  if (prediction.period_start) return Date.parse(prediction.period_start);
  if (prediction.outcome) return Date.parse(prediction.outcome.delivery_start);
  const from = Date.parse(prediction.event_time);
  return starts.find((start) => start > from) ?? from + step;
}

function show(series, prices, predictions) {
  const starts = prices.map((row) => Date.parse(row.delivery_start));
  const gaps = starts.slice(1).map((start, at) => start - starts[at]).filter((gap) => gap > 0).sort((a, b) => a - b);
  const step = gaps[Math.floor(gaps.length / 2)] ?? 86400e3;
  const at = new Map();
  const of = (start) => at.get(start) ?? at.set(start, { start, prices: [], prediction: null }).get(start);
  for (const [place, row] of prices.entries()) of(starts[place]).prices.push(row);
  const sorted = [...new Set(starts)];
  for (const prediction of predictions) {
    const one = of(target(prediction, sorted, step));
    if (!one.prediction || prediction.price_published_at >= one.prediction.price_published_at) one.prediction = prediction;
  }
  const rows = [...at.values()].sort((a, b) => a.start - b.start);
  document.getElementById("empty").hidden = rows.length > 0;
  const holds = (row) => (row.prices.at(-1)?.withdrawn ? undefined : row.prices.at(-1));
  const last = (row) => holds(row)?.price ?? null;
  // A price holds until its period ends: without it the last one would be a line of no length.
  const newest = holds(rows.findLast(holds) ?? { prices: [] });
  const drawn = newest && Date.parse(newest.delivery_end) > (rows.at(-1)?.start ?? 0)
    ? [...rows, { start: Date.parse(newest.delivery_end), prices: [newest], prediction: null }] : rows;
  draw(document.getElementById("chart"), [
    drawn.map((row) => row.start / 1000), drawn.map(last), drawn.map((row) => row.prediction?.prediction ?? null),
    drawn.map((row) => row.prediction?.lower ?? null), drawn.map((row) => row.prediction?.upper ?? null),
  ], { market: series.market, unit: `${series.currency}/${series.unit}` });
  table(series, rows.slice(-400).reverse());
}

/** The two inputs that took a forecast furthest from a usual day's. */
function moved(prediction) {
  const by = (one) => `${one.input} ${one.by < 0 ? "" : "+"}${number(one.by)}`;
  return (prediction?.moved_by ?? []).slice(0, 2).map(by).join(", ");
}

function table(series, rows) {
  document.querySelector("#rows tbody").replaceChildren(...rows.flatMap((row) => {
    const p = row.prediction;
    const known = row.prices.length ? row.prices : [null];
    return known.map((price, place) => {
      const line = document.createElement("tr");
      const newest = place === known.length - 1;
      const marks = [
        price?.withdrawn ? `withdrawn by the ${price.withdrawn}` : price?.correction ? "revised" : "", price && price.provenance !== "market" ? price.provenance : "",
        price && price.price < 0 ? "negative" : "", newest ? "" : "superseded",
      ].filter(Boolean).join(", ");
      const held = p?.outcome ? (p.outcome.covered ? "in the band" : "outside") : p ? "not known yet" : "";
      line.append(
        cell(price ? period(price) : time(row.start, series.market), { header: true }),
        cell(number(price?.price), { number: true, mark: price?.withdrawn ? "withdrawn" : price?.price < 0 ? "negative" : "" }),
        cell(newest && p ? number(p.prediction) : "–", { number: true }),
        cell(newest && p ? `${number(p.lower)} … ${number(p.upper)}` : "–", { number: true }),
        cell(newest ? moved(p) : ""),
        cell(newest ? held : "", { mark: held === "outside" ? "down" : "" }),
        cell(price ? time(price.published_at, series.market) : ""), cell(marks),
      );
      return line;
    });
  }));
}

document.getElementById("reset").addEventListener("click", whole);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") whole(); });
document.addEventListener("theme", () => attempt(fill));
revisions.addEventListener("change", () => attempt(fill));
let resized;
addEventListener("resize", () => { clearTimeout(resized); resized = setTimeout(() => attempt(fill), 200); });
keep(fill, 60);
