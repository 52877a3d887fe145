import { address, all, get, Problem, send } from "./api.js";
import * as jobs from "./jobs.js";
import { asOf, attempt, cell, dateIn, dayZone, insist, midnight, number, zoneOf } from "./page.js";

const FILES = "/v1/downloads";
/** Bytes of a row of CSV, near enough to say how large a file gets. */
const ROW_BYTES = 180;
const form = document.getElementById("pick");
const save = document.getElementById("save");
/** Absent where this platform makes no files. */
const job = document.getElementById("job");
const saving = document.getElementById("saving");
const estimate = document.getElementById("estimate");
let series = [];

/** The zone whose days are asked for: that of a daily series' own days, else that in which times are shown. */
function zoneOfDays(one) {
  return /^P\d/.test(one.resolution) ? dayZone(new Date(one.first_delivery), one.market) : zoneOf(one.market);
}

function question() {
  const given = new FormData(form);
  const one = series[Number(given.get("series"))];
  return {
    one, what: given.get("what"), format: given.get("format"),
    parameters: {
      symbol: one.symbol, source: one.source, resolution: one.resolution,
      start: midnight(given.get("start"), zoneOfDays(one)), end: midnight(given.get("end"), zoneOfDays(one)),
      as_of: given.get("as_of") ? `${given.get("as_of")}:00Z` : undefined,
      revisions: given.get("revisions") ?? undefined,
    },
  };
}

/** Columns of a row: parts of a part are columns of their own, as in the API's CSV. */
function flat(row, prefix = "") {
  return Object.entries(row).flatMap(([name, value]) =>
    value !== null && typeof value === "object" ? flat(value, `${prefix}${name}_`) : [[prefix + name, value]]);
}

/** Periods of a series from start to end, where each has a price: hours of a resolution such as PT15M, P1D, P1M. */
function periods({ one, parameters }) {
  const [, count, kind] = /^PT?(\d+)([SMHDWY])$/.exec(one.resolution) ?? [];
  const seconds = { S: 1, M: one.resolution.includes("T") ? 60 : 30 * 86400, H: 3600, D: 86400, W: 7 * 86400, Y: 365 * 86400 }[kind];
  const from = Math.max(Date.parse(parameters.start), Date.parse(one.first_delivery));
  const to = Math.min(Date.parse(parameters.end), Date.parse(one.last_delivery));
  return Number(count) ? Math.max(0, Math.ceil((to - from) / 1000 / (seconds * Number(count)))) : null;
}

function size(rows) {
  const mebibytes = rows * ROW_BYTES / 1048576;
  return mebibytes < 1 ? "less than 1 MiB" : `some ${number(mebibytes, 0)} MiB`;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const asked = question();
    const page = await get(`/v1/${asked.what}`, { ...asked.parameters, limit: 10 });
    const rows = page.items.map((row) => new Map(flat(row)));
    const names = [...new Set(rows.flatMap((row) => [...row.keys()]))];
    const head = document.createElement("tr");
    head.append(...names.map((name) => Object.assign(document.createElement("th"), { textContent: name, scope: "col" })));
    document.querySelector("#preview thead").replaceChildren(head);
    document.querySelector("#preview tbody").replaceChildren(...rows.map((row) => {
      const line = document.createElement("tr");
      line.append(...names.map((name) => cell(String(row.get(name) ?? ""), { number: typeof row.get(name) === "number" })));
      return line;
    }));
    estimate.textContent = page.next ? told(asked, rows.length) : `${rows.length} rows.`;
    document.getElementById("empty").hidden = rows.length > 0;
    offer(rows.length > 0);
    saving.textContent = "";
    asOf(page.as_of);
  });
});

function told(asked, first) {
  const most = periods(asked);
  const below = `the first ${first} are below.`;
  if (most === null) return `More than ${first} rows; ${below}`;
  const each = asked.parameters.revisions === "all" ? ", and more for revisions" : "";
  return `Up to some ${number(most, 0)} rows${each}, ${size(most)} as CSV; ${below}`;
}

function offer(some) {
  save.hidden = !some;
  if (job) job.hidden = !some;
}

// What was previewed is what is saved: after another choice it is to be seen first.
function chosen() {
  offer(false);
  saving.textContent = "";
  // Forecasts have none; a field that is off is not asked for.
  form.revisions.disabled = form.what.value === "predictions";
  const one = series[Number(form.series.value)];
  document.getElementById("days").textContent = one ? `days of ${zoneOfDays(one)}` : "";
}
form.addEventListener("input", chosen);
document.getElementById("zone").addEventListener("change", chosen);

save.addEventListener("click", () => attempt(async () => {
  const asked = question();
  save.disabled = true;
  try {
    await file(asked);
  } finally {
    save.disabled = false;
  }
}));

job?.addEventListener("click", () => attempt(async () => {
  const { what, format, parameters } = question();
  job.disabled = true;
  try {
    await jobs.ask({ dataset: what, format, ...parameters });
    saving.textContent = "It is made while you do something else: see below.";
  } finally {
    job.disabled = false;
  }
}));

function link(href, name) {
  Object.assign(document.createElement("a"), { href, download: name }).click();
}

/** The file goes from the API to the disk, whatever its size; a refusal is learned before, since it would be saved, too. */
async function file({ what, format, parameters }) {
  const question = { dataset: what, format, ...parameters };
  try {
    await send("HEAD", FILES, question);
  } catch (error) {
    if (error.status !== 503) throw error;
    throw new Problem(503, "No file can be made just now: another of your tenant is under way, or the database is away.", "Try again in a moment.");
  }
  link(address(FILES, question).href, "");
  saving.textContent = "The browser saves it, and shows how far it is.";
}

jobs.begin();
insist(async () => {
  series = await all("/v1/instruments", { limit: 5000 });
  form.series.replaceChildren(...series.map((one, place) =>
    Object.assign(document.createElement("option"), { value: place, textContent: `${one.symbol} · ${one.source} · ${one.resolution}` })));
  const dates = () => {
    const one = series[Number(form.series.value)];
    if (!one) return;
    const zone = zoneOfDays(one);
    const last = Date.parse(dateIn(zone, Date.parse(one.last_delivery) - 1));
    // To the day after the last one that has something.
    form.end.value = dateIn("UTC", last + 86400e3);
    form.start.value = dateIn("UTC", last - 365 * 86400e3);
    chosen();
  };
  form.series.addEventListener("change", dates);
  dates();
  document.getElementById("empty").hidden = series.length > 0;
  form.querySelector("button").disabled = series.length === 0;
  asOf(new Date().toISOString());
  document.body.dataset.ready = "true";
});
