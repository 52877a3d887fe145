// Alerts on data: what was found, why, and what people say of it.
import { get, send } from "./api.js";
import { asOf, attempt, keep, link, number, time } from "./page.js";

const PAGE = 50;
const at = (id) => document.getElementById(id);
const list = at("alerts"), form = at("pick"), more = at("more");
const reviews = list.dataset.reviews === "yes";
const SAYS = { confirmed: "The alert is right", released: "The data are right" };
const STATES = { open: "nothing yet", confirmed: "the alert is right", released: "the data are right" };

let shown = null, following = null;

function question() {
  const { state, rule, source, series, since } = Object.fromEntries(new FormData(form));
  return { state, rule, source: source.trim(), series: series.trim(), since: since && `${since}T00:00:00Z`, limit: PAGE };
}

function element(kind, text, className = "") {
  return Object.assign(document.createElement(kind), { textContent: text, className });
}

function facts(one) {
  const made = element("dl", "", "facts");
  const told = {
    Evidence: one.evidence, Expected: one.expected, Value: one.value === null ? "" : number(one.value),
    Periods: `${number(one.rows, 0)}, ${time(one.period_start, one.market ?? "")} to ${time(one.period_end, one.market ?? "")}`,
    Found: time(one.detected_at, ""), "What to do": one.remedy,
    Said: [STATES[one.state], one.reason && `“${one.reason}”`, one.reviewed_by, one.reviewed_at && time(one.reviewed_at, "")].filter(Boolean).join(" · "),
  };
  for (const [name, value] of Object.entries(told).filter(([, text]) => text)) {
    const group = document.createElement("div");
    group.append(element("dt", name), element("dd", value));
    made.append(group);
  }
  return made;
}

/** What a person can say of it: one of two things, and why. */
function saying(one) {
  const made = element("form", "", "block");
  const label = element("label", "Why");
  const why = Object.assign(document.createElement("input"), { required: true, maxLength: 500, name: "reason" });
  why.setAttribute("aria-label", `Why, of ${name(one)}`);
  label.append(" ", why);
  const doing = element("p", "", "bar");
  for (const [state, text] of Object.entries(SAYS).filter(([state]) => state !== one.state)) {
    const button = Object.assign(element("button", text), { value: state });
    button.setAttribute("aria-label", `${text}: ${name(one)}`);
    doing.append(button);
  }
  made.append(label, doing);
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => say(one, event.submitter.value, why.value.trim()));
  });
  return made;
}

async function say(one, state, reason) {
  await send("PUT", `/v1/quality/alerts/${encodeURIComponent(one.id)}/review`, {}, { state, reason });
  at("said").textContent = `Recorded of ${name(one)}: ${STATES[state]}.`;
  await fill(true);
  document.getElementById("main").focus();
}

function name(one) {
  return `${one.rule} · ${one.series}`;
}

function card(one) {
  const made = element("article", "", one.severity === "critical" ? "card faulty" : "card");
  const title = element("h2", "");
  const price = one.of_topic === "commodity-prices";
  title.append(`${one.rule} · `, price ? link(one.series, "instrument", { symbol: one.series, source: one.source, resolution: one.resolution }) : one.series);
  made.append(title, element("p", `${one.severity} · ${one.source} · ${one.provenance}`, "hint"), facts(one));
  if (reviews) made.append(saying(one));
  return made;
}

/** Whether somebody is about to say something, who is not to lose it. */
function busy() {
  return list.contains(document.activeElement) || [...list.querySelectorAll("input")].some((one) => one.value);
}

/** The first page; `anew` though somebody writes. What is the same stays, and so does what more was asked for. */
async function fill(anew = false) {
  const page = await get("/v1/quality/alerts", question());
  asOf(page.as_of);
  if (!anew && shown !== null && (busy() || shown.length > PAGE || JSON.stringify(page.items) === JSON.stringify(shown))) return;
  show(page, []);
}

function show(page, before) {
  shown = [...before, ...page.items];
  following = page.next;
  list.replaceChildren(...shown.map(card));
  more.hidden = following === null;
  at("empty").hidden = shown.length > 0;
}

for (const [key, value] of new URLSearchParams(location.search)) if (form.elements[key]) form.elements[key].value = value;
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("change", () => attempt(() => fill(true)));
more.addEventListener("click", () => attempt(async () => show(await get("/v1/quality/alerts", { ...question(), cursor: following }), shown)));
at("zone").addEventListener("change", () => { if (shown !== null) show({ items: shown, next: following }, []); });
keep(() => fill(), 60);
