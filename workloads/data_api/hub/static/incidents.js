// What is wrong with sources now: open alerts of the rules that say that data are missing, late or impossible.
import { all } from "./api.js";
import { cell, link, number, time } from "./page.js";

const RULES = ["stale", "late", "gap", "range"];
const DAYS = 7;
/** Alerts of a rule beyond which nobody counts: of one page, which is not sent again while it is the same. */
const MOST = 500;

export async function incidents() {
  const since = new Date(Math.floor(Date.now() / 3600e3) * 3600e3 - DAYS * 86400e3).toISOString();
  const groups = new Map();
  for (const rule of RULES) {
    for (const one of await all("/v1/quality/alerts", { rule, since, limit: MOST }, undefined, MOST)) {
      const key = `${one.source} ${rule}`;
      const group = groups.get(key) ?? groups.set(key, { source: one.source, rule, series: new Set(), alerts: 0, last: one.detected_at }).get(key);
      group.series.add(one.series);
      group.alerts += 1;
      group.first = one.detected_at;  // the newest come first
    }
  }
  document.querySelector("#incidents tbody").replaceChildren(...[...groups.values()].map((group) => {
    const line = document.createElement("tr");
    const found = cell("");
    found.append(link(group.rule, "alerts", { rule: group.rule, source: group.source }));
    line.append(
      cell(group.source, { header: true }), found, cell(number(group.series.size, 0), { number: true }), cell(number(group.alerts, 0), { number: true }),
      cell(time(group.first, "")), cell(time(group.last, "")),
    );
    return line;
  }));
  document.getElementById("incidents").parentElement.hidden = groups.size === 0;
  document.getElementById("quiet").hidden = groups.size > 0;
}
