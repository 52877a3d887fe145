import { all, get } from "./api.js";
import { asOf, attempt, cell, number } from "./page.js";

const form = document.getElementById("pick");
const save = document.getElementById("save");
const progress = document.getElementById("progress");
let series = [];

function question() {
  const given = new FormData(form);
  const one = series[Number(given.get("series"))];
  return [`/v1/${given.get("what")}`, {
    symbol: one.symbol, source: one.source, resolution: one.resolution,
    start: `${given.get("start")}T00:00:00Z`, end: `${given.get("end")}T00:00:00Z`,
    as_of: given.get("as_of") ? `${given.get("as_of")}:00Z` : undefined,
  }, one];
}

/** Columns of a row: parts of a part are columns of their own, as in the API's CSV. */
function flat(row, prefix = "") {
  return Object.entries(row).flatMap(([name, value]) =>
    value !== null && typeof value === "object" ? flat(value, `${prefix}${name}_`) : [[prefix + name, value]]);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  attempt(async () => {
    const [path, parameters, one] = question();
    const page = await get(path, { ...parameters, limit: 10 });
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
    const days = (Date.parse(parameters.end) - Date.parse(parameters.start)) / 86400e3;
    const perDay = { PT15M: 96, PT30M: 48, PT1H: 24 }[one.resolution] ?? 1;
    document.getElementById("estimate").textContent = page.next
      ? `Up to some ${number(days * perDay, 0)} rows; the first ${rows.length} are below.`
      : `${rows.length} rows.`;
    document.getElementById("empty").hidden = rows.length > 0;
    save.hidden = rows.length === 0;
    asOf(page.as_of);
  });
});

save.addEventListener("click", () => attempt(async () => {
  const [path, parameters, one] = question();
  save.disabled = progress.hidden = false;
  save.disabled = true;
  try {
    // Page by page, as the API gives them: each is CSV with its own line of names.
    const parts = [];
    let url = new URL(path, location.origin);
    for (const [name, value] of Object.entries({ ...parameters, format: "csv", limit: 5000 })) {
      if (value !== undefined) url.searchParams.set(name, value);
    }
    while (url) {
      const answer = await fetch(url);
      if (!answer.ok) {
        const told = await answer.json().catch(() => ({}));
        throw Object.assign(new Error(told.detail ?? `Answer ${answer.status}.`), { remedy: told.remedy ?? "Try again." });
      }
      const text = await answer.text();
      parts.push(parts.length ? text.slice(text.indexOf("\n") + 1) : text);
      const following = /<([^>]+)>; rel="next"/.exec(answer.headers.get("Link") ?? "");
      url = following ? new URL(following[1], location.origin) : null;
    }
    const file = document.createElement("a");
    file.href = URL.createObjectURL(new Blob(parts, { type: "text/csv" }));
    file.download = `${one.symbol}-${form.what.value}-${form.start.value}-${form.end.value}.csv`;
    file.click();
    URL.revokeObjectURL(file.href);
  } finally {
    save.disabled = false;
    progress.hidden = true;
  }
}));

attempt(async () => {
  series = await all("/v1/instruments", { limit: 5000 });
  form.series.replaceChildren(...series.map((one, place) =>
    Object.assign(document.createElement("option"), { value: place, textContent: `${one.symbol} · ${one.source} · ${one.resolution}` })));
  const dates = () => {
    const one = series[Number(form.series.value)];
    if (!one) return;
    form.end.value = one.last_delivery.slice(0, 10);
    form.start.value = new Date(Date.parse(one.last_delivery) - 366 * 86400e3).toISOString().slice(0, 10);
  };
  form.series.addEventListener("change", dates);
  dates();
  document.getElementById("empty").hidden = series.length > 0;
  asOf(new Date().toISOString());
  document.body.dataset.ready = "true";
});
