// The scenario builder: quotes, scenarios and positions as they stand are one question to /v1/curves.
import { all, send } from "./api.js";
import { compare } from "./chart.js";
import { Grid } from "./grid.js";
import { asOf, insist, number, redrawn, tell } from "./page.js";
import { Saved } from "./saved.js";
import { amount, column, period, profile, quotes as pasted } from "./sheet.js";
import { Card } from "./steps.js";

const MOST = 4;
const at = (id) => document.getElementById(id);
const state = at("state");
let cards = [];
/** Parts of an opened question that no field shows, kept as they are. */
let kept = {};
let dirty = false;
let drawn = null;

const COLUMNS = [{ name: "period", title: "Period", kind: "period" }, { name: "profile", title: "Profile", kind: "profile" }];
const figure = (name, title) => ({ name, title, kind: "number" });
const quotes = new Grid(at("quotes"), "quote", [...COLUMNS, figure("price", "Price"), figure("bid", "Bid"), figure("ask", "Ask")], changed);
const positions = new Grid(at("positions"), "position", [...COLUMNS, figure("megawatts", "MW"), figure("price", "Price")], changed);
const GRIDS = { quotes, positions };

/** A row as the API takes it; what is no number is told where it stands. */
function product(grid, row, line, wrong) {
  const made = { period: period(row.period), profile: row.profile };
  if (!row.profile) wrong.push([line, "profile", "the profile is not known: choose one"]);
  for (const { name, kind } of grid.columns) {
    const value = kind === "number" ? amount(row[name]) : undefined;
    if (Number.isNaN(value)) wrong.push([line, name, `“${row[name]}” is no number, or could be two: give one such as 82.5, 1400 or 1.4000`]);
    else if (value !== undefined) made[name] = value;
  }
  return made;
}

/** The question, and which cards' scenarios it has; null where something cannot be read. */
function question() {
  const asked = { ...kept, market: at("market").value, resolution: at("resolution").value };
  for (const [name, grid] of Object.entries(GRIDS)) {
    const wrong = [];
    const lines = grid.filled;
    asked[name] = grid.rows.map((row, place) => product(grid, row, lines[place], wrong));
    grid.wrong(wrong);
    say(`${name}-problem`, wrong.map(([line, , text]) => `Row ${grid.lines.indexOf(line) + 1}: ${text}.`));
    if (wrong.length) return null;
  }
  const told = cards.filter((card) => card.value);
  asked.scenarios = told.map((card) => card.value);
  const odd = told.map((card, n) => [card, unsound(card.value, asked.scenarios.slice(0, n))]).filter(([, text]) => text);
  for (const card of cards) card.tell(new Map(odd).get(card) ?? "");
  if (odd.length) return null;
  asked.contradictions = at("least").checked ? "least-squares" : "refuse";
  const symbol = at("shape").value.trim();
  if (!symbol) delete asked.shape;
  else if (kept.shape?.symbol !== symbol) asked.shape = { symbol };
  return { asked, told };
}

/** What is wrong with a scenario that the API could not tell, or would tell of nothing on this page. */
function unsound(scenario, before) {
  if (before.some(({ name }) => name === scenario.name)) return "Another scenario has this name: give each its own.";
  // As JSON has it, a number that is none is null.
  return JSON.stringify(scenario).includes(":null") ? "A number cannot be read: give one, such as 2.5." : "";
}

function say(id, lines) {
  const place = at(id);
  place.replaceChildren(...lines.flatMap((line, n) => (n ? [document.createElement("br"), line] : [line])));
  place.hidden = !lines.length;
}

let waiting, running;
function changed() {
  dirty = true;
  at("example").hidden = quotes.rows.length > 0;
  clearTimeout(waiting);
  running?.abort();
  document.body.dataset.asked = "no";
  waiting = setTimeout(ask, 300);
}

async function ask() {
  clearTimeout(waiting);
  running?.abort();
  const mine = running = new AbortController();
  const made = question();
  if (!made) {
    forget();
    state.textContent = drawn ? "The curves are those of before: mend what is marked." : "Mend what is marked.";
  } else if (!made.asked.quotes.length) {
    forget();
    state.textContent = "Give a quote.";
  } else {
    try {
      // A question has to say all: no result is of another one.
      const answer = await send("POST", "/v1/curves", {}, made.asked, mine.signal);
      clear();
      show(answer, made);
    } catch (error) {
      if (error.name === "AbortError") return;
      clear();
      forget();
      place(error, made);
      const what = error.after ? `asked again in ${error.after} s` : error.status === 422 ? "mend what is marked" : "see above";
      state.textContent = `${drawn ? "The curves are those of before" : "There is no curve yet"}: ${what}.`;
      if (error.after) waiting = setTimeout(ask, error.after * 1000);
    }
  }
  if (mine === running) document.body.dataset.asked = "yes";
}

/** No result stands beside figures that it is not of. */
function forget() {
  quotes.tell([]);
  positions.tell([]);
  positions.table.tFoot.replaceChildren();
}

function clear() {
  at("problem").hidden = true;
  for (const name of ["quotes", "positions", "scenarios", "shape"]) say(`${name}-problem`, []);
  for (const grid of Object.values(GRIDS)) grid.wrong([]);
  for (const card of cards) card.tell("");
}

/** Say what is wrong where it was given. */
function place(error, { told }) {
  const lines = { quotes: [], positions: [], scenarios: [], shape: [] };
  const marked = { quotes: [], positions: [] };
  const remedies = new Set();
  for (const fault of error.errors ?? []) {
    const [part, number, ...rest] = fault.field.split(".");
    const text = `${fault.detail}${/[.:]$/.test(fault.detail) ? "" : ":"} ${fault.remedy}`;
    if (part in GRIDS && number !== undefined) {
      const line = GRIDS[part].filled[Number(number)];
      marked[part].push([line, rest[0]]);
      lines[part].push(`Row ${GRIDS[part].lines.indexOf(line) + 1}${rest.length ? `, ${rest[0]}` : ""}: ${text}.`);
    } else if (part === "quotes") {
      // Contradictions name each quote by its product.
      for (const [at, row] of quotes.rows.entries()) {
        const name = ` ${period(row.period)} ${row.profile} `;
        if ([`${name}at `, `${name}with `].some((one) => ` ${fault.detail}`.includes(one))) marked.quotes.push([quotes.filled[at], "period"]);
      }
      lines.quotes.push(`${fault.detail}.`);
      remedies.add(`${fault.remedy[0].toUpperCase()}${fault.remedy.slice(1)}.`);
    } else if (part === "scenarios" && number !== undefined) {
      told[Number(number)]?.tell(`${rest.filter((one) => !/^\d+$/.test(one)).join(" ")} ${text}.`.trim());
    } else if (part in lines) {
      lines[part].push(`${text}.`);
    } else {
      tell(error, true);
    }
  }
  if (!error.errors?.length) tell(error, true);
  lines.quotes.push(...remedies);
  for (const [part, all] of Object.entries(lines)) say(`${part}-problem`, all);
  for (const [part, found] of Object.entries(marked)) GRIDS[part].wrong(found);
}

function show(answer, { asked }) {
  const names = ["quotes", ...asked.scenarios.map(({ name }) => name)];
  const rows = new Map();
  for (const row of answer.items) (rows.get(row.curve) ?? rows.set(row.curve, []).get(row.curve)).push(row);
  const base = rows.get("quotes");
  // A price holds until its period ends: without that the last one would be a line of no length.
  const times = [...base.map((row) => Date.parse(row.delivery_start) / 1000), Date.parse(base.at(-1).delivery_end) / 1000];
  const columns = names.map((name) => [...rows.get(name).map((row) => row.price), rows.get(name).at(-1).price]);
  drawn = [[times, ...columns], names, { zone: answer.time_zone, unit: "price a MWh" }];
  compare(at("chart"), ...drawn);

  const means = columns.map((prices) => mean(times, prices));
  state.textContent = `Mean of all hours: ${names.map((name, n) =>
    `${name} ${number(means[n])}${n ? ` (${signed(means[n] - means[0])})` : ""}`).join(" · ")}. Times: ${answer.time_zone}.`;

  const off = answer.quotes.some((one) => one.off > 5e-4);
  quotes.head(off ? ["Curve", "Off"] : ["Curve"]);
  quotes.tell(answer.quotes.map((one) => [number(one.mean), ...(off ? [{ text: number(one.off, 3), mark: one.off > 5e-4 ? "down" : "" }] : [])]));
  gains(answer, names, asked.positions.length);
}

function mean(times, prices) {
  let sum = 0;
  for (let n = 0; n + 1 < times.length; n += 1) sum += prices[n] * (times[n + 1] - times[n]);
  return sum / (times.at(-1) - times[0]);
}

function signed(value, digits = 2) {
  return `${value > 0 ? "+" : ""}${number(value, digits)}`;
}

function gains(answer, names, count) {
  const foot = positions.table.tFoot;
  foot.replaceChildren();
  positions.head(count ? names : []);
  // A curve after the other, each with all positions in their order.
  const of = (curve, row) => answer.positions[curve * count + row].profit;
  const mark = (value) => ({ text: signed(value, 0), mark: value < 0 ? "down" : "" });
  positions.tell(Array.from({ length: count }, (_, row) => names.map((_, curve) => mark(of(curve, row)))));
  if (!count) return;
  const line = document.createElement("tr");
  line.append(Object.assign(document.createElement("th"), { scope: "row", textContent: "All", colSpan: positions.columns.length }));
  for (const curve of names.keys()) {
    const { text, mark: how } = mark(Array.from({ length: count }, (_, row) => of(curve, row)).reduce((sum, one) => sum + one, 0));
    line.append(Object.assign(document.createElement("td"), { textContent: text, className: `number ${how}` }));
  }
  line.append(document.createElement("td"));
  foot.append(line);
}

function deal(scenarios) {
  cards = scenarios.map((one) => new Card(one, changed, remove));
  dealt();
}

function remove(card) {
  cards = cards.filter((one) => one !== card);
  dealt();
  at("add-scenario").focus();
  changed();
}

function dealt() {
  at("scenarios").replaceChildren(...cards.map((card) => card.element));
  at("add-scenario").disabled = cards.length >= MOST;
  at("few").textContent = cards.length >= MOST ? `${MOST} side by side are as many as can be told apart.` : "";
}

at("add-scenario").addEventListener("click", () => {
  const taken = new Set(cards.map((card) => card.name.value));
  const name = Array.from({ length: MOST + 1 }, (_, n) => `scenario ${n + 1}`).find((one) => !taken.has(one));
  cards = [...cards, new Card({ name, steps: [] }, changed, remove)];
  dealt();
  cards.at(-1).name.focus();
  changed();
});

for (const [id, grid] of [["add-quote", quotes], ["add-position", positions]]) {
  at(id).addEventListener("click", () => grid.add().querySelector("input").focus());
}

/** Put a question into the fields. */
function open(asked) {
  const { quotes: given, positions: held = [], scenarios = [], market = "power", resolution = "PT1H", contradictions, ...more } = asked;
  kept = more;
  quotes.head();
  positions.head();
  positions.table.tFoot.replaceChildren();
  quotes.rows = given;
  positions.rows = held;
  if (![...at("market").options].some((one) => one.value === market)) at("market").append(new Option(market, market));
  at("market").value = market;
  at("resolution").value = resolution;
  at("least").checked = contradictions === "least-squares";
  at("shape").value = more.shape?.symbol ?? "";
  deal(scenarios);
  changed();
}

at("example").addEventListener("click", () => {
  const year = new Date().getFullYear() + 1;
  open({
    resolution: "P1D",
    quotes: [
      { period: `${year}-01`, price: 82 }, { period: `${year}-02`, bid: 77.5, ask: 78.5 }, { period: `${year}-Q1`, price: 74 },
      { period: `${year}-Q1`, profile: "peak", price: 89 }, { period: `${year}-W05`, price: 83 }, { period: `${year}`, price: 65 },
    ],
    scenarios: [
      { name: "colder", steps: [{ kind: "shift", amount: 6 }] },
      { name: "plant away", steps: [{ kind: "outage", megawatts: 1400, per_gigawatt: 2.5, of: { period: `${year}-W05` } }] },
    ],
    positions: [{ period: `${year}-02`, megawatts: 10, price: 76 }],
  });
});

quotes.table.addEventListener("paste", (event) => {
  const text = event.clipboardData.getData("text/plain");
  const line = event.target.closest("tbody tr");
  if (!line || !/[\t\n;]/.test(text.trim())) return;
  event.preventDefault();
  const first = quotes.lines.indexOf(line);
  const cells = column(text);
  const { name } = event.target;
  const read = { period, profile: (cell) => profile(cell) ?? "" }[name] ?? ((cell) => cell);
  // Periods alone go down their own column, too; a period and what it costs are a row.
  if (cells && name && (name !== "period" || cells.every((cell) => !/\s/.test(period(cell))))) {
    for (const [n, cell] of cells.entries()) {
      (quotes.lines[first + n] ?? quotes.add()).querySelector(`[name=${name}]`).value = read(cell);
    }
    changed();
    return;
  }
  for (const [n, row] of pasted(text).entries()) {
    const into = quotes.lines[first + n] ?? quotes.add();
    for (const { name } of quotes.columns) into.querySelector(`[name=${name}]`).value = row[name];
  }
  changed();
});
at("take").addEventListener("click", () => {
  const rows = pasted(at("pasted").value);
  if (!rows.length) return at("pasted").focus();
  quotes.rows = rows;
  quotes.lines[0].querySelector("input").focus();
  changed();
});

// The zone of an opened question is that of its market.
at("market").addEventListener("change", () => { delete kept.tz; });
for (const id of ["market", "resolution", "least", "shape"]) at(id).addEventListener("change", changed);
redrawn(() => drawn && compare(at("chart"), ...drawn));
addEventListener("beforeunload", (event) => { if (dirty) event.preventDefault(); });

const saved = new Saved({
  asked: () => question()?.asked,
  empty: () => cards.filter((card) => !card.value).map((card) => card.name.value.trim()),
  open: (asked) => { open(asked); dirty = false; },
  lost: () => dirty && quotes.rows.length > 0,
  kept: () => { dirty = false; },
});

open({ quotes: [], resolution: "P1D" });
dirty = false;
await insist(async () => {
  const instruments = await all("/v1/instruments", { limit: 5000 });
  const hourly = new Set(instruments.filter((one) => one.resolution === "PT1H").map((one) => one.symbol));
  at("hourly").replaceChildren(...[...hourly].map((symbol) => new Option("", symbol)));
  await saved.list();
  const name = new URLSearchParams(location.search).get("saved");
  if (name) await saved.ask(name);
  asOf(new Date().toISOString());
});
document.body.dataset.ready = "true";
