// What every page has: the time zone, the theme, problems, and being kept up to date.

const zones = JSON.parse(document.body.dataset.zones);
const zoneChoice = document.getElementById("zone");

/** The IANA zone in which times of a market are shown; `own` is one that was asked for in place of the market's. */
export function zoneOf(market, own = undefined) {
  return zoneChoice.value === "UTC" ? "UTC" : (own ?? zones[market] ?? "UTC");
}

const formats = new Map();
function format(zone, withTime) {
  const key = `${zone} ${withTime}`;
  if (!formats.has(key)) {
    const time = withTime ? { hour: "2-digit", minute: "2-digit", timeZoneName: "short" } : {};
    formats.set(key, new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, weekday: "short", year: "numeric", month: "short", day: "2-digit", hourCycle: "h23", ...time,
    }));
  }
  return formats.get(key);
}

/** An instant as people of the market say it, with the name of its clock: the second 02:00 of October is told apart. */
export function time(instant, market) {
  return format(zoneOf(market), true).format(new Date(instant));
}

/** The zone whose day begins at an instant: the market's, or UTC, where days of a source are UTC's. */
export function dayZone(start, market) {
  const zone = zones[market] ?? "UTC";
  const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  return clock.format(start) === "00:00" ? zone : "UTC";
}

/** A delivery period: a day by its date, all else from and to. */
export function period(row) {
  const start = new Date(row.delivery_start), end = new Date(row.delivery_end ?? row.delivery_start);
  if (end - start >= 23 * 3600e3) return format(dayZone(start, row.market), false).format(start);
  const until = new Intl.DateTimeFormat("en-GB", {
    timeZone: zoneOf(row.market), hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  }).format(end);
  return `${time(start, row.market)} – ${until}`;
}

/** The date of an instant in a zone, as 2025-03-01. */
export function dateIn(zone, instant) {
  return new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short" }).format(new Date(instant));
}

/** The instant at which a date begins in a zone, in ISO form. */
export function midnight(date, zone) {
  const wanted = Date.parse(`${date}T00:00:00Z`);
  const clock = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "medium" });
  let at = wanted;
  // Twice, as the first guess may be on the other side of a change of the clock.
  for (let n = 0; n < 2; n += 1) at += wanted - Date.parse(`${clock.format(at).replace(" ", "T")}Z`);
  return new Date(at).toISOString();
}

export function number(value, digits = 2) {
  if (value === null || value === undefined) return "–";
  return value.toLocaleString("en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace("-", "−");
}

export function age(instant) {
  const minutes = Math.max(0, (Date.now() - new Date(instant)) / 60e3);
  if (minutes < 90) return `${Math.round(minutes)} min`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h`;
  return `${Math.round(minutes / 1440).toLocaleString("en-GB")} days`;
}

/** A cell; text is never taken for markup. */
export function cell(text, { number: isNumber = false, header = false, mark = "" } = {}) {
  const made = document.createElement(header ? "th" : "td");
  if (header) made.scope = "row";
  made.textContent = text;
  made.className = [isNumber ? "number" : "", mark].filter(Boolean).join(" ");
  return made;
}

export function link(text, page, parameters) {
  const made = document.createElement("a");
  made.textContent = text;
  made.href = `/hub/${page}?${new URLSearchParams(parameters)}`;
  return made;
}

export function asOf(instant) {
  document.getElementById("as-of").textContent = `as of ${time(instant, "")}`;
}

const problem = document.getElementById("problem");

/** Run what fills the page, and say what is wrong where it fails; what was shown stays. */
export async function attempt(work, again = false) {
  try {
    await work();
    problem.hidden = true;
    return true;
  } catch (error) {
    tell(error, again);
    return false;
  }
}

/** As `attempt`, and again for as long as what is wrong passes by itself. */
export async function insist(work) {
  for (;;) {
    try {
      await work();
      problem.hidden = true;
      return;
    } catch (error) {
      tell(error, true);
      if (!error.after) return;
      await new Promise((done) => setTimeout(done, error.after * 1000));
    }
  }
}

/** Say at the head of the page what is wrong; `again`: where the page asks again by itself, if it may pass. */
export function tell(error, again = false) {
  const what = document.createElement("b");
  what.textContent = error.message;
  problem.replaceChildren(what, ` ${error.remedy ?? "Load the page again; if it stays, tell those who run the platform."}`, again && error.after ? " The page tries again by itself." : "");
  problem.hidden = false;
  if (error.remedy === undefined) console.error(error);
}

/** Fill the page now, again every `seconds` while it is looked at, and when the zone changes. */
export function keep(work, seconds = 15) {
  let running = false;
  const run = async () => {
    if (running) return;
    running = true;
    await attempt(work, true);
    document.body.dataset.ready = "true";
    running = false;
  };
  run();
  setInterval(() => { if (!document.hidden) run(); }, seconds * 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) run(); });
  zoneChoice.addEventListener("change", run);
}

/** Run when the zone, the theme or the width is another one, which what is drawn depends on. */
export function redrawn(work) {
  let waiting;
  zoneChoice.addEventListener("change", work);
  document.addEventListener("theme", work);
  addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(work, 200); });
}

zoneChoice.value = localStorage.getItem("zone") ?? "market";
zoneChoice.addEventListener("change", () => localStorage.setItem("zone", zoneChoice.value));

document.getElementById("theme").addEventListener("click", () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", document.documentElement.dataset.theme);
  document.dispatchEvent(new Event("theme"));
});
