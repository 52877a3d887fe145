import { address, all, get, Problem, send } from "./api.js";
import { asOf, attempt, cell, number } from "./page.js";

const FILES = "/v1/downloads";
const PREDICTIONS = "predictions";
/** Bytes of a row of CSV, near enough to say how large a file gets. */
const ROW_BYTES = 180;
const form = document.getElementById("pick");
const save = document.getElementById("save");
const saving = document.getElementById("saving");
const estimate = document.getElementById("estimate");
let series = [];

function question() {
  const given = new FormData(form);
  const one = series[Number(given.get("series"))];
  return {
    one, what: given.get("what"), format: given.get("format") ?? "csv",
    parameters: {
      symbol: one.symbol, source: one.source, resolution: one.resolution,
      start: `${given.get("start")}T00:00:00Z`, end: `${given.get("end")}T00:00:00Z`,
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
    save.hidden = rows.length === 0;
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

// What was previewed is what is saved: after another choice it is to be seen first.
form.addEventListener("input", () => {
  save.hidden = true;
  saving.textContent = "";
  const whole = form.what.value !== PREDICTIONS;
  form.revisions.disabled = form.format.disabled = !whole;
});

save.addEventListener("click", () => attempt(async () => {
  const asked = question();
  save.disabled = true;
  try {
    if (asked.what === PREDICTIONS) await paged(asked);
    else await whole(asked);
  } finally {
    save.disabled = false;
  }
}));

function link(href, name) {
  Object.assign(document.createElement("a"), { href, download: name }).click();
}

/** The file goes from the API to the disk, whatever its size; a refusal is learned before, since it would be saved, too. */
async function whole({ what, format, parameters }) {
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

/** Rows that no file has, page by page: each is CSV with its own line of names. */
async function paged({ one, what, parameters }) {
  const parts = [];
  let rows = 0;
  let url = address(`/v1/${what}`, { ...parameters, format: "csv", limit: 5000 });
  while (url) {
    const answer = await fetch(url);
    if (!answer.ok) {
      const refused = await answer.json().catch(() => ({}));
      throw Object.assign(new Error(refused.detail ?? `Answer ${answer.status}.`), { remedy: refused.remedy ?? "Try again." });
    }
    const text = await answer.text();
    parts.push(parts.length ? text.slice(text.indexOf("\n") + 1) : text);
    rows += text.split("\n").length - 2;
    saving.textContent = `${number(rows, 0)} rows so far`;
    const following = /<([^>]+)>; rel="next"/.exec(answer.headers.get("Link") ?? "");
    url = following ? new URL(following[1], location.origin) : null;
  }
  const file = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
  link(file, `${one.symbol}-${what}-${form.start.value}-${form.end.value}.csv`);
  URL.revokeObjectURL(file);
  saving.textContent = `${number(rows, 0)} rows are saved.`;
}

attempt(async () => {
  series = await all("/v1/instruments", { limit: 5000 });
  form.series.replaceChildren(...series.map((one, place) =>
    Object.assign(document.createElement("option"), { value: place, textContent: `${one.symbol} · ${one.source} · ${one.resolution}` })));
  const dates = () => {
    const one = series[Number(form.series.value)];
    if (!one) return;
    // The day after the last one that has something.
    form.end.value = new Date(Date.parse(one.last_delivery) + 86400e3 - 1).toISOString().slice(0, 10);
    form.start.value = new Date(Date.parse(one.last_delivery) - 366 * 86400e3).toISOString().slice(0, 10);
  };
  form.series.addEventListener("change", dates);
  dates();
  document.getElementById("empty").hidden = series.length > 0;
  form.querySelector("button").disabled = series.length === 0;
  asOf(new Date().toISOString());
  document.body.dataset.ready = "true";
});
